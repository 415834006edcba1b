/** Configuration spaces, byte-exact from the registers' own tables. */
import {encodeIde, STREAM_STATE} from '../ide/index.js'
import {
  BASE_ADDRESS,
  DOE,
  EXPRESS,
  MSIX,
  PORT_TYPE,
  SERIAL_NUMBER,
  SRIOV,
  TYPE0_HEADER,
  TYPE1_HEADER,
} from '../pci/index.js'
import type {MsixSpec} from './kinds.js'
import type {Ids} from './machine.js'
import type {PlacedBar, Window} from './resources.js'

export const LENGTH = 4096
export const FIRST_CAPABILITY = 0x40
export const FIRST_EXTENDED = 0x100

export interface EndpointSpec {
  readonly ids: Ids
  readonly bars: readonly PlacedBar[]
  readonly msix: MsixSpec | undefined
  readonly integrated: boolean
  readonly teeIo: boolean
  readonly totalVfs: number
  readonly vfDevice: number
  readonly serialNumber: bigint | undefined
  readonly ide: boolean
}

/** A capability, given the offset of the one behind it (0 for the last). */
export type Part = (next: number) => Uint8Array

const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit

/** Puts `parts` one behind the other from `start`, each pointing to the next; returns where each begins. */
export function chain(space: Uint8Array, start: number, parts: readonly Part[]): number[] {
  const places: number[] = []
  let at = start
  for (const [i, part] of parts.entries()) {
    const end = roundUp(at + part(0).length, 4)
    space.set(part(i === parts.length - 1 ? 0 : end), at)
    places.push(at)
    at = end
  }
  return places
}

const codeOf = ({classCode}: Ids) => {
  const [baseClass, subClass, progIf] = [2, 1, 0].map(i => Math.floor(classCode / 256 ** i) % 256)
  return {baseClass, subClass, progIf}
}

const enabled = {
  memorySpace: true,
  busMaster: true,
  capabilitiesList: true,
  capabilitiesPointer: FIRST_CAPABILITY,
}

const UNIT = 16n
export const UPPER = 1n << 32n

function barRegisters(bars: readonly PlacedBar[]): Record<string, number> {
  const registers: Record<string, number> = {}
  for (const {bar, kind, prefetchable, address} of bars) {
    const wide = kind === 'mem64'
    const low = BASE_ADDRESS.encode({type: wide ? 2 : 0, prefetchable, address: Number((address % UPPER) / UNIT)})
    registers[`bar${bar}`] = new DataView(low.buffer).getUint32(0, true)
    if (wide) registers[`bar${bar + 1}`] = Number(address / UPPER)
  }
  return registers
}

/** 128 bytes payload, 512 bytes read requests; a x16 link at 16 GT/s. */
export const express =
  (portType: number, tdi: boolean): Part =>
  next =>
    EXPRESS.encode({
      next,
      version: 2,
      portType,
      slotImplemented: portType === PORT_TYPE.rootPort,
      extendedTag: true,
      roleBasedErrors: true,
      flr: portType !== PORT_TYPE.rootPort,
      teeIo: tdi,
      relaxedOrdering: true,
      maxReadRequest: 2,
      maxLinkSpeed: 4,
      maxLinkWidth: 16,
      linkSpeed: 4,
      linkWidth: 16,
      slot: {cardPresent: portType === PORT_TYPE.rootPort},
      second: {supportedSpeeds: 0xf, targetLinkSpeed: 4},
    })

export const msixPart =
  ({entries, tableBar, tableOffset, pbaBar, pbaOffset}: MsixSpec): Part =>
  next =>
    MSIX.encode({
      next,
      lastVector: entries - 1,
      enable: true,
      tableBar,
      tableOffset: tableOffset / 8,
      pbaBar,
      pbaOffset: pbaOffset / 8,
    })

export interface SriovSpec {
  readonly totalVfs: number
  readonly vfDevice: number
  readonly offset?: number
  readonly stride?: number
  readonly numVfs?: number
}

export const sriovPart =
  ({totalVfs, vfDevice, offset = 1, stride = 1, numVfs = 0}: SriovSpec): Part =>
  next =>
    SRIOV.encode({
      version: 1,
      next,
      vfEnable: numVfs > 0,
      vfMemorySpace: numVfs > 0,
      initialVfs: totalVfs,
      totalVfs,
      numVfs,
      firstVfOffset: offset,
      vfStride: stride,
      vfDeviceId: vfDevice,
      supportedPageSizes: 0x553,
      systemPageSize: 1,
    })

/** One stream to the root port, set up and secured by the host before the guest ever ran. */
const idePart: Part = next =>
  encodeIde({
    capability: {version: 1, next, ideKm: true, selectiveConfig: true, teeLimited: true},
    selective: [
      {enable: true, defaultStream: true, teeLimited: true, streamId: 1, state: STREAM_STATE.secure, ridValid: true},
    ],
  })

/** The header of a function that is no bridge. */
export const endpointHeader = (
  ids: Ids,
  bars: readonly PlacedBar[],
  changes: Partial<Parameters<typeof TYPE0_HEADER.encode>[0]> = {},
): Uint8Array =>
  TYPE0_HEADER.encode({
    ...enabled,
    vendorId: ids.vendor,
    deviceId: ids.device,
    interruptDisable: true,
    revision: ids.revision,
    ...codeOf(ids),
    ...barRegisters(bars),
    subsystemVendorId: ids.subsystemVendor,
    subsystemId: ids.subsystemDevice,
    ...changes,
  })

/** All 4096 bytes of an endpoint. */
export function endpointConfig(spec: EndpointSpec): Uint8Array {
  const {ids, bars, msix, integrated, teeIo, totalVfs, vfDevice, serialNumber, ide} = spec
  const space = new Uint8Array(LENGTH)
  space.set(endpointHeader(ids, bars))
  const portType = integrated ? PORT_TYPE.rcIntegratedEndpoint : PORT_TYPE.endpoint
  chain(space, FIRST_CAPABILITY, [express(portType, teeIo), ...(msix === undefined ? [] : [msixPart(msix)])])
  const extended: Part[] = []
  if (serialNumber !== undefined) extended.push(next => SERIAL_NUMBER.encode({version: 1, next, serialNumber}))
  if (totalVfs > 0) extended.push(sriovPart({totalVfs, vfDevice}))
  if (teeIo) extended.push(next => DOE.encode({version: 1, next}))
  if (ide) extended.push(idePart)
  chain(space, FIRST_EXTENDED, extended)
  return space
}

const MIB = 1n << 20n
const GRANULES = 4096n

export const lower = (address: bigint): number => Number((address / MIB) % GRANULES)

/** The header of a bridge, with what it forwards. */
export const bridgeHeader = (ids: Ids, forwards: Parameters<typeof TYPE1_HEADER.encode>[0]): Uint8Array =>
  TYPE1_HEADER.encode({
    ...enabled,
    vendorId: ids.vendor,
    deviceId: ids.device,
    revision: ids.revision,
    ...codeOf(ids),
    prefetchableType: 1,
    prefetchableLimitType: 1,
    ...forwards,
  })

/** All 4096 bytes of a root port in front of `bus`. */
export function rootPortConfig(ids: Ids, bus: number, {base, size}: Window): Uint8Array {
  const space = new Uint8Array(LENGTH)
  const limit = base + size - 1n
  space.set(
    bridgeHeader(ids, {
      secondaryBus: bus,
      subordinateBus: bus,
      // base above limit: no memory window below 4 GiB
      memoryBase: 0xfff,
      prefetchableBase: lower(base),
      prefetchableLimit: lower(limit),
      prefetchableBaseUpper: Number(base / UPPER),
      prefetchableLimitUpper: Number(limit / UPPER),
    }),
  )
  chain(space, FIRST_CAPABILITY, [express(PORT_TYPE.rootPort, false)])
  return space
}

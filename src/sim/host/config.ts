/** Configuration spaces of a host's functions. Registers that change are written in when somebody looks. */
import {encodeIde} from '../../ide/index.js'
import {DOE, SERIAL_NUMBER} from '../../pci/index.js'
import {
  bridgeHeader,
  chain,
  endpointHeader,
  express,
  FIRST_CAPABILITY,
  FIRST_EXTENDED,
  LENGTH,
  lower,
  msixPart,
  type Part,
  sriovPart,
  type SriovSpec,
  UPPER,
} from '../config-space.js'
import type {MsixSpec} from '../kinds.js'
import type {Ids} from '../machine.js'
import type {PlacedBar} from '../resources.js'
import type {IdeHardware, IdeState, WindowText} from './types.js'

export interface HostConfigSpec {
  readonly ids: Ids
  readonly portType: number
  readonly teeIo: boolean
  readonly multiFunction: boolean
  readonly serialNumber: bigint | null
  readonly sriov: SriovSpec | null
  readonly mailboxes: number
  readonly ide: Omit<IdeHardware, 'at'> | null
}

export interface EndpointParts extends HostConfigSpec {
  readonly bars: readonly PlacedBar[]
  readonly msix: MsixSpec | undefined
  readonly vf: boolean
}

export interface BridgeParts extends HostConfigSpec {
  readonly primary: number
  readonly buses: {readonly first: number; readonly last: number}
  readonly memory: WindowText | null
  readonly prefetchable: WindowText | null
}

export interface BuiltConfig {
  readonly bytes: Uint8Array
  /** Offsets of what is rewritten later. */
  readonly sriov: {readonly at: number; readonly next: number} | null
  readonly ide: number | null
}

const GONE = 0xffff

type IdeRegisters = Pick<IdeState, 'link' | 'selective'>

/** Bytes of the IDE capability, the last one of its function. */
export function ideBytes(hardware: Omit<IdeHardware, 'at'>, {link, selective}: IdeRegisters): Uint8Array {
  return encodeIde({
    capability: {version: 1, ideKm: true, selectiveConfig: hardware.config, teeLimited: hardware.teeLimited},
    link: link.map(({enable, streamId, state, fail}) => ({enable, streamId, state, failReceived: fail})),
    selective: selective.map((block, i) => ({
      enable: block.enable,
      configEnable: block.config,
      defaultStream: block.defaultStream,
      teeLimited: block.tee,
      streamId: block.streamId,
      state: block.state,
      failReceived: block.fail,
      ridValid: block.rids !== null,
      ridBase: block.rids?.[0] ?? 0,
      ridLimit: block.rids?.[1] ?? 0,
      associations: Array.from({length: hardware.associations[i]!}, (_, j) => association(block.addresses[j])),
    })),
  })
}

const MIB = 1n << 20n
const HIGH = 1n << 32n

function association(window: WindowText | undefined) {
  const [base, limit] = (window ?? ['0', '0']).map(text => BigInt(`0x${text}`)) as [bigint, bigint]
  const granule = (address: bigint): number => Number((address % HIGH) / MIB)
  return {
    valid: window !== undefined,
    baseLower: granule(base),
    limitLower: granule(limit),
    baseUpper: Number(base / HIGH),
    limitUpper: Number(limit / HIGH),
  }
}

const blank = ({link, associations}: Omit<IdeHardware, 'at'>): IdeRegisters => {
  const idle = {enable: false, streamId: 0, state: 0, fail: false}
  return {
    link: Array.from({length: link}, () => idle),
    selective: associations.map(() => ({
      ...idle,
      defaultStream: false,
      config: false,
      tee: false,
      rids: null,
      addresses: [],
    })),
  }
}

/** Extended capabilities in a fixed order, IDE last; undefined when they do not fit. */
function addExtended(bytes: Uint8Array, spec: HostConfigSpec): Omit<BuiltConfig, 'bytes'> | undefined {
  const parts = new Map<string, Part>()
  const {serialNumber, sriov, ide} = spec
  if (serialNumber !== null) parts.set('serial', next => SERIAL_NUMBER.encode({version: 1, next, serialNumber}))
  if (sriov !== null) parts.set('sriov', sriovPart(sriov))
  for (let i = 0; i < spec.mailboxes; i++) parts.set(`doe${i}`, next => DOE.encode({version: 1, next}))
  if (ide !== null) parts.set('ide', () => ideBytes(ide, blank(ide)))
  const sizes = [...parts.values()].map(part => part(0).length)
  if (FIRST_EXTENDED + sizes.reduce((a, b) => a + b, 0) > LENGTH) return undefined
  const places = chain(bytes, FIRST_EXTENDED, [...parts.values()])
  const index = (name: string): number => [...parts.keys()].indexOf(name)
  return {
    sriov: sriov === null ? null : {at: places[index('sriov')]!, next: places[index('sriov') + 1] ?? 0},
    ide: ide === null ? null : places[index('ide')]!,
  }
}

/** Undefined when the capabilities do not fit into 4096 bytes. */
export function hostEndpointConfig(spec: EndpointParts): BuiltConfig | undefined {
  const {ids, bars, msix, vf} = spec
  const bytes = new Uint8Array(LENGTH)
  // a VF's own registers do not identify it, PCIe r6.2 §9.3.4.1
  const identity = vf ? {vendorId: GONE, deviceId: GONE} : {}
  bytes.set(endpointHeader(ids, bars, {...identity, multiFunction: spec.multiFunction}))
  const standard = [express(spec.portType, spec.teeIo), ...(msix === undefined ? [] : [msixPart(msix)])]
  chain(bytes, FIRST_CAPABILITY, standard)
  const places = addExtended(bytes, spec)
  return places === undefined ? undefined : {bytes, ...places}
}

const CLOSED = {base: 0xfff, limit: 0}

const bounds = (window: WindowText | null) => {
  if (window === null) return {...CLOSED, baseUpper: 0, limitUpper: 0}
  const [base, limit] = window.map(text => BigInt(`0x${text}`)) as [bigint, bigint]
  return {
    base: lower(base),
    limit: lower(limit),
    baseUpper: Number(base / UPPER),
    limitUpper: Number(limit / UPPER),
  }
}

/** Undefined when the capabilities do not fit into 4096 bytes. */
export function hostBridgeConfig(spec: BridgeParts): BuiltConfig | undefined {
  const {ids, primary, buses} = spec
  const memory = bounds(spec.memory)
  const prefetchable = bounds(spec.prefetchable)
  const bytes = new Uint8Array(LENGTH)
  bytes.set(
    bridgeHeader(ids, {
      multiFunction: spec.multiFunction,
      primaryBus: primary,
      secondaryBus: buses.first,
      subordinateBus: buses.last,
      memoryBase: memory.base,
      memoryLimit: memory.limit,
      prefetchableBase: prefetchable.base,
      prefetchableLimit: prefetchable.limit,
      prefetchableBaseUpper: prefetchable.baseUpper,
      prefetchableLimitUpper: prefetchable.limitUpper,
    }),
  )
  chain(bytes, FIRST_CAPABILITY, [express(spec.portType, spec.teeIo)])
  const places = addExtended(bytes, spec)
  return places === undefined ? undefined : {bytes, ...places}
}

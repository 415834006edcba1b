/**
 * What IDE stream accounting has to know of a machine, read in one pass: the tree, one read of configuration space per
 * function, the kernel's stream links. Then links and IDE registers are read once more, until two readings agree: a
 * stream that is being set up or torn down meanwhile shows only some of its parts.
 */
import {DecodeError, equal} from '../bits/index.js'
import {printablePath} from '../errors.js'
import {
  readIde,
  type Fabric,
  type FabricBridge,
  type FabricFunction,
  type FabricWindow,
  type Ide,
} from '../ide/index.js'
import type {Kernel} from '../kernel/index.js'
import {attempt, isGone, type Known, known, mapKnown, refusal, thenKnown, unknown, valueOf} from '../known.js'
import {
  bdfParts,
  type ConfigSpace,
  readConfigSpace,
  deviceDirectory,
  type HostBridge,
  listHostBridges,
  memoryWindows,
  type PciFunction,
  readFunctionLink,
  ridOf,
  walkDevices,
} from '../pci/index.js'
import {breathe} from './breathe.js'

const CONFIG_LENGTH = 4096
/** Readings after the first. A connect changes registers for some milliseconds, seconds apart. */
const ROUNDS = 5

/** IDE registers of one function, as last read. */
interface Registers {
  readonly path: string
  readonly offset: number
  readonly length: number
  bytes: Known<Uint8Array>
}

interface Reading {
  readonly fn: Omit<FabricFunction, 'ide'>
  /** Undefined without an IDE capability. */
  readonly registers: Known<Registers | undefined>
}

const VF = unknown('virtual functions are not read: they have no streams of their own')

function placeOf({bdf, place}: PciFunction) {
  const where = valueOf(place)
  return {
    bdf,
    domain: bdfParts(bdf).domain,
    rid: ridOf(bdf),
    bridge: where?.hostBridge ?? null,
    ports: where?.ports ?? [],
  }
}

function busesOf(space: ConfigSpace): Pick<FabricFunction, 'buses' | 'windows'> {
  const header = valueOf(space.header)
  if (header?.type !== 'bridge') return {buses: undefined, windows: undefined}
  const {memory, prefetchable} = memoryWindows(header.fields)
  return {
    buses: {first: header.fields.secondaryBus, last: header.fields.subordinateBus},
    windows: [memory, prefetchable].filter((window): window is FabricWindow => window !== undefined),
  }
}

function readFunction(kernel: Kernel, listed: PciFunction): Reading | undefined {
  const directory = deviceDirectory(listed.bdf)
  const physfn = readFunctionLink(kernel, `${directory}/physfn`)
  const place = placeOf(listed)
  // also when the link cannot be read: that it is there says what the function is
  if (physfn.present)
    return {
      fn: {...place, portType: VF, teeIo: VF, physfn: valueOf(physfn.value) ?? '', buses: undefined},
      registers: known(undefined),
    }
  const path = `${directory}/config`
  const nothing = {...place, physfn: null, buses: undefined}
  try {
    const bytes = kernel.readAt(path, 0, CONFIG_LENGTH)
    const space = readConfigSpace(bytes, kernel.stat(path)?.size)
    const fn = {
      ...nothing,
      portType: mapKnown(space.express, registers => registers?.portType),
      teeIo: space.teeIo,
      ...busesOf(space),
    }
    return {fn, registers: thenKnown(space.ide, offset => registersOf(path, bytes, offset))}
  } catch (error) {
    if (isGone(error) && kernel.stat(path) === undefined) return undefined
    const reason = refusal(error, path)
    return {fn: {...nothing, portType: reason, teeIo: reason}, registers: reason}
  }
}

function registersOf(path: string, bytes: Uint8Array, offset: number | undefined): Known<Registers | undefined> {
  if (offset === undefined) return known(undefined)
  try {
    const {end} = readIde(bytes, offset)
    return known({path, offset, length: end - offset, bytes: known(bytes.slice(offset, end))})
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return unknown(`${printablePath(path)}: ${error.message}`)
  }
}

/** Reads the registers again; true when they are as they were. */
function settled(kernel: Kernel, registers: Registers): boolean {
  const {path, offset, length, bytes: before} = registers
  registers.bytes = attempt(path, at => kernel.readAt(at, offset, length))
  return before.known && registers.bytes.known && equal(before.value, registers.bytes.value)
}

/** The layout may have changed with the bytes: then it is decoded as what it is now. */
function ideOf({path, offset, bytes}: Registers): Known<Ide> {
  return thenKnown(bytes, content => {
    const config = new Uint8Array(offset + content.length)
    config.set(content, offset)
    try {
      return known(readIde(config, offset))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return unknown(`${printablePath(path)}: ${error.message}`)
    }
  })
}

const bridgeOf = ({name, availableSecureStreams, streams}: HostBridge): FabricBridge => ({
  name,
  available: availableSecureStreams,
  links: mapKnown(streams, links =>
    links
      .map(({hostBridgeSlot: slot, ...link}) => ({slot, ...link}))
      .sort((a, b) => a.slot - b.slot || (a.name < b.name ? -1 : 1)),
  ),
})

const linksOf = (bridges: readonly FabricBridge[]): string => JSON.stringify(bridges.map(({links}) => links))

/** Functions that can matter to a stream below `bridge`: those below it, and those of which that is not known. */
const near = (functions: readonly PciFunction[], bridge: string): readonly PciFunction[] =>
  functions.filter(({place}) => (place.known ? place.value.hostBridge === bridge : true))

/**
 * Reads the machine, or of it what lies below one host bridge: slots, blocks and Stream IDs are counted there. What
 * could not be read is unknown with its reason; functions that vanish meanwhile are left out. Throws ErrnoError when
 * there is no PCI bus to list, and EINTR on abort.
 */
export async function readFabric(kernel: Kernel, signal?: AbortSignal, bridge?: string): Promise<Fabric> {
  const topology = await walkDevices(kernel, signal === undefined ? {} : {signal})
  const functions = bridge === undefined ? topology.functions : near(topology.functions, bridge)
  const readings: Reading[] = []
  for (const [index, listed] of functions.entries()) {
    await breathe(index, signal)
    const reading = readFunction(kernel, listed)
    if (reading !== undefined) readings.push(reading)
  }
  const registers = readings.flatMap(({registers: fact}) => valueOf(fact) ?? [])
  const bridgesIn = (all: readonly HostBridge[]): readonly FabricBridge[] =>
    all.filter(({name}) => bridge === undefined || name === bridge).map(bridgeOf)
  let bridges = bridgesIn(topology.hostBridges)
  let moving: readonly Registers[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const before = linksOf(bridges)
    bridges = bridgesIn(listHostBridges(kernel, functions))
    moving = registers.filter(block => !settled(kernel, block))
    if (moving.length === 0 && linksOf(bridges) === before) break
  }
  const restless = new Set(moving)
  return {
    bridges,
    functions: readings.map(({fn, registers: fact}) => ({
      ...fn,
      ide: thenKnown(fact, block => {
        if (block === undefined) return known(undefined)
        return restless.has(block) && block.bytes.known
          ? unknown('its IDE registers changed at every reading: a stream is being set up or torn down')
          : ideOf(block)
      }),
    })),
  }
}

/** What the owner of a simulated machine does with it from outside: faults, reset, a look behind the curtain. */
import {setTimeout} from 'node:timers/promises'
import {printable, TsmctlError} from '../errors.js'
import {environment} from '../kernel/index.js'
import {type Fault, type FaultKind, isHostFault} from './faults.js'
import {happen} from './host/events.js'
import {hasIdentity} from './host/facts.js'
import {holdTsmLock} from './host/writes.js'
import {hostStatus, type HostStatus} from './host/status.js'
import {type Abi, traitsOf} from './abi.js'
import {fromBase64, type ModelReferences, type NonceMode, type TsmKind, type Violation} from './machine.js'
import type {TdiState} from '../tdisp/index.js'
import {type MachineStore, openMachine} from './store.js'
import {linkStatus, type LinkStatus} from './tsm/index.js'

export interface DeviceStatus {
  readonly bdf: string
  readonly model: string
  readonly identity: string
  readonly present: boolean
  readonly driver: string | null
  /** The state as the DSM knows it, ERROR included. */
  readonly tdi: TdiState
  readonly lockedBy: string | null
  readonly accepted: boolean
  readonly lockEpoch: number
  /** The function as its host and its DSM name it: FUNCTION_ID of its interface. */
  readonly interfaceId: number
  /** The TSM's link to the DSM, which functions of one device share. */
  readonly link: LinkStatus
  /** Of the evidence; 0 while unlocked. */
  readonly generation: number
  /** Generation that user space has verified. */
  readonly validated: number | null
  /** Whether the device reaches private memory. */
  readonly dma: boolean
}

export interface MachineStatus {
  readonly directory: string
  readonly scenario: string
  readonly title: string
  readonly created: string
  readonly tsm: TsmKind
  readonly abi: Abi
  readonly nonce: NonceMode
  readonly bootId: string
  /** Seconds by which the wall clock is wrong. */
  readonly clock: number
  /** The host does nothing that a TSM needs it for. */
  readonly hostRefuses: boolean
  /** Devices with a DSM. */
  readonly devices: readonly DeviceStatus[]
  /** Null for a guest. */
  readonly host: HostStatus | null
  readonly faults: readonly Fault[]
  readonly violations: readonly Violation[]
}

/** What the machine in `directory` is and how it fares. Throws TsmctlError `not-found`. */
export function machineStatus(directory: string): MachineStatus {
  const store = openMachine(directory)
  const {scenario, title, created, tsm, abi, nonce, functions} = store.machine
  const {dma} = traitsOf(abi)
  const state = store.state()
  const {bootId, faults, violations, world, functions: records} = state
  const host = hostStatus(store.machine, state)
  const devices = functions.flatMap(({bdf, dsm}) => {
    if (dsm === null) return []
    const {present, driver, tdi} = records[bdf]!
    return {
      bdf,
      model: dsm.model,
      identity: dsm.identity,
      present,
      driver,
      tdi: tdi.state,
      lockedBy: tdi.lockedBy,
      accepted: tdi.accepted,
      lockEpoch: tdi.epoch,
      interfaceId: dsm.interfaceId,
      link: linkStatus(state.links[dsm.name]),
      generation: tdi.generation,
      validated: tdi.validated,
      dma: tdi.accepted && tdi.state === 'RUN' && (dma === 'at accept' || driver !== null),
    }
  })
  const {clock, refuses: hostRefuses} = world
  return {
    directory,
    scenario,
    title,
    created,
    tsm,
    abi,
    nonce,
    bootId,
    clock,
    hostRefuses,
    devices,
    host,
    faults,
    violations,
  }
}

/** What only the hardware does; everything else goes through the kernel, which does one thing at a time. */
const PHYSICAL = new Set<FaultKind>(['insecure', 'ide-fail'])

/** Whoever locks a device first has the TSM open a session; a reading, during which a rival may strike, cannot wait for it. */
async function prepareRival(store: MachineStore, device: string): Promise<void> {
  const {ensureSession} = await import('./tsm/index.js')
  await ensureSession(
    store,
    store.machine.functions.find(({bdf}) => bdf === device)!,
    environment.random,
  )
}

async function happenNow(store: MachineStore, fault: Fault): Promise<void> {
  const release = PHYSICAL.has(fault.do)
    ? undefined
    : await holdTsmLock(store, milliseconds => setTimeout(milliseconds))
  try {
    happen(store, fault)
  } finally {
    release?.()
  }
}

/** Adds `given` to the machine's faults. Throws TsmctlError: `malformed` for no fault, `not-found` for no device. */
export async function injectFault(directory: string, given: Fault): Promise<void> {
  const {parseFault} = await import('./scenario.js')
  const fault = parseFault(given)
  const store = openMachine(directory)
  if (!store.machine.functions.some(({bdf}) => bdf === fault.device))
    throw new TsmctlError({
      kind: 'not-found',
      attempted: `inject a fault into ${printable(fault.device)}`,
      subject: fault.device,
      got: 'this machine has no such function',
    })
  if (fault.with !== undefined && !store.machine.functions.some(({bdf, dsm}) => bdf === fault.with && dsm !== null))
    throw new TsmctlError({
      kind: 'not-found',
      attempted: `swap an object of ${printable(fault.device)} with one of ${printable(fault.with)}`,
      subject: fault.with,
      got: 'this machine has no such function with an identity',
    })
  if (isHostFault(fault) && store.machine.host === null)
    throw new TsmctlError({
      kind: 'usage',
      attempted: `inject ${fault.do} at ${fault.at}`,
      subject: fault.device,
      got: 'this machine is a guest, and that happens on hosts only',
    })
  if (fault.do === 'relock') await prepareRival(store, fault.device)
  if (fault.at === 'now') await happenNow(store, fault)
  else store.update(state => void state.faults.push(fault))
}

/** Removes all faults, or those of one device; returns how many there were. Without faults the host does its part. */
export const clearFaults = (directory: string, device?: string): number =>
  openMachine(directory).update(state => {
    const before = state.faults.length
    if (device === undefined) state.world.refuses = false
    state.faults = device === undefined ? [] : state.faults.filter(fault => fault.device !== device)
    return before - state.faults.length
  })

/** Boots the machine anew: as it was created, with the same keys, the scenario's faults and another boot id. */
export async function resetMachine(directory: string): Promise<void> {
  const {bootedMachine, newUuid} = await import('./create.js')
  const store = openMachine(directory)
  store.update(state => void Object.assign(state, bootedMachine(store.machine, state.revision, newUuid())))
}

export interface Publications {
  readonly manufacturer: string
  /** The root certificate that every device's chain ends in. */
  readonly root: {readonly der: Uint8Array; readonly sha384: string}
  readonly models: readonly (ModelReferences & {
    readonly vendor: number
    readonly device: number
    /** Prefix of every device's DMTF identity. */
    readonly identityPrefix: string
    readonly devices: readonly {readonly bdf: string; readonly identity: string}[]
  })[]
}

/** Of a host, whose devices get their certificates when somebody asks, as well. */
async function rootOf(store: MachineStore): Promise<string | null> {
  const {root, functions} = store.machine
  if (root !== null || !functions.some(hasIdentity)) return root
  const {identitiesOf} = await import('./host/identities.js')
  return (await identitiesOf(store)).root
}

/**
 * What the devices' vendor publishes: its root, and for every model of a guest what a sound device measures. Throws
 * TsmctlError `not-found` when no device of this machine has a certificate.
 */
export async function publications(directory: string): Promise<Publications> {
  const store = openMachine(directory)
  const {sha384} = await import('./digest.js')
  const {manufacturer, models, functions} = store.machine
  const root = await rootOf(store)
  if (root === null)
    throw new TsmctlError({
      kind: 'not-found',
      attempted: 'list what the vendor publishes',
      path: directory,
      got: 'no device of this machine has a certificate',
    })
  const der = fromBase64(root)
  return {
    manufacturer,
    root: {der, sha384: Buffer.from(sha384(der)).toString('hex')},
    models: models.map(({model, reference}) => {
      const devices = functions.filter(({dsm}) => dsm?.model === model)
      const {vendor, device} = devices[0]!.ids
      return {
        model,
        reference,
        vendor,
        device,
        identityPrefix: `${manufacturer}:${model}:`,
        devices: devices.map(({bdf, dsm}) => ({bdf, identity: dsm!.identity})),
      }
    }),
  }
}

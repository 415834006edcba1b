/**
 * `tsm/lock`, `tsm/unlock` and `tsm/accept` of the guest series (staging tree drivers/pci/tsm/core.c): checks in the
 * kernel's order, then what the platform's TSM does with the device.
 */
import {fromHex, toHex} from '../bits/index.js'
import type {ErrnoError} from '../errors.js'
import type {AbiTraits} from './abi.js'
import {type Machine, type MachineState, type SimFunction, type TdiRecord, toBase64, unlockedTdi} from './machine.js'
import {takeMeasurements} from './responder.js'
import {type Done, type Interposer, withTsm} from './tsm/index.js'

export type TsmVerb = 'lock' | 'unlock' | 'accept'
export type Refuse = (errno: string) => ErrnoError

export interface Verbs {
  readonly machine: Machine
  readonly random: (length: number) => Uint8Array
  readonly refuse: Refuse
  readonly traits: AbiTraits
  /** What goes wrong at the device meanwhile. */
  readonly interposed?: Interposer | undefined
}

/**
 * Checks everything the kernel checks; what is returned is the part that the TSM and the device do, which gives the errno
 * if it fails. What it did to the device until then stays.
 */
type Verb = (state: MachineState, fn: SimFunction, text: string, verbs: Verbs) => () => string | undefined

type Attempt = Omit<Verbs, 'refuse' | 'traits'> & {readonly state: MachineState}

const errnoOf = (outcome: Done<unknown>): string | undefined => ('errno' in outcome ? outcome.errno : undefined)

/** The TSM locks the TDI and takes measurements at once, without anybody's nonce. */
function lockTdi(attempt: Attempt, fn: SimFunction): string | undefined {
  const {tdi} = attempt.state.functions[fn.bdf]!
  const outcome = withTsm(attempt, fn, tsm => tsm.lock())
  if ('errno' in outcome) return outcome.errno
  const {nonce, report} = outcome.done
  tdi.lockedBy = attempt.machine.devsec
  tdi.epoch += 1
  tdi.startNonce = toHex(nonce)
  tdi.report = toBase64(report)
  tdi.measurements = toBase64(takeMeasurements(fn.dsm!, new Uint8Array(), attempt.random))
  tdi.reports = 1
  // the kernel's record of the evidence is made at lock, so a rival's lock counts from 1 as ours did
  tdi.generation = 1
  tdi.validated = null
  return undefined
}

/** What is left of a TDI that nobody holds any more. */
const unlocked = ({epoch, measurements, previous, state}: TdiRecord): TdiRecord =>
  unlockedTdi(epoch, measurements ?? previous, state)

/** The kernel's unlocking cannot fail: a device that does not stop stays as it is, and the kernel forgets it. */
export function unlockTdi(attempt: Attempt, fn: SimFunction): void {
  const record = attempt.state.functions[fn.bdf]!
  withTsm(attempt, fn, tsm => tsm.stop())
  record.tdi = unlocked(record.tdi)
}

/** A rival unlocks the device if need be, and locks it anew. */
export function relock(attempt: Attempt, fn: SimFunction): void {
  unlockTdi(attempt, fn)
  lockTdi(attempt, fn)
}

/** Somebody else accepts the device, if it is locked. */
export function acceptAsRival(attempt: Attempt, fn: SimFunction): void {
  if (attempt.state.functions[fn.bdf]!.tdi.state === 'CONFIG_LOCKED') start(attempt, fn)
}

/** START with the nonce of the lock, which serves once, whether the DSM takes it or not. */
function start(attempt: Attempt, fn: SimFunction): string | undefined {
  const {tdi} = attempt.state.functions[fn.bdf]!
  const nonce = tdi.startNonce
  if (nonce === null) return 'EIO'
  const errno = errnoOf(withTsm(attempt, fn, tsm => tsm.start(fromHex(nonce))))
  tdi.accepted = errno === undefined
  tdi.startNonce = null
  return errno
}

/** As `sscanf(buf, "tsm%d")` of Linux reads it: what follows the number is ignored, and a plus is no sign. */
export const TSM = /^tsm\s*(-?\d+)/
const TRUE = /^(?:[1yte]|on)/i
const FALSE = /^(?:[0nfd]|of)/i

/** As the kernel's boolean parser reads it: only the first characters count. Undefined for anything else. */
export function kernelBoolean(text: string): boolean | undefined {
  if (TRUE.test(text)) return true
  return FALSE.test(text) ? false : undefined
}

const connectedTo = ({host}: MachineState, {bdf}: SimFunction): string | undefined => host?.contexts[bdf]?.tsm

/**
 * G2 does not ask whose context it is: on a function that a link TSM connected, `verb` calls an operation that TSM does
 * not have, and nobody knows what becomes of the kernel.
 */
function onWrongTsm(state: MachineState, fn: SimFunction, verb: TsmVerb): (() => undefined) | undefined {
  const tsm = connectedTo(state, fn)
  if (tsm === undefined) return undefined
  const detail = `${verb} was written to a device that ${tsm} connected; this kernel follows a null pointer then`
  return () => {
    state.violations.push({kind: 'wrong-tsm', device: fn.bdf, detail})
    return undefined
  }
}

const lock: Verb = (state, fn, text, {refuse, ...how}) => {
  const {tdi, driver} = state.functions[fn.bdf]!
  const number = TSM.exec(text)?.[1]
  if (number === undefined) throw refuse('EINVAL')
  if (tdi.lockedBy !== null || connectedTo(state, fn) !== undefined) throw refuse('EBUSY')
  if (`tsm${Number(number)}` !== how.machine.devsec || !state.world.tsm) throw refuse('ENXIO')
  if (driver !== null) throw refuse('EBUSY')
  if (state.world.refuses) throw refuse('EIO')
  return () => lockTdi({...how, state}, fn)
}

const unlock: Verb = (state, fn, text, {refuse, ...how}) => {
  const {tdi, driver} = state.functions[fn.bdf]!
  const context = tdi.lockedBy ?? connectedTo(state, fn)
  if (context === undefined) throw refuse('EINVAL')
  if (text.replace(/\n$/, '') !== context) throw refuse('EINVAL')
  if (driver !== null) throw refuse('EBUSY')
  const wrong = onWrongTsm(state, fn, 'unlock')
  if (wrong !== undefined) return wrong
  // there is no way to fail: the kernel forgets the device, whatever the host makes of it
  return () => {
    unlockTdi({...how, state}, fn)
    return undefined
  }
}

const accept: Verb = (state, fn, text, {refuse, traits, ...how}) => {
  const {tdi, driver} = state.functions[fn.bdf]!
  if (kernelBoolean(text) !== true) throw refuse('EINVAL')
  if (tdi.lockedBy === null && connectedTo(state, fn) === undefined) throw refuse('EINVAL')
  if (driver !== null) throw refuse('EBUSY')
  const wrong = onWrongTsm(state, fn, 'accept')
  if (wrong !== undefined) return wrong
  // even when the device has left RUN meanwhile
  if (tdi.accepted && traits.acceptsOnce) return () => undefined
  if (state.world.refuses) throw refuse('EIO')
  // G2 does not ask whether it accepted already: it maps the encrypted ranges a second time and leaks the first
  if (tdi.accepted && tdi.state === 'RUN')
    return () => {
      state.violations.push({
        kind: 'repeated-accept',
        device: fn.bdf,
        detail: 'accept was written to a device in RUN; this kernel carries it out again and leaks resources',
      })
      return undefined
    }
  return () => start({...how, state}, fn)
}

export const TSM_VERBS: Readonly<Record<TsmVerb, Verb>> = {lock, unlock, accept}

/**
 * `tsm/lock`, `tsm/unlock` and `tsm/accept` of the guest series (staging tree drivers/pci/tsm/core.c): checks in the
 * kernel's order, then the TDISP exchange with the DSM (PCIe r7.0 §11.4).
 */
import {toHex} from '../bits/index.js'
import type {ErrnoError} from '../errors.js'
import {nextState, nonceIsValid, type TdiEvent} from '../tdisp/index.js'
import type {AbiTraits} from './abi.js'
import {type MachineState, type SimFunction, type TdiRecord, toBase64, unlockedTdi} from './machine.js'
import {takeMeasurements} from './responder.js'

export type TsmVerb = 'lock' | 'unlock' | 'accept'
export type Refuse = (errno: string) => ErrnoError

export interface Verbs {
  /** The TSM that serves the guest's side. */
  readonly tsm: string
  readonly random: (length: number) => Uint8Array
  readonly refuse: Refuse
  readonly traits: AbiTraits
}

/** Checks everything the kernel checks; what is returned is the part that the TSM and the device do. */
type Verb = (state: MachineState, fn: SimFunction, text: string, verbs: Verbs) => () => void

const START_NONCE = 32

/** Something happens to the device without its DSM being asked. */
export function disturb(tdi: TdiRecord, event: TdiEvent): void {
  tdi.state = nextState(tdi.state, event).state
  if (!nonceIsValid(tdi.state)) tdi.startNonce = null
}

/** LOCK_INTERFACE_REQUEST; the TSM takes measurements at once, without anybody's nonce. */
function lockTdi(tdi: TdiRecord, {dsm}: SimFunction, {tsm, random}: Pick<Verbs, 'tsm' | 'random'>): void {
  disturb(tdi, 'LOCK_INTERFACE_REQUEST')
  tdi.lockedBy = tsm
  tdi.epoch += 1
  tdi.startNonce = toHex(random(START_NONCE))
  tdi.measurements = toBase64(takeMeasurements(dsm!, new Uint8Array(), random))
  tdi.reports = 1
  // the kernel's record of the evidence is made at lock, so a rival's lock counts from 1 as ours did
  tdi.generation = 1
  tdi.validated = null
}

/** What is left of a TDI that nobody holds any more. */
export const unlocked = (tdi: TdiRecord): TdiRecord => unlockedTdi(tdi.epoch, tdi.measurements ?? tdi.previous)

/** A rival unlocks the device if need be, and locks it anew. */
export function relock(state: MachineState, fn: SimFunction, by: Pick<Verbs, 'tsm' | 'random'>): void {
  const record = state.functions[fn.bdf]!
  record.tdi = unlocked(record.tdi)
  lockTdi(record.tdi, fn, by)
}

/** Somebody else accepts the device, if it is locked. */
export function acceptAsRival(state: MachineState, {bdf}: SimFunction): void {
  const {tdi} = state.functions[bdf]!
  if (tdi.state !== 'CONFIG_LOCKED') return
  disturb(tdi, 'START_INTERFACE_REQUEST')
  tdi.accepted = true
}

/** As `sscanf(buf, "tsm%d")` reads it: what follows the number is ignored. */
const TSM = /^tsm\s*\+?(\d+)/
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
function onWrongTsm(state: MachineState, fn: SimFunction, verb: TsmVerb): (() => void) | undefined {
  const tsm = connectedTo(state, fn)
  if (tsm === undefined) return undefined
  const detail = `${verb} was written to a device that ${tsm} connected; this kernel follows a null pointer then`
  return () => void state.violations.push({kind: 'wrong-tsm', device: fn.bdf, detail})
}

const lock: Verb = (state, fn, text, {tsm, random, refuse}) => {
  const {tdi, driver} = state.functions[fn.bdf]!
  const number = TSM.exec(text)?.[1]
  if (number === undefined) throw refuse('EINVAL')
  if (tdi.lockedBy !== null || connectedTo(state, fn) !== undefined) throw refuse('EBUSY')
  if (`tsm${Number(number)}` !== tsm || !state.world.tsm) throw refuse('ENXIO')
  if (driver !== null) throw refuse('EBUSY')
  if (state.world.refuses) throw refuse('EIO')
  if (nextState(tdi.state, 'LOCK_INTERFACE_REQUEST').response !== 'ok') throw refuse('EIO')
  return () => lockTdi(tdi, fn, {tsm, random})
}

const unlock: Verb = (state, fn, text, {refuse}) => {
  const record = state.functions[fn.bdf]!
  const {tdi, driver} = record
  const context = tdi.lockedBy ?? connectedTo(state, fn)
  if (context === undefined) throw refuse('EINVAL')
  if (text.replace(/\n$/, '') !== context) throw refuse('EINVAL')
  if (driver !== null) throw refuse('EBUSY')
  const wrong = onWrongTsm(state, fn, 'unlock')
  if (wrong !== undefined) return wrong
  // there is no way to fail: the kernel forgets the device, whatever the host makes of it
  return () => void (record.tdi = unlocked(tdi))
}

const accept: Verb = (state, fn, text, {refuse, traits}) => {
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
    return () =>
      void state.violations.push({
        kind: 'repeated-accept',
        device: fn.bdf,
        detail: 'accept was written to a device in RUN; this kernel carries it out again and leaks resources',
      })
  if (nextState(tdi.state, 'START_INTERFACE_REQUEST').response !== 'ok') throw refuse('EIO')
  return () => {
    disturb(tdi, 'START_INTERFACE_REQUEST')
    tdi.accepted = true
  }
}

export const TSM_VERBS: Readonly<Record<TsmVerb, Verb>> = {lock, unlock, accept}

/**
 * `tsm/lock`, `tsm/unlock` and `tsm/accept` of the guest series (staging tree drivers/pci/tsm/core.c): checks in the
 * kernel's order, then the TDISP exchange with the DSM (PCIe r7.0 §11.4).
 */
import {toHex} from '../bits/index.js'
import type {ErrnoError} from '../errors.js'
import {nextState, nonceIsValid, type TdiEvent} from '../tdisp/index.js'
import type {AbiTraits} from './abi.js'
import {type MachineState, type SimFunction, type TdiRecord, toBase64, TSM_NAME, unlockedTdi} from './machine.js'
import {takeMeasurements} from './responder.js'

export type TsmVerb = 'lock' | 'unlock' | 'accept'
export type Refuse = (errno: string) => ErrnoError

export interface Verbs {
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
function lockTdi(tdi: TdiRecord, {dsm}: SimFunction, random: Verbs['random']): void {
  disturb(tdi, 'LOCK_INTERFACE_REQUEST')
  tdi.lockedBy = TSM_NAME
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
export function relock(state: MachineState, fn: SimFunction, random: Verbs['random']): void {
  const record = state.functions[fn.bdf]!
  record.tdi = unlocked(record.tdi)
  lockTdi(record.tdi, fn, random)
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

const lock: Verb = (state, fn, text, {random, refuse}) => {
  const {tdi, driver} = state.functions[fn.bdf]!
  const number = TSM.exec(text)?.[1]
  if (number === undefined) throw refuse('EINVAL')
  if (tdi.lockedBy !== null) throw refuse('EBUSY')
  if (`tsm${Number(number)}` !== TSM_NAME || !state.world.tsm) throw refuse('ENXIO')
  if (driver !== null) throw refuse('EBUSY')
  if (state.world.refuses) throw refuse('EIO')
  if (nextState(tdi.state, 'LOCK_INTERFACE_REQUEST').response !== 'ok') throw refuse('EIO')
  return () => lockTdi(tdi, fn, random)
}

const unlock: Verb = (state, fn, text, {refuse}) => {
  const record = state.functions[fn.bdf]!
  const {tdi, driver} = record
  if (tdi.lockedBy === null) throw refuse('EINVAL')
  if (text.replace(/\n$/, '') !== tdi.lockedBy) throw refuse('EINVAL')
  if (driver !== null) throw refuse('EBUSY')
  // there is no way to fail: the kernel forgets the device, whatever the host makes of it
  return () => void (record.tdi = unlocked(tdi))
}

const accept: Verb = (state, fn, text, {refuse, traits}) => {
  const {tdi, driver} = state.functions[fn.bdf]!
  if (kernelBoolean(text) !== true) throw refuse('EINVAL')
  if (tdi.lockedBy === null) throw refuse('EINVAL')
  if (driver !== null) throw refuse('EBUSY')
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

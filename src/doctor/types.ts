/** The words of a diagnosis: a check as data with one pure function, and what it answers. */
import type {DiagnosedMachine} from './machine.js'

/** `FAIL` is a fact about the machine; what nobody let us see is `UNKNOWN`; what cannot matter yet is `SKIP`. */
export type Status = 'PASS' | 'SKIP' | 'FAIL' | 'UNKNOWN'

/** What the machine is to be used for: connecting devices, or taking them into a confidential VM. */
export type Use = 'host' | 'guest'

export interface Answer {
  readonly status: Status
  /** What was seen, or why nothing was. */
  readonly reason: string
  /** Devices, host bridges or settings that the answer is about, one each. */
  readonly items?: readonly string[]
  /** How to find out, for an UNKNOWN that the check's own remedy does not fit. */
  readonly remedy?: string
}

export interface Check {
  readonly title: string
  readonly for: readonly Use[]
  /** What a PASS says, in words: completes "passes when …". */
  readonly passes: string
  /** Next step after a FAIL. */
  readonly remedy: string
  /** Checks that must not have failed before this one can say anything. */
  readonly requires?: readonly string[]
  /** Every status `examine` can answer. */
  readonly yields: readonly Status[]
  /** Why the check has nothing to do with this machine; undefined when it has. */
  readonly inapplicable?: (machine: DiagnosedMachine) => string | undefined
  readonly examine: (machine: DiagnosedMachine) => Answer
}

/** Keeps the literal keys, so that ids are a union type. */
export const checks = <const T extends Readonly<Record<string, Check>>>(table: T): T => table

export const pass = (reason: string, items: readonly string[] = []): Answer => ({status: 'PASS', reason, items})
export const fail = (reason: string, items: readonly string[] = []): Answer => ({status: 'FAIL', reason, items})
export const skip = (reason: string): Answer => ({status: 'SKIP', reason})
/** Nobody refused it: there is another way to find out. */
export const undecided = (reason: string, remedy: string, items: readonly string[] = []): Answer => ({
  status: 'UNKNOWN',
  reason,
  items,
  remedy,
})
export const notKnown = (reason: string, items: readonly string[] = []): Answer => ({status: 'UNKNOWN', reason, items})

/** `1 port`, `3 ports`. */
export const plural = (n: number, thing: string): string => `${n} ${thing}${n === 1 ? '' : 's'}`

/**
 * What the kernel will answer to a connect, told before the write: its own checks in its own order, each with the errno
 * it would give (Linux drivers/pci/tsm.c, drivers/pci/ide.c, drivers/crypto/ccp/sev-dev-tsm.c). Pure: facts in,
 * prediction out. What could not be read predicts nothing.
 */
import type {ErrorKind} from '../errors.js'
import type {IdeAccount} from '../ide/index.js'
import type {FunctionFacts} from '../pci/index.js'
import {DEVICE_CHECKS} from './preflight-device.js'
import {STREAM_CHECKS} from './preflight-streams.js'
import type {ProbedTsm} from './probe.js'

export interface ConnectFacts {
  readonly device: FunctionFacts
  /** Name to be written. */
  readonly tsm: string
  readonly tsms: readonly ProbedTsm[]
  readonly account: IdeAccount
  /** Who asks; null when not known. */
  readonly uid: number | null
}

/**
 * `warn`: a TSM that makes IDE streams would refuse, and it is not known whether this one does. `unknown`: could not be
 * read, or only the device can tell.
 */
export type CheckResult = 'pass' | 'fail' | 'warn' | 'unknown' | 'not-applicable'

export interface Finding {
  readonly result: CheckResult
  readonly reason: string
  readonly remedy?: string
}

export interface Check {
  readonly id: string
  readonly title: string
  /** What the kernel answers when it fails. */
  readonly errno: string
  readonly kind: ErrorKind
  /** Cannot be overruled: the write would be pointless or would mean something else. */
  readonly firm?: true
  look(facts: ConnectFacts): Finding
}

export interface PreflightCheck {
  readonly id: string
  readonly title: string
  readonly result: CheckResult
  /** Null unless it fails or warns. */
  readonly errno: string | null
  readonly reason: string
  readonly remedy: string | null
}

/** `will-succeed` is as far as can be seen from outside the device and the TSM. */
export interface Verdict {
  readonly outcome: 'will-succeed' | 'will-fail' | 'unknown'
  /** The first failing check, and what the kernel would answer; null unless it will fail. */
  readonly check: string | null
  readonly errno: string | null
  /** Exit code class of the refusal. */
  readonly kind: ErrorKind | null
  readonly firm: boolean
}

export interface Preflight {
  readonly bdf: string
  readonly tsm: string
  readonly checks: readonly PreflightCheck[]
  readonly verdict: Verdict
}

/** All checks, in the order in which the kernel makes them. */
export const CHECKS: readonly Check[] = [...DEVICE_CHECKS, ...STREAM_CHECKS]

/** What is said of every other check where there is nothing to write to. */
const POINTLESS: Finding = {result: 'not-applicable', reason: 'there is no tsm/connect to ask'}

/** Predicts the kernel's answer to writing `facts.tsm` to `tsm/connect`. */
export function predictConnect(facts: ConnectFacts): Preflight {
  const isOffered = facts.device.tsm.connect.present
  const looked = CHECKS.map(check => ({
    check,
    ...(isOffered || check === CHECKS[0] ? check.look(facts) : POINTLESS),
  }))
  const failing = looked.find(({result}) => result === 'fail')?.check
  const isOpen = looked.some(({result}) => result === 'unknown' || result === 'warn')
  return {
    bdf: facts.device.bdf,
    tsm: facts.tsm,
    checks: looked.map(({check: {id, title, errno}, result, reason, remedy}) => ({
      id,
      title,
      result,
      errno: result === 'fail' || result === 'warn' ? errno : null,
      reason,
      remedy: remedy ?? null,
    })),
    verdict: {
      outcome: failing !== undefined ? 'will-fail' : isOpen ? 'unknown' : 'will-succeed',
      check: failing?.id ?? null,
      errno: failing?.errno ?? null,
      kind: failing?.kind ?? null,
      firm: failing?.firm ?? false,
    },
  }
}

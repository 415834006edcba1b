/** `doctor`: what this machine lacks for TDISP, each check with its next step. */
import {count, diagnose, likelyUse, type Result, type Status, type Use} from '../doctor/index.js'
import {TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {valueOf} from '../known.js'
import {readDiagnosedMachine} from './read-diagnosed.js'

export interface DoctorOptions {
  /** What the machine is to be used for; what it seems to be unless given. */
  readonly use?: Use | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Diagnosis {
  readonly for: Use
  /** Why this use was looked at. */
  readonly because: string
  /** Release of the kernel; null when unknown. */
  readonly kernel: string | null
  readonly counts: Readonly<Record<Status, number>>
  readonly checks: readonly Result[]
}

const STATUSES: readonly Status[] = ['FAIL', 'UNKNOWN', 'PASS', 'SKIP']

/** Examines the machine. Throws ErrnoError EINTR on abort. */
export async function examineMachine(kernel: Kernel, {use, signal}: DoctorOptions = {}): Promise<Diagnosis> {
  const machine = await readDiagnosedMachine(kernel, signal)
  const likely = likelyUse(machine)
  const checks = diagnose(machine, use ?? likely.use)
  return {
    for: use ?? likely.use,
    because: use === undefined ? likely.because : 'as asked',
    kernel: valueOf(machine.host.release) ?? null,
    counts: Object.fromEntries(STATUSES.map(status => [status, count(checks, status)])) as Diagnosis['counts'],
    checks,
  }
}

/** What a diagnosis means for the exit code: something is missing, or, undefined, nothing is known to be. */
export function shortcoming({for: use, checks}: Diagnosis): TsmctlError | undefined {
  const failed = checks.filter(({status}) => status === 'FAIL')
  if (failed.length === 0) return undefined
  return new TsmctlError({
    kind: 'unsupported',
    attempted: `use this machine as a TDISP ${use}`,
    got: `${failed.length} of ${checks.length} checks failed: ${failed.map(({id}) => id).join(', ')}`,
    hint: 'Every failed check names its next step; begin with the first.',
  })
}

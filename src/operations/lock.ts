/** `lock`: CONFIG_UNLOCKED to CONFIG_LOCKED, with the driver gone and kept away. */
import {printable, TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {chooseTsm, lockPlan, readTdi, refuseConnected, type Tdi} from '../tsm/index.js'
import {heldOf, holdDevice, releaseDevice} from './held-devices.js'
import {recordAudit, requireAudit} from './record-audit.js'
import {carryOut, exclusively, type TransitionOptions, type TransitionResult} from './transition.js'

export interface LockOptions extends TransitionOptions {
  readonly tsm?: string | undefined
}

/** Locks `bdf`, or finds it locked. Throws TsmctlError; the device is then as before, or the text says how it is. */
export const lock = (kernel: Kernel, bdf: string, options: LockOptions = {}): Promise<TransitionResult> =>
  exclusively(kernel, bdf, () => lockHeld(kernel, bdf, options), options)

/** `lock` for a caller that already has exclusive use of the device. */
export async function lockHeld(kernel: Kernel, bdf: string, options: LockOptions): Promise<TransitionResult> {
  const before = await readTdi(kernel, bdf, options.signal)
  await refuseConnected(kernel, bdf, options.signal)
  const tsm = chooseTsm(kernel, options.tsm)
  if (before.state !== 'CONFIG_UNLOCKED') return alreadyLocked(before, tsm)
  const previous = {driver: before.driver ?? heldOf(kernel, bdf).driver, driverOverride: before.driverOverride}
  if (options.dryRun) return carryOut(kernel, before, lockPlan(before, tsm), options)
  requireAudit(kernel)
  holdDevice(kernel, bdf, previous)
  const result = await carryOut(kernel, before, lockPlan(before, tsm), options).catch((error: unknown) => {
    releaseDevice(kernel, bdf)
    throw explained(error)
  })
  recordAudit(kernel, 'locked', {bdf, result: {tsm}})
  return result
}

function alreadyLocked(before: Tdi, tsm: string): TransitionResult {
  if (before.state === 'CONFIG_LOCKED' && before.lockedBy === tsm && before.driver === null)
    return {bdf: before.bdf, changed: false, dryRun: false, before, after: before, writes: []}
  throw new TsmctlError({
    kind: 'busy',
    attempted: `lock ${before.bdf}`,
    subject: before.bdf,
    got:
      before.state === 'RUN'
        ? 'it is already accepted (RUN)'
        : before.lockedBy === tsm
          ? `it is locked, but driver ${printable(before.driver ?? '')} is bound: whatever that driver did cannot be taken back`
          : `it is locked by ${printable(before.lockedBy ?? '')}`,
    hint: `tsmctl unlock ${before.bdf} first; evidence of the old lock becomes worthless.`,
    details: {before},
  })
}

const HINTS: Readonly<Record<string, string>> = {
  EBUSY: 'A driver or another process got hold of the device in between; tsmctl show says which.',
  ENXIO: 'The TSM is gone or is not a guest-side TSM; tsmctl list shows what there is.',
  EACCES: 'Locking needs root.',
  EPERM: 'Locking needs root.',
  EIO: 'The DSM refused or did not answer; the kernel log has the reason.',
  EROFS: 'A replayed machine cannot be changed; use a live or simulated one.',
}

function explained(error: unknown): unknown {
  if (!(error instanceof TsmctlError) || error.hint !== undefined) return error
  const hint = HINTS[String(error.details?.['errno'])]
  return hint === undefined
    ? error
    : new TsmctlError({
        kind: error.kind,
        attempted: error.attempted,
        subject: error.subject,
        got: error.got,
        hint,
        details: error.details,
        cause: error,
      })
}

/** `lock`: CONFIG_UNLOCKED to CONFIG_LOCKED, with the driver gone and kept away. */
import {printable, TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {chooseTsm, HOLD, holdPlan, lockPlan, readTdi, refuseConnected, type Tdi} from '../tsm/index.js'
import {commandNotes} from './command-register.js'
import {type Held, heldOf, holdDevice, noteDoing, recordOf, releaseDevice} from './held-devices.js'
import {recordAudit, requireAudit} from './record-audit.js'
import {carryOut, exclusively, leftIn, type TransitionOptions, type TransitionResult} from './transition.js'
import {unlockHeld} from './unlock.js'

export interface LockOptions extends TransitionOptions {
  readonly tsm?: string | undefined
}

/** Locks `bdf`, or finds it locked. Throws TsmctlError; the device is then as before, or the text says how it is. */
export const lock = (kernel: Kernel, bdf: string, options: LockOptions = {}): Promise<TransitionResult> =>
  exclusively(kernel, bdf, () => lockHeld(kernel, bdf, options), options)

/** What is to be given back: the driver of now or of before, and the owner's override rather than ours. */
const previousOf = ({driver, driverOverride}: Tdi, held: Held): Pick<Held, 'driver' | 'driverOverride'> => ({
  driver: driver ?? held.driver,
  driverOverride: driverOverride === HOLD ? held.driverOverride : driverOverride,
})

/** `lock` for a caller that already has exclusive use of the device. */
export async function lockHeld(kernel: Kernel, bdf: string, options: LockOptions): Promise<TransitionResult> {
  const {verb = 'lock', dryRun} = options
  const before = await readTdi(kernel, bdf, options.signal)
  await refuseConnected(kernel, bdf, options.signal)
  const tsm = chooseTsm(kernel, options.tsm)
  if (before.state !== 'CONFIG_UNLOCKED') return alreadyLocked(kernel, before, tsm, options)
  const record = recordOf(kernel, bdf)
  const previous = previousOf(before, heldOf(kernel, bdf))
  const plan = lockPlan(before, tsm, previous.driverOverride)
  if (dryRun) return carryOut(kernel, before, plan, options)
  requireAudit(kernel)
  // on the disk before the first write: whoever finds the device after a crash knows whose it was
  holdDevice(kernel, bdf, {...previous, doing: {verb, step: 'locking'}})
  const result = await carryOut(kernel, before, plan, options).catch((error: unknown) => {
    forgetUnlessLeft(kernel, bdf, record, error)
    throw error
  })
  try {
    recordAudit(kernel, 'locked', {bdf, result: {tsm}})
  } catch (error) {
    // what cannot be recorded is not kept; how far giving it back came is told
    await unlockHeld(kernel, bdf, {rebind: true, verb, onStep: options.onStep}).catch(() => undefined)
    throw await leftIn(kernel, bdf, error)
  }
  noteDoing(kernel, bdf, verb === 'lock' ? null : {verb, step: 'reviewing'})
  return {...result, notes: commandNotes(kernel, bdf)}
}

/** After a lock that failed the record is as it was before, unless something is still to be given back. */
function forgetUnlessLeft(kernel: Kernel, bdf: string, before: Held | undefined, error: unknown): void {
  const left = error instanceof TsmctlError ? error.details?.['notUndone'] : undefined
  if (!Array.isArray(left) || left.length > 0) return
  if (before === undefined || before.driver === null) releaseDevice(kernel, bdf)
  else noteDoing(kernel, bdf, null)
}

/** A device that is locked as it should be is kept so, and drivers are kept away from now on if nobody did. */
async function alreadyLocked(
  kernel: Kernel,
  before: Tdi,
  tsm: string,
  options: LockOptions,
): Promise<TransitionResult> {
  const {bdf} = before
  const {verb = 'lock', dryRun = false} = options
  if (before.state !== 'CONFIG_LOCKED' || before.lockedBy !== tsm || before.driver !== null)
    throw takenAlready(before, tsm)
  const doing = verb === 'lock' ? null : ({verb, step: 'reviewing'} as const)
  if (before.driverOverride === HOLD) {
    if (!dryRun) noteDoing(kernel, bdf, doing)
    return {bdf, changed: false, dryRun, before, after: before, writes: [], notes: []}
  }
  if (!dryRun) {
    requireAudit(kernel)
    holdDevice(kernel, bdf, {...previousOf(before, heldOf(kernel, bdf)), doing})
  }
  return carryOut(kernel, before, holdPlan(before), options)
}

const takenAlready = (before: Tdi, tsm: string): TsmctlError =>
  new TsmctlError({
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

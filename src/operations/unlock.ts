/** `unlock`: any state to CONFIG_UNLOCKED. What was verified is void afterwards. */
import {printable, TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {bindPlan, HOLD, readTdi, readTdiOrOrphan, type Tdi, unlockPlan} from '../tsm/index.js'
import {type Held, heldOf, noteDoing, recordOf, releaseDevice, tryHold} from './held-devices.js'
import {recordAudit} from './record-audit.js'
import {carryOut, exclusively, leftIn, type TransitionOptions, type TransitionResult, writesOf} from './transition.js'

export interface UnlockOptions extends TransitionOptions {
  /** Unbind a bound driver first instead of refusing. */
  readonly force?: boolean | undefined
  /** Bind the driver that `lock` had unbound. */
  readonly rebind?: boolean | undefined
  /** Keep the record of what is to be given back, because the device is locked again at once. */
  readonly keep?: boolean | undefined
}

export const unlock = (kernel: Kernel, bdf: string, options: UnlockOptions = {}): Promise<TransitionResult> =>
  exclusively(kernel, bdf, () => unlockHeld(kernel, bdf, options), options)

/** `unlock` for a caller that already has exclusive use of the device. */
export async function unlockHeld(kernel: Kernel, bdf: string, options: UnlockOptions): Promise<TransitionResult> {
  const {verb = 'unlock', rebind = false, keep = false} = options
  const before = await (recordOf(kernel, bdf) === undefined ? readTdi : readTdiOrOrphan)(kernel, bdf, options.signal)
  if (before.lockedBy !== null && before.driver !== null && !options.force) throw inUse(before)
  const held = heldOf(kernel, bdf)
  const driver = held.driver ?? before.driver
  const plan = unlockPlan(before, held)
  if (options.dryRun) return planned(await carryOut(kernel, before, plan, options), rebind ? driver : null)
  if (before.lockedBy === null) noteDoing(kernel, bdf, {verb, step: 'unlocking'})
  else tryHold(kernel, bdf, {driver, driverOverride: ownersOverride(before, held), doing: {verb, step: 'unlocking'}})
  const result = await carryOut(kernel, before, plan, options)
  // a log that takes no record is no reason to keep what was taken away
  const unrecorded = before.lockedBy === null ? undefined : unrecordedOf(kernel, before)
  const given = keep ? result : await giveBack(kernel, result, rebind ? driver : null, held, options)
  if (unrecorded !== undefined) throw await leftIn(kernel, bdf, unrecorded)
  return given
}

/** Why an unlock is not in the log; undefined when it is. */
function unrecordedOf(kernel: Kernel, {bdf, state}: Tdi): unknown {
  try {
    recordAudit(kernel, 'unlocked', {bdf, result: {before: state}})
    return undefined
  } catch (error) {
    return error
  }
}

async function giveBack(
  kernel: Kernel,
  result: TransitionResult,
  driver: string | null,
  {driverOverride}: Held,
  options: UnlockOptions,
): Promise<TransitionResult> {
  const {bdf, before, after, writes} = result
  if (driver === null || after.driver !== null) {
    releaseDevice(kernel, bdf)
    return result
  }
  const rebound = await carryOut(kernel, after, bindPlan(after, driver, driverOverride), options)
  releaseDevice(kernel, bdf)
  return {...rebound, before, changed: true, writes: [...writes, ...rebound.writes]}
}

const ownersOverride = ({driverOverride}: Tdi, held: Held): string | null =>
  driverOverride === HOLD ? held.driverOverride : driverOverride

/** A dry run with the binding that would follow. */
function planned(result: TransitionResult, driver: string | null): TransitionResult {
  if (driver === null || (result.before.driver !== null && result.before.lockedBy === null)) return result
  const after: Tdi = {...result.before, state: 'CONFIG_UNLOCKED', lockedBy: null, driver: null, driverOverride: null}
  return {...result, writes: [...result.writes, ...writesOf(bindPlan(after, driver, null))]}
}

const inUse = (before: Tdi): TsmctlError =>
  new TsmctlError({
    kind: 'busy',
    attempted: `unlock ${before.bdf}`,
    subject: before.bdf,
    got: `driver ${printable(before.driver ?? '')} is bound and may be using the device`,
    hint: 'Stop what uses it, then unlock with --force to unbind the driver first.',
    details: {before},
  })

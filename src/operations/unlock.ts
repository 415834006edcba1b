/** `unlock`: any state to CONFIG_UNLOCKED. What was verified is void afterwards. */
import {printable, TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {bindPlan, readTdi, unlockPlan} from '../tsm/index.js'
import {heldOf, releaseDevice} from './held-devices.js'
import {recordAudit} from './record-audit.js'
import {carryOut, exclusively, type TransitionOptions, type TransitionResult} from './transition.js'

export interface UnlockOptions extends TransitionOptions {
  /** Unbind a bound driver first instead of refusing. */
  readonly force?: boolean | undefined
  /** Bind the driver that `lock` had unbound. */
  readonly rebind?: boolean | undefined
}

export const unlock = (kernel: Kernel, bdf: string, options: UnlockOptions = {}): Promise<TransitionResult> =>
  exclusively(kernel, bdf, () => unlockHeld(kernel, bdf, options), options)

/** `unlock` for a caller that already has exclusive use of the device. */
export async function unlockHeld(kernel: Kernel, bdf: string, options: UnlockOptions): Promise<TransitionResult> {
  const before = await readTdi(kernel, bdf, options.signal)
  if (before.lockedBy !== null && before.driver !== null && !options.force)
    throw new TsmctlError({
      kind: 'busy',
      attempted: `unlock ${bdf}`,
      subject: bdf,
      got: `driver ${printable(before.driver ?? '')} is bound and may be using the device`,
      hint: 'Stop what uses it, then unlock with --force to unbind the driver first.',
      details: {before},
    })
  const held = heldOf(kernel, bdf)
  const driver = held.driver ?? before.driver
  const result = await carryOut(kernel, before, unlockPlan(before, held), options)
  if (options.dryRun) return result
  if (before.lockedBy !== null) recordAudit(kernel, 'unlocked', {bdf, result: {before: before.state}})
  if (options.rebind && driver !== null && result.after.driver === null) {
    const rebound = await carryOut(kernel, result.after, bindPlan(result.after, driver, held.driverOverride), options)
    releaseDevice(kernel, bdf)
    return {...rebound, before, changed: true, writes: [...result.writes, ...rebound.writes]}
  }
  releaseDevice(kernel, bdf)
  return result
}

/** What `show` says about a device that tsmctl keeps from its driver, and whether anybody is still at work on it. */
import {errnoOf, printable} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {HOLD} from '../tsm/index.js'
import {type Held, type HeldStep, type HeldVerb, recordOf} from './held-devices.js'

export interface HeldView {
  /** Driver to be bound again. */
  readonly driver: string | null
  /** The owner's override, to be restored. */
  readonly driverOverride: string | null
  readonly since: string | null
  readonly verb: HeldVerb | null
  readonly step: HeldStep | null
  /** `kept`: locked on purpose. `interrupted`: the process that was at it is gone. Null: that cannot be told. */
  readonly status: 'kept' | 'in progress' | 'interrupted' | null
  readonly text: string
}

/** The device as it shows itself. */
export interface DeviceNow {
  readonly state: string | null
  readonly driver: string | null
  readonly driverOverride: string | null
}

/** Whether somebody holds the device's lock is known only by whoever can take it. */
function statusOf(kernel: Kernel, bdf: string, {doing}: Held): HeldView['status'] {
  if (doing === null) return 'kept'
  try {
    kernel.lock(`device-${bdf}`)()
    return 'interrupted'
  } catch (error) {
    return errnoOf(error) === 'EBUSY' ? 'in progress' : null
  }
}

type Now = Pick<DeviceNow, 'driver' | 'state'>

/** What became of the driver, as the device shows it now. */
function driverText(driver: string | null, now: Now): string {
  if (now.driver !== null) return `driver ${printable(now.driver)} bound`
  return driver === null ? 'no driver was bound before' : `driver ${printable(driver)} unbound`
}

function textOf(bdf: string, {doing, driver, since}: Held, status: HeldView['status'], now: Now): string {
  const when = since === null ? '' : ` since ${printable(since)}`
  const whose = driverText(driver, now)
  const inUse = now.driver !== null
  const back = `tsmctl unlock ${bdf}${inUse ? ' --force' : ''} --rebind gives it back`
  if (doing === null) return `kept from drivers by tsmctl${when}; ${whose}; ${back}`
  const what = `tsmctl ${doing.verb}`
  if (status === 'in progress') return `${what} is ${doing.step} it${when}; ${whose}`
  const how = status === 'interrupted' ? 'was interrupted while' : 'is, or was interrupted while,'
  return `${what} ${how} ${doing.step} it${when}; ${whose}; ${back}${inUse ? '' : `, tsmctl admit ${bdf} starts over`}`
}

/** Null where nothing is kept; a record that the device itself contradicts is none. */
export function heldView(kernel: Kernel, bdf: string, now: DeviceNow): HeldView | null {
  const held = recordOf(kernel, bdf)
  if (held === undefined) return null
  const isMissed = held.driver !== null && now.driver === null
  const isTaken = now.state === 'CONFIG_LOCKED' || now.driverOverride === HOLD || isMissed
  if (!isTaken && (held.doing === null || now.state !== 'RUN')) return null
  // bound as it was meant to be: only the record was still to be removed
  if (!isTaken && held.doing?.step === 'binding' && now.driver === held.driver) return null
  const status = statusOf(kernel, bdf, held)
  const {driver, driverOverride, since, doing} = held
  return {
    driver,
    driverOverride,
    since,
    verb: doing?.verb ?? null,
    step: doing?.step ?? null,
    status,
    text: textOf(bdf, held, status, now),
  }
}

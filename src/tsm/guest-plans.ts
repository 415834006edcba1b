/** The guest's TDI transitions as plans: lock, unlock, accept, bind. Facts in, writes out; nothing is read or written. */
import type {Plan, Step, Undo, Write} from './plan.js'
import {devicePath, type Tdi} from './tdi.js'

/**
 * Value of `driver_override` while a TDI is locked and not accepted: no driver has this name, so that none can bind
 * between the evidence check and accept.
 */
export const HOLD = 'tsmctl-hold'

const overrideWrite = (bdf: string, value: string | null, why: string): Write => ({
  path: `${devicePath(bdf)}/driver_override`,
  // a newline clears the override; an empty write would do nothing
  value: value === null ? '\n' : value,
  why,
})

const overrideReads = (bdf: string, value: string | null) => ({
  path: `${devicePath(bdf)}/driver_override`,
  reads: value ?? '(null)',
})

function holdStep({bdf, driverOverride}: Tdi): Step {
  return {
    write: overrideWrite(bdf, HOLD, 'keep every driver away until the device is accepted'),
    expect: [overrideReads(bdf, HOLD)],
    undo: overrideWrite(bdf, driverOverride, 'driver_override restored'),
  }
}

function unbindStep({bdf}: Tdi, driver: string): Step {
  return {
    write: {path: `/sys/bus/pci/drivers/${driver}/unbind`, value: bdf, why: `unbind driver ${driver}`},
    expect: [{path: `${devicePath(bdf)}/driver`, reads: null}],
    undo: {
      path: `/sys/bus/pci/drivers/${driver}/bind`,
      value: bdf,
      why: `driver ${driver} bound again`,
      unless: {path: `${devicePath(bdf)}/driver`, reads: driver},
    },
    tolerate: ['ENODEV'],
  }
}

const unlocked = ({bdf}: Tdi, tsm: string): Undo => ({
  path: `${devicePath(bdf)}/tsm/unlock`,
  value: tsm,
  why: 'unlocked again',
  unless: {path: `${devicePath(bdf)}/tsm/lock`, reads: ''},
})

/**
 * unbind → hold → lock. Undone in reverse, so that the old override is back before the driver is bound again. Should a
 * driver slip in between unbind and hold, lock is refused with EBUSY and everything is undone.
 */
export function lockPlan(tdi: Tdi, tsm: string): Plan {
  const device = devicePath(tdi.bdf)
  const lock: Step = {
    write: {
      path: `${device}/tsm/lock`,
      value: tsm,
      why: 'lock the TDI configuration (CONFIG_UNLOCKED to CONFIG_LOCKED)',
    },
    expect: [
      {path: `${device}/tsm/lock`, reads: tsm},
      {path: `${device}/tsm/accept`, reads: '0'},
    ],
    undo: unlocked(tdi, tsm),
  }
  return {
    verb: 'lock',
    subject: tdi.bdf,
    steps: [...(tdi.driver === null ? [] : [unbindStep(tdi, tdi.driver)]), holdStep(tdi), lock],
  }
}

/** unlock → release the hold. Verification starts anew after this: evidence of the old lock is worthless. */
export function unlockPlan(tdi: Tdi, previous: {readonly driverOverride: string | null}): Plan {
  const device = devicePath(tdi.bdf)
  const steps: Step[] = []
  if (tdi.lockedBy !== null) {
    if (tdi.driver !== null) steps.push(unbindStep(tdi, tdi.driver))
    steps.push({
      write: {path: `${device}/tsm/unlock`, value: tdi.lockedBy, why: 'unlock the TDI (to CONFIG_UNLOCKED)'},
      expect: [
        {path: `${device}/tsm/lock`, reads: ''},
        {path: `${device}/tsm/accept`, reads: '0'},
      ],
      // already unlocked: the kernel says EINVAL, the read-back decides
      tolerate: ['EINVAL'],
    })
  }
  steps.push(...releaseSteps(tdi, previous.driverOverride))
  return {verb: 'unlock', subject: tdi.bdf, steps}
}

const releaseSteps = ({bdf, driverOverride}: Tdi, previous: string | null): Step[] =>
  driverOverride === HOLD
    ? [{write: overrideWrite(bdf, previous, 'allow drivers again'), expect: [overrideReads(bdf, previous)]}]
    : []

/** The decisive write: CONFIG_LOCKED to RUN. Refused or without visible effect, the TDI is unlocked. */
export function acceptPlan(tdi: Tdi): Plan {
  const device = devicePath(tdi.bdf)
  return {
    verb: 'accept',
    subject: tdi.bdf,
    steps: [
      {
        write: {path: `${device}/tsm/accept`, value: '1', why: 'accept the TDI (CONFIG_LOCKED to RUN)'},
        expect: [
          {path: `${device}/tsm/accept`, reads: '1'},
          {path: `${device}/tsm/lock`, reads: tdi.lockedBy},
        ],
        // after a refused accept nobody knows what the device did: it must not stay usable
        undo: unlocked(tdi, tdi.lockedBy ?? ''),
        undoIfRefused: true,
      },
    ],
  }
}

/**
 * Releases the hold and asks the kernel to bind; `driver` is the name that must then be bound. A device that was
 * accepted must still run then: a driver must not stay on one that somebody locked anew meanwhile.
 */
export function bindPlan(tdi: Tdi, driver: string, previous: string | null): Plan {
  const running = tdi.state === 'RUN' ? [{path: `${devicePath(tdi.bdf)}/tsm/accept`, reads: '1'}] : []
  const bound = {path: `${devicePath(tdi.bdf)}/driver`, reads: driver}
  return {
    verb: 'bind',
    subject: tdi.bdf,
    steps: [
      ...releaseSteps(tdi, previous).map(step => ({...step, expect: [...step.expect, ...running]})),
      {
        write: {path: '/sys/bus/pci/drivers_probe', value: tdi.bdf, why: `bind driver ${driver}`},
        // drivers_probe reports success even when nothing was bound: only the link tells
        expect: [bound, ...running],
        undo: {
          path: `/sys/bus/pci/drivers/${driver}/unbind`,
          value: tdi.bdf,
          why: `driver ${driver} unbound again`,
          unless: {path: bound.path, reads: null},
        },
      },
    ],
  }
}

/**
 * The guest's TDI transitions as plans: lock, unlock, accept, bind. Facts in, writes out; nothing is read or written.
 * Between lock and unlock nothing here touches configuration space, `enable` or `reset`: each would end in ERROR.
 */
import type {Expectation, Plan, Step, Undo, Write} from './plan.js'
import {devicePath, type Tdi} from './tdi.js'

/**
 * Value of `driver_override` while a TDI is locked and not accepted: no driver has this name, so that none can bind
 * between the evidence check and accept.
 */
export const HOLD = 'tsmctl-hold'

/** A driver may put its probe off, or probe in a thread of its own. */
const BIND_MS = 5000

const overrideWrite = (bdf: string, value: string | null, why: string): Write => ({
  path: `${devicePath(bdf)}/driver_override`,
  // a newline clears the override; an empty write would do nothing
  value: value === null ? '\n' : value,
  why,
})

const overrideReads = (bdf: string, value: string | null): Expectation => ({
  path: `${devicePath(bdf)}/driver_override`,
  reads: value ?? '(null)',
})

const driverReads = (bdf: string, driver: string | null): Expectation => ({
  path: `${devicePath(bdf)}/driver`,
  reads: driver,
})
const lockReads = (bdf: string, tsm: string): Expectation => ({path: `${devicePath(bdf)}/tsm/lock`, reads: tsm})
const acceptReads = (bdf: string, value: '0' | '1'): Expectation => ({
  path: `${devicePath(bdf)}/tsm/accept`,
  reads: value,
})

/** Also where the attribute went with its TSM, which unlocks. */
const isUnlocked = (bdf: string): Expectation => ({...lockReads(bdf, ''), orGone: true})

const driverWrite = (verb: 'bind' | 'unbind', bdf: string, driver: string, why: string): Write => ({
  path: `/sys/bus/pci/drivers/${driver}/${verb}`,
  value: bdf,
  why,
})

/** `previous` is the owner's override. It comes back only where nobody has the device locked. */
function holdStep({bdf}: Tdi, previous: string | null): Step {
  return {
    write: overrideWrite(bdf, HOLD, 'keep every driver away until the device is accepted'),
    expect: [overrideReads(bdf, HOLD)],
    undo: {
      ...overrideWrite(bdf, previous, 'driver_override restored'),
      unless: overrideReads(bdf, previous),
      onlyIf: isUnlocked(bdf),
      first: true,
    },
    undoIfRefused: true,
  }
}

/** A driver must not come back to a device that somebody locked meanwhile, and does not stay if that happens then. */
function unbindStep({bdf}: Tdi, driver: string): Step {
  return {
    write: driverWrite('unbind', bdf, driver, `unbind driver ${driver}`),
    expect: [driverReads(bdf, null)],
    undo: {
      ...driverWrite('bind', bdf, driver, `driver ${driver} bound again`),
      unless: driverReads(bdf, driver),
      within: BIND_MS,
      onlyIf: isUnlocked(bdf),
      retract: driverWrite('unbind', bdf, driver, `driver ${driver} unbound`),
    },
    undoIfRefused: true,
    tolerate: ['ENODEV'],
  }
}

/** While this fails nothing else is given back: the device may be locked. */
const unlocked = ({bdf}: Tdi, tsm: string): Undo => ({
  path: `${devicePath(bdf)}/tsm/unlock`,
  value: tsm,
  why: 'unlocked again',
  unless: lockReads(bdf, ''),
  first: true,
})

/** Refusals of `tsm/lock` that come before the TSM was asked: what is locked then was locked by somebody else. */
const NOT_ASKED = ['EBUSY', 'EINVAL', 'ENXIO', 'EACCES', 'EPERM', 'EROFS', 'ENOENT']

/**
 * unbind → hold → lock. Undone in reverse, so that the old override is back before the driver is bound again; neither
 * comes back while the device is locked. `previous` is the owner's override where tsmctl holds the device already.
 */
export function lockPlan(tdi: Tdi, tsm: string, previous: string | null = tdi.driverOverride): Plan {
  const {bdf} = tdi
  const lock: Step = {
    write: {
      path: `${devicePath(bdf)}/tsm/lock`,
      value: tsm,
      why: 'lock the TDI configuration (CONFIG_UNLOCKED to CONFIG_LOCKED)',
    },
    before: [driverReads(bdf, null)],
    expect: [lockReads(bdf, tsm), acceptReads(bdf, '0'), driverReads(bdf, null)],
    undo: unlocked(tdi, tsm),
    undoIfRefused: {unless: NOT_ASKED},
  }
  return {
    verb: 'lock',
    subject: bdf,
    steps: [...(tdi.driver === null ? [] : [unbindStep(tdi, tdi.driver)]), holdStep(tdi, previous), lock],
  }
}

/** Keeps drivers away from a device that somebody else locked without doing so. */
export const holdPlan = (tdi: Tdi): Plan => ({
  verb: 'hold',
  subject: tdi.bdf,
  steps: [
    {
      write: overrideWrite(tdi.bdf, HOLD, 'keep every driver away until the device is accepted'),
      expect: [overrideReads(tdi.bdf, HOLD), driverReads(tdi.bdf, null)],
    },
  ],
})

/** Refusals of `tsm/unlock` after which it may be unlocked all the same: it was before, or only the answer was lost. */
const PERHAPS_UNLOCKED = ['EINVAL', 'EINTR', 'EIO', 'ETIMEDOUT']

/** unlock → release the hold. Verification starts anew after this: evidence of the old lock is worthless. */
export function unlockPlan(tdi: Tdi, previous: {readonly driverOverride: string | null}): Plan {
  const {bdf} = tdi
  const steps: Step[] = []
  if (tdi.lockedBy !== null) {
    if (tdi.driver !== null) {
      // never taken back: the caller wants to be rid of this device
      const {undo: _, undoIfRefused: __, ...unbind} = unbindStep(tdi, tdi.driver)
      steps.push(unbind)
    }
    steps.push({
      write: {
        path: `${devicePath(bdf)}/tsm/unlock`,
        value: tdi.lockedBy,
        why: 'unlock the TDI (to CONFIG_UNLOCKED)',
      },
      expect: [lockReads(bdf, ''), acceptReads(bdf, '0')],
      tolerate: PERHAPS_UNLOCKED,
    })
  }
  steps.push(...releaseSteps(tdi, previous.driverOverride))
  return {verb: 'unlock', subject: bdf, steps}
}

const releaseSteps = ({bdf, driverOverride}: Tdi, previous: string | null): Step[] =>
  driverOverride === HOLD
    ? [{write: overrideWrite(bdf, previous, 'allow drivers again'), expect: [overrideReads(bdf, previous)]}]
    : []

/**
 * The decisive write: CONFIG_LOCKED to RUN. Refused or without visible effect, the TDI is unlocked. Never made where
 * `accept` reads 1: some kernels would map the device's memory a second time.
 */
export function acceptPlan(tdi: Tdi): Plan {
  const {bdf} = tdi
  const lockedBy = tdi.lockedBy ?? ''
  return {
    verb: 'accept',
    subject: bdf,
    steps: [
      {
        write: {path: `${devicePath(bdf)}/tsm/accept`, value: '1', why: 'accept the TDI (CONFIG_LOCKED to RUN)'},
        before: [lockReads(bdf, lockedBy), driverReads(bdf, null), acceptReads(bdf, '0')],
        expect: [acceptReads(bdf, '1'), lockReads(bdf, lockedBy)],
        // after a refused accept nobody knows what the device did: it must not stay usable
        undo: unlocked(tdi, lockedBy),
        undoIfRefused: true,
      },
    ],
  }
}

/** What must be so around a binding: a device that was accepted still runs, one that was unlocked still is. */
const bindable = ({bdf, state}: Tdi): Expectation => (state === 'RUN' ? acceptReads(bdf, '1') : isUnlocked(bdf))

/**
 * Releases the hold and asks the kernel to bind; `driver` is the name that must then be bound, null for none. From the
 * binding on some kernels let the device reach private memory, so it must be in the state it was in before and after.
 */
export function bindPlan(tdi: Tdi, driver: string | null, previous: string | null): Plan {
  const {bdf} = tdi
  const still = bindable(tdi)
  const release = releaseSteps(tdi, previous).map(step => ({...step, before: [still], expect: [...step.expect, still]}))
  const bind: Step[] =
    driver === null
      ? []
      : [
          {
            write: {path: '/sys/bus/pci/drivers_probe', value: bdf, why: `bind driver ${driver}`},
            before: [still],
            // drivers_probe reports success even when nothing was bound: only the link tells
            expect: [still],
            eventually: {...driverReads(bdf, driver), within: BIND_MS},
            tolerate: ['EAGAIN'],
            undo: {
              ...driverWrite('unbind', bdf, driver, `driver ${driver} unbound again`),
              unless: driverReads(bdf, null),
            },
            undoIfRefused: true,
          },
        ]
  return {verb: 'bind', subject: bdf, steps: [...release, ...bind]}
}

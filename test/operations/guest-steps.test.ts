/** lock, unlock, accept and admit with a failure at every write and reading: whatever they say afterwards is true. */
import {beforeAll, describe, expect, it} from 'vitest'
import {TsmctlError} from '../../src/errors.js'
import type {Kernel} from '../../src/kernel/index.js'
import type {Policy} from '../../src/appraisal/index.js'
import {accept, admit, collectEvidence, lock, readAudit, readPolicy, unlock} from '../../src/operations/index.js'
import {machineStatus} from '../../src/sim/index.js'
import {HOLD, readTdi, type Tdi} from '../../src/tsm/index.js'
import {type Call, failing, type Failure} from '../support/failing-kernel.js'
import {GOOD, guestCopy} from '../support/guest.js'

type Guest = Awaited<ReturnType<typeof guestCopy>>

interface Verb {
  /** What comes before, and what it leaves for the verb. */
  readonly prepare: (kernel: Kernel) => Promise<string>
  readonly run: (kernel: Kernel, prepared: string) => Promise<object>
  /** How the device is after success. */
  readonly success: Partial<Tdi>
}

let policy: Policy
beforeAll(async () => {
  const {policy: file, kernel} = await guestCopy()
  policy = readPolicy([file], kernel.now())
})

const nothing = (): Promise<string> => Promise.resolve('')
const locked = async (kernel: Kernel): Promise<string> => {
  await lock(kernel, GOOD)
  return ''
}
const VERBS: Readonly<Record<string, Verb>> = {
  lock: {
    prepare: nothing,
    run: kernel => lock(kernel, GOOD),
    success: {state: 'CONFIG_LOCKED', driver: null, driverOverride: HOLD},
  },
  'unlock --rebind': {
    prepare: locked,
    run: kernel => unlock(kernel, GOOD, {rebind: true}),
    success: {state: 'CONFIG_UNLOCKED', driver: 'acmegpu', driverOverride: null},
  },
  'unlock --force --rebind': {
    async prepare(kernel) {
      await admit(kernel, GOOD, {policy})
      return ''
    },
    run: kernel => unlock(kernel, GOOD, {force: true, rebind: true}),
    success: {state: 'CONFIG_UNLOCKED', driver: 'acmegpu', driverOverride: null},
  },
  accept: {
    async prepare(kernel) {
      await lock(kernel, GOOD)
      return (await collectEvidence(kernel, GOOD)).digest
    },
    run: (kernel, digest) => accept(kernel, GOOD, digest, {policy, bind: true}),
    success: {state: 'RUN', driver: 'acmegpu', driverOverride: null},
  },
  admit: {
    prepare: nothing,
    run: kernel => admit(kernel, GOOD, {policy}),
    success: {state: 'RUN', driver: 'acmegpu', driverOverride: null},
  },
}

const committed = ({kernel}: Guest): boolean =>
  readAudit(kernel).records.findLast(({event}) => event === 'committed' || event === 'unlocked')?.event === 'committed'

/** What was false or left open, in words; nothing when all is well. */
async function lies(name: string, call: Call, failure: Failure): Promise<string[]> {
  const {prepare, run, success} = VERBS[name]!
  const machine = await guestCopy()
  const prepared = await prepare(machine.kernel)
  const before = await readTdi(machine.kernel, GOOD)
  const error = await run(failing(machine.kernel, call, failure).kernel, prepared).then(
    result => (result as {readonly failure?: TsmctlError | null}).failure ?? null,
    (thrown: unknown) => thrown,
  )
  const after = await readTdi(machine.kernel, GOOD)
  const {violations, devices} = machineStatus(machine.directory)
  const found: string[] = []
  const text = error instanceof TsmctlError ? error.message : String(error)
  const claim = (isTrue: boolean, what: string): void => {
    if (!isTrue) found.push(`${failure.errno} (${failure.how}) at ${call} ${failure.at}: ${what}: ${text}`)
  }
  const isAs = (wanted: Partial<Tdi>): boolean =>
    Object.entries(wanted).every(([key, value]) => after[key as keyof Tdi] === value)
  claim(violations.length === 0, `violation ${violations[0]?.detail}`)
  claim(readAudit(machine.kernel).problems.length === 0, 'the audit log is whole')
  claim(after.state !== 'CONFIG_LOCKED' || after.driver === null, 'no driver on a locked device')
  claim(devices[0]!.tdi !== 'RUN' || committed(machine), 'in RUN by a recorded commit')
  if (error === null) {
    claim(isAs(success), `success means ${JSON.stringify(success)}, not ${JSON.stringify(after)}`)
    return found
  }
  claim(error instanceof TsmctlError && error.kind !== 'bug', 'the failure has a kind')
  const left =
    /The device was left (\S+)(?: by \S+)?, (no driver bound|driver \S+ bound)(, driver_override still)?/.exec(text)
  const unknown = text.includes('The device was left unknown')
  const isUntouched = JSON.stringify(after) === JSON.stringify(before)
  if (left === null) claim(unknown || isUntouched, `untouched, not ${JSON.stringify(after)}`)
  else {
    claim(left[1] === after.state, `left ${after.state}`)
    claim((left[2] === 'no driver bound') === (after.driver === null), 'the driver as told')
    claim((left[3] !== undefined) === (after.driverOverride === HOLD), 'the override as told')
  }
  // everything is given back, or what is missing is told
  const isGivenBack = isUntouched || isAs({state: 'CONFIG_UNLOCKED', driver: 'acmegpu', driverOverride: null})
  claim(isGivenBack || left !== null || unknown, 'what is missing is told')
  return found
}

async function countOf(name: string, call: Call): Promise<number> {
  const {prepare, run} = VERBS[name]!
  const machine = await guestCopy()
  const prepared = await prepare(machine.kernel)
  const {kernel, calls} = failing(machine.kernel, call)
  await run(kernel, prepared)
  return calls()
}

describe.each(Object.keys(VERBS))('%s', name => {
  it.each([
    ['EIO', 'refused'],
    ['EBUSY', 'refused'],
    ['EIO', 'lost'],
    ['EINTR', 'lost'],
  ] as const)('tells the truth when a write ends with %s (%s)', async (errno, how) => {
    const count = await countOf(name, 'write')
    expect(count).toBeGreaterThanOrEqual(3)
    const found: string[] = []
    for (let at = 0; at < count; at++) found.push(...(await lies(name, 'write', {at, errno, how})))
    expect(found).toEqual([])
  })

  it('tells the truth when a reading fails', async () => {
    const count = await countOf(name, 'query')
    const found: string[] = []
    // verifying evidence costs the most, so the longer verbs are asked at every other reading
    const stride = count > 20 ? 3 : 1
    for (let at = 0; at < count; at += stride)
      found.push(...(await lies(name, 'query', {at, errno: 'EIO', how: 'refused'})))
    expect(found).toEqual([])
  })
})

/**
 * lock, unlock, accept and admit: every operation with every errno that Linux answers it with and what must come of it,
 * and a failure at every write and reading, after which whatever is said is true.
 */
import {beforeAll, describe, expect, it} from 'vitest'
import {type ErrorKind, TsmctlError} from '../../src/errors.js'
import type {Kernel} from '../../src/kernel/index.js'
import type {Policy} from '../../src/appraisal/index.js'
import {accept, admit, collectEvidence, lock, readAudit, readPolicy, unlock} from '../../src/operations/index.js'
import {type Fault, injectFault, machineStatus} from '../../src/sim/index.js'
import {HOLD, readTdi, type Tdi} from '../../src/tsm/index.js'
import {type Call, failing, type Failure} from '../support/failing-kernel.js'
import {GOOD, guestCopy} from '../support/guest.js'

type Guest = Awaited<ReturnType<typeof guestCopy>>

interface Verb {
  /** What comes before, and what it leaves for the verb. */
  readonly prepare: (kernel: Kernel, policy: Policy) => Promise<string>
  readonly run: (kernel: Kernel, prepared: string, policy: Policy) => Promise<object>
  /** How the device is after success. */
  readonly success: Partial<Tdi>
}

/** By interface: each machine has identities of its own. */
const policies = new Map<string, Policy>()
beforeAll(async () => {
  for (const abi of ['G2', 'P2'] as const) {
    const {policy, kernel} = await guestCopy(abi)
    policies.set(abi, readPolicy([policy], kernel.now()))
  }
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
    async prepare(kernel, policy) {
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
    run: (kernel, digest, policy) => accept(kernel, GOOD, digest, {policy, bind: true}),
    success: {state: 'RUN', driver: 'acmegpu', driverOverride: null},
  },
  admit: {
    prepare: nothing,
    run: (kernel, _, policy) => admit(kernel, GOOD, {policy}),
    success: {state: 'RUN', driver: 'acmegpu', driverOverride: null},
  },
}

const committed = ({kernel}: Guest): boolean =>
  readAudit(kernel).records.findLast(({event}) => event === 'committed' || event === 'unlocked')?.event === 'committed'

/** What was false or left open, in words; nothing when all is well. */
async function lies(name: string, call: Call, failure: Failure): Promise<string[]> {
  const {prepare, run} = VERBS[name]!
  const machine = await guestCopy()
  const policy = policies.get('G2')!
  const prepared = await prepare(machine.kernel, policy)
  const before = await readTdi(machine.kernel, GOOD)
  const error = await outcomeOf(run(failing(machine.kernel, call, failure).kernel, prepared, policy))
  const when = `${failure.errno} (${failure.how}) at ${call} ${failure.at}`
  const found = await claims(machine, name, before, error, when)
  // one refused or lost write keeps nobody from taking everything back
  const after = await readTdi(machine.kernel, GOOD)
  if (name === 'lock' && call === 'write' && error !== null && JSON.stringify(after) !== JSON.stringify(before))
    found.push(`${when}: taken back, not ${JSON.stringify(after)}`)
  return found
}

const outcomeOf = (act: Promise<object>): Promise<unknown> =>
  act.then(
    result => (result as {readonly failure?: TsmctlError | null}).failure ?? null,
    (thrown: unknown) => thrown,
  )

/** What of `error` and of what was left behind is false, in words. */
async function claims(machine: Guest, name: string, before: Tdi, error: unknown, when: string): Promise<string[]> {
  const {success} = VERBS[name]!
  const after = await readTdi(machine.kernel, GOOD)
  const {violations, devices} = machineStatus(machine.directory)
  const found: string[] = []
  const text = error instanceof TsmctlError ? error.message : String(error)
  const claim = (isTrue: boolean, what: string): void => {
    if (!isTrue) found.push(`${when}: ${what}: ${text}`)
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
  const policy = policies.get('G2')!
  const prepared = await prepare(machine.kernel, policy)
  const {kernel, calls} = failing(machine.kernel, call)
  await run(kernel, prepared, policy)
  return calls()
}

describe.each(Object.keys(VERBS))('%s', name => {
  it.each([
    ['EIO', 'refused'],
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
    // verifying evidence costs the most, so the longer verbs are asked at some readings only
    const stride = count > 20 ? 9 : count > 10 ? 3 : 1
    for (let at = 0; at < count; at += stride)
      found.push(...(await lies(name, 'query', {at, errno: 'EIO', how: 'refused'})))
    expect(found).toEqual([])
  })
})

/** How the device is left. */
const LEFT = {
  untouched: null,
  back: {state: 'CONFIG_UNLOCKED', driver: 'acmegpu', driverOverride: null},
  unlocked: {state: 'CONFIG_UNLOCKED', driver: null, driverOverride: null},
  locked: {state: 'CONFIG_LOCKED', driver: null, driverOverride: HOLD},
  runs: {state: 'RUN', driver: 'acmegpu', driverOverride: null},
  'runs without': {state: 'RUN', driver: null},
} as const

type Misfortune = Omit<Fault, 'device'>

/** `done`, or the kind of the failure, and how the device is left then. */
type Outcome = readonly [outcome: 'done' | ErrorKind, left: keyof typeof LEFT]

interface Row {
  readonly operation: string
  readonly verb: string
  readonly at: Misfortune['at']
  readonly answers: Readonly<Record<string, Outcome>>
  readonly abi?: 'P2'
}

/** An errno as the kernel refuses with it; an event before or after the operation; or no effect. */
const misfortune = (answer: string): Pick<Fault, 'do' | 'errno' | 'when'> => {
  const [what, when] = answer.split(' ') as [string, 'before' | 'after' | undefined]
  if (/^E[A-Z]+$/.test(what)) return when === 'after' ? {do: 'errno-after', errno: what} : {do: 'errno', errno: what}
  return {do: what as Fault['do'], ...(when !== undefined && {when})}
}

const BACK = (kind: ErrorKind): Outcome => [kind, 'back']

/**
 * Linux's order of checks and errnos of `tsm/lock`, `tsm/unlock`, `tsm/accept` and of the evidence families (staging tree,
 * drivers/pci/tsm), of driver binding (drivers/base/bus.c, dd.c, drivers/pci/pci-driver.c).
 */
const TABLE: readonly Row[] = [
  {
    operation: 'lock 1: read tsm/lock',
    verb: 'lock',
    at: 'read:tsm/lock',
    answers: {
      ENOENT: ['unsupported', 'untouched'],
      EINTR: ['interrupted', 'untouched'],
      EIO: ['unsupported', 'untouched'],
    },
  },
  {
    operation: 'lock 2: remember driver_override',
    verb: 'lock',
    at: 'read:driver_override',
    answers: {EIO: ['unsupported', 'untouched']},
  },
  {
    operation: 'lock 3: unbind the driver',
    verb: 'lock',
    at: 'unbind',
    answers: {
      // raced: the driver is gone already, and nothing is amiss
      'unbind before': ['done', 'locked'],
      ENODEV: ['transition', 'untouched'],
      EACCES: ['not-permitted', 'untouched'],
    },
  },
  {
    operation: 'lock 4: see that no driver is bound',
    verb: 'lock',
    at: 'unbind',
    answers: {stuck: ['transition', 'untouched'], 'bind-driver after': ['transition', 'untouched']},
  },
  {
    operation: 'lock 4: keep drivers away',
    verb: 'lock',
    at: 'override',
    answers: {
      EACCES: BACK('not-permitted'),
      EINVAL: BACK('transition'),
      stuck: BACK('transition'),
      'bind-driver after': BACK('busy'),
    },
  },
  {
    operation: 'lock 5: write tsm/lock',
    verb: 'lock',
    at: 'lock',
    answers: {
      EINVAL: BACK('transition'),
      EINTR: BACK('interrupted'),
      EBUSY: BACK('busy'),
      'bind-driver before': BACK('busy'),
      ENXIO: BACK('unsupported'),
      ENODEV: BACK('transition'),
      EIO: BACK('transition'),
      ETIMEDOUT: BACK('timeout'),
      EPERM: BACK('not-permitted'),
      'EIO after': BACK('transition'),
      'EINTR after': BACK('interrupted'),
    },
  },
  {
    operation: 'lock 6: read tsm/lock and tsm/accept back',
    verb: 'lock',
    at: 'lock',
    answers: {stuck: BACK('transition'), 'rival-accept after': BACK('busy')},
  },
  {
    operation: 'unlock 1: read tsm/lock',
    verb: 'unlock --rebind',
    at: 'read:tsm/lock',
    answers: {ENOENT: ['unsupported', 'untouched'], EIO: ['unsupported', 'untouched']},
  },
  {
    operation: 'unlock 2: unbind a driver that is bound',
    verb: 'unlock --force --rebind',
    at: 'unbind',
    answers: {
      'unbind before': ['done', 'back'],
      ENODEV: ['transition', 'untouched'],
      stuck: ['transition', 'untouched'],
      'bind-driver after': ['transition', 'untouched'],
    },
  },
  {
    operation: 'unlock 3: write tsm/unlock',
    verb: 'unlock --rebind',
    at: 'unlock',
    answers: {
      EINVAL: ['transition', 'untouched'],
      'EINVAL after': ['done', 'back'],
      EINTR: ['interrupted', 'untouched'],
      'EINTR after': ['done', 'back'],
      'EIO after': ['done', 'back'],
      EBUSY: ['busy', 'untouched'],
      EPERM: ['not-permitted', 'untouched'],
    },
  },
  {
    operation: 'unlock 4: read tsm/lock back',
    verb: 'unlock --rebind',
    at: 'unlock',
    answers: {stuck: ['transition', 'untouched'], 'relock after': ['transition', 'locked']},
  },
  {
    operation: 'evidence 3: dump',
    verb: 'admit',
    at: 'evidence',
    answers: {
      EPERM: BACK('not-permitted'),
      EINVAL: BACK('unsupported'),
      ENODEV: BACK('not-found'),
      ENXIO: BACK('not-found'),
      EOPNOTSUPP: ['denied', 'back'],
      EAGAIN: ['done', 'runs'],
      EINTR: ['done', 'runs'],
      ENOBUFS: ['done', 'runs'],
    },
  },
  {
    operation: 'evidence 4: the verdict is bad',
    verb: 'admit',
    at: 'evidence',
    answers: {'relock after': BACK('denied'), 'reset after': BACK('denied')},
  },
  {
    operation: 'evidence 5: validate',
    verb: 'admit',
    at: 'validate',
    abi: 'P2',
    answers: {
      EINVAL: BACK('unsupported'),
      ESTALE: BACK('busy'),
      EPERM: BACK('not-permitted'),
      ENODEV: BACK('not-found'),
    },
  },
  {
    operation: 'accept 1: tsm/accept reads 0, no driver, still locked',
    verb: 'accept',
    at: 'evidence',
    answers: {
      'rival-accept after': ['busy', 'unlocked'],
      'bind-driver after': ['busy', 'unlocked'],
    },
  },
  {
    operation: 'accept 2: read the digests again',
    verb: 'accept',
    at: 'evidence',
    answers: {
      'relock before': ['busy', 'locked'],
      'reset before': ['busy', 'locked'],
      EPERM: ['not-permitted', 'locked'],
    },
  },
  {
    operation: 'accept 3: write tsm/accept',
    verb: 'accept',
    at: 'accept',
    answers: {
      EINVAL: ['transition', 'unlocked'],
      'bind-driver before': ['transition', 'unlocked'],
      EINTR: ['interrupted', 'unlocked'],
      EIO: ['transition', 'unlocked'],
      ETIMEDOUT: ['timeout', 'unlocked'],
      'EIO after': ['transition', 'unlocked'],
      'EINTR after': ['interrupted', 'unlocked'],
      'reset before': ['transition', 'unlocked'],
    },
  },
  {
    operation: 'accept 4: read tsm/accept back',
    verb: 'accept',
    at: 'accept',
    answers: {
      stuck: ['transition', 'unlocked'],
      'relock after': ['transition', 'unlocked'],
      'regenerate after': ['busy', 'unlocked'],
    },
  },
  {
    operation: 'bind 1: write driver_override',
    verb: 'accept',
    at: 'override',
    answers: {
      EACCES: ['not-permitted', 'runs without'],
      EINVAL: ['transition', 'runs without'],
      stuck: ['transition', 'runs without'],
    },
  },
  {
    operation: 'bind 2: write drivers_probe',
    verb: 'accept',
    at: 'probe',
    answers: {
      ENODEV: ['transition', 'runs without'],
      EINVAL: ['transition', 'runs without'],
      EIO: ['transition', 'runs without'],
    },
  },
  {
    operation: 'bind 3: the driver link',
    verb: 'accept',
    at: 'probe',
    answers: {stuck: ['transition', 'runs without'], EAGAIN: ['transition', 'runs without']},
  },
  {
    operation: 'bind 3: the driver link',
    verb: 'admit',
    at: 'probe',
    answers: {stuck: BACK('transition'), 'relock after': BACK('transition')},
  },
]

describe.each(TABLE)('$operation ($verb)', ({verb, at, answers, abi}) => {
  it.each(Object.entries(answers))('%s', async (answer, [outcome, left]) => {
    const {prepare, run} = VERBS[verb]!
    const machine = await guestCopy(abi)
    const policy = policies.get(abi ?? 'G2')!
    const prepared = await prepare(machine.kernel, policy)
    const before = await readTdi(machine.kernel, GOOD)
    const fault = {device: GOOD, at, ...misfortune(answer)}
    await injectFault(machine.directory, fault)
    const error = await outcomeOf(run(machine.kernel, prepared, policy))
    const isDone = error === null
    expect([isDone ? 'done' : (error as TsmctlError).kind, (error as TsmctlError | null)?.message]).toEqual([
      outcome,
      isDone ? undefined : expect.any(String),
    ])
    expect(await readTdi(machine.kernel, GOOD)).toMatchObject(LEFT[left] ?? before)
    if (verb === 'lock' && !isDone) expect(machine.kernel.state.read(`held-${GOOD}.json`)).toBeUndefined()
    const rivals = machineStatus(machine.directory).violations.filter(({kind}) => kind === 'bound-while-locked')
    const found = await claims(machine, verb, before, error, answer)
    expect(found.filter(text => !(text.includes('violation') && rivals.length > 0))).toEqual([])
  })
})

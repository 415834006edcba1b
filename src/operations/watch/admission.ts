/**
 * Unattended admission: which device next, when, and what not to touch. One at a time, in the order of BDFs, beside the
 * watching: while a device is admitted, everything else is still told.
 */
import {type Policy, requireUsable} from '../../appraisal/index.js'
import {printable, TsmctlError} from '../../errors.js'
import type {Kernel} from '../../kernel/index.js'
import {valueOf} from '../../known.js'
import {type GuestRefusalKey, HOLD, readTdi, runPlan, shutOutPlan} from '../../tsm/index.js'
import {committedEvidence} from '../audit.js'
import {bootIdOf} from '../device-facts.js'
import {heldOf, tryHold} from '../held-devices.js'
import {recordAudit} from '../record-audit.js'
import {exclusively, stateText} from '../transition.js'
import {attempt, news} from './attempt.js'
import {backoff} from './backoff.js'
import {basisOf} from './basis.js'
import type {FunctionFact, Snapshot, Watched} from './differences.js'
import {openMemory} from './memory.js'
import type {AdmissionNews, WatchNews} from './types.js'

const MILLISECOND = 1_000_000n
/** Nanoseconds between two looks at the policy while nothing is admitted. */
const POLICY_EVERY = 10_000n * MILLISECOND
/** Attempts at one device that end the watch of it under `once`. */
const ONE = 1

export interface AdmissionOptions {
  /** Reads the policy; throws TsmctlError when it cannot be read. */
  readonly policy: () => Policy
  readonly signal: AbortSignal
  /** Try each device once. */
  readonly once: boolean
  /** Called when there is something to take. */
  readonly ring: () => void
  readonly onStep?: ((line: string) => void) | undefined
  /** Program that is asked about every decision. */
  readonly externalDecision?: string | undefined
}

/** What is known of one device as long as it is plugged. */
interface Case {
  readonly incarnation: number
  /** It was plugged, or the policy changed, since the watch began. */
  changed: boolean
  failures: number
  attempts: number
  /** Monotonic nanoseconds before which it is not tried; null when it is not tried until something changes. */
  notBefore: bigint | null
  /** In RUN, as far as this watch knows. */
  running: 'no' | 'ours' | 'not ours'
  /** State in which it was last found and reported. */
  told: string | null
  /** A failed attempt may have left it locked: it is ours to try on. */
  leftLocked: boolean
  /** Its `tsm/` went, as it does with its TSM. */
  without: boolean
  /** It left RUN on its own: nothing but plugging it anew, or a new watch, makes it a candidate. */
  fell: boolean
}

export interface Admission {
  /** Takes note of what was seen, and begins the next admission. */
  consider(snapshot: Snapshot): void
  /** What there is to tell since somebody last took it, and functions to look at again. */
  take(): {readonly told: readonly WatchNews[]; readonly touched: ReadonlySet<string>}
  /** Admissions that began since somebody last asked: told before what they change. */
  begun(): readonly WatchNews[]
  /** The device under way. */
  readonly underway: string | null
  /** Milliseconds until something is due; Infinity when nothing is. */
  due(): number
  /** Under `once`: everything was tried. */
  readonly done: boolean
  /** Resolves when the admission under way has ended. */
  finish(): Promise<void>
}

/** Throws TsmctlError: `busy` when another watch admits devices here; what the policy or the memory is refused for. */
export function admission(kernel: Kernel, options: AdmissionOptions): Admission & {readonly release: () => void} {
  const release = onlyOne(kernel)
  try {
    return Object.assign(admitting(kernel, options), {release})
  } catch (error) {
    release()
    throw error
  }
}

function onlyOne(kernel: Kernel): () => void {
  try {
    return kernel.lock('watch')
  } catch (error) {
    if (!(error instanceof TsmctlError) || error.kind !== 'busy') throw error
    throw new TsmctlError({
      kind: 'busy',
      attempted: 'admit devices unattended',
      path: error.path,
      got: `another tsmctl watch with a policy is at it on this machine: ${error.got ?? error.message}`,
      hint: 'One machine, one unattended admission. Without --policy any number may watch.',
      cause: error,
    })
  }
}

function admitting(
  kernel: Kernel,
  {policy: read, signal, once, ring, onStep, externalDecision}: AdmissionOptions,
): Admission {
  const memory = openMemory(kernel)
  const bootId = bootIdOf(kernel)
  const crashed = memory.underway?.bootId === bootId ? memory.underway.bdf : null
  const cases = new Map<string, Case>()
  const readPolicy = (): Policy => {
    const found = read()
    requireUsable(found)
    return found
  }
  let policy = readPolicy()
  let policyRead = kernel.monotonic()
  let policyProblem: string | null = null
  let told: WatchNews[] = []
  let begins: WatchNews[] = []
  let touched = new Set<string>()
  let running: {readonly bdf: string; readonly promise: Promise<void>} | null = null
  let idle = false
  let first = true

  const tell = (item: WatchNews): void => {
    const isBeginning = item.kind === 'admission' && item.outcome === 'begun'
    ;(isBeginning ? begins : told).push(item)
    ring()
  }

  const warn = (message: string): void => tell({kind: 'warning', code: 'policy', message})

  const open = (bdf: string, incarnation: number): Case => ({
    incarnation,
    changed: !first,
    failures: 0,
    attempts: 0,
    notBefore: kernel.monotonic(),
    running: 'no',
    told: null,
    leftLocked: first && bdf === crashed,
    without: false,
    fell: false,
  })

  /** The policy as it is now. While it cannot be used, nobody is admitted. */
  function refreshPolicy(force: boolean): void {
    if (!force && kernel.monotonic() - policyRead < POLICY_EVERY) return
    policyRead = kernel.monotonic()
    try {
      const now = readPolicy()
      const changed = basisOf(now) !== basisOf(policy)
      if (changed || policyProblem !== null) warn(`admitting under policy ${printable(now.name, 200)} from now on`)
      policyProblem = null
      policy = now
      if (changed)
        for (const each of cases.values())
          Object.assign(each, {changed: true, failures: 0, attempts: 0, notBefore: kernel.monotonic(), told: null})
    } catch (error) {
      if (!(error instanceof TsmctlError)) throw error
      if (policyProblem !== error.message) warn(`nobody is admitted until the policy can be used: ${error.message}`)
      policyProblem = error.message
    }
  }

  function noteRun(bdf: string, each: Case): void {
    if (each.running !== 'no') return
    each.running = isOurs(bdf) ? 'ours' : 'not ours'
    tell(
      news(
        bdf,
        'running',
        each.running === 'ours'
          ? 'it is in RUN already: a watch admitted it since the machine was booted'
          : 'it is in RUN, and not by this watch: it is not touched',
      ),
    )
  }

  /** Did a watch of this boot admit it, and has nobody given it up since, as far as the audit log tells? */
  function isOurs(bdf: string): boolean {
    const admitted = memory.admittedAs(bdf)
    if (admitted === undefined || admitted.bootId !== bootId) return false
    try {
      return committedEvidence(kernel, bdf) === admitted.digest
    } catch (error) {
      if (!(error instanceof TsmctlError)) throw error
      return false
    }
  }

  /** A device that ran is found in another state, and nobody here did it. */
  function noteFall(bdf: string, each: Case, {facts}: Watched<FunctionFact>): void {
    const wasOurs = each.running === 'ours'
    each.running = 'no'
    each.fell = true
    const state = valueOf(facts.state) ?? 'no state at all'
    const driver = valueOf(facts.driver) ?? null
    const message = `it left RUN without this watch and is in ${state}${driver === null ? '' : ` with driver ${printable(driver)} bound`}; it is not admitted again until it is plugged anew or the watch is restarted`
    tell(news(bdf, 'fell-out', message))
    begin(bdf, async () => {
      recordAudit(kernel, 'watch-error', {bdf, result: {state, driver}})
      if (wasOurs && state === 'CONFIG_LOCKED') tell(await shutOut(kernel, bdf))
    })
  }

  function note(bdf: string, watched: Watched<FunctionFact>): void {
    let each = cases.get(bdf)
    if (each === undefined || each.incarnation !== watched.incarnation) {
      each = open(bdf, watched.incarnation)
      cases.set(bdf, each)
    }
    // what happens meanwhile is this watch's own doing
    if (running?.bdf === bdf || touched.has(bdf) || !watched.facts.state.known) return
    const state = watched.facts.state.value
    // what failed with the TSM that went may come to pass with the one that came
    if (each.without && state !== null) Object.assign(each, {changed: true, failures: 0, notBefore: kernel.monotonic()})
    each.without = state === null
    // one thing at a time: a fall is dealt with when nothing else is under way
    if (state !== 'RUN' && each.running !== 'no') return running === null ? noteFall(bdf, each, watched) : undefined
    if (state === 'RUN') noteRun(bdf, each)
    else if (state === 'CONFIG_LOCKED' && !each.leftLocked && !each.fell && each.told !== state)
      tell(
        news(
          bdf,
          'locked',
          `it is locked by ${printable(valueOf(watched.facts.tsm) ?? 'somebody')}, and not by this watch: it is not touched`,
        ),
      )
    each.told = state
  }

  /** May it be tried, now or later? */
  function isCandidate(bdf: string, {facts}: Watched<FunctionFact>): boolean {
    const each = cases.get(bdf)!
    if (each.fell || each.notBefore === null || (once && each.attempts >= ONE)) return false
    const state = valueOf(facts.state)
    return state === 'CONFIG_UNLOCKED' || (state === 'CONFIG_LOCKED' && each.leftLocked)
  }

  function begin(bdf: string, act: () => Promise<void>): void {
    const promise = act()
      .catch((error: unknown) => {
        const known = error instanceof TsmctlError
        tell(
          news(bdf, 'failed', known ? error.message : `a bug in tsmctl: ${String(error)}`, {
            error: known ? error : null,
          }),
        )
        const each = cases.get(bdf)
        if (each !== undefined) each.notBefore = null
      })
      .finally(() => {
        running = null
        touched.add(bdf)
        ring()
      })
    running = {bdf, promise}
  }

  async function tryOne(bdf: string, each: Case): Promise<void> {
    each.attempts++
    const {changed} = each
    const options = {policy, memory, bootId, signal, changed, onStep, tell, externalDecision}
    const answer = await attempt(kernel, bdf, options)
    if (answer.outcome !== 'retry') {
      each.failures = 0
      each.leftLocked = false
      each.running = answer.outcome === 'admitted' ? 'ours' : runsAfter(answer.error)
      // a device that ran and left it is a candidate again only when it is another one
      each.notBefore = null
      return tell(answer)
    }
    each.failures++
    each.leftLocked = isLockedAfter(answer.error)
    each.running = runsAfter(answer.error)
    const milliseconds = backoff(each.failures, kernel.random(4))
    each.notBefore = kernel.monotonic() + BigInt(milliseconds) * MILLISECOND
    tell({...answer, retryInMilliseconds: once ? null : milliseconds})
  }

  let nextDue: bigint | null = null

  return {
    get underway() {
      return running?.bdf ?? null
    },
    get done() {
      return idle && running === null && told.length === 0 && begins.length === 0
    },
    consider({functions}) {
      refreshPolicy(false)
      for (const bdf of cases.keys()) if (!functions.has(bdf)) cases.delete(bdf)
      for (const [bdf, watched] of functions) note(bdf, watched)
      first = false
      nextDue = null
      const candidates = [...functions].filter(([bdf, watched]) => isCandidate(bdf, watched))
      idle = candidates.length === 0 || policyProblem !== null
      if (running !== null || signal.aborted) return
      const now = kernel.monotonic()
      for (const [bdf] of candidates) {
        const each = cases.get(bdf)!
        if (each.notBefore! > now) nextDue = nextDue === null || each.notBefore! < nextDue ? each.notBefore! : nextDue
        else {
          refreshPolicy(true)
          if (policyProblem === null) begin(bdf, () => tryOne(bdf, each))
          return
        }
      }
    },
    begun() {
      const taken = begins
      begins = []
      return taken
    },
    take() {
      const taken = {told, touched}
      told = []
      touched = new Set()
      return taken
    },
    due() {
      if (nextDue === null) return Infinity
      const left = nextDue - kernel.monotonic()
      return left <= 0n ? 0 : Number(left / MILLISECOND) + 1
    },
    async finish() {
      await running?.promise
    },
  }
}

/** The state that a failed admission left the device in, as it says itself. */
const stateAfter = (error: TsmctlError | null): unknown =>
  (error?.details?.['after'] as {readonly state?: unknown} | null | undefined)?.state

/** Reasons of a failure that say whose lock it is: not ours. */
const OTHERS_LOCK: readonly unknown[] = ['already-locked', 'locked-elsewhere', 'relocked'] satisfies GuestRefusalKey[]

const isLockedAfter = (error: TsmctlError | null): boolean =>
  stateAfter(error) === 'CONFIG_LOCKED' && !OTHERS_LOCK.includes(error?.details?.['key'])

/** What could not be taken out of RUN has been told as the failure that it is. */
const runsAfter = (error: TsmctlError | null): Case['running'] => (stateAfter(error) === 'RUN' ? 'not ours' : 'no')

/** Takes the driver of a device that fell out of RUN and was locked anew, and lets no other come. */
const shutOut = (kernel: Kernel, bdf: string): Promise<AdmissionNews> =>
  exclusively(kernel, bdf, async () => {
    const tdi = await readTdi(kernel, bdf)
    const {driver, driverOverride} = tdi
    if (tdi.state !== 'CONFIG_LOCKED' || (driver === null && driverOverride === HOLD))
      return news(bdf, 'fell-out', `it is ${stateText(tdi)} by now: nothing to unbind`)
    const held = heldOf(kernel, bdf)
    const owners = driverOverride === HOLD ? held.driverOverride : driverOverride
    // what is taken away is given back by unlock --rebind
    tryHold(kernel, bdf, {driver: driver ?? held.driver, driverOverride: owners, doing: null})
    await runPlan(kernel, shutOutPlan(tdi))
    const what = driver === null ? 'every driver is kept away' : `driver ${printable(driver)} was unbound`
    return news(bdf, 'shut-out', `${what}: the device is locked anew, and nobody accepted it`)
  })

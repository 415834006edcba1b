/**
 * The watch: what is there, then what changes. Events say where to look, looking says what happened; `tsm/*` changes
 * without events and is looked at again and again. Nothing is told twice, and what is lost is looked for.
 */
import {harmless, TsmctlError} from '../../errors.js'
import type {Kernel} from '../../kernel/index.js'
import {type Admission, type AdmissionOptions, admission} from './admission.js'
import {differences, NOTHING, type Snapshot, type Transition} from './differences.js'
import {type Agenda, listen} from './events.js'
import {looking} from './snapshot.js'
import type {Cause, WatchEvent, WatchNews} from './types.js'

export interface WatchOptions {
  /** Ends the watch; an admission under way stops after its current step and is rolled back first. */
  readonly signal: AbortSignal
  /** Ends the watch without waiting for the admission under way. */
  readonly abandon?: AbortSignal | undefined
  /** Milliseconds between two looks at what changes without events. */
  readonly interval: number
  /** Look once, admit whom the policy admits, and end. */
  readonly once?: boolean | undefined
  /** Functions to watch; all unless given. */
  readonly only?: ReadonlySet<string> | undefined
  /** Tell the kernel's events about functions and TSMs too. */
  readonly uevents?: boolean | undefined
  /** Admit devices under this policy, as it is when it is read. */
  readonly policy?: AdmissionOptions['policy'] | undefined
  readonly onStep?: AdmissionOptions['onStep']
  readonly externalDecision?: AdmissionOptions['externalDecision']
}

const MILLISECOND = 1_000_000n
/** Nanoseconds between two looks at everything, should an event have been missed without anybody knowing. */
const EVERYTHING_EVERY = 60_000n * MILLISECOND
/** Nanoseconds between two looks at the IDE streams of connected devices: they are in configuration space. */
const STREAMS_EVERY = 15_000n * MILLISECOND
/** Nanoseconds without an answer that are worth a warning. */
const SLOW = 5_000n * MILLISECOND
/** Milliseconds between two attempts to read a machine that cannot be read, at first and at most. */
const RETRY = {first: 1000, most: 60_000}

const LOST =
  'the kernel reported more events than could be taken, and some are lost: looking at everything again. What changed and changed back meanwhile is not told'
const RECORDED = 'nothing can happen on a recorded host: this was its state'
const NO_TSM = 'no TSM is registered on this machine: waiting for one'

/** A wait that others can end. */
function openBell(kernel: Kernel) {
  let rung = false
  let wake: (() => void) | undefined
  return {
    ring() {
      rung = true
      wake?.()
    },
    /** Until it is rung, `milliseconds` have passed, or `signal` is aborted. */
    async wait(milliseconds: number, signal: AbortSignal): Promise<void> {
      if (!rung && !signal.aborted) {
        const stop = new AbortController()
        const rings = new Promise<void>(resolve => (wake = resolve))
        const end = (): void => wake?.()
        signal.addEventListener('abort', end, {once: true})
        await Promise.race([rings, kernel.sleep(milliseconds, stop.signal).catch(() => undefined)])
        signal.removeEventListener('abort', end)
        stop.abort()
        wake = undefined
      }
      rung = false
    },
  }
}

/** `snapshot` as it is told at first. */
function* stateOf({tsms, functions}: Snapshot): Generator<WatchNews> {
  for (const [name, now] of tsms) yield {kind: 'state', subject: 'tsm', name, now}
  for (const [name, now] of functions) yield {kind: 'state', subject: 'function', name, now}
}

/**
 * Watches until `signal` is aborted. Throws TsmctlError only before the first event: `busy` when another watch admits
 * devices, and what the policy is refused for. Under `once`, and on a recorded host, also when there is no PCI bus.
 */
export async function* watch(kernel: Kernel, options: WatchOptions): AsyncGenerator<WatchEvent, void, undefined> {
  const {once = false, signal} = options
  const bell = openBell(kernel)
  const ring = (): void => bell.ring()
  const admitter =
    options.policy === undefined
      ? undefined
      : admission(kernel, {...options, policy: options.policy, signal, once, ring})
  // what only reads ends with the generator, however that ends
  const reading = new AbortController()
  const stop = (): void => reading.abort()
  signal.addEventListener('abort', stop, {once: true})
  if (signal.aborted) stop()
  try {
    for await (const news of watching(kernel, options, {bell, ring, admitter, signal: reading.signal}))
      yield {...news, at: kernel.now()}
    await ended(admitter, options.abandon)
    for (const news of [...(admitter?.begun() ?? []), ...(admitter?.take().told ?? [])])
      yield {...news, at: kernel.now()}
  } finally {
    stop()
    signal.removeEventListener('abort', stop)
    await ended(admitter, options.abandon)
    admitter?.release()
  }
}

/** Until the admission under way has ended, or nobody wants to wait for it any more. */
async function ended(admitter: Admission | undefined, abandon: AbortSignal | undefined): Promise<void> {
  if (admitter === undefined || abandon?.aborted) return
  const abandoned = new Promise<void>(resolve => abandon?.addEventListener('abort', () => resolve(), {once: true}))
  await Promise.race([admitter.finish(), abandoned])
}

interface Parts {
  readonly bell: ReturnType<typeof openBell>
  readonly ring: () => void
  readonly admitter: Admission | undefined
  /** Ends the reading. */
  readonly signal: AbortSignal
}

async function* watching(kernel: Kernel, options: WatchOptions, parts: Parts): AsyncGenerator<WatchNews> {
  const {interval, only, uevents = false} = options
  const {bell, ring, admitter, signal} = parts
  const ends = options.once === true || kernel.host.kind === 'replay'
  // before the first look: what happens meanwhile is then looked at again
  const ear = ends ? undefined : listen(kernel, {signal, ring, keep: uevents})
  const eye = looking(kernel, {signal, only})
  let snapshot: Snapshot = NOTHING
  let told = false
  let failures = 0
  let warnedSlow = false
  let swept = kernel.monotonic()
  const due = {everything: swept, streams: swept, moving: swept}
  /** Functions that an event was about: files may come after the event, so they are looked at twice. */
  let young: ReadonlySet<string> = new Set()
  /** Removals that looking noticed before their event came. */
  const owed = new Set<string>()
  let touched: ReadonlySet<string> = new Set()
  let agenda: Agenda | undefined

  const replacedIn = ({removed, lost}: Agenda): Set<string> => {
    if (lost) owed.clear()
    return new Set([...removed].filter(name => !owed.delete(name)))
  }

  /** One look. Undefined when the machine could not be read. */
  async function look(): Promise<{next: Snapshot; lost: boolean} | TsmctlError> {
    const now = kernel.monotonic()
    const {functions = new Set<string>(), tsms = false, lost = false} = agenda ?? {}
    const everything = !told || tsms || lost || eye.unsettled || now >= due.everything
    const moving = everything || now >= due.moving
    const streams = moving && now >= due.streams
    try {
      const next = await eye.look(snapshot, {
        everything,
        moving,
        streams,
        drivers: moving && !(ear?.listens ?? false),
        functions: new Set([...functions, ...touched, ...(moving ? young : [])]),
        replaced: agenda === undefined ? new Set() : replacedIn(agenda),
      })
      swept = kernel.monotonic()
      if (everything) due.everything = swept + EVERYTHING_EVERY
      if (streams || everything) due.streams = swept + STREAMS_EVERY
      if (moving) due.moving = swept + BigInt(interval) * MILLISECOND
      young = moving ? functions : new Set([...young, ...functions])
      return {next, lost}
    } catch (error) {
      if (signal.aborted || !(error instanceof TsmctlError)) throw error
      // what the events were about is not forgotten: everything is looked at when something can be seen again
      due.everything = now
      return error
    }
  }

  const causeOf = ({name}: Transition, lost: boolean): Cause => {
    if (touched.has(name) || admitter?.underway === name) return 'admission'
    if (lost) return 'rescan'
    return agenda?.functions.has(name) || agenda?.removed.has(name) || agenda?.tsms ? 'event' : 'poll'
  }

  function* changes(next: Snapshot, lost: boolean): Generator<WatchNews> {
    for (const transition of differences(snapshot, next)) {
      const {name, change} = transition
      if (change.what === 'gone' && ear?.listens && !agenda?.removed.has(name)) owed.add(name)
      yield {kind: 'transition', transition, cause: causeOf(transition, lost)}
    }
  }

  function* slowness(): Generator<WatchNews> {
    const slow = eye.waiting().find(({nanoseconds}) => nanoseconds > SLOW)
    if (slow !== undefined && !warnedSlow)
      yield {
        kind: 'warning',
        code: 'slow',
        message: `${slow.path} has not answered for ${slow.nanoseconds / 1_000_000_000n} s: another TSM operation may be in progress, and what tsm/ says is told when it ends`,
      }
    if (warnedSlow && eye.waiting().length === 0)
      yield {kind: 'warning', code: 'slow-over', message: 'all attributes answer again'}
    warnedSlow = slow !== undefined || (warnedSlow && eye.waiting().length > 0)
  }

  function delay(): number {
    if (failures > 0) return Math.min(RETRY.most, RETRY.first * 2 ** Math.min(failures - 1, 16))
    if (eye.unsettled) return 0
    const left = Number((due.moving - kernel.monotonic()) / MILLISECOND)
    return Math.max(0, Math.min(left, admitter?.due() ?? Infinity))
  }

  while (!signal.aborted) {
    agenda = ear?.take()
    const news = admitter?.take()
    touched = news?.touched ?? new Set()
    for (const {code, message} of agenda?.problems ?? []) yield {kind: 'warning', code, message: harmless(message)}
    for (const event of agenda?.events ?? []) yield {kind: 'uevent', event}
    if (agenda?.lost && told) yield {kind: 'lost', message: LOST}
    let seen
    try {
      seen = await look()
    } catch (error) {
      if (signal.aborted) break
      throw error
    }
    if (seen instanceof TsmctlError) {
      if (ends) throw seen
      if (failures++ === 0)
        yield {
          kind: 'warning',
          code: 'unreadable',
          message: harmless(`the machine cannot be looked at: ${seen.message}; trying again`),
        }
    } else {
      if (failures > 0) yield {kind: 'warning', code: 'readable', message: 'the machine can be looked at again'}
      failures = 0
      const {next, lost} = seen
      // under once, who does not answer at once is waited for
      const settled = told || !ends || eye.waiting().length === 0
      yield* admitter?.begun() ?? []
      if (told) yield* changes(next, lost)
      snapshot = next
      if (!told && settled) {
        yield* stateOf(next)
        yield {kind: 'watching', functions: next.functions.size, tsms: next.tsms.size, events: ear?.listens ?? false}
        if (kernel.host.kind === 'replay') yield {kind: 'warning', code: 'recorded', message: RECORDED}
        else if (next.tsms.size === 0 && !ends) yield {kind: 'warning', code: 'no-tsm', message: NO_TSM}
        told = true
      }
      yield* slowness()
      if (told) admitter?.consider(next)
    }
    // after the look: what a device was moved to is told before what came of it
    yield* news?.told ?? []
    if (ends && told && (admitter?.done ?? true)) return
    await bell.wait(delay(), signal)
  }
}

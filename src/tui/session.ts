/** A running cockpit: keeps the state, feeds events to the reducer, carries out effects. Knows no terminal. */
import {TsmctlError} from '../errors.js'
import type {Cockpit} from './cockpit.js'
import type {Effect, Event} from './events.js'
import type {Size} from './geometry.js'
import {reduce} from './reduce.js'
import {initialState, type State} from './state.js'
import {decodeKeys, flushKeys} from './terminal-keys.js'

/** Time, as the session sees it: tests bring their own. */
export interface Clock {
  /** Monotonic milliseconds. */
  now(): number
  /** Calls `action` once after `milliseconds`, unless the process ends first. */
  after(milliseconds: number, action: () => void): void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after: (milliseconds, action) => {
    setTimeout(action, milliseconds).unref()
  },
}

export interface Session {
  state(): State
  /** Calls `listener` after every change; returns the unsubscription. */
  subscribe(listener: () => void): () => void
  /** Terminal input, in whatever pieces it arrives. */
  input(chunk: string): void
  dispatch(event: Event): void
  /** Resolves when the user quits. */
  readonly quit: Promise<void>
  /** Ends what is under way and waits for it to roll back; called again, it leaves to the kernel what that has begun. */
  close(): Promise<void>
}

/** A sequence that is not complete after this time was the Escape key. */
const ESCAPE_MS = 50

export function createSession(cockpit: Cockpit, size: Size, clock: Clock = systemClock): Session {
  const listeners = new Set<() => void>()
  const running = new Set<Promise<void>>()
  let state = initialState(cockpit.machine, cockpit.policy, size, clock.now())
  let pending = ''
  let leave: () => void
  const quit = new Promise<void>(resolve => (leave = resolve))

  function dispatch(event: Event): void {
    const step = reduce(state, event, clock.now())
    state = step.state
    for (const listener of listeners) listener()
    for (const effect of step.effects) perform(effect)
  }

  function perform(effect: Effect): void {
    if (effect.kind === 'quit') return leave()
    if (effect.kind === 'wake') return clock.after(effect.after, () => dispatch({kind: 'tick'}))
    const work = effect.kind === 'refresh' ? refresh() : operate(effect)
    running.add(work)
    void work.finally(() => running.delete(work))
  }

  async function refresh(): Promise<void> {
    try {
      dispatch({kind: 'devices', devices: await cockpit.devices()})
    } catch (thrown) {
      dispatch({kind: 'failed', bdf: null, ...failureOf(thrown)})
    }
  }

  async function operate(effect: Extract<Effect, {bdf: string}>): Promise<void> {
    const {bdf} = effect
    let result: Event
    try {
      result = await outcomeOf(effect, line => dispatch({kind: 'progress', bdf, line}))
    } catch (thrown) {
      result = {kind: 'failed', bdf, ...failureOf(thrown)}
    }
    // the list first, so that what the result says about the device is already on screen
    await refresh()
    dispatch(result)
  }

  async function outcomeOf(effect: Extract<Effect, {bdf: string}>, progress: (line: string) => void): Promise<Event> {
    const {bdf} = effect
    switch (effect.kind) {
      case 'review':
        return {kind: 'reviewed', bdf, appraisal: await cockpit.review(bdf, progress)}
      case 'accept':
        return {kind: 'accepted', bdf, line: await cockpit.accept(bdf, effect.digest, effect.approval, progress)}
      case 'reject':
        return {kind: 'rejected', bdf, line: await cockpit.reject(bdf, progress)}
      case 'look':
        return {kind: 'looked', bdf, view: await cockpit.look(bdf, progress)}
      case 'connect':
      case 'disconnect':
        return {kind: 'carried-out', verb: effect.kind, bdf, line: await cockpit.host(effect.kind, bdf, progress)}
    }
  }

  function input(chunk: string): void {
    const {keys, rest} = decodeKeys(pending + chunk)
    pending = rest
    for (const key of keys) dispatch({kind: 'key', key})
    if (rest !== '')
      clock.after(ESCAPE_MS, () => {
        if (pending !== rest) return
        pending = ''
        for (const key of flushKeys(rest)) dispatch({kind: 'key', key})
      })
  }

  perform({kind: 'refresh'})
  return {
    state: () => state,
    subscribe: listener => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    input,
    dispatch,
    quit,
    close: async () => {
      cockpit.close()
      await Promise.allSettled(running)
    },
  }
}

/** Errors of ours already are escaped text with a next step; anything else is a bug, and must not end the session. */
function failureOf(thrown: unknown): {text: string; hint: string | null} {
  if (thrown instanceof TsmctlError) return {text: thrown.message, hint: thrown.hint ?? null}
  const text = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)
  return {text: `this is a bug in tsmctl: ${text}`, hint: null}
}

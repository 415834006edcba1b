/** A simulated machine under watch: its clock stands still until a test moves it, and its events are the test's to send. */
import {setImmediate} from 'node:timers/promises'
import {expect} from 'vitest'
import {encodeUevent, type Kernel} from '../../../src/kernel/index.js'
import {type WatchEvent, type WatchOptions, watch} from '../../../src/operations/watch/index.js'
import {simKernel} from '../../../src/sim/index.js'
import {counting} from '../../support/counting-kernel.js'

const MILLISECOND = 1_000_000n
/** Milliseconds of real time that anything may take. */
const PATIENCE = 20_000
/** Turns of the event loop after which nothing more is on its way that does not wait for the clock. */
const QUIET = 25

interface Sleeper {
  readonly due: bigint
  readonly wake: () => void
}

function openClock() {
  let now = 1_000_000_000n
  let sleepers: Sleeper[] = []
  return {
    monotonic: () => now,
    sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
      if (signal?.aborted) return Promise.reject(new DOMException('aborted', 'AbortError'))
      return new Promise((resolve, reject) => {
        const sleeper = {due: now + BigInt(Math.round(milliseconds * 1e6)), wake: resolve}
        sleepers.push(sleeper)
        const stop = (): void => {
          sleepers = sleepers.filter(other => other !== sleeper)
          reject(new DOMException('aborted', 'AbortError'))
        }
        signal?.addEventListener('abort', stop, {once: true})
      })
    },
    /** Moves the clock from sleeper to sleeper. */
    async advance(milliseconds: number): Promise<void> {
      const end = now + BigInt(milliseconds) * MILLISECOND
      for (;;) {
        await quiet()
        const next = sleepers.filter(({due}) => due <= end).sort((a, b) => Number(a.due - b.due))[0]
        if (next === undefined) break
        sleepers = sleepers.filter(other => other !== next)
        if (next.due > now) now = next.due
        next.wake()
      }
      now = end
      await quiet()
    },
  }
}

export async function quiet(): Promise<void> {
  for (let i = 0; i < QUIET; i++) await setImmediate()
}

type Raw = Uint8Array | 'lost'

function openEvents() {
  let queue: Raw[] = []
  let wake: (() => void) | undefined
  return {
    send(...items: readonly Raw[]): void {
      queue.push(...items)
      wake?.()
    },
    async *listen(signal: AbortSignal): AsyncGenerator<Raw> {
      while (!signal.aborted) {
        const items = queue
        queue = []
        yield* items
        if (queue.length > 0) continue
        await new Promise<void>(resolve => {
          wake = resolve
          signal.addEventListener('abort', () => resolve(), {once: true})
        })
      }
    },
  }
}

export const pciEvent = (action: string, bdf: string): Uint8Array =>
  encodeUevent({action, devpath: `/devices/pci0000:00/${bdf}`, properties: new Map([['SUBSYSTEM', 'pci']])})
export const tsmEvent = (action: string, name = 'tsm0'): Uint8Array =>
  encodeUevent({action, devpath: `/devices/faux/sim/tsm/${name}`, properties: new Map([['SUBSYSTEM', 'tsm']])})

export interface LabOptions {
  /** False where the host has no events to send. */
  readonly events?: boolean
  readonly change?: (kernel: Kernel) => Kernel
}

/** A machine with a kernel whose calls are counted. */
export function lab(directory: string, {events = true, change = kernel => kernel}: LabOptions = {}) {
  const clock = openClock()
  const ear = openEvents()
  const {kernel: counted, calls} = counting(simKernel(directory, {sleep: clock.sleep, monotonic: clock.monotonic}))
  const kernel = change({...counted, ...(events && {uevents: (signal: AbortSignal) => ear.listen(signal)})})

  /** Watches in the background; what it tells is in `told`. */
  function begin(options: Partial<WatchOptions> = {}) {
    const stop = new AbortController()
    const told: WatchEvent[] = []
    const ended = (async () => {
      for await (const event of watch(kernel, {interval: 1000, signal: stop.signal, ...options})) told.push(event)
    })()
    // who waits for it hears of its failure; until then nobody has to
    ended.catch(() => undefined)
    const of = <K extends WatchEvent['kind']>(kind: K) =>
      told.filter((event): event is Extract<WatchEvent, {kind: K}> => event.kind === kind)
    return {
      told,
      of,
      ended,
      /** Waits until something was told, without moving the clock. */
      async until(seen: () => boolean): Promise<void> {
        const end = performance.now() + PATIENCE
        while (!seen() && performance.now() < end) await setImmediate()
        expect(seen(), `told: ${told.map(shortly).join('; ')}`).toBe(true)
      },
      changes: () => of('transition').map(shortly),
      codes: () => of('warning').map(({code}) => code),
      outcomes: () => of('admission').map(({bdf, outcome}) => `${bdf} ${outcome}`),
      async stop(): Promise<void> {
        stop.abort()
        await ended
      },
      abort: () => stop.abort(),
    }
  }
  return {kernel, clock, calls, send: ear.send, begin}
}

/** An event in a few words. */
export function shortly(event: WatchEvent): string {
  if (event.kind === 'admission') return `${event.bdf} ${event.outcome} ${event.message}`
  if (event.kind !== 'transition') return event.kind === 'warning' ? event.code : event.kind
  const {name, change} = event.transition
  if (change.what === 'appeared' || change.what === 'gone') return `${name} ${change.what}`
  const text = (fact: typeof change.from): string => (fact.known ? (fact.value ?? '-') : '?')
  return `${name} ${change.what} ${text(change.from)} > ${text(change.to)}`
}

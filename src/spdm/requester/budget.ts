/** Time: every wait of an operation comes out of one budget, on a clock that is handed in. */
import {RequesterError} from './failure.js'

/** Milliseconds. */
export interface Timeouts {
  /** For a response without cryptography. */
  readonly response: number
  /** Added for a response with cryptography until CAPABILITIES states a CTExponent, and the most it may add. */
  readonly crypto: number
  /** For one operation with all its retries, waits and chunks. */
  readonly total: number
}

export const DEFAULT_TIMEOUTS: Timeouts = {response: 5000, crypto: 10_000, total: 60_000}

export interface Clock {
  /** Milliseconds since some start; never goes back. */
  monotonic(): number
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
}

export interface BudgetOptions extends Clock {
  readonly peer: string
  readonly timeouts: Timeouts
  readonly signal?: AbortSignal | undefined
}

/** What is left of an operation's time. */
export class Budget {
  readonly #options: BudgetOptions
  readonly #deadline: number

  constructor(options: BudgetOptions) {
    this.#options = options
    this.#deadline = options.monotonic() + options.timeouts.total
  }

  get remaining(): number {
    return this.#deadline - this.#options.monotonic()
  }

  /** Throws when the caller has given up or no time is left. */
  check(attempted: string): void {
    const {peer, signal, timeouts} = this.#options
    if (signal?.aborted) throw new RequesterError({reason: 'interrupted', attempted, peer, got: 'interrupted'})
    if (this.remaining <= 0)
      throw new RequesterError({reason: 'timeout', attempted, peer, got: `not done within ${timeouts.total} ms`})
  }

  /** Time for the next response: `extra` is what its cryptography may take. */
  forResponse(extra: number): number {
    const {response, crypto} = this.#options.timeouts
    return Math.min(response + Math.min(extra, crypto), this.remaining)
  }

  /** Sleeps at least a millisecond, so that no answer of a responder makes us spin. */
  async pause(milliseconds: number, attempted: string): Promise<void> {
    const {sleep, signal} = this.#options
    try {
      await sleep(Math.max(1, Math.min(milliseconds, this.remaining)), signal)
    } finally {
      // a sleep that was cut short fails in its own way; ours says what was interrupted
      this.check(attempted)
    }
  }
}

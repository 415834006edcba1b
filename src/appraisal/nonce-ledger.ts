/**
 * Which nonces this machine drew, and for which collection. A nonce is burnt before it is sent, so that it is spent on
 * every path, also when the collection fails or the process dies.
 */
import {TsmctlError} from '../errors.js'
import {jcs} from '../evidence/index.js'
import type {StateStore} from '../kernel/index.js'
import type {NonceHistory} from './checks/index.js'

const FILE = 'nonces.jsonl'
const LF = '\n'

interface Entry {
  readonly nonce: string
  readonly bundleId: string
  /** Monotonic nanoseconds when it was drawn; undefined where they are not a number. */
  readonly mono: bigint | undefined
}

/** When something happens, by the clock on the wall, which the host may set, and the one that only goes forward. */
export interface Moment {
  readonly now: Date
  readonly monotonic: bigint
}

const textOf = (bytes: Uint8Array | undefined): string => new TextDecoder('latin1').decode(bytes ?? new Uint8Array())

/** A line that was torn by a crash names no nonce that was ever sent: burning comes first. */
function entryOf(line: string): Entry | undefined {
  try {
    const {nonce, bundleId, mono} = JSON.parse(line) as Record<string, unknown>
    if (typeof nonce !== 'string' || typeof bundleId !== 'string') return undefined
    return {nonce, bundleId, mono: typeof mono === 'string' && /^\d{1,20}$/.test(mono) ? BigInt(mono) : undefined}
  } catch {
    return undefined
  }
}

const entriesOf = (state: StateStore): readonly Entry[] =>
  textOf(state.read(FILE))
    .split(LF)
    .flatMap(line => entryOf(line) ?? [])

/** What this machine knows of its own drawings. */
export interface NonceLedger extends NonceHistory {
  /**
   * Seconds since `nonce` was drawn for `bundleId`, by the monotonic clock: the age of evidence that setting the clock
   * back cannot hide. Infinite when that is not known, or lies in another boot.
   */
  ageOf(nonce: string, bundleId: string, monotonic: bigint): number
}

const NANOSECONDS = 1e9

/** What is known about nonces now; the ledger is read once. */
export function nonceHistory(state: StateStore): NonceLedger {
  const entries = entriesOf(state)
  const of = (nonce: string): readonly Entry[] => entries.filter(entry => entry.nonce === nonce)
  return {
    usedBefore: (nonce, bundleId) => of(nonce).some(entry => entry.bundleId !== bundleId),
    drawnFor: (nonce, bundleId) => of(nonce).some(entry => entry.bundleId === bundleId),
    ageOf(nonce, bundleId, monotonic) {
      const mono = of(nonce).find(entry => entry.bundleId === bundleId)?.mono
      return mono === undefined || mono > monotonic ? Infinity : Number(monotonic - mono) / NANOSECONDS
    },
  }
}

/** Burns `nonce` for the collection `bundleId`; durable on return. Throws TsmctlError when it was drawn before. */
export function burnNonce(state: StateStore, nonce: string, bundleId: string, {now, monotonic}: Moment): void {
  if (entriesOf(state).some(entry => entry.nonce === nonce))
    throw new TsmctlError({
      kind: 'bug',
      attempted: 'draw a nonce',
      got: 'the random source gave the same bytes twice',
      hint: 'Nothing can be proven fresh on this machine until its random source works.',
    })
  const torn = textOf(state.read(FILE))
  const start = torn === '' || torn.endsWith(LF) ? '' : LF
  const line = jcs({at: now.toISOString(), bundleId, mono: String(monotonic), nonce})
  state.append(FILE, new TextEncoder().encode(`${start}${line}${LF}`))
}

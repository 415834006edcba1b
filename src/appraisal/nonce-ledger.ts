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
}

const textOf = (bytes: Uint8Array | undefined): string => new TextDecoder('latin1').decode(bytes ?? new Uint8Array())

/** A line that was torn by a crash names no nonce that was ever sent: burning comes first. */
function entryOf(line: string): Entry | undefined {
  try {
    const {nonce, bundleId} = JSON.parse(line) as Record<string, unknown>
    return typeof nonce === 'string' && typeof bundleId === 'string' ? {nonce, bundleId} : undefined
  } catch {
    return undefined
  }
}

const entriesOf = (state: StateStore): readonly Entry[] =>
  textOf(state.read(FILE))
    .split(LF)
    .flatMap(line => entryOf(line) ?? [])

/** What is known about nonces now. */
export function nonceHistory(state: StateStore): NonceHistory {
  const entries = entriesOf(state)
  const of = (nonce: string): readonly Entry[] => entries.filter(entry => entry.nonce === nonce)
  return {
    usedBefore: (nonce, bundleId) => of(nonce).some(entry => entry.bundleId !== bundleId),
    drawnFor: (nonce, bundleId) => of(nonce).some(entry => entry.bundleId === bundleId),
  }
}

/** Burns `nonce` for the collection `bundleId`; durable on return. Throws TsmctlError when it was drawn before. */
export function burnNonce(state: StateStore, nonce: string, bundleId: string, now: Date): void {
  if (entriesOf(state).some(entry => entry.nonce === nonce))
    throw new TsmctlError({
      kind: 'bug',
      attempted: 'draw a nonce',
      got: 'the random source gave the same bytes twice',
      hint: 'Nothing can be proven fresh on this machine until its random source works.',
    })
  const torn = textOf(state.read(FILE))
  const start = torn === '' || torn.endsWith(LF) ? '' : LF
  const line = jcs({at: now.toISOString(), bundleId, nonce})
  state.append(FILE, new TextEncoder().encode(`${start}${line}${LF}`))
}

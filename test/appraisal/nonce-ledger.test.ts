import {describe, expect, it} from 'vitest'
import {burnNonce, nonceHistory} from '../../src/appraisal/index.js'
import {memoryState} from '../../src/kernel/index.js'
import {errorOf} from './audit-kernel.js'

const NOW = {now: new Date('2026-11-21T12:00:00Z'), monotonic: 5_000_000_000n}
const [A, B] = ['aa'.repeat(32), 'bb'.repeat(32)]

describe('the nonce ledger', () => {
  it('knows what was drawn, and for which collection', () => {
    const state = memoryState()
    expect(nonceHistory(state).drawnFor(A, 'one')).toBe(false)
    burnNonce(state, A, 'one', NOW)
    burnNonce(state, B, 'two', NOW)
    const history = nonceHistory(state)
    expect([history.drawnFor(A, 'one'), history.drawnFor(A, 'two'), history.drawnFor(B, 'two')]).toEqual([
      true,
      false,
      true,
    ])
    expect([history.usedBefore(A, 'one'), history.usedBefore(A, 'two')]).toEqual([false, true])
  })

  it('never burns the same nonce twice', () => {
    const state = memoryState()
    burnNonce(state, A, 'one', NOW)
    expect(errorOf(() => burnNonce(state, A, 'two', NOW)).kind).toBe('bug')
  })

  it('goes on after a torn line', () => {
    const state = memoryState()
    burnNonce(state, A, 'one', NOW)
    state.append('nonces.jsonl', new Uint8Array(Buffer.from('{"nonce":"b')))
    burnNonce(state, B, 'two', NOW)
    const history = nonceHistory(state)
    expect([history.drawnFor(A, 'one'), history.drawnFor(B, 'two')]).toEqual([true, true])
  })

  it('tells the age of a drawing by the clock that cannot be set', () => {
    const state = memoryState()
    burnNonce(state, A, 'one', NOW)
    const age = (bundleId: string, monotonic: bigint) => nonceHistory(state).ageOf(A, bundleId, monotonic)
    expect(age('one', 65_000_000_000n)).toBe(60)
    expect([age('two', 65_000_000_000n), age('one', 4_999_999_999n)]).toEqual([Infinity, Infinity])
  })

  it.each(['{"bundleId":"one","nonce":"NONCE"}', '{"bundleId":"one","mono":"-1","nonce":"NONCE"}'])(
    'knows no age where the drawing has no time: %s',
    line => {
      const state = memoryState()
      state.append('nonces.jsonl', new Uint8Array(Buffer.from(`${line.replace('NONCE', A)}\n`)))
      expect(nonceHistory(state).drawnFor(A, 'one')).toBe(true)
      expect(nonceHistory(state).ageOf(A, 'one', 1n)).toBe(Infinity)
    },
  )
})

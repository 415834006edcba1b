import {createHash} from 'node:crypto'
import {describe, expect, it} from 'vitest'
import {concat, DecodeError, fromHex, toHex} from '../../src/bits/index.js'
import {
  decodeCollectionFacts,
  decodePciFacts,
  decodeTsmFacts,
  derivationHolds,
  drawNonce,
  encodeFacts,
  platformBinding,
  tsmFacts,
} from '../../src/evidence/index.js'
import {PCI} from './sample.js'

const COLLECTION = {
  before: PCI,
  unknownAttributes: [],
  generations: null,
  driverOverride: 'tsmctl-hold',
  driversAutoprobe: true,
}
const bytesOf = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

const counting = (length: number): Uint8Array => Uint8Array.from({length}, (_, i) => i)

describe('fact objects', () => {
  it('read back as written', () => {
    expect(decodePciFacts(encodeFacts(PCI))).toEqual(PCI)
    expect(decodeCollectionFacts(encodeFacts(COLLECTION))).toEqual(COLLECTION)
    const tsm = tsmFacts('tsm0', 'CONFIG_LOCKED', new Map([['report', new Uint8Array(48)]]))
    expect(decodeTsmFacts(encodeFacts(tsm))).toEqual(tsm)
  })

  it.each([
    ['an unknown member', {...PCI, extra: 1}],
    ['a BAR beyond 5', {...PCI, bars: [{...PCI.bars[0], index: 6}]}],
    ['a size that is not hexadecimal', {...PCI, bars: [{...PCI.bars[0], size: '4096'}]}],
    ['a missing member', {...PCI, command: undefined}],
  ])('refuse %s', (_, value) => expect(() => decodePciFacts(bytesOf(value))).toThrow(DecodeError))

  it.each([
    ['no digests', new Map<string, Uint8Array>(), null],
    ['32 bytes', new Map([['vca', new Uint8Array(32)]]), 'sha256'],
    ['64 bytes', new Map([['vca', new Uint8Array(64)]]), 'sha512'],
    ['20 bytes', new Map([['vca', new Uint8Array(20)]]), 'unknown'],
    [
      'lengths that differ',
      new Map([
        ['vca', new Uint8Array(32)],
        ['report', new Uint8Array(48)],
      ]),
      'unknown',
    ],
  ])('tell the digest algorithm of %s', (_, digests, algorithm) =>
    expect(tsmFacts('tsm0', 'RUN', digests).digestAlgorithm).toBe(algorithm),
  )
})

describe('nonces', () => {
  it('are 32 random bytes, or a digest of both inputs that can be recomputed', () => {
    expect(drawNonce(counting)).toEqual({value: toHex(counting(32)), derivation: 'random'})
    const derived = drawNonce(counting, new Uint8Array(16))
    expect(fromHex(derived.value)).toHaveLength(32)
    expect(derivationHolds(derived)).toBe(true)
    expect(derivationHolds({...derived, relyingPartyNonce: '01'.repeat(16)})).toBe(false)
    expect(derivationHolds({value: derived.value, derivation: 'relying-party'})).toBe(false)
    expect(derivationHolds({...derived, derivation: 'random'})).toBe(false)
  })

  it('are derived in one way only: no other split of the same bytes gives the same value', () => {
    const derived = drawNonce(counting, Uint8Array.of(1, 2, 3))
    const both = `${derived.relyingPartyNonce}${derived.localRandom}`
    const splits = Array.from({length: both.length / 2 + 1}, (_, at) => ({
      ...derived,
      relyingPartyNonce: both.slice(0, 2 * at),
      localRandom: both.slice(2 * at),
    }))
    expect(splits.filter(derivationHolds).map(({relyingPartyNonce}) => relyingPartyNonce)).toEqual(['010203'])
  })

  it('are what their definition says, recomputed by hand', () => {
    const {value} = drawNonce(counting, Uint8Array.of(0xff))
    const input = concat(new TextEncoder().encode('tsmctl-nonce-v1\0'), Uint8Array.of(0xff), counting(32))
    expect(value).toBe(createHash('sha256').update(input).digest('hex'))
    const bound = concat(new TextEncoder().encode('tsmctl-bind-v1\0'), new Uint8Array(48).fill(0xab), Uint8Array.of(7))
    expect(toHex(platformBinding(`sha384:${'ab'.repeat(48)}`, Uint8Array.of(7)))).toBe(
      createHash('sha512').update(bound).digest('hex'),
    )
  })

  it('platform binding is 64 bytes and depends on D and on the relying party', () => {
    const [a, b] = [`sha384:${'00'.repeat(48)}`, `sha384:${'01'.repeat(48)}`]
    const bindings = [platformBinding(a, counting(4)), platformBinding(b, counting(4)), platformBinding(a, counting(5))]
    expect(new Set(bindings.map(toHex)).size).toBe(3)
    expect(bindings[0]).toHaveLength(64)
  })
})

/** Key exchange: both sides agree, and values that no honest peer sends are refused (DSP0274 1.3 §10.16; RFC 7919 §5.1). */
import {checkPrimeSync, createDiffieHellman} from 'node:crypto'
import fc from 'fast-check'
import {beforeAll, describe, expect, it} from 'vitest'
import {toHex} from '../../src/bits/index.js'
import {
  answerKeyShare,
  DHE_GROUP,
  type ExchangeAlgorithm,
  KEM,
  loadCrypto,
  offerKeyShare,
  rowNamed,
  unsupportedExchange,
} from '../../src/spdm/index.js'
import {ffdhePrime} from '../../src/spdm/crypto/ffdhe.js'
import {freshCrypto} from './fresh.js'
import {flipped} from './support.js'

const SM2 = rowNamed(DHE_GROUP, 'sm2')
const CURVES = DHE_GROUP.filter(({kind}) => kind === 'ecdhe')
const GROUPS = DHE_GROUP.filter(({kind}) => kind === 'ffdhe')
const SECRET_SIZE: Readonly<Record<string, number>> = {
  ffdhe2048: 256,
  ffdhe3072: 384,
  ffdhe4096: 512,
  secp256r1: 32,
  secp384r1: 48,
  secp521r1: 66,
}

const refusal = (what: () => unknown): unknown => {
  try {
    what()
  } catch (error) {
    return (error as {kind?: string}).kind
  }
  return 'accepted'
}

/** What either side makes of a peer's value. */
const both = (algorithm: ExchangeAlgorithm, value: Uint8Array): unknown[] => [
  refusal(() => offerKeyShare(algorithm).agree(value)),
  refusal(() => answerKeyShare(algorithm, value)),
]

/** `value` as a big-endian number of `size` bytes. */
const wide = (value: bigint, size: number): Uint8Array =>
  new Uint8Array(Buffer.from(value.toString(16).padStart(size * 2, '0'), 'hex'))

it('a KEM is unsupported until its library is loaded', async () => {
  const crypto = await freshCrypto()
  expect(crypto.unsupportedExchange(KEM[0]!)).toContain('ml-kem-512')
  expect(refusal(() => crypto.offerKeyShare(KEM[0]!))).toBe('unsupported')
  expect(refusal(() => crypto.answerKeyShare(KEM[0]!, new Uint8Array(800)))).toBe('unsupported')
})

describe('with every library loaded', () => {
  beforeAll(() => loadCrypto(...KEM))

  it.each([...CURVES, ...GROUPS, ...KEM])('$name: both sides agree, in the sizes of the specification', algorithm => {
    expect(unsupportedExchange(algorithm)).toBeUndefined()
    const share = offerKeyShare(algorithm)
    expect(share.exchangeData).toHaveLength(algorithm.requestSize)
    const answer = answerKeyShare(algorithm, share.exchangeData)
    expect(answer.exchangeData).toHaveLength(algorithm.responseSize)
    expect(answer.secret).toHaveLength(SECRET_SIZE[algorithm.name] ?? 32)
    expect(toHex(share.agree(answer.exchangeData))).toBe(toHex(answer.secret))
    // a private value serves once
    expect(() => share.agree(answer.exchangeData)).toThrow('used before')
    expect(toHex(offerKeyShare(algorithm).exchangeData)).not.toBe(toHex(share.exchangeData))
  })

  it.each([...CURVES, ...GROUPS, ...KEM])('$name: a value of another size is refused', algorithm => {
    const {requestSize, responseSize} = algorithm
    for (const size of [0, 1, responseSize - 1, responseSize + 1])
      expect(refusal(() => offerKeyShare(algorithm).agree(new Uint8Array(size).fill(2)))).toBe('malformed')
    for (const size of [0, 1, requestSize - 1, requestSize + 1])
      expect(refusal(() => answerKeyShare(algorithm, new Uint8Array(size).fill(2)))).toBe('malformed')
  })

  it.each(CURVES)('$name: what is no point of the curve is refused', algorithm => {
    const size = algorithm.requestSize
    for (const value of [new Uint8Array(size), new Uint8Array(size).fill(0xff), wide(1n, size)])
      expect(both(algorithm, value)).toEqual(['malformed', 'malformed'])
    const point = offerKeyShare(algorithm).exchangeData
    // another point of the curve is a bit flip away only by a miracle
    fc.assert(
      fc.property(fc.nat(size * 8 - 1), bit => both(algorithm, flipped(point, bit)).every(is => is === 'malformed')),
      {numRuns: 10},
    )
  })

  it('a point of another curve is refused', () => {
    const [p256, p384] = [rowNamed(DHE_GROUP, 'secp256r1'), rowNamed(DHE_GROUP, 'secp384r1')]
    const stranger = offerKeyShare(p384).exchangeData.subarray(0, p256.requestSize)
    expect(both(p256, stranger)).toEqual(['malformed', 'malformed'])
  })

  it.each(GROUPS)('$name: 0, 1, p - 1 and everything from p on is refused', algorithm => {
    const size = algorithm.requestSize
    const p = BigInt(`0x${toHex(ffdhePrime(algorithm.name))}`)
    for (const value of [0n, 1n, p - 1n, p, p + 1n, 2n ** BigInt(size * 8) - 1n])
      expect(both(algorithm, wide(value, size)), `${value % 1000n}`).toEqual(['malformed', 'malformed'])
  })

  it('the primes are safe ones, and OpenSSL knows them', () => {
    const p = BigInt(`0x${toHex(ffdhePrime('ffdhe2048'))}`)
    expect(checkPrimeSync(p, {checks: 1}) && checkPrimeSync((p - 1n) / 2n, {checks: 1})).toBe(true)
    for (const group of GROUPS) expect(createDiffieHellman(Buffer.from(ffdhePrime(group.name)), 2).verifyError).toBe(0)
  })

  it('an encapsulation key with coefficients out of range is refused', () => {
    const algorithm = rowNamed(KEM, 'ml-kem-768')
    expect(refusal(() => answerKeyShare(algorithm, new Uint8Array(1184).fill(0xff)))).toBe('malformed')
  })

  it('a ciphertext for somebody else gives another secret', () => {
    const algorithm = rowNamed(KEM, 'ml-kem-768')
    const answer = answerKeyShare(algorithm, offerKeyShare(algorithm).exchangeData)
    expect(toHex(offerKeyShare(algorithm).agree(answer.exchangeData))).not.toBe(toHex(answer.secret))
  })

  it('SM2 is refused by name', () => {
    expect(unsupportedExchange(SM2)).toBe('sm2 key exchange is not supported')
    expect(both(SM2, new Uint8Array(64))).toEqual(['unsupported', 'unsupported'])
    expect(() => offerKeyShare(SM2)).toThrow('sm2')
  })
})

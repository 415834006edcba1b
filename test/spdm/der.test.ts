/** The strict DER reader, and certificate chains cut with it. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {concat, DecodeError, fromHex} from '../../src/bits/index.js'
import {
  certificatesOfPem,
  encodeCertificateChain,
  parseCertificateChain,
  splitCertificates,
} from '../../src/spdm/index.js'
import {checkNesting, readWhole} from '../../src/spdm/certificates/der.js'
import {bitNumbersOf, countOf, integerOf, oidOf, utf8Of} from '../../src/spdm/certificates/der-values.js'
import {der, make, oid} from './authority.js'

const WHAT = 'test'

describe('lengths', () => {
  it.each([
    ['a definite short length', '3000'],
    ['a long length', `3081 80 ${'0500'.repeat(64)}`],
  ])('%s is read', (_, text) => {
    const element = readWhole(fromHex(text), WHAT)
    checkNesting(element, WHAT)
    expect(element.end).toBe(fromHex(text).length)
  })

  it.each([
    ['nothing', ''],
    ['a tag alone', '30'],
    ['an indefinite length', '3080 0000'],
    ['a long form that could be short', '3081 02 0500'],
    ['a leading zero in the length', `3082 0080 ${'00'.repeat(128)}`],
    ['more content than there is', '3003 0500'],
    ['a length cut short', '3082 01'],
    ['five octets of length', '3085 0000000001 00'],
    ['trailing bytes', '3000 00'],
    ['a multi-octet tag', '1f8101 00'],
  ])('%s is refused', (_, text) => {
    expect(() => readWhole(fromHex(text), WHAT)).toThrow(DecodeError)
  })

  it('a bad length inside is found', () => {
    expect(() => checkNesting(readWhole(fromHex('3004 3003 0500'), WHAT), WHAT)).toThrow(DecodeError)
    expect(() => checkNesting(readWhole(fromHex('3003 308000'), WHAT), WHAT)).toThrow(DecodeError)
  })

  it('nesting is bounded', () => {
    let deep = new Uint8Array()
    for (let i = 0; i < 60; i++) deep = new Uint8Array(der(0x30, deep))
    expect(() => checkNesting(readWhole(deep, WHAT), WHAT)).toThrow('32 levels')
  })

  it('random bytes are read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({maxLength: 80}), bytes => {
        let result: unknown
        try {
          result = readWhole(bytes, WHAT).end
        } catch (error) {
          result = error
        }
        expect(result === bytes.length || result instanceof DecodeError).toBe(true)
      }),
      {numRuns: 500},
    )
  })
})

const read = <T>(reader: (element: ReturnType<typeof readWhole>, what: string) => T, text: string): T =>
  reader(readWhole(fromHex(text), WHAT), WHAT)

describe('values', () => {
  it.each(['1.3.6.1.4.1.412.274.1', '2.23.133.5.4.1', '2.5.29.17', '1.2.840.10045.4.3.3', '2.999.1', '0.9.2342'])(
    'object identifier %s',
    text => {
      const element = text === '2.999.1' ? fromHex('06 03 88 37 01') : oid(text)
      expect(oidOf(readWhole(element, WHAT), WHAT)).toBe(text)
    },
  )

  it.each(['0600', '0601 80', '0603 2a 80 01', '0602 2a 81'])('object identifier %s is refused', text => {
    expect(() => read(oidOf, text)).toThrow(DecodeError)
  })

  it('integers are exact and in the fewest octets', () => {
    expect(read(integerOf, '0201 00')).toBe(0n)
    expect(read(integerOf, '0202 0080')).toBe(128n)
    expect(read(integerOf, '0201 80')).toBe(-128n)
    expect(read(integerOf, '0209 00ffffffffffffffff')).toBe((1n << 64n) - 1n)
    for (const text of ['0200', '0202 007f', '0202 ff80']) expect(() => read(integerOf, text)).toThrow(DecodeError)
    expect(() => read(countOf, '0201 ff')).toThrow(DecodeError)
  })

  it('bits are numbered from the first', () => {
    expect(read(bitNumbersOf, '0302 0780')).toEqual([0])
    expect(read(bitNumbersOf, '0303 00 10 01')).toEqual([3, 15])
    for (const text of ['0300', '0301 01', '0302 08 00']) expect(() => read(bitNumbersOf, text)).toThrow(DecodeError)
  })

  it('text is UTF-8', () => {
    expect(read(utf8Of, '0c02 c3a9')).toBe('é')
    expect(() => read(utf8Of, '0c01 ff')).toThrow(DecodeError)
  })
})

const pem = (bytes: Uint8Array) =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(bytes).toString('base64')}\n-----END CERTIFICATE-----\n`

describe('certificate chains', () => {
  const one = der(0x30, der(0x02, Uint8Array.of(1)))
  const rootHash = new Uint8Array(48).fill(9)
  const chain = encodeCertificateChain(rootHash, [one, one])

  it('is cut into certificates with their places', () => {
    const facts = parseCertificateChain(chain, 48)
    expect(facts.rootHash).toEqual(rootHash)
    expect(facts.certificates).toEqual([
      {offset: 52, der: one},
      {offset: 52 + one.length, der: one},
    ])
  })

  it.each<[string, () => Uint8Array]>([
    ['a Length one too high', () => chain.with(0, chain[0]! + 1)],
    ['a Reserved field that is not zero', () => chain.with(2, 1)],
    ['a byte behind the last certificate', () => encodeCertificateChain(rootHash, [one, Uint8Array.of(0)])],
    ['an incomplete certificate', () => encodeCertificateChain(rootHash, [one.subarray(0, 3)])],
    ['another element', () => encodeCertificateChain(rootHash, [der(0x02, Uint8Array.of(1))])],
    ['no certificate', () => encodeCertificateChain(rootHash, [])],
    [
      'eleven certificates',
      () =>
        encodeCertificateChain(
          rootHash,
          Array.from({length: 11}, () => one),
        ),
    ],
    ['bad lengths inside a certificate', () => encodeCertificateChain(rootHash, [fromHex('3003 308000')])],
    ['a hash of another size', () => encodeCertificateChain(rootHash.subarray(0, 32), [one])],
  ])('%s is refused', (_, bytes) => {
    expect(() => parseCertificateChain(bytes(), 48)).toThrow(DecodeError)
  })

  it('ten certificates are the most', () => {
    const ten = encodeCertificateChain(
      rootHash,
      Array.from({length: 10}, () => one),
    )
    expect(parseCertificateChain(ten, 48).certificates).toHaveLength(10)
  })

  it('every truncation is refused', () => {
    for (let length = 0; length < chain.length; length++)
      expect(() => parseCertificateChain(chain.subarray(0, length), 48)).toThrow(DecodeError)
  })

  it('concatenated DER and PEM are cut alike', async () => {
    const {facts} = await make()
    expect(splitCertificates(concat(facts.der, facts.der)).map(({der: bytes}) => bytes)).toEqual([facts.der, facts.der])
    expect(certificatesOfPem(`text\n${pem(facts.der)}${pem(facts.der)}`)).toEqual([facts.der, facts.der])
    expect(() => certificatesOfPem(pem(concat(facts.der, facts.der)))).toThrow(DecodeError)
    expect(() => certificatesOfPem('nothing')).toThrow('no PEM certificate')
  })
})

/** Measurement transcripts of every version: framing, what is signed, rules, and that nothing is searched for. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {concat, DecodeError, equal} from '../../src/bits/index.js'
import {type MeasurementFacts, parseMeasurements, parseVca} from '../../src/spdm/index.js'
import {block, digest, exchange, P384, SHA384, vcaBytes} from './connection.js'
import {flipped} from './support.js'

const VERSIONS = [0x10, 0x11, 0x12, 0x13]
const NONCE = new Uint8Array(32).fill(0x5a)
const CONTEXT = new Uint8Array(8).fill(7)
const BLOCKS = [block(1, 0, digest(1)), block(2, 1, digest(2))]

const ask = (operation: number, signatureRequested: boolean, version: number) => ({
  measurementOperation: operation,
  signatureRequested,
  ...(signatureRequested && {nonce: NONCE}),
  ...(version >= 0x13 && {requesterContext: CONTEXT}),
})
const answer = (version: number, more: object = {}) => ({
  ...(version >= 0x13 && {requesterContext: CONTEXT}),
  ...more,
})
const all = (version: number, more: object = {}, request: object = {}): Uint8Array =>
  exchange(version, {...ask(0xff, true, version), ...request}, {...answer(version), measurementRecord: BLOCKS, ...more})

const parse = (bytes: Uint8Array, vca?: ReturnType<typeof parseVca>): MeasurementFacts =>
  parseMeasurements(bytes, {asym: P384, measurementHash: SHA384, vca})

describe.each(VERSIONS)('version %i', version => {
  const vca = parseVca(vcaBytes({version}))
  const signed = version >= 0x12

  it('all at once', () => {
    const bytes = all(version)
    const facts = parse(bytes, vca)
    expect(facts).toMatchObject({version, complete: true, problems: [], trailing: undefined, coversVca: signed})
    expect(facts.blocks.map(({index, typeName, raw}) => [index, typeName, raw])).toEqual([
      [1, 'rom', false],
      [2, 'firmware', false],
    ])
    expect(facts.signed!.request.nonce).toEqual(NONCE)
    expect(facts.signature).toHaveLength(96)
    const series = bytes.subarray(0, bytes.length - 96)
    expect(facts.transcript).toEqual(signed ? concat(vca.bytes, series) : series)
  })

  it('the negotiation may be in front, and is signed since 1.2 only', () => {
    const apart = parse(all(version), vca)
    const together = parse(concat(vca.bytes, all(version)))
    expect(together.embeddedVca?.bytes).toEqual(vca.bytes)
    expect(together.transcript).toEqual(apart.transcript)
    expect(together.exchanges[0]!.request.offset).toBe(vca.bytes.length)
    for (const {offset, index} of together.blocks) expect(together.bytes[offset]).toBe(index)
  })

  it('without a negotiation, 1.2 and later have no transcript to verify', () => {
    expect(parse(all(version)).transcript === undefined).toBe(signed)
  })

  it('one by one after asking how many', () => {
    const bytes = concat(
      exchange(version, ask(0, false, version), answer(version, {totalNumberOfMeasurements: 2})),
      exchange(version, ask(1, false, version), answer(version, {measurementRecord: [BLOCKS[0]!]})),
      exchange(version, ask(2, true, version), answer(version, {measurementRecord: [BLOCKS[1]!]})),
    )
    const facts = parse(bytes, vca)
    expect(facts).toMatchObject({complete: true, problems: []})
    expect(facts.exchanges).toHaveLength(3)
    expect(facts.blocks.map(({index}) => index)).toEqual([1, 2])
    expect(facts.transcript!.length).toBe(bytes.length - 96 + (signed ? vca.bytes.length : 0))
  })

  it('every truncation is refused or loses the signature', () => {
    const bytes = all(version)
    for (let length = 0; length < bytes.length; length++)
      expect(() => parse(bytes.subarray(0, length), vca)).toThrow(DecodeError)
  })

  it('bytes behind the signature are reported and not signed', () => {
    const bytes = all(version)
    const facts = parse(concat(bytes, bytes), vca)
    expect(facts.exchanges).toHaveLength(1)
    expect(facts.trailing).toEqual({offset: bytes.length, length: bytes.length})
    expect(facts.transcript).toEqual(parse(bytes, vca).transcript)
  })

  it('a series without signature has none', () => {
    const facts = parse(
      exchange(version, ask(1, false, version), answer(version, {measurementRecord: [BLOCKS[0]!]})),
      vca,
    )
    expect(facts).toMatchObject({signed: undefined, signature: undefined, transcript: undefined, complete: false})
  })

  it('a flipped bit gives facts or a DecodeError', () => {
    const bytes = all(version)
    for (let bit = 0; bit < bytes.length * 8; bit += 3) {
      let result: unknown
      try {
        result = parse(flipped(bytes, bit), vca).exchanges.length
      } catch (error) {
        result = error
      }
      expect(typeof result === 'number' || result instanceof DecodeError).toBe(true)
    }
  })

  it('headers planted in nonces, opaque data and values never change which messages are read', () => {
    const planted = fc.constantFrom(
      Uint8Array.of(version, 0x60, 0, 0),
      Uint8Array.of(version, 0xe0, 1, 0xff),
      Uint8Array.of(0x10, 0x84, 0, 0),
    )
    const bytesOf = (length: number) =>
      fc
        .tuple(fc.uint8Array({minLength: length, maxLength: length}), fc.nat({max: length - 4}), planted)
        .map(([bytes, at, header]) => {
          bytes.set(header, at)
          return bytes
        })
    fc.assert(
      fc.property(bytesOf(32), bytesOf(32), bytesOf(48), bytesOf(40), (nonce, theirs, value, opaqueData) => {
        const measurementRecord = [block(1, 1, value), BLOCKS[1]!]
        const bytes = all(version, {nonce: theirs, opaqueData, measurementRecord}, {nonce})
        const facts = parse(bytes, vca)
        const plain = parse(all(version, {opaqueData: new Uint8Array(40)}), vca)
        expect(facts.blocks.map(({offset, length}) => [offset, length])).toEqual(
          plain.blocks.map(({offset, length}) => [offset, length]),
        )
        expect(facts.signed!.request.nonce).toEqual(nonce)
        expect(facts.signed!.response.nonce).toEqual(theirs)
        expect(facts.signed!.response.opaqueData).toEqual(opaqueData)
        expect(facts.blocks[0]!.value).toEqual(value)
        expect(facts.trailing).toBeUndefined()
      }),
      {numRuns: 200},
    )
  })
})

it('random bytes give facts or a DecodeError', () => {
  fc.assert(
    fc.property(fc.uint8Array({maxLength: 200}), fc.constantFrom(0x10, 0x11, 0x12, 0x13), (tail, version) => {
      let result: unknown
      try {
        result = parse(concat(Uint8Array.of(version, 0xe0), tail)).version
      } catch (error) {
        result = error
      }
      expect(result === version || result instanceof DecodeError).toBe(true)
    }),
    {numRuns: 500},
  )
})

it('a series of another version than the negotiation is refused', () => {
  expect(() => parse(all(0x13), parseVca(vcaBytes({version: 0x12})))).toThrow(DecodeError)
  expect(() => parse(concat(vcaBytes({version: 0x12}), all(0x13)))).toThrow(DecodeError)
})

it('the caller’s bytes are copied', () => {
  const bytes = all(0x11)
  const facts = parse(bytes)
  const before = facts.transcript!.slice()
  bytes.fill(0)
  expect(equal(facts.transcript!, before)).toBe(true)
})

const ruleProblems = (bytes: Uint8Array, version = 0x13) =>
  parse(bytes, parseVca(vcaBytes({version}))).problems.map(({kind, exchange: i}) => `${kind} ${i}`)

describe('rules', () => {
  const pair = (operation: number, more: object, request: object = {}) =>
    exchange(0x13, {...ask(operation, true, 0x13), ...request}, answer(0x13, more))

  it.each<[string, Uint8Array, string[]]>([
    ['all, but none came', pair(0xff, {}), ['blocks 0']],
    ['one, but another came', pair(1, {measurementRecord: [BLOCKS[1]!]}), ['blocks 0']],
    ['one, but two came', pair(1, {measurementRecord: BLOCKS}), ['blocks 0']],
    ['the number, but blocks came', pair(0, {totalNumberOfMeasurements: 2, measurementRecord: BLOCKS}), ['blocks 0']],
    ['the number, and it is zero', pair(0, {}), ['blocks 0']],
    ['another slot', all(0x13, {slotId: 1}), ['slot 0']],
    ['no echo of the context', all(0x13, {requesterContext: new Uint8Array(8)}), ['context 0']],
    [
      'changed content without signature',
      concat(
        exchange(0x13, ask(1, false, 0x13), answer(0x13, {contentChanged: 1, measurementRecord: [BLOCKS[0]!]})),
        all(0x13),
      ),
      ['content-changed 0'],
    ],
    ['an index twice', pair(0xff, {measurementRecord: [BLOCKS[0]!, BLOCKS[0]!]}), ['duplicate-index 0']],
    [
      'an index with two values',
      concat(
        exchange(0x13, ask(1, false, 0x13), answer(0x13, {measurementRecord: [block(1, 0, digest(9))]})),
        all(0x13),
      ),
      ['conflicting-index 1'],
    ],
  ])('%s', (_, bytes, expected) => {
    expect(ruleProblems(bytes)).toEqual(expected)
  })

  it('content that changed is a fact of the signed response', () => {
    expect(parse(all(0x13, {contentChanged: 1})).signed!.response.contentChanged).toBe('changed')
    expect(parse(all(0x13, {contentChanged: 2})).signed!.response.contentChanged).toBe('unchanged')
  })

  it.each<[string, readonly number[], boolean]>([
    ['0, 1, 2', [0, 1, 2], true],
    ['0, 2, 1', [0, 2, 1], false],
    ['0, 1', [0, 1], false],
    ['1, 2', [1, 2], false],
    ['0, 1, 1', [0, 1, 1], false],
    ['0', [0], false],
    ['1, all', [1, 0xff], true],
  ])('operations %s: complete is %s', (_, operations, complete) => {
    const bytes = concat(
      ...operations.map((operation, i) =>
        exchange(
          0x11,
          ask(operation, i === operations.length - 1, 0x11),
          operation === 0
            ? {totalNumberOfMeasurements: 2}
            : {measurementRecord: operation === 0xff ? BLOCKS : [BLOCKS[operation - 1]!]},
        ),
      ),
    )
    expect(parse(bytes).complete).toBe(complete)
  })
})

describe('blocks', () => {
  const blockOf = (given: (typeof BLOCKS)[number]) => parse(all(0x12, {measurementRecord: [given]})).blocks[0]!
  const problemsOf = (given: (typeof BLOCKS)[number]) => {
    const {problems, representationProblems} = blockOf(given)
    return [problems.length, representationProblems.length]
  }

  it.each<[string, (typeof BLOCKS)[number], [number, number]]>([
    ['sound', block(1, 0, digest(1)), [0, 0]],
    ['index 0', block(0, 0, digest(1)), [1, 0]],
    ['index 0xFF', block(0xff, 0, digest(1)), [1, 0]],
    ['another specification', {index: 1, measurementSpecification: 2, measurement: digest(1)}, [1, 0]],
    ['an undefined type', block(1, 11, digest(1)), [1, 0]],
    ['too short for a value', {index: 1, measurementSpecification: 1, measurement: Uint8Array.of(0, 0)}, [1, 0]],
    [
      'a value size that is not the rest',
      {index: 1, measurementSpecification: 1, measurement: Uint8Array.of(0, 9, 0, 1)},
      [1, 0],
    ],
    ['a digest of another size', block(1, 0, new Uint8Array(32)), [0, 1]],
    ['a raw value of any size', block(1, 0, new Uint8Array(5), true), [0, 0]],
    ['an SVN of four bytes', block(0x10, 7, new Uint8Array(4), true), [0, 1]],
    ['an SVN', block(0x10, 7, new Uint8Array(8), true), [0, 0]],
    ['a device mode as digest', block(0xfe, 5, digest(1)), [0, 1]],
    ['a device mode', block(0xfe, 5, new Uint8Array(16), true), [0, 0]],
  ])('%s', (_, given, expected) => {
    expect(problemsOf(given)).toEqual(expected)
  })

  it('all zero and all one are told apart from absent', () => {
    expect(blockOf(block(1, 1, digest(0)))).toMatchObject({allZero: true, allOnes: false})
    expect(blockOf(block(1, 1, digest(0xff)))).toMatchObject({allZero: false, allOnes: true})
    expect(blockOf(block(1, 1, new Uint8Array(), true))).toMatchObject({allZero: false, allOnes: false})
  })

  it('an SVN is little-endian', () => {
    expect(blockOf(block(0x10, 7, Uint8Array.of(1, 2, 0, 0, 0, 0, 0, 0x80), true)).svn).toBe(0x8000_0000_0000_0201n)
  })
})

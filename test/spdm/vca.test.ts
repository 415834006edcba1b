/** Negotiations: six messages in order and nothing else, and what was agreed in them. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {concat, DecodeError} from '../../src/bits/index.js'
import {BASE_HASH, maskOf, algorithmProblems, parseVca, parseVcaPrefix} from '../../src/spdm/index.js'
import {negotiation, vcaBytes} from './connection.js'
import {flipped} from './support.js'

/** Offset in ALGORITHMS; reserved before 1.4. */
const PQC_ASYM_SEL = 20
const VERSIONS = [0x10, 0x11, 0x12, 0x13, 0x14]

describe.each(VERSIONS)('version %i', version => {
  const bytes = vcaBytes({version})

  it('says what was agreed', () => {
    const facts = parseVca(bytes)
    expect(facts).toMatchObject({
      version,
      highestOffered: version,
      versionOffered: true,
      hash: {name: 'sha384', size: 48},
      asym: {name: 'ecdsa-p384', signatureSize: 96},
      measurementHash: {name: 'sha384'},
      responder: {flags: {measCap: 2, certCap: true}},
      aead: version < 0x11 ? undefined : 'aes-256-gcm',
    })
    expect(facts.requester === undefined).toBe(version === 0x10)
    expect(facts.messages.map(({length}) => length)).toEqual(negotiation({version}).map(part => part.length))
    expect(facts.bytes).toEqual(bytes)
  })

  it('a field that was reserved then says nothing', () => {
    const facts = parseVca(bytes)
    const marked = bytes.slice()
    marked[facts.messages[5]!.offset + PQC_ASYM_SEL] = 1
    const {asym} = parseVca(marked)
    expect(asym?.name).toBe(version < 0x14 ? 'ecdsa-p384' : undefined)
  })

  it('every truncation and every extension is refused', () => {
    for (let length = 0; length < bytes.length; length++)
      expect(() => parseVca(bytes.subarray(0, length))).toThrow(DecodeError)
    expect(() => parseVca(concat(bytes, Uint8Array.of(0)))).toThrow(DecodeError)
    expect(parseVcaPrefix(concat(bytes, Uint8Array.of(1, 2, 3))).bytes).toEqual(bytes)
  })

  it('a flipped bit gives facts or a DecodeError', () => {
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      let result: unknown
      try {
        result = parseVca(flipped(bytes, bit)).version
      } catch (error) {
        result = error
      }
      expect(typeof result === 'number' || result instanceof DecodeError).toBe(true)
    }
  })
})

it('random bytes give facts or a DecodeError', () => {
  fc.assert(
    fc.property(fc.uint8Array({maxLength: 300}), bytes => {
      expect(() => parseVca(bytes)).toThrow(DecodeError)
    }),
  )
})

it.each([
  ['two messages swapped', [0, 3, 2, 1, 4, 5], 'messages[1]'],
  ['a message missing', [0, 1, 2, 4, 5], 'messages[3]'],
  ['a message twice', [0, 1, 2, 3, 3, 4, 5], 'messages[4]'],
])('%s is refused by name', (_, order, where) => {
  const parts = negotiation({version: 0x12})
  expect(() => parseVca(concat(...order.map(i => parts[i]!)))).toThrow(where)
})

it('messages of different versions are not one negotiation', () => {
  const parts = negotiation({version: 0x12})
  const others = negotiation({version: 0x13})
  expect(() => parseVca(concat(...parts.slice(0, 5), others[5]!))).toThrow(DecodeError)
})

it('a responder without versions is refused', () => {
  expect(() => parseVca(vcaBytes({version: 0x12, offered: []}))).toThrow('at least one')
})

it('a version that is not offered, or not the highest, is a fact', () => {
  expect(parseVca(vcaBytes({version: 0x12, offered: [0x12, 0x13]}))).toMatchObject({
    highestOffered: 0x13,
    versionOffered: true,
  })
  expect(parseVca(vcaBytes({version: 0x12, offered: [0x13]})).versionOffered).toBe(false)
})

const selectionProblems = (given: Parameters<typeof vcaBytes>[0]) =>
  parseVca(vcaBytes(given)).selections.flatMap(row => row.problems.map(problem => `${row.name} ${problem}`))

describe('selections', () => {
  const [sha256, sha384] = BASE_HASH

  it.each<[string, Parameters<typeof vcaBytes>[0], string[]]>([
    ['fine', {version: 0x12}, []],
    [
      'two base hashes',
      {
        version: 0x12,
        negotiate: {baseHashAlgo: maskOf(sha256!, sha384!)},
        algorithms: {baseHashSel: maskOf(sha256!, sha384!)},
      },
      ['BaseHash several'],
    ],
    ['one that was not offered', {version: 0x12, algorithms: {baseHashSel: maskOf(sha256!)}}, ['BaseHash not offered']],
    [
      'one nobody knows',
      {version: 0x12, negotiate: {baseAsymAlgo: 0x8000_0000}, algorithms: {baseAsymSel: 0x8000_0000}},
      ['BaseAsym unknown'],
    ],
    [
      'an AEAD that was not offered',
      {version: 0x12, algorithms: {algStructures: [{algType: 3, algSupported: 4}]}},
      ['AEAD not offered'],
    ],
  ])('%s', (_, given, expected) => {
    expect(selectionProblems(given)).toEqual(expected)
  })

  it('several hashes are no hash', () => {
    const both = maskOf(sha256!, sha384!)
    const facts = parseVca(vcaBytes({version: 0x12, algorithms: {baseHashSel: both}}))
    expect(facts.hash).toBeUndefined()
    expect(facts.selections.find(({name}) => name === 'BaseHash')!.selectedNames).toEqual(['sha256', 'sha384'])
  })

  it('structures out of order are read; that it is a problem is for the rules to say', () => {
    const algStructures = [
      {algType: 3, algSupported: 2},
      {algType: 2, algSupported: 8},
    ]
    const facts = parseVca(vcaBytes({version: 0x12, algorithms: {algStructures}}))
    expect(algorithmProblems(facts)).toContain('algorithm structures of ALGORITHMS do not ascend by AlgType')
  })
})

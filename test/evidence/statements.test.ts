/** What a TSM can state, and what registers show of a link: written and read back, and nothing beside it. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {DecodeError} from '../../src/bits/index.js'
import {
  decodeIdeFacts,
  decodeTsmFacts,
  encodeFacts,
  IDE_ERRATA,
  IDE_KEYS,
  type IdeFacts,
  type TsmFacts,
  tsmFacts,
} from '../../src/evidence/index.js'
import {REGISTERS} from '../appraisal/bases/g5.js'

const some = <T>(members: {readonly [K in keyof T]: fc.Arbitrary<T[K]>}): fc.Arbitrary<Partial<T>> =>
  fc.record(members, {requiredKeys: []}) as unknown as fc.Arbitrary<Partial<T>>

const bytes = fc.uint8Array({minLength: 1, maxLength: 64}).map(value => Buffer.from(value).toString('hex'))
const id = fc.bigInt({min: 0n, max: 2n ** 64n - 1n}).map(value => `0x${value.toString(16)}`)
const version = fc.integer({min: 0, max: 9}).map(minor => `1.${minor}`)
const padded = (value: number, width: number): string => value.toString(16).padStart(width, '0')
const bdf = fc
  .tuple(fc.nat(0xffff), fc.nat(0xff), fc.nat(0x1f), fc.nat(7))
  .map(([domain, bus, device, fn]) => `${padded(domain, 4)}:${padded(bus, 2)}:${padded(device, 2)}.${fn}`)
const mark = fc.record({before: fc.option(bytes), after: fc.option(bytes)})
const subset = <T>(all: readonly T[]): fc.Arbitrary<T[]> => fc.subarray([...all])
const name = fc.string({maxLength: 64})

const STATEMENTS = some<TsmFacts>({
  name: fc.constant('tsm0'),
  state: fc.constant('CONFIG_LOCKED'),
  digestAlgorithm: fc.constant('sha384'),
  digests: fc.constant({}),
  connected: fc.boolean(),
  measurementDigest: fc.record({valid: fc.boolean(), fresh: fc.boolean()}),
  session: some<NonNullable<TsmFacts['session']>>({
    bound: fc.boolean(),
    alive: fc.boolean(),
    id,
    slot: fc.nat(7),
    key: fc.record({of: fc.constantFrom('certificate' as const, 'spki' as const), alg: name, value: bytes}),
    spdmVersion: version,
    maxSpdmVersion: version,
    algorithms: some({hash: name, asym: name, measurementHash: name, dhe: name, aead: name}),
  }),
  lockFlags: some({
    noFwUpdate: fc.boolean(),
    lockMsix: fc.boolean(),
    bindP2p: fc.boolean(),
    allRequestRedirect: fc.boolean(),
  }),
  marks: some({lock: mark, measurements: mark, report: mark}),
  interface: fc.oneof(fc.record({report: id}), fc.record({report: id, tdi: id, bdf})),
  link: some<NonNullable<TsmFacts['link']>>({
    secure: fc.boolean(),
    streamId: fc.nat(255),
    defaultStream: fc.boolean(),
    trafficClass: fc.nat(7),
    exclusive: fc.boolean(),
    teeLimited: fc.boolean(),
    keys: fc.record({session: id, programmed: subset(IDE_KEYS)}),
    errata: fc.record({platform: subset(IDE_ERRATA), device: subset(IDE_ERRATA)}),
  }),
})

const BASE: TsmFacts = {name: 'tsm0', state: 'CONFIG_LOCKED', digestAlgorithm: null, digests: {}}
const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

describe('statements of a TSM', () => {
  it('read back as written, whichever are there', () =>
    fc.assert(
      fc.property(STATEMENTS, stated => {
        const facts = {...BASE, ...stated} as TsmFacts
        expect(decodeTsmFacts(encodeFacts(facts))).toEqual(facts)
      }),
    ))

  it('are refused when they end early', () =>
    fc.assert(
      fc.property(STATEMENTS, fc.nat(), (stated, cut) => {
        const whole = encodeFacts({...BASE, ...stated} as TsmFacts)
        expect(() => decodeTsmFacts(whole.subarray(0, cut % whole.length))).toThrow(DecodeError)
      }),
      {numRuns: 50},
    ))

  it('are absent from evidence that was written without them: its digest stays', () => {
    const written = Buffer.from(encodeFacts(tsmFacts('tsm0', 'CONFIG_LOCKED', new Map()))).toString()
    expect(written).toBe('{"digestAlgorithm":null,"digests":{},"name":"tsm0","state":"CONFIG_LOCKED"}')
  })

  it.each([
    ['a statement nobody defined', {...BASE, trusted: true}],
    ['one inside another', {...BASE, session: {bound: true, trusted: true}}],
    ['a flag that is no bit', {...BASE, lockFlags: {bindP2p: 0}}],
    ['half of what a digest is', {...BASE, measurementDigest: {valid: true}}],
    ['a mark of half a byte', {...BASE, marks: {lock: {before: '123', after: null}}}],
    ['an empty mark', {...BASE, marks: {lock: {before: '', after: null}}}],
    ['a session that is no number', {...BASE, session: {id: 'five'}}],
    ['keys of an unknown sub-stream', {...BASE, link: {keys: {session: '0x1', programmed: ['all']}}}],
    ['corrections of something else', {...BASE, link: {errata: {platform: ['CVE-2000-0001'], device: []}}}],
    ['a key of another kind', {...BASE, session: {key: {of: 'name', alg: 'sha384', value: '00'}}}],
    ['slot 8', {...BASE, session: {slot: 8}}],
  ])('are refused: %s', (_, value) => expect(() => decodeTsmFacts(text(value))).toThrow(DecodeError))
})

describe('registers of a link', () => {
  it('read back as written', () => expect(decodeIdeFacts(encodeFacts(REGISTERS))).toEqual(REGISTERS))

  it('are refused when they end early', () => {
    const whole = encodeFacts(REGISTERS)
    for (let end = 0; end < whole.length; end += 7)
      expect(() => decodeIdeFacts(whole.subarray(0, end))).toThrow(DecodeError)
  })

  it.each<[string, unknown]>([
    ['a member nobody defined', {...REGISTERS, secure: true}],
    ['a member missing', {...REGISTERS, unread: undefined}],
    ['a stream without ends', {...REGISTERS, streams: [{name: 'stream0.0.0'}]}],
    ['Stream ID 256', {...REGISTERS, streams: withEnd({streamId: 256})}],
    ['traffic class 8', {...REGISTERS, streams: withEnd({trafficClass: 8})}],
    ['a function that is none', {...REGISTERS, bdf: '1:0.0'}],
  ])('are refused: %s', (_, value) => expect(() => decodeIdeFacts(text(value))).toThrow(DecodeError))
})

function withEnd(change: object): IdeFacts['streams'] {
  const [stream] = REGISTERS.streams
  return [{...stream!, endpoint: {...stream!.endpoint!, ...change}}]
}

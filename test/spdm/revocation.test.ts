/** Revocation: what lists and responses prove, and everything that makes one of them prove nothing. */
import {readFileSync} from 'node:fs'
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {DecodeError} from '../../src/bits/index.js'
import {
  type CertificateFacts,
  crlFacts,
  ocspFacts,
  type RevocationSources,
  revocationStatus,
  type RevocationTimes,
} from '../../src/spdm/index.js'
import {
  BasicConstraintsExtension,
  CA,
  der,
  ExtendedKeyUsageExtension,
  extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  make,
  SIGNS,
} from './authority.js'
import {
  type AnswerShape,
  type CrlShape,
  extensionDer,
  integer,
  issuingPoint,
  makeCrl,
  makeOcsp,
  type OcspShape,
  pointUrls,
} from './statements.js'
import {certificateFacts, flipped} from './support.js'

const ISSUES = [
  new BasicConstraintsExtension(true, undefined, true),
  new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
]
const POINT = 'http://crl.example/root.crl'
const crlPointer = (url = POINT) => extension('2.5.29.31', der(0x30, der(0x30, der(0xa0, der(0xa0, der(0x86, url))))))
const ocspPurpose = new ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.9'])
const noCheck = extension('1.3.6.1.5.5.7.48.1.5', Uint8Array.of(5, 0))

const root = await make({subject: 'CN=root', extensions: ISSUES})
const other = await make({subject: 'CN=root', extensions: ISSUES})
const silent = await make({subject: 'CN=root', extensions: CA})
const device = await make({subject: 'CN=device', serial: '80ff', issuer: root, extensions: [...CA, crlPointer()]})
const plain = await make({subject: 'CN=plain', serial: '05', issuer: root, extensions: SIGNS})
const delegate = await make({subject: 'CN=ocsp', serial: '06', issuer: root, extensions: [ocspPurpose, noCheck]})

const NOW: RevocationTimes = {
  now: new Date('2026-11-21T12:00:00Z'),
  clockTrusted: true,
  floor: new Date('2026-11-01T00:00:00Z'),
}
const NONE: RevocationSources = {lists: [], responses: []}
const listOf = (bytes: Uint8Array) => ({...crlFacts(bytes), source: 'a list'})
const responseOf = (bytes: Uint8Array) => {
  const facts = ocspFacts(bytes)
  return {...facts, responders: facts.certificates.map(certificateFacts), source: 'a response'}
}

interface Asked {
  readonly certificate?: CertificateFacts
  readonly issuer?: CertificateFacts
  readonly times?: Partial<RevocationTimes>
}

function ask(
  sources: Partial<RevocationSources>,
  {certificate = device.facts, issuer = root.facts, times}: Asked = {},
) {
  const status = revocationStatus({certificate, issuer}, {...NONE, ...sources}, {...NOW, ...times})
  return status.kind === 'unknown' ? `unknown ${status.code}` : status.kind
}
const byList = (shape: Partial<CrlShape>, asked?: Asked) => ask({lists: [listOf(makeCrl({by: root, ...shape}))]}, asked)
const NAMED = {revoked: [{serial: '80ff', reason: 1}]}

describe('without any statement', () => {
  it('a certificate that names a source has an unknown status, any other has none', () => {
    expect(ask({})).toBe('unknown nothing')
    expect(ask({}, {certificate: plain.facts})).toBe('none')
  })
})

describe('a list', () => {
  it.each<[string, Partial<CrlShape>, string, Asked?]>([
    ['names nobody', {}, 'good'],
    ['names somebody else', {revoked: [{serial: '05'}]}, 'good'],
    ['names the certificate', NAMED, 'revoked'],
    ['names it on hold', {revoked: [{serial: '80ff', reason: 6}]}, 'revoked'],
    ['names a number that is a part of it', {revoked: [{serial: '80'}, {serial: 'ff'}, {serial: '0080ff00'}]}, 'good'],
    ['is of another issuer', {issuer: device.facts.subjectDer}, 'unknown nothing'],
    ['is of another key with the name of the issuer', {by: other}, 'unknown signer'],
    ['is of a key that may not sign lists', {by: silent}, 'unknown may-not-sign', {issuer: silent.facts}],
    ['is signed with SHA-1', {hash: 'sha1'}, 'unknown weak'],
    ['is due for renewal', {nextUpdate: new Date('2026-11-21T11:59:59Z')}, 'unknown stale'],
    ['is due for renewal, and names it', {...NAMED, nextUpdate: new Date('2026-11-21T11:59:59Z')}, 'revoked'],
    ['is from the future', {thisUpdate: new Date('2026-11-21T13:00:00Z')}, 'unknown not-yet'],
    ['is older than the rule wants', {}, 'unknown stale', {times: {maxAgeHours: 5}}],
    ['is as old as the rule wants', {}, 'good', {times: {maxAgeHours: 6}}],
    ['says not how long it holds', {nextUpdate: null}, 'unknown stale'],
    ['says not how long it holds, but the rule does', {nextUpdate: null}, 'good', {times: {maxAgeHours: 6}}],
    ['is read without a clock', {}, 'undated', {times: {clockTrusted: false}}],
    [
      'is read without a clock, and ended before this tool was built',
      {thisUpdate: new Date('2026-10-01'), nextUpdate: new Date('2026-10-31')},
      'unknown stale',
      {times: {clockTrusted: false}},
    ],
    ['names it, and is read without a clock', NAMED, 'revoked', {times: {clockTrusted: false}}],
    ['is a delta', {extensions: [extensionDer('2.5.29.27', integer('01'), true)]}, 'unknown unusable'],
    [
      'is a delta, and names it',
      {...NAMED, extensions: [extensionDer('2.5.29.27', integer('01'))]},
      'unknown unusable',
    ],
    ['is indirect', {extensions: [issuingPoint(der(0x84, Uint8Array.of(0xff)))]}, 'unknown unusable'],
    [
      'has an entry of another issuer',
      {revoked: [{serial: '80ff', extensions: [extensionDer('2.5.29.29', der(0x30), true)]}]},
      'unknown unusable',
    ],
    [
      'has an unknown critical extension',
      {extensions: [extensionDer('1.2.3', integer('01'), true)]},
      'unknown incomplete',
    ],
    [
      'has an unknown critical extension, and names it',
      {...NAMED, extensions: [extensionDer('1.2.3', integer('01'), true)]},
      'revoked',
    ],
    ['has an unknown extension', {extensions: [extensionDer('1.2.3', integer('01'))]}, 'good'],
    [
      'has an entry with an unknown critical extension',
      {revoked: [{serial: '05', extensions: [extensionDer('1.2.3', integer('01'), true)]}]},
      'unknown incomplete',
    ],
    ['is about some reasons', {extensions: [issuingPoint(der(0x83, Uint8Array.of(1, 0x40)))]}, 'unknown incomplete'],
    ['is about users only', {extensions: [issuingPoint(der(0x81, Uint8Array.of(0xff)))]}, 'unknown incomplete'],
    ['is about authorities only', {extensions: [issuingPoint(der(0x82, Uint8Array.of(0xff)))]}, 'good'],
    [
      'is about users only, of which it is one',
      {extensions: [issuingPoint(der(0x81, Uint8Array.of(0xff)))]},
      'good',
      {certificate: plain.facts},
    ],
    ['is about attributes only', {extensions: [issuingPoint(der(0x85, Uint8Array.of(0xff)))]}, 'unknown incomplete'],
    ['is for its distribution point', {extensions: [issuingPoint(pointUrls('http://x', POINT))]}, 'good'],
    ['is for another distribution point', {extensions: [issuingPoint(pointUrls('http://x'))]}, 'unknown incomplete'],
    [
      'is for a distribution point, and the certificate names none',
      {extensions: [issuingPoint(pointUrls(POINT))]},
      'unknown incomplete',
      {certificate: plain.facts},
    ],
  ])('that %s', (_, shape, expected, asked) => {
    expect(byList(shape, asked)).toBe(expected)
  })

  it('compares serial numbers as numbers', () => {
    // the library writes 00 80 ff: the sign takes an octet of its own
    expect(device.facts).toMatchObject({serial: '0080ff', serialNumber: 0x80ffn})
    expect(crlFacts(makeCrl({by: root, ...NAMED})).revoked.get(0x80ffn)).toMatchObject({reason: 'keyCompromise'})
  })

  it('of a weak key is refused', async () => {
    const weak = await make({subject: 'CN=root', rsaBits: 2048, extensions: ISSUES})
    expect(byList({by: weak}, {issuer: weak.facts})).toBe('unknown weak')
  })

  it.each<[string, Partial<CrlShape>]>([
    ['version 1', {version: 0, extensions: []}],
    ['version 3', {version: 2}],
    ['an extension twice', {extensions: [1, 2].map(n => extensionDer('2.5.29.20', integer(`0${n}`)))}],
    ['a scope of two kinds', {extensions: [issuingPoint(...[0x81, 0x82].map(tag => der(tag, Uint8Array.of(0xff))))]}],
    ['an unknown member of its scope', {extensions: [issuingPoint(der(0x86, Uint8Array.of(0xff)))]}],
  ])('with %s is none', (_, shape) => {
    expect(() => crlFacts(makeCrl({by: root, ...shape}))).toThrow(DecodeError)
  })
})

const about = (shape: Partial<AnswerShape> = {}): AnswerShape => ({about: device.facts, issuer: root.facts, ...shape})
const byResponse = (shape: Partial<OcspShape>, answer?: Partial<AnswerShape>, asked?: Asked, lists?: CrlShape[]) => {
  const responses = [responseOf(makeOcsp({by: root, answers: [about(answer)], ...shape}))]
  return ask({responses, lists: (lists ?? []).map(list => listOf(makeCrl(list)))}, asked)
}
const delegated = (by: typeof delegate): Partial<OcspShape> => ({by, certificates: [by.facts]})
const REVOKED = {at: new Date('2026-10-01T00:00:00Z'), reason: 1}

const responder = (shape: Parameters<typeof make>[0]) =>
  make({subject: 'CN=ocsp', issuer: root, serial: '06', ...shape})

describe('a response', () => {
  it.each<[string, Partial<OcspShape>, Partial<AnswerShape>, string, Asked?]>([
    ['of the issuer', {}, {}, 'good'],
    ['that names the issuer by key', {responder: 'key'}, {}, 'good'],
    ['that names the certificate by SHA-256', {}, {hash: 'sha256'}, 'good'],
    ['that revokes', {}, {status: REVOKED}, 'revoked'],
    ['that does not know', {}, {status: 'unknown'}, 'unknown answer'],
    ['about another serial number', {}, {serial: '80fe'}, 'unknown nothing'],
    ['about another issuer’s certificate', {}, {issuer: device.facts}, 'unknown nothing'],
    ['about the same name with another key', {}, {issuer: other.facts}, 'unknown nothing'],
    ['of an unrelated authority', {by: other}, {}, 'unknown signer'],
    ['of an unrelated authority that brings its certificate', delegated(other), {}, 'unknown may-not-sign'],
    ['of an unrelated authority that revokes', {by: other}, {status: REVOKED}, 'unknown signer'],
    ['of a delegate', delegated(delegate), {}, 'good'],
    ['of a delegate that revokes', delegated(delegate), {status: REVOKED}, 'revoked'],
    ['of a delegate that left its certificate out', {by: delegate}, {}, 'unknown signer'],
    ['signed with SHA-1', {hash: 'sha1'}, {}, 'unknown weak'],
    ['signed with SHA-1 that revokes', {hash: 'sha1'}, {status: REVOKED}, 'revoked'],
    ['of a stranger with a certificate that revokes', delegated(other), {status: REVOKED}, 'unknown may-not-sign'],
    ['due for renewal', {}, {nextUpdate: new Date('2026-11-21T11:00:00Z')}, 'unknown stale'],
    ['due for renewal that revokes', {}, {status: REVOKED, nextUpdate: new Date('2026-11-21T11:00:00Z')}, 'revoked'],
    ['older than the rule wants', {}, {}, 'unknown stale', {times: {maxAgeHours: 5}}],
    ['without an end', {}, {nextUpdate: null}, 'unknown stale'],
    ['read without a clock', {}, {}, 'undated', {times: {clockTrusted: false}}],
    ['with a nonce nobody sent', {extensions: [extensionDer('1.3.6.1.5.5.7.48.1.2', der(4), true)]}, {}, 'good'],
    ['with an unknown critical extension', {extensions: [extensionDer('1.2.3', der(5), true)]}, {}, 'unknown unusable'],
    ['with one in the answer', {}, {extensions: [extensionDer('1.2.3', der(5), true)]}, 'unknown unusable'],
  ])('%s', (_, shape, answer, expected, asked) => {
    expect(byResponse(shape, answer, asked)).toBe(expected)
  })

  it('may only come from a delegate that the issuer itself made one', async () => {
    const cases: readonly [Parameters<typeof make>[0], string][] = [
      [{extensions: [noCheck]}, 'may-not-sign'],
      [{extensions: [ocspPurpose, noCheck, new KeyUsagesExtension(KeyUsageFlags.keyAgreement)]}, 'may-not-sign'],
      [{extensions: [ocspPurpose, noCheck], issuer: other}, 'may-not-sign'],
      [{extensions: [ocspPurpose, noCheck], issuer: device}, 'may-not-sign'],
      [{extensions: [ocspPurpose, noCheck], notAfter: '2026-11-20'}, 'may-not-sign'],
      [{extensions: [ocspPurpose, noCheck], notBefore: '2026-11-22'}, 'may-not-sign'],
      [{extensions: [ocspPurpose, noCheck, extension('1.2.3', Uint8Array.of(5, 0), true)]}, 'may-not-sign'],
      [{extensions: [ocspPurpose]}, 'may-not-sign'],
      [{extensions: [ocspPurpose, noCheck], hash: 'SHA-1'}, 'weak'],
    ]
    for (const [shape, code] of cases) expect(byResponse(delegated(await responder(shape)))).toBe(`unknown ${code}`)
  })

  it('that revokes stops a certificate also after its delegate has ended, and of nobody who never was one', async () => {
    const cases: readonly [Parameters<typeof make>[0], string][] = [
      [{extensions: [ocspPurpose, noCheck], notAfter: '2026-11-20'}, 'revoked'],
      [{extensions: [ocspPurpose]}, 'revoked'],
      [{extensions: [noCheck]}, 'unknown may-not-sign'],
      [{extensions: [ocspPurpose, noCheck], issuer: other}, 'unknown may-not-sign'],
    ]
    for (const [shape, expected] of cases)
      expect(byResponse(delegated(await responder(shape)), {status: REVOKED})).toBe(expected)
  })

  it('a delegate without an exemption is looked up, and a revoked one is believed nothing', async () => {
    const looked = await make({subject: 'CN=ocsp', issuer: root, serial: '07', extensions: [ocspPurpose]})
    const some = makeOcsp({...delegated(looked), by: looked, answers: [about({about: plain.facts})]})
    const status = (lists: CrlShape[]) =>
      ask(
        {responses: [responseOf(some)], lists: lists.map(list => listOf(makeCrl(list)))},
        {certificate: plain.facts, times: {}},
      )
    expect(status([])).toBe('unknown may-not-sign')
    // a complete list speaks for the responder, and for the certificate too
    expect(status([{by: root}])).toBe('good')
    const exempt = [{by: root, revoked: [{serial: '06'}], extensions: [issuingPoint(pointUrls('http://x'))]}]
    expect(byResponse(delegated(delegate), {}, {}, exempt)).toBe('unknown incomplete')
  })

  it.each([1, 2, 3, 5, 6])('of status %i says nothing', status => {
    expect(() => ocspFacts(der(0x30, der(0x0a, Uint8Array.of(status))))).toThrow(DecodeError)
  })
})

it('a revocation counts more than any number of good answers', () => {
  const [good, bad] = [makeCrl({by: root}), makeCrl({by: root, ...NAMED})].map(listOf)
  const answer = responseOf(makeOcsp({by: root, answers: [about()]}))
  for (const lists of [
    [good!, bad!],
    [bad!, good!],
  ])
    expect(ask({lists, responses: [answer]})).toBe('revoked')
  expect(
    ask({lists: [good!], responses: [responseOf(makeOcsp({by: root, answers: [about({status: REVOKED})]}))]}),
  ).toBe('revoked')
})

describe('statements of another implementation', () => {
  const text = readFileSync(new URL('openssl-statements.json', import.meta.url), 'utf8')
  const made = JSON.parse(text) as Readonly<Record<string, string>>
  const bytes = (name: string) => new Uint8Array(Buffer.from(made[name]!, 'base64'))
  const [issuer, a, b] = ['root', 'a', 'b'].map(name => certificateFacts(bytes(name))) as [
    CertificateFacts,
    CertificateFacts,
    CertificateFacts,
  ]
  const times = {now: new Date('2026-11-23T00:00:00Z')}

  it.each<[string, Partial<RevocationSources>]>([
    ['list', {lists: [listOf(bytes('crl'))]}],
    ['response', {responses: [responseOf(bytes('ocsp'))]}],
  ])('a %s', (_, sources) => {
    expect(ask(sources, {certificate: a, issuer, times})).toBe('good')
    expect(revocationStatus({certificate: b, issuer}, {...NONE, ...sources}, {...NOW, ...times})).toMatchObject({
      kind: 'revoked',
      reason: 'keyCompromise',
      at: new Date('2026-11-22T03:08:21Z'),
    })
    expect(ask(sources, {certificate: a, issuer, times: {now: new Date('2027-02-01')}})).toBe('unknown stale')
  })
})

/** Status by changed bytes; undefined where they are refused as such. */
function statusOf(bytes: Uint8Array, read: (bytes: Uint8Array) => Partial<RevocationSources>): string | undefined {
  let sources: Partial<RevocationSources>
  try {
    sources = read(bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeError)
    return undefined
  }
  return ask(sources)
}

describe('bytes', () => {
  const statements: readonly [string, Uint8Array, (bytes: Uint8Array) => Partial<RevocationSources>][] = [
    ['list', makeCrl({by: root, ...NAMED}), bytes => ({lists: [listOf(bytes)]})],
    [
      'response',
      makeOcsp({...delegated(delegate), by: delegate, answers: [about({status: REVOKED})]}),
      bytes => ({responses: [responseOf(bytes)]}),
    ],
  ]

  it.each(statements)('no bit of a %s turns revoked into good', (_, bytes, read) => {
    expect(statusOf(bytes, read)).toBe('revoked')
    for (let bit = 0; bit < bytes.length * 8; bit += 59)
      expect(statusOf(flipped(bytes, bit), read), `${bit}`).not.toBe('good')
  })

  it.each(statements)('every truncation of a %s, and a byte more, is refused', (_, bytes, read) => {
    for (let length = 0; length < bytes.length; length += 3)
      expect(() => read(bytes.subarray(0, length))).toThrow(DecodeError)
    expect(() => read(new Uint8Array([...bytes, 0]))).toThrow(DecodeError)
  })

  it('arbitrary bytes are refused in one way', () => {
    fc.assert(
      fc.property(fc.uint8Array({maxLength: 200}), fc.boolean(), (content, wrap) => {
        const bytes = wrap ? der(0x30, content) : content
        for (const read of [crlFacts, ocspFacts]) expect(() => read(bytes)).toThrow(DecodeError)
      }),
      {numRuns: 100},
    )
  })
})

/** Chains as peers serve them: hashes, models, marks, uses and roles, one contradiction at a time. */
import {describe, expect, it} from 'vitest'
import {fromHex} from '../../src/bits/index.js'
import {
  CAPABILITY_FLAGS,
  certificateModel,
  type ChainProblemKind,
  chainProblems,
  connectionOf,
  DIGESTS,
  digestOf,
  digestProblems,
  encodeCertificateChain,
  leafProblems,
  loadCryptoOf,
  modelProblems,
  parseCertificateChain,
  parseVca,
  type ServedChain,
  type SlotFacts,
  slotAllows,
  slotsOf,
} from '../../src/spdm/index.js'
import {
  authorityKeyId,
  BasicConstraintsExtension,
  CA,
  dmtfExtension,
  ExtendedKeyUsageExtension,
  keyId,
  type Made,
  make,
  SIGNS,
} from './authority.js'
import {captureIndex, captureLines, hasCaptures} from './captures.js'
import {P384, SHA384, vcaBytes} from './connection.js'
import {bytesOf, certificateFacts, hasData, textOf} from './support.js'

const DMTF = '1.3.6.1.4.1.412.274'
const HARDWARE = dmtfExtension(`${DMTF}.2`)
const MUTABLE = dmtfExtension(`${DMTF}.5`)
const END = new BasicConstraintsExtension(false, undefined, true)
const eku = (...n: number[]) => new ExtendedKeyUsageExtension(n.map(i => `${DMTF}.${i}`))

const root = await make({subject: 'CN=root', extensions: [...CA, keyId('01')]})
const device = await make({
  subject: 'CN=device',
  issuer: root,
  extensions: [...CA, HARDWARE, keyId('02'), authorityKeyId('01')],
})
const plain = await make({subject: 'CN=middle', issuer: root, extensions: [...CA, keyId('03')]})
const alias = await make({subject: 'CN=alias', issuer: device, extensions: [...SIGNS, END, MUTABLE]})
const deviceLeaf = await make({subject: 'CN=leaf', issuer: plain, extensions: [...SIGNS, END, HARDWARE]})
const leaf = await make({subject: 'CN=leaf', issuer: plain, extensions: [...SIGNS, END]})

const connection = (version = 0x13, more: Partial<ServedChain['connection']> = {}, aliasCertCap = false) => {
  const base = connectionOf(parseVca(vcaBytes({version})))
  const flags = CAPABILITY_FLAGS.decode(CAPABILITY_FLAGS.encode({certCap: true, aliasCertCap}))
  return {...base, responder: {...base.responder, flags}, requesterAsym: P384, ...more}
}

const served = (made: readonly Made[], more: Partial<ServedChain> = {}): ServedChain => {
  const certificates = made.map(({facts}) => facts)
  const bytes = encodeCertificateChain(
    digestOf(SHA384, root.facts.der),
    certificates.map(({der}) => der),
  )
  return {chain: parseCertificateChain(bytes, 48), certificates, connection: connection(), ...more}
}

const kinds = (made: readonly Made[], more: Partial<ServedChain> = {}): ChainProblemKind[] =>
  chainProblems(served(made, more)).map(({kind}) => kind)

const slotOf = (made: readonly Made[], more: Partial<SlotFacts> = {}): SlotFacts => ({
  slot: 0,
  digest: digestOf(SHA384, served(made).chain.bytes),
  ...more,
})

describe('a served chain', () => {
  const anchor = {spki: root.facts.spki, certificate: root.facts}
  const multiKey = connection(0x13, {multiKey: true})
  const generic = [root, plain, leaf]

  it.each<[string, readonly Made[], Partial<ServedChain>, ChainProblemKind[]]>([
    ['of a device', [root, plain, deviceLeaf], {}, []],
    ['without marks', generic, {}, []],
    ['of an alias', [root, device, alias], {connection: connection(0x13, {}, true)}, []],
    ['with its anchor', [root, plain, leaf], {anchor}, []],
    ['without its root', [plain, leaf], {anchor}, []],
    ['with the digest of its slot', generic, {slot: slotOf(generic)}, []],
    ['with another digest', generic, {slot: slotOf([root, plain, deviceLeaf])}, ['digest']],
    [
      'whose RootHash is another root’s',
      [leaf],
      {anchor: {spki: plain.facts.spki, certificate: plain.facts}},
      ['root-hash'],
    ],
    ['without an agreed hash', generic, {connection: connection(0x13, {hash: undefined})}, ['hash']],
    [
      'with a broken link',
      [root, plain, alias],
      {connection: connection(0x13, {}, true)},
      ['issuer-name', 'signature'],
    ],
    ['of an alias where devices have their own', [root, device, alias], {}, ['model']],
    [
      'of a device where aliases are used',
      [root, plain, deviceLeaf],
      {connection: connection(0x13, {}, true)},
      ['model'],
    ],
    ['with CertificateInfo in a plain connection', generic, {certificateInfo: 1}, ['certificate-info']],
    ['without CertificateInfo in a plain connection', generic, {certificateInfo: 0}, []],
    [
      'of a slot with a model',
      generic,
      {connection: multiKey, slot: slotOf(generic, {model: 'device'}), certificateInfo: 1},
      [],
    ],
    [
      'of another model than its slot',
      generic,
      {connection: multiKey, slot: slotOf(generic, {model: 'device'}), certificateInfo: 3},
      ['certificate-info'],
    ],
    ['of a slot without facts, multi-key', generic, {connection: multiKey}, ['model']],
    ['of an empty slot', generic, {connection: multiKey, slot: slotOf(generic, {model: 'none'})}, ['model']],
    ['of the requester', generic, {role: 'requester'}, []],
    [
      'of a requester that agreed on no algorithm',
      generic,
      {role: 'requester', connection: connection(0x13, {asym: undefined})},
      [],
    ],
  ])('%s', (_, made, more, expected) => {
    expect(kinds(made, more)).toEqual(expected)
  })

  it('of nothing', () => {
    expect(chainProblems({...served(generic), certificates: []}).map(({kind}) => kind)).toEqual(['no-certificates'])
  })

  it('a leaf above itself is no device certificate', () => {
    expect(modelProblems([leaf.facts], 'alias').map(({message}) => message)).toEqual([
      'no device certificate is above the alias certificate',
    ])
  })

  describe('serial numbers', () => {
    it.each([
      ['00', []],
      ['01', []],
      ['ff', ['serial']],
      [`7f${'00'.repeat(19)}`, []],
      [`00${'ff'.repeat(20)}`, ['serial']],
    ])('%s', (serial, expected) => {
      const {chain, certificates, ...more} = served(generic)
      const [first, middle, last] = certificates
      const changed = [first!, middle!, {...last!, serial}]
      expect(chainProblems({chain, certificates: changed, ...more}).map(({kind}) => kind)).toEqual(expected)
    })
  })
})

describe('marks', () => {
  it('a mutable certificate signs no hardware identity', async () => {
    const mutable = await make({subject: 'CN=fw', issuer: root, extensions: [...CA, MUTABLE]})
    const below = await make({subject: 'CN=leaf', issuer: mutable, extensions: [...SIGNS, HARDWARE]})
    expect(modelProblems([root.facts, mutable.facts, below.facts], 'device')).toMatchObject([{certificate: 2}])
  })

  it('two hardware identities contradict each other', () => {
    expect(modelProblems([root.facts, device.facts, deviceLeaf.facts], 'device')).toMatchObject([
      {certificate: 2, message: 'it is the second one marked as hardware identity'},
    ])
  })

  it('a generic certificate needs no marks', () => {
    expect(modelProblems([root.facts, plain.facts, leaf.facts], 'generic')).toEqual([])
  })
})

describe('leaves by role and model', () => {
  it.each<[string, Parameters<typeof make>[0], Parameters<typeof leafProblems>[3], string[]]>([
    ['a requester with its use', {extensions: [...SIGNS, END, eku(4)]}, {role: 'requester'}, []],
    ['a requester with both', {extensions: [...SIGNS, END, eku(3, 4)]}, {role: 'requester'}, []],
    [
      'a requester with the other’s',
      {extensions: [...SIGNS, END, eku(3)]},
      {role: 'requester'},
      ['extended-key-usage'],
    ],
    ['a responder with the other’s', {extensions: [...SIGNS, END, eku(4)]}, {}, ['extended-key-usage']],
    ['no key usage, generic', {extensions: [END]}, {model: 'generic'}, []],
    ['no key usage, device', {extensions: [END]}, {model: 'device'}, ['key-usage']],
    ['a use that is not signing, generic', {extensions: [END, CA[1]!]}, {model: 'generic'}, ['key-usage']],
  ])('%s', async (_, shape, profile, expected) => {
    const {facts} = await make({issuer: device, ...shape})
    expect(leafProblems(facts, 0x13, P384, profile).map(({kind}) => kind)).toEqual(expected)
  })

  it('only version 3 of X.509 has the extensions that say what a key is for', () => {
    const {facts} = leaf
    expect(facts.version).toBe(3)
    expect(leafProblems({...facts, version: 1}, 0x13, P384).map(({kind}) => kind)).toEqual(['version'])
  })
})

const H = (fill: string) => fill.repeat(32)
const slotDigests = (hexText: string, context: Readonly<Record<string, number>> = {}) =>
  DIGESTS.decode(fromHex(hexText), {hashSize: 32, ...context})

describe('slots', () => {
  it('have a digest, and in a multi-key connection a key, a model and uses', () => {
    expect(slotsOf(slotDigests(`12 01 00 05 ${H('aa')} ${H('bb')}`))).toEqual([
      {slot: 0, digest: fromHex(H('aa'))},
      {slot: 2, digest: fromHex(H('bb'))},
    ])
    const [slot] = slotsOf(slotDigests(`13 01 01 01 ${H('aa')} 04 02 0500`, {multiKey: 1}))
    expect(slot).toEqual({
      slot: 0,
      digest: fromHex(H('aa')),
      keyPairId: 4,
      model: 'alias',
      uses: ['keyExchange', 'measurement'],
    })
    expect(slotAllows(slot!, 'measurement')).toBe(true)
    expect(slotAllows(slot!, 'challenge')).toBe(false)
    expect(slotAllows({slot: 0, digest: new Uint8Array()}, 'challenge')).toBe(true)
  })

  it.each([
    [0, 'none'],
    [1, 'device'],
    [2, 'alias'],
    [3, 'generic'],
    [4, undefined],
  ])('model %i is %s', (info, model) => expect(certificateModel(info)).toBe(model))

  it.each<[string, string, string[], boolean?]>([
    ['sound', `12 01 00 01 ${H('aa')}`, []],
    ['none', '12 01 00 00', ['no slot is provisioned']],
    ['a mask of 1.2 is reserved', `12 01 02 01 ${H('aa')}`, []],
    ['one that is not supported', `13 01 02 01 ${H('aa')}`, ['a slot is provisioned that is not supported']],
    ['sound, multi-key', `13 01 01 01 ${H('aa')} 01 01 0f00`, [], true],
    ['a generic slot 0', `13 01 01 01 ${H('aa')} 01 03 0f00`, ['slot 0 has a generic certificate'], true],
    ['a generic slot 1', `13 01 03 03 ${H('aa')} ${H('aa')} 0102 0103 0f00 0080`, [], true],
    [
      'a slot 0 without use',
      `13 01 01 01 ${H('aa')} 01 01 0080`,
      ['the key of slot 0 may be used for no authentication'],
      true,
    ],
    [
      'a digest without model',
      `13 01 01 01 ${H('aa')} 01 00 0f00`,
      ['slot 0 has a digest, but no certificate model'],
      true,
    ],
    ['no model and no digest', `13 01 01 01 ${H('00')} 01 00 0f00`, [], true],
    ['a reserved model', `13 01 01 01 ${H('aa')} 01 05 0f00`, ['slot 0 has a reserved certificate model'], true],
  ])('%s', (_, hexText, expected, multiKey = false) => {
    expect(digestProblems(slotDigests(hexText, {multiKey: Number(multiKey)}))).toEqual(expected)
  })
})

describe.skipIf(!hasCaptures)('chains of the captures (shared test data)', () => {
  it.each(Object.keys(captureIndex))('%s: nothing is wrong', async name => {
    const messages = captureLines(name).filter(({kind}) => kind === 'message')
    const vca = parseVca(
      fromHex(
        messages
          .slice(0, 6)
          .map(({hex}) => hex)
          .join(''),
      ),
    )
    const of = connectionOf(vca)
    const response = messages.find(line => line.name === 'DIGESTS')!
    const digests = DIGESTS.decode(fromHex(response.hex), {hashSize: of.hash!.size, multiKey: Number(of.multiKey)})
    expect(digestProblems(digests)).toEqual([])
    const slots = slotsOf(digests)
    let count = 0
    for (const slot of slots) {
      const file = captureIndex[name]!.chains[`responder.slot${slot.slot}`]
      if (file === undefined) continue
      const chain = parseCertificateChain(bytesOf(`spdm/emu/chains/${file}.chain.bin`), of.hash!.size)
      const certificates = chain.certificates.map(({der}) => certificateFacts(der))
      await loadCryptoOf(certificates)
      expect(chainProblems({chain, certificates, connection: of, slot})).toEqual([])
      count++
    }
    expect(count).toBeGreaterThan(0)
  })
})

describe.skipIf(!hasData('spdm/leafs/expected.json'))('leaves of both roles (shared test data)', () => {
  const rows = hasData('spdm/leafs/expected.json')
    ? (JSON.parse(textOf('spdm/leafs/expected.json')) as {
        cert: string
        role: 'requester' | 'responder'
        accept: boolean
      }[])
    : []
  it.each(rows)('$cert as $role: $accept', ({cert, role, accept}) => {
    const problems = leafProblems(certificateFacts(bytesOf(`spdm/${cert}`)), 0x12, undefined, {role})
    expect(problems.map(({kind}) => kind)).toEqual(accept ? [] : ['extended-key-usage'])
  })
})

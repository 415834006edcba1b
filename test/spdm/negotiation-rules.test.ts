/** Claims and selections that contradict each other, one by one (DSP0274 1.3 §10.4, §10.5; DSP0277 1.2 §9). */
import {describe, expect, it} from 'vitest'
import {concat, DecodeError, fromHex, toHex} from '../../src/bits/index.js'
import {
  algorithmProblems,
  asymNamed,
  CAPABILITY_FLAGS,
  type CapabilityFlags,
  capabilityProblems,
  chooseVersion,
  connectionOf,
  decodeSpdmMessage,
  definedFlags,
  encapsulatedContext,
  offeredSecuredVersions,
  OPAQUE_TABLE,
  parseVca,
  type PeerCapabilities,
  SECURED_VERSIONS,
  selectedVersion,
  selectedVersionOpaque,
  sessionProblems,
  type Side,
  SM_VERSION_SELECTION,
  supportedVersionsOpaque,
} from '../../src/spdm/index.js'
import {captureIndex, captureLines, hasCaptures} from './captures.js'
import {type Negotiation, vcaBytes} from './connection.js'
import {hasData, textOf} from './support.js'

const PROBES = 'spdm/emu/probes-1.2.json'

type Flags = Partial<CapabilityFlags>

const stated = (flags: Flags, more: Partial<PeerCapabilities> = {}): PeerCapabilities => ({
  flags: CAPABILITY_FLAGS.decode(CAPABILITY_FLAGS.encode(flags)),
  ctExponent: 0,
  dataTransferSize: 0x1200,
  maxSpdmMsgSize: 0x1200,
  ...more,
})

/** Flags that are sound on both sides in every version, as far as they are defined there. */
const SOUND: Flags = {certCap: true, chalCap: true, keyExCap: true, macCap: true, encryptCap: true}

describe('capabilities', () => {
  it.each<[Side, number]>(
    [0x10, 0x11, 0x12, 0x13, 0x14].flatMap(version => [
      ['requester', version] as [Side, number],
      ['responder', version],
    ]),
  )('of a sound %s in version %i', (side, version) => {
    expect(capabilityProblems(version, side, stated(SOUND))).toEqual([])
    expect(capabilityProblems(version, side, stated({...SOUND, measCap: 2, measFreshCap: true}))).toEqual([])
  })

  it.each<[string, Side, number, Flags, Flags]>([
    ['MEAS_CAP has the reserved value 3', 'responder', 0x12, {measCap: 3}, {measCap: 2}],
    ['MEAS_FRESH_CAP without MEAS_CAP', 'responder', 0x12, {measFreshCap: true}, {measFreshCap: true, measCap: 1}],
    ['CERT_CAP and CHAL_CAP differ', 'responder', 0x10, {chalCap: false}, {chalCap: false, measCap: 2}],
    ['signed measurements without CERT_CAP', 'responder', 0x10, {certCap: false, measCap: 2}, {measCap: 2}],
    ['PSK_CAP has a reserved value', 'requester', 0x11, {pskCap: 2}, {pskCap: 1}],
    ['PSK_CAP has the reserved value 3', 'responder', 0x11, {pskCap: 3}, {pskCap: 2}],
    ['KEY_EX_CAP or PSK_CAP without', 'requester', 0x11, {macCap: false, encryptCap: false}, {encryptCap: false}],
    ['MAC_CAP without KEY_EX_CAP', 'responder', 0x11, {keyExCap: false, encryptCap: false}, {}],
    [
      'ENCRYPT_CAP without KEY_EX_CAP',
      'requester',
      0x12,
      {keyExCap: false, macCap: false},
      {keyExCap: false, pskCap: 1},
    ],
    [
      'HBEAT_CAP without KEY_EX_CAP',
      'requester',
      0x12,
      {keyExCap: false, macCap: false, encryptCap: false, hbeatCap: true},
      {hbeatCap: true},
    ],
    [
      'KEY_UPD_CAP without KEY_EX_CAP',
      'responder',
      0x12,
      {keyExCap: false, macCap: false, encryptCap: false, keyUpdCap: true},
      {keyUpdCap: true},
    ],
    [
      'EVENT_CAP without KEY_EX_CAP',
      'responder',
      0x13,
      {keyExCap: false, macCap: false, encryptCap: false, eventCap: true},
      {eventCap: true},
    ],
    [
      'HANDSHAKE_IN_THE_CLEAR_CAP without KEY_EX_CAP',
      'requester',
      0x12,
      {keyExCap: false, macCap: false, encryptCap: false, handshakeInTheClearCap: true},
      {handshakeInTheClearCap: true},
    ],
    [
      'PSK_CAP alone with HANDSHAKE_IN_THE_CLEAR_CAP',
      'requester',
      0x12,
      {keyExCap: false, pskCap: 1, handshakeInTheClearCap: true},
      {pskCap: 1, handshakeInTheClearCap: true},
    ],
    ['CERT_CAP and PUB_KEY_ID_CAP', 'requester', 0x12, {pubKeyIdCap: true}, {certCap: false, pubKeyIdCap: true}],
    [
      'CERT_CAP or PUB_KEY_ID_CAP, but nothing',
      'responder',
      0x12,
      {chalCap: false, keyExCap: false, pskCap: 1},
      {chalCap: false, keyExCap: false, pskCap: 1, measCap: 2},
    ],
    ['CHAL_CAP without CERT_CAP', 'requester', 0x12, {certCap: false}, {certCap: false, chalCap: false}],
    ['KEY_EX_CAP without CERT_CAP', 'responder', 0x12, {certCap: false, chalCap: false}, {}],
    [
      'signed measurements without CERT_CAP or',
      'responder',
      0x12,
      {certCap: false, chalCap: false, keyExCap: false, pskCap: 1, measCap: 2},
      {measCap: 2},
    ],
    [
      'MUT_AUTH_CAP without CERT_CAP',
      'requester',
      0x12,
      {certCap: false, chalCap: false, mutAuthCap: true},
      {mutAuthCap: true},
    ],
    [
      'signed endpoint info without CERT_CAP',
      'requester',
      0x13,
      {certCap: false, chalCap: false, epInfoCap: 2},
      {certCap: false, chalCap: false, epInfoCap: 1},
    ],
    [
      'MUT_AUTH_CAP without KEY_EX_CAP or CHAL_CAP',
      'responder',
      0x12,
      {chalCap: false, keyExCap: false, pskCap: 1, measCap: 2, mutAuthCap: true},
      {mutAuthCap: true},
    ],
    ['MUT_AUTH_CAP without ENCAP_CAP', 'requester', 0x11, {mutAuthCap: true}, {mutAuthCap: true, encapCap: true}],
    [
      'ALIAS_CERT_CAP without CERT_CAP',
      'responder',
      0x12,
      {certCap: false, pubKeyIdCap: true, aliasCertCap: true},
      {aliasCertCap: true},
    ],
    [
      'SET_CERT_CAP without CERT_CAP',
      'responder',
      0x12,
      {certCap: false, pubKeyIdCap: true, setCertCap: true},
      {setCertCap: true},
    ],
    ['CSR_CAP without SET_CERT_CAP', 'responder', 0x12, {csrCap: true}, {csrCap: true, setCertCap: true}],
    [
      'CERT_INSTALL_RESET_CAP without',
      'responder',
      0x12,
      {certInstallResetCap: true},
      {certInstallResetCap: true, setCertCap: true},
    ],
    ['EP_INFO_CAP has the reserved value 3', 'requester', 0x13, {epInfoCap: 3}, {epInfoCap: 2}],
    ['MULTI_KEY_CAP has the reserved value 3', 'requester', 0x13, {multiKeyCap: 3}, {multiKeyCap: 2}],
    [
      'MULTI_KEY_CAP without GET_KEY_PAIR_INFO_CAP',
      'responder',
      0x13,
      {multiKeyCap: 1},
      {multiKeyCap: 1, getKeyPairInfoCap: true},
    ],
    [
      'MULTI_KEY_CAP without CERT_CAP',
      'responder',
      0x13,
      {certCap: false, chalCap: false, keyExCap: false, pskCap: 1, multiKeyCap: 1, getKeyPairInfoCap: true},
      {multiKeyCap: 1, getKeyPairInfoCap: true},
    ],
    [
      'PUB_KEY_ID_CAP with MULTI_KEY_CAP',
      'requester',
      0x13,
      {certCap: false, pubKeyIdCap: true, multiKeyCap: 1},
      {certCap: false, pubKeyIdCap: true},
    ],
    [
      'PUB_KEY_ID_CAP with GET_KEY_PAIR_INFO_CAP',
      'responder',
      0x13,
      {certCap: false, pubKeyIdCap: true, getKeyPairInfoCap: true},
      {getKeyPairInfoCap: true},
    ],
    [
      'PUB_KEY_ID_CAP with SET_KEY_PAIR_INFO_CAP',
      'responder',
      0x13,
      {certCap: false, pubKeyIdCap: true, setKeyPairInfoCap: true},
      {setKeyPairInfoCap: true},
    ],
    [
      'SET_KEY_PAIR_RESET_CAP without',
      'responder',
      0x14,
      {setKeyPairResetCap: true},
      {setKeyPairResetCap: true, setKeyPairInfoCap: true},
    ],
  ])('%s (%s, %i)', (problem, side, version, wrong, right) => {
    const found = capabilityProblems(version, side, stated({...SOUND, ...wrong}))
    expect(found).toEqual([expect.stringContaining(problem)])
    expect(capabilityProblems(version, side, stated({...SOUND, ...right}))).toEqual([])
  })

  it('a requester may exchange keys without a key of its own, a responder may not', () => {
    const flags = {keyExCap: true, macCap: true, encryptCap: true}
    expect(capabilityProblems(0x12, 'requester', stated(flags))).toEqual([])
    expect(capabilityProblems(0x12, 'responder', stated(flags))).toHaveLength(1)
  })

  it('what a version or a side does not define does not count', () => {
    const all = CAPABILITY_FLAGS.decode(Uint8Array.of(0xff, 0xff, 0xff, 0xff))
    const bits = (side: Side, version: number) => toHex(CAPABILITY_FLAGS.encode(definedFlags(all, side, version)))
    expect(bits('responder', 0x10)).toBe('3f000000')
    expect(bits('responder', 0x11)).toBe('ffff0100')
    expect(bits('responder', 0x12)).toBe('ffff3f00')
    expect(bits('responder', 0x13)).toBe('ffffff3f')
    expect(bits('responder', 0x14)).toBe('ffffffff')
    expect(bits('requester', 0x11)).toBe('c6ff0100')
    expect(bits('requester', 0x12)).toBe('c6ff0300')
    expect(bits('requester', 0x13)).toBe('c6ffc30e')
    expect(bits('requester', 0x14)).toBe('c6ffc38e')
    expect(capabilityProblems(0x12, 'responder', stated({...SOUND, multiKeyCap: 3, epInfoCap: 3}))).toEqual([])
  })

  it.each<[string | undefined, number, Partial<PeerCapabilities>, Flags?, number?]>([
    ['CTExponent', 0x11, {ctExponent: 32}],
    [undefined, 0x11, {ctExponent: 31}],
    ['CTExponent', 0x11, {ctExponent: 24}, {}, 23],
    [undefined, 0x11, {ctExponent: 23}, {}, 23],
    ['below 42', 0x12, {dataTransferSize: 41, maxSpdmMsgSize: 41}],
    [undefined, 0x12, {dataTransferSize: 42, maxSpdmMsgSize: 42}],
    [undefined, 0x11, {dataTransferSize: undefined, maxSpdmMsgSize: undefined}],
    ['larger than MaxSPDMmsgSize', 0x12, {dataTransferSize: 100, maxSpdmMsgSize: 99}],
    ['without CHUNK_CAP', 0x12, {dataTransferSize: 100, maxSpdmMsgSize: 101}],
    [undefined, 0x12, {dataTransferSize: 100, maxSpdmMsgSize: 101}, {chunkCap: true}],
  ])('sizes and times: %s in %i of %o', (problem, version, more, flags = {}, limit = undefined) => {
    const expected = problem === undefined ? [] : [expect.stringContaining(problem)]
    for (const side of ['requester', 'responder'] as const)
      expect(capabilityProblems(version, side, stated({...SOUND, ...flags}, more), limit)).toEqual(expected)
  })
})

const STRUCTURES = [
  {algType: 2, algSupported: 8},
  {algType: 3, algSupported: 2},
  {algType: 5, algSupported: 1},
]
const structures = (...algStructures: {algType: number; algSupported: number}[]) => ({
  negotiate: {algStructures},
  algorithms: {algStructures},
})

describe('algorithms', () => {
  type Given = Omit<Negotiation, 'version'> & {
    readonly version?: number
    readonly requester?: Flags
    readonly responder?: Flags
  }
  const SESSION = {keyExCap: true, macCap: true, encryptCap: true}
  const problems = ({version = 0x12, requester = {}, responder = {}, ...given}: Given) => {
    const facts = parseVca(vcaBytes({version, ...given}))
    return algorithmProblems({
      ...facts,
      requester: version === 0x10 ? undefined : stated({certCap: true, chalCap: true, ...requester}),
      responder: stated({certCap: true, chalCap: true, measCap: 2, ...responder}),
    })
  }
  it.each([0x10, 0x11, 0x12, 0x13, 0x14])('that are sound in version %i', version => {
    expect(problems({version})).toEqual([])
  })

  it('of a session are sound', () => {
    expect(problems({...structures(...STRUCTURES), requester: SESSION, responder: SESSION})).toEqual([])
  })

  it.each<[string, Given]>([
    ['BaseHash has several selections', {negotiate: {baseHashAlgo: 3}, algorithms: {baseHashSel: 3}}],
    ['BaseHash selects what was not offered', {algorithms: {baseHashSel: 1}}],
    ['BaseAsym selects what nobody knows', {negotiate: {baseAsymAlgo: 1 << 20}, algorithms: {baseAsymSel: 1 << 20}}],
    [
      'longer than 64 bytes',
      {version: 0x10, negotiate: {extAsym: Array.from({length: 9}, () => ({registryId: 0, algorithmId: 1}))}},
    ],
    [
      'longer than 128 bytes',
      {negotiate: {extAsym: Array.from({length: 25}, () => ({registryId: 0, algorithmId: 1}))}},
    ],
    ['1.0 does not know', {version: 0x10, negotiate: {algStructures: STRUCTURES}}],
    ['of NEGOTIATE_ALGORITHMS do not ascend', {negotiate: {algStructures: STRUCTURES.toReversed()}}],
    [
      'of ALGORITHMS do not ascend',
      {negotiate: {algStructures: STRUCTURES}, algorithms: {algStructures: STRUCTURES.toReversed()}},
    ],
    ['ALGORITHMS has an AlgType', {algorithms: {algStructures: [{algType: 6, algSupported: 0}]}}],
    [
      'NEGOTIATE_ALGORITHMS has an AlgType',
      {version: 0x14, negotiate: {algStructures: [STRUCTURES[1]!, {algType: 8, algSupported: 1}]}},
    ],
    ['extended algorithms', {algorithms: {extHash: [{registryId: 0, algorithmId: 1}]}}],
    ['no BaseHash', {algorithms: {baseHashSel: 0}}],
    ['no BaseAsym or PqcAsym', {algorithms: {baseAsymSel: 0}}],
    ['both BaseAsym and PqcAsym', {version: 0x14, negotiate: {pqcAsymAlgo: 2}, algorithms: {pqcAsymSel: 2}}],
    ['no DHE or KEM', {...structures(...STRUCTURES.slice(1)), requester: SESSION, responder: SESSION}],
    [
      'both DHE and KEM',
      {
        version: 0x14,
        ...structures(...STRUCTURES, {algType: 7, algSupported: 2}),
        requester: SESSION,
        responder: SESSION,
      },
    ],
    ['no ReqBaseAsym or ReqPqcAsym', {requester: {mutAuthCap: true}, responder: {mutAuthCap: true}}],
    [
      'both ReqBaseAsym and ReqPqcAsym',
      {version: 0x14, ...structures({algType: 4, algSupported: 16}, {algType: 6, algSupported: 2})},
    ],
    ['no MeasurementHash', {algorithms: {measurementHashAlgo: 0}}],
    ['no MeasurementSpecification', {algorithms: {measurementSpecificationSel: 0}}],
    ['no AEAD', {...structures(STRUCTURES[0]!, STRUCTURES[2]!), requester: SESSION, responder: SESSION}],
    ['KeySchedule', {...structures(...STRUCTURES.slice(0, 2)), requester: SESSION, responder: SESSION}],
    ['ResponderMultiKeyConn is set', {version: 0x13, negotiate: {responderMultiKeyConn: true}}],
    ['ResponderMultiKeyConn is clear', {version: 0x13, responder: {multiKeyCap: 1}}],
    ['RequesterMultiKeyConnSel is set', {version: 0x13, algorithms: {requesterMultiKeyConnSel: true}}],
    ['RequesterMultiKeyConnSel is clear', {version: 0x13, requester: {multiKeyCap: 1}}],
    ['no MEL_CAP', {version: 0x13, negotiate: {melSpecification: 1}, algorithms: {melSpecificationSel: 1}}],
    ['MEL specifications', {version: 0x13, responder: {melCap: true}, algorithms: {melSpecificationSel: 1}}],
  ])('%s', (problem, given) => {
    expect(problems(given)).toEqual([expect.stringContaining(problem)])
  })

  it('a post-quantum selection is as good as another', () => {
    const given = {negotiate: {pqcAsymAlgo: 2}, algorithms: {baseAsymSel: 0, pqcAsymSel: 2}}
    expect(problems({version: 0x14, ...given})).toEqual([])
    expect(problems({version: 0x13, ...given})).toEqual([expect.stringContaining('no BaseAsym')])
  })
})

const facts = (version: number, requester: Flags, responder: Flags) => ({
  ...connectionOf(parseVca(vcaBytes({version, negotiate: {}, algorithms: {}}))),
  requester: stated(requester),
  responder: stated(responder),
})

describe('sessions', () => {
  it.each([
    ['exchange' as const, 0x10, ['SPDM 1.0 has no sessions']],
    ['exchange' as const, 0x11, ['no key exchange algorithm was agreed']],
    ['exchange' as const, 0x12, ['OpaqueDataFmt1 was not agreed', 'no key exchange algorithm was agreed']],
    ['psk' as const, 0x11, ['not both sides have PSK_CAP']],
  ])('%s in %i', (kind, version, expected) => {
    expect(sessionProblems(facts(version, SOUND, SOUND), kind)).toEqual(expected)
  })

  it('need a MAC on both sides', () => {
    expect(sessionProblems(facts(0x11, SOUND, {...SOUND, macCap: false}), 'exchange')).toContain(
      'not both sides have MAC_CAP',
    )
  })
})

it.each([
  [[0x10, 0x11, 0x12], [0x11, 0x12, 0x13], 0x12],
  [[0x13, 0x10], [0x10, 0x13], 0x13],
  [[0x10], [0x12], undefined],
  [[], [0x12], undefined],
])('of %o and %o, %s is chosen', (offered, ours, expected) => {
  expect(chooseVersion(offered, ours)).toBe(expected)
})

describe('versions of secured messages', () => {
  it.each([
    [0x12, '0100000000000900010103001000110012000000'],
    [0x11, '46544d440101000000000900010103001000110012000000'],
  ])('are offered in %i', (version, expected) => {
    const opaque = supportedVersionsOpaque(version)
    expect(toHex(opaque)).toBe(expected)
    expect(offeredSecuredVersions(opaque, version)).toEqual(SECURED_VERSIONS)
  })

  it.each([0x11, 0x12, 0x14])('are selected in %i', version => {
    const opaque = selectedVersionOpaque(version, 0x1200)
    expect(selectedVersion(opaque, version)).toBe(0x1200)
    expect(() => selectedVersion(opaque, version, [0x1100])).toThrow('a version that was offered')
  })

  const selection = SM_VERSION_SELECTION.encode({selectedVersion: 0x1100})
  const foreign = {registryId: 3, vendorId: fromHex('0100'), elementData: fromHex('aabb')}

  it('the elements of others are passed over', () => {
    const opaque = OPAQUE_TABLE.encode({elements: [foreign, {elementData: selection}]})
    expect(selectedVersion(opaque, 0x12)).toBe(0x1100)
  })

  it.each([
    ['nothing', new Uint8Array()],
    ['no element', OPAQUE_TABLE.encode({})],
    ['only others', OPAQUE_TABLE.encode({elements: [foreign]})],
    ['two selections', OPAQUE_TABLE.encode({elements: [{elementData: selection}, {elementData: selection}]})],
    ['an offer instead', supportedVersionsOpaque(0x12)],
    ['the table of 1.1', selectedVersionOpaque(0x11, 0x1200)],
    ['half a dword', concat(selectedVersionOpaque(0x12, 0x1200), Uint8Array.of(0, 0))],
    ['a dword too many', concat(selectedVersionOpaque(0x12, 0x1200), new Uint8Array(4))],
    ['an element beyond the end', fromHex('01000000 0000ff00 01000012')],
    ['an element more than there is', fromHex('02000000 00000400 01000012')],
    ['more than 1024 bytes', OPAQUE_TABLE.encode({elements: [{elementData: new Uint8Array(1024)}]})],
  ])('%s selects none', (_, opaque) => {
    expect(() => selectedVersion(opaque, 0x12)).toThrow(DecodeError)
  })
})

describe('what encapsulated messages look like', () => {
  const connection = {
    ...connectionOf(parseVca(vcaBytes({version: 0x13}))),
    requesterAsym: asymNamed('ecdsa-p256'),
    requesterMultiKey: true,
  }

  it.each([
    ['signed by the requester', `13 83 00 ff ${'00'.repeat(40)}`, 64],
    ['signed endpoint info', `13 87 01 00 01 000000 ${'00'.repeat(32)}`, 64],
    ['unsigned endpoint info', '13 87 01 00 00 000000', 0],
  ])('%s', (_, request, signatureSize) => {
    expect(encapsulatedContext(connection, decodeSpdmMessage(fromHex(request)))).toMatchObject({
      version: 0x13,
      hashSize: 48,
      signatureSize,
      multiKey: 1,
      summary: 0,
    })
  })
})

describe.skipIf(!hasData(PROBES))('requests a responder refused (shared test data)', () => {
  const {probes} = hasData(PROBES)
    ? (JSON.parse(textOf(PROBES)) as {probes: {label: string; request: string; response: string}[]})
    : {probes: []}
  const refused = probes.filter(
    ({label, response}) => /^GET_CAPABILITIES with (Data|Max|ENC|PSK)/.test(label) && response.endsWith('127f0100'),
  )
  it.each(refused)('$label', ({request}) => {
    const message = decodeSpdmMessage(fromHex(request).subarray(8), {version: 0x12})
    expect(message.name).toBe('GET_CAPABILITIES')
    if (message.name !== 'GET_CAPABILITIES') return
    const {flags, ctExponent = 0, dataTransferSize, maxSpdmMsgSize} = message.value
    const claims = {flags: flags!, ctExponent, dataTransferSize, maxSpdmMsgSize}
    expect(capabilityProblems(0x12, 'requester', claims).length).toBeGreaterThan(0)
  })

  it('are four', () => expect(refused).toHaveLength(4))
})

describe.skipIf(!hasCaptures)('captures (shared test data)', () => {
  it.each(Object.keys(captureIndex))('%s breaks no rule, and can have sessions since 1.1', name => {
    const opening = captureLines(name).filter(({kind}) => kind === 'message')
    const vca = parseVca(concat(...opening.slice(0, 6).map(({hex}) => fromHex(hex))))
    const {version, requester, responder} = vca
    if (requester !== undefined) expect(capabilityProblems(version, 'requester', requester)).toEqual([])
    expect(capabilityProblems(version, 'responder', responder)).toEqual([])
    expect(algorithmProblems(vca)).toEqual([])
    expect(sessionProblems(connectionOf(vca), 'exchange')).toHaveLength(version === 0x10 ? 1 : 0)
    expect(sessionProblems(connectionOf(vca), 'psk')).toHaveLength(version === 0x10 ? 1 : 0)
  })
})

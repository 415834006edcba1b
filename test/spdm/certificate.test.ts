/** Facts of certificates: unusual but legal ones, device names, DICE, weak and unreadable ones. */
import {X509Certificate} from 'node:crypto'
import {describe, expect, it} from 'vitest'
import {DecodeError} from '../../src/bits/index.js'
import {type CertificateFacts, deviceInfoOf, type TcbInfo} from '../../src/spdm/index.js'
import {CA, der, dmtfExtension, extension, keyId, make, oid, otherNames, SIGNS} from './authority.js'
import {certificateFacts, flipped} from './support.js'

const DMTF = '1.3.6.1.4.1.412.274'
const DICE = '2.23.133.5.4'
const SHA384_OID = oid('2.16.840.1.101.3.4.2.2')

it('an ordinary device certificate', async () => {
  const {facts} = await make({
    subject: 'CN=device, O=maker',
    extensions: [...SIGNS, keyId('0a0b'), otherNames([`${DMTF}.1`, 'ACME:WIDGET:1'])],
  })
  expect(facts).toMatchObject({
    subject: 'CN=device, O=maker',
    selfIssued: true,
    serial: '01',
    noExpiry: false,
    key: {type: 'ec', curve: 'secp384r1', bits: 384},
    signature: {name: 'ecdsa-sha384', hash: 'sha384'},
    weaknesses: [],
    keyUsage: ['digitalSignature'],
    basicConstraints: undefined,
    extendedKeyUsage: undefined,
    subjectKeyId: '0a0b',
    authorityKeyId: undefined,
    unknownCritical: [],
    duplicateExtensions: [],
    unreadable: [],
    deviceInfo: {manufacturer: 'ACME', product: 'WIDGET', serial: '1'},
    dice: [],
  })
  const node = new X509Certificate(facts.der)
  expect(node.fingerprint512).toHaveLength(191)
  expect(facts.notAfter.toISOString()).toBe('2036-01-01T00:00:00.000Z')
})

it('serial 0 and the end of the year 9999 are taken', async () => {
  const {der: one} = (await make({serial: '01', notAfter: '9999-12-31T23:59:59Z'})).facts
  // the library makes no serial 0: change the 1 that follows the version
  const version = Buffer.from('a003020102020101', 'hex')
  const facts = certificateFacts(one.with(Buffer.from(one).indexOf(version) + version.length - 1, 0))
  expect(facts.serial).toBe('00')
  expect(facts.noExpiry).toBe(true)
  expect(facts.notAfter.getUTCFullYear()).toBe(9999)
})

describe('names of devices', () => {
  it('both kinds of otherName are decoded', async () => {
    const cma = 'Vendor=1234:Device=5678:CC=010802:REV=01'
    const {facts} = await make({extensions: [otherNames([`${DMTF}.1`, 'a:b:c'], ['2.23.147', cma])]})
    expect(facts).toMatchObject({deviceInfoText: 'a:b:c', cmaName: cma})
    expect(facts.otherNames).toHaveLength(2)
  })

  it.each(['a:b', 'a:b:c:d', '::', ''])('%j is no device info', text => {
    expect(deviceInfoOf(text)).toBeUndefined()
  })

  it('a value that is no text has none', async () => {
    const value = der(0x30, der(0xa0, oid(`${DMTF}.1`), der(0xa0, der(0x02, Uint8Array.of(1)))))
    const {facts} = await make({extensions: [extension('2.5.29.17', value)]})
    expect(facts.otherNames).toEqual([{oid: `${DMTF}.1`, text: undefined}])
  })

  it('text that is not UTF-8 is a name without text', async () => {
    const value = der(0x30, der(0xa0, oid(`${DMTF}.1`), der(0xa0, der(0x0c, Uint8Array.of(0xff)))))
    const {facts} = await make({extensions: [extension('2.5.29.17', value)]})
    expect(facts).toMatchObject({unreadable: [], deviceInfoText: undefined})
    expect(facts.otherNames).toEqual([{oid: `${DMTF}.1`, text: undefined}])
  })

  it('identifiers in DMTF’s extension and on their own', async () => {
    const wrapped = await make({extensions: [dmtfExtension(`${DMTF}.2`)]})
    expect(wrapped.facts).toMatchObject({hardwareIdentity: true, mutableCertificate: false})
    const direct = await make({extensions: [extension(`${DMTF}.5`, der(0x30))]})
    expect(direct.facts).toMatchObject({hardwareIdentity: false, mutableCertificate: true})
  })
})

const diceOf = async (type: string, value: Uint8Array) =>
  (await make({extensions: [extension(type, value)]})).facts.dice[0]!

describe('DICE', () => {
  const fwid = (fill: number) => der(0x30, SHA384_OID, der(0x04, new Uint8Array(48).fill(fill)))
  const tcbInfo = (...more: Uint8Array[]) =>
    der(
      0x30,
      der(0x80, 'maker'),
      der(0x81, 'model'),
      der(0x82, '01'),
      der(0x83, Uint8Array.of(5)),
      der(0x84, Uint8Array.of(0)),
      der(0x85, Uint8Array.of(2)),
      der(0xa6, fwid(7), fwid(0)),
      der(0x87, Uint8Array.of(4, 0x90)),
      ...more,
    )
  const info: Partial<TcbInfo> = {
    vendor: 'maker',
    model: 'model',
    version: '01',
    svn: 5n,
    layer: 0,
    index: 2,
    flags: ['notConfigured', 'debug'],
    unparsed: [],
  }

  it.each([`${DICE}.1`, `${DICE}.1.1`])('TcbInfo under %s', async type => {
    const {content, oid: named} = await diceOf(type, tcbInfo())
    expect(named).toBe(type)
    expect(content).toMatchObject({kind: 'tcb-info', infos: [info]})
    expect(content.kind === 'tcb-info' && content.infos[0]!.fwids.map(({allZero}) => allZero)).toEqual([false, true])
  })

  it('MultiTcbInfo', async () => {
    const {content} = await diceOf(`${DICE}.5`, der(0x30, tcbInfo(), tcbInfo()))
    expect(content).toMatchObject({kind: 'tcb-info', infos: [info, info]})
  })

  it('a newer field is present, unparsed', async () => {
    const {content} = await diceOf(`${DICE}.1`, tcbInfo(der(0x8a, Uint8Array.of(0))))
    expect(content).toMatchObject({kind: 'tcb-info', infos: [{unparsed: [0x8a]}]})
  })

  it('UEID', async () => {
    const {content} = await diceOf(`${DICE}.4`, der(0x30, der(0x04, Uint8Array.of(1, 2))))
    expect(content).toEqual({kind: 'ueid', ueid: Uint8Array.of(1, 2)})
  })

  it.each<[string, Uint8Array]>([
    ['truncated', tcbInfo().subarray(0, 20)],
    ['empty', der(0x30)],
    ['another syntax', der(0x30, der(0x0c, 'x'))],
    ['a field twice', tcbInfo(der(0x80, 'again'))],
    ['a FWID without digest', der(0x30, der(0xa6, der(0x30, SHA384_OID)))],
    ['no sequence', der(0x04, 'x')],
  ])('%s is not understood', async (_, value) => {
    expect((await diceOf(`${DICE}.1`, value)).content.kind).toBe('not-understood')
  })

  it('a critical extension counts as unknown unless it is understood', async () => {
    const unknown = async (value: Uint8Array) =>
      (await make({extensions: [extension(`${DICE}.1`, value, true)]})).facts.unknownCritical
    expect(await unknown(tcbInfo())).toEqual([])
    expect(await unknown(der(0x30))).toEqual([`${DICE}.1`])
  })
})

const uri = (text: string) => der(0x86, text)

describe('what a reviewer must see', () => {
  it('unknown critical extensions', async () => {
    const {facts} = await make({extensions: [extension('1.2.3.4', der(0x05), true), extension('1.2.3.5', der(0x05))]})
    expect(facts.unknownCritical).toEqual(['1.2.3.4'])
  })

  it('extensions that occur twice', async () => {
    const {facts} = await make({extensions: [extension('1.2.3.4', der(0x05)), extension('1.2.3.4', der(0x05))]})
    expect(facts.duplicateExtensions).toEqual(['1.2.3.4'])
  })

  it('an extension that cannot be read does not hide the others', async () => {
    const {facts} = await make({extensions: [...CA, extension('2.5.29.14', Uint8Array.of(0xff))]})
    expect(facts.unreadable.map(item => item.oid)).toEqual(['2.5.29.14'])
    expect(facts.basicConstraints?.ca).toBe(true)
  })

  it.each<[string, Parameters<typeof make>[0], string[]]>([
    ['RSA of 2048 bits', {rsaBits: 2048}, ['RSA key of 2048 bits']],
    ['RSA of 3072 bits', {rsaBits: 3072}, []],
    ['SHA-1', {hash: 'SHA-1'}, ['signed with ecdsa-sha1']],
    ['P-256', {curve: 'P-256', hash: 'SHA-256'}, []],
  ])('%s', async (_, shape, expected) => {
    expect((await make(shape)).facts.weaknesses).toEqual(expected)
  })

  it('where revocation is published', async () => {
    const crl = der(0x30, der(0x30, der(0xa0, der(0xa0, uri('http://crl.example/1')))))
    const aia = der(0x30, der(0x30, oid('1.3.6.1.5.5.7.48.1'), uri('http://ocsp.example')))
    const {facts} = await make({extensions: [extension('2.5.29.31', crl), extension('1.3.6.1.5.5.7.1.1', aia)]})
    expect(facts).toMatchObject({crlUrls: ['http://crl.example/1'], ocspUrls: ['http://ocsp.example']})
  })
})

describe('bytes', () => {
  it('a flipped bit gives facts or a DecodeError', async () => {
    const {facts} = await make({extensions: [...CA, otherNames([`${DMTF}.1`, 'a:b:c'])]})
    for (let bit = 0; bit < facts.der.length * 8; bit += 29) {
      let result: CertificateFacts | unknown
      try {
        result = certificateFacts(flipped(facts.der, bit))
      } catch (error) {
        result = error
      }
      expect(result instanceof DecodeError || typeof (result as CertificateFacts).sha384 === 'string').toBe(true)
    }
  })

  it('every truncation and a trailing byte are refused', async () => {
    const {facts} = await make()
    for (let length = 0; length < facts.der.length; length += 7)
      expect(() => certificateFacts(facts.der.subarray(0, length))).toThrow(DecodeError)
    const longer = new Uint8Array(facts.der.length + 1)
    longer.set(facts.der)
    expect(() => certificateFacts(longer)).toThrow(DecodeError)
  })

  it('an indefinite outer length is refused although libraries take it', async () => {
    const {facts} = await make()
    const content = facts.der.subarray(4)
    const indefinite = new Uint8Array(2 + content.length + 2)
    indefinite.set([0x30, 0x80])
    indefinite.set(content, 2)
    expect(() => certificateFacts(indefinite)).toThrow('definite length')
  })
})

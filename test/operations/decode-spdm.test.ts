/** `decode spdm`: text and data of a conversation and of single messages; damage of any kind. */
import fc from 'fast-check'
import * as v from 'valibot'
import {describe, expect, it} from 'vitest'
import {type AnyLayout, fromHex, toHex} from '../../src/bits/index.js'
import {SPDM_CONVERSATION, SPDM_MESSAGE} from '../../src/cli/schemas/spdm.js'
import {TsmctlError} from '../../src/errors.js'
import {decodeKinds} from '../../src/operations/decode.js'
import {decodeSpdmBytes} from '../../src/operations/decode-spdm-message.js'
import {decodeSpdmCapture} from '../../src/operations/decode-spdm.js'
import {encodeDoeObject} from '../../src/pci/index.js'
import {SPDM_MESSAGES, SPDM_VERSION, type SpdmMessageName, versionText} from '../../src/spdm/index.js'
import {networkInterface, packetBlock, pcap, pcapng, section} from '../pcap/files.js'
import {conversation, SECRET} from '../spdm/conversation.js'

const objects = conversation().map(({secured, payload}) => encodeDoeObject({vendor: 1, type: secured ? 2 : 1, payload}))
const discovery = encodeDoeObject({vendor: 1, type: 0, payload: new Uint8Array(4)})
const file = pcap([discovery, ...objects].map(bytes => ({bytes, time: 1_700_000_000_000_000_000n})))
const secrets = {exchange: [SECRET]}
// oxlint-disable-next-line typescript/no-explicit-any
type Loose = any
const dataOf = async (content: Uint8Array, options = {}): Promise<Loose> =>
  JSON.parse(JSON.stringify((await decodeSpdmCapture(content, options))!.data))

const notesOf = (data: Loose): string[] =>
  data.messages.flatMap((one: Loose) => one.findings.map((found: Loose) => found.message))

const conforms = (schema: v.GenericSchema, data: unknown): void =>
  expect(v.safeParse(schema, JSON.parse(JSON.stringify(data))).issues).toBeUndefined()

describe('a capture as a conversation', () => {
  it('is one line per message, with the digests where they matter', async () => {
    const {text} = (await decodeSpdmCapture(file, {secrets}))!
    expect(text).toMatchInlineSnapshot(`
      "pcap, 31 records, link type 292 (PCI_DOE)

          0  --            DOE discovery
          1  ->            GET_VERSION
          2  <-            VERSION                   1.2
          3  ->            GET_CAPABILITIES          SPDM 1.2, CERT CHAL ENCRYPT MAC KEY_EX KEY_UPD
          4  <-            CAPABILITIES              CERT CHAL MEAS=signed ENCRYPT MAC KEY_EX KEY_UPD
          5  ->            NEGOTIATE_ALGORITHMS      sha384, ed25519, secp384r1, aes-256-gcm
          6  <-            ALGORITHMS                sha384, ed25519, secp384r1, aes-256-gcm
          7  ->            GET_DIGESTS
          8  <-            DIGESTS                   slots 0
          9  ->            GET_CERTIFICATE           slot 0, offset 0, length 65535
         10  <-            CERTIFICATE               slot 0, 100 bytes, 15 left
         11  ->            GET_CERTIFICATE           slot 0, offset 100, length 65435
         12  <-            CERTIFICATE               slot 0, 15 bytes, 0 left
         13  ->            CHALLENGE                 slot 0, summary of all
         14  <-            CHALLENGE_AUTH            slot 0
                  M1/M2 64371c0bea588bf25867b5567919b108ddcc52517670736aff476f709180b7d1c24a97c6a7d9db430c1fb7928b884c63
                    signature of CHALLENGE_AUTH: valid under the certificate shown for slot 0; its chain is not judged here
         15  ->            GET_MEASUREMENTS          all, signed, slot 0
         16  <-            MEASUREMENTS              2 blocks, signed
                  L1/L2 db219ab826f27c674c988355ce14fd71fca82f2a84b06c483d9f82bb7c6064ee25d13bc301348ab3caf13c5510a53281
                    signature of MEASUREMENTS: valid under the certificate shown for slot 0; its chain is not judged here
         17  ->            KEY_EXCHANGE              slot 0, ReqSessionID 0x0001
         18  <-            KEY_EXCHANGE_RSP          RspSessionID 0xfffe, heartbeat 0 s
                  TH 793b0ae75cce9b3a09a9e710680d276409b0cfa216adc9ff41a29ac91bc950d572e03d2c002d8996f2152a22499cc567
                    signature of KEY_EXCHANGE_RSP: valid under the certificate shown for slot 0; its chain is not judged here
                  TH1 6a032e5794fbcb25dbf50e60597d8e0ad6fb74213075d0afd183566477d30d51e5a8c9b7fb3c7324de63b8c53d33bdf0
                    handshake keys
                  TH 6a032e5794fbcb25dbf50e60597d8e0ad6fb74213075d0afd183566477d30d51e5a8c9b7fb3c7324de63b8c53d33bdf0
                    ResponderVerifyData of KEY_EXCHANGE_RSP: valid under the secret given
         19  ->  fffe0001  FINISH
                  TH 16a2289f9eeb2c6abed960e30318af1efd53f4b1cbee4cf9087db8b87370e566fa0a2e3b7e6e113cf5fa99b76b7f79e9
                    RequesterVerifyData of FINISH: valid under the secret given
         20  <-  fffe0001  FINISH_RSP
                  TH2 cfd3ac2eb20113816b402b5d1210a49040a757f8cc903b14c51b121f6d4225e07aafeba605c53ff6582e60b3c9e87c1f
                    data keys
         21  ->  fffe0001  VENDOR_DEFINED_REQUEST    TDISP GET_TDISP_VERSION
         22  <-  fffe0001  VENDOR_DEFINED_RESPONSE   TDISP_VERSION
         23  ->  fffe0001  VENDOR_DEFINED_REQUEST    CXL eeee, 3 bytes
         24  <-  fffe0001  VENDOR_DEFINED_RESPONSE   CXL eeee, 3 bytes
         25  ->  fffe0001  KEY_UPDATE                updateAllKeys, tag 0x01
         26  <-  fffe0001  KEY_UPDATE_ACK            updateAllKeys, tag 0x01
         27  ->  fffe0001  KEY_UPDATE                verifyNewKey, tag 0x02
         28  <-  fffe0001  KEY_UPDATE_ACK            verifyNewKey, tag 0x02
         29  ->  fffe0001  END_SESSION
         30  <-  fffe0001  END_SESSION_ACK

      30 messages, 0 not decoded, 0 encrypted records
      signatures: 3 valid, 0 invalid, 0 unchecked
      valid: under keys that the capture itself shows; whose they are is not judged
      HMACs: 2 valid, 0 invalid, 0 unchecked
      "
    `)
  })

  it('shows every field when asked', async () => {
    const {text} = (await decodeSpdmCapture(file, {secrets, full: true}))!
    expect(text).toContain('GET_VERSION (DSP0274')
    expect(text).toMatch(/TDISP: GET_TDISP_VERSION \(PCIe/)
    expect(text).toMatch(/measurement 2: DMTF measurement/)
    expect(text).toMatch(/0x0003 {4}token|tag +1 \(0x1\)/)
  })

  it('is data under the schema', async () => {
    const data = await dataOf(file, {secrets})
    conforms(SPDM_CONVERSATION, data)
    expect(data.summary).toEqual({
      messages: 30,
      undecoded: 0,
      encrypted: 0,
      sessions: 1,
      signatures: {valid: 3, invalid: 0, unchecked: 0},
      hmacs: {valid: 2, invalid: 0, unchecked: 0},
    })
    expect(data.others).toEqual([{record: 0, text: 'DOE discovery', damaged: false}])
    expect(data.messages[0]).toMatchObject({
      record: 1,
      time: '1700000000.000000000',
      direction: 'request',
      name: 'GET_VERSION',
      hex: '10840000',
      session: null,
    })
    const tdisp = data.messages.find((one: Loose) => one.inside[0]?.what === 'TDISP')
    expect(tdisp).toMatchObject({
      session: '0xfffe0001',
      secured: true,
      inside: [{name: 'GET_TDISP_VERSION', problem: null}],
    })
  })

  it('says the same of pcapng and of MCTP', async () => {
    const ng = pcapng([section(), networkInterface(292), ...objects.map(bytes => packetBlock(6, bytes))])
    const clear = conversation().filter(({secured}) => !secured)
    const mctp = pcap(
      clear.map(({payload}) => ({bytes: Uint8Array.of(1, 8, 9, 0xc0, 5, ...payload)})),
      {linkType: 291},
    )
    expect((await dataOf(ng, {secrets})).summary).toMatchObject({messages: 30, signatures: {valid: 3}})
    expect((await dataOf(mctp)).summary).toMatchObject({messages: clear.length, signatures: {valid: 3}})
  })

  it('a truncated file is a conversation with a finding', async () => {
    const data = await dataOf(file.subarray(0, -3))
    expect(data.capture.findings).toHaveLength(1)
    expect(data.others.at(-1)).toMatchObject({damaged: true, text: expect.stringContaining('the capture holds only')})
  })

  it('an unknown link type is refused with what works', async () => {
    const refused = decodeSpdmCapture(pcap([{bytes: Uint8Array.of(1)}], {linkType: 1}))
    await expect(refused).rejects.toMatchObject({
      kind: 'unsupported',
      got: expect.stringContaining('1 (ETHERNET)'),
      hint: 'What works: 291 (MCTP) and 292 (PCI_DOE).',
    })
  })

  it('context stands in for a negotiation that is not there', async () => {
    const late = pcap(objects.slice(8).map(bytes => ({bytes})))
    const guessed = await dataOf(late)
    const given = await dataOf(late, {
      context: {
        hashSize: 48,
        signatureSize: 64,
        exchangeSize: 96,
        responseExchangeSize: 96,
        summary: 1,
        clearHandshake: 0,
      },
    })
    expect(notesOf(guessed).some(message => message.startsWith('read with sizes that were guessed'))).toBe(true)
    expect(notesOf(given).filter(message => message.startsWith('read with sizes'))).toEqual([])
  })

  it('any damage gives a conversation or a typed error', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(file.length),
        fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), {maxLength: 6}),
        async (length, changes) => {
          const damaged = file.slice()
          for (const [at, value] of changes) damaged[at] = value
          try {
            const decoded = await decodeSpdmCapture(damaged.subarray(0, length), {secrets, full: true})
            // nothing of the capture may drive a terminal
            expect(decoded?.text ?? '').toMatch(/^[\n\x20-\x7e§]*$/)
          } catch (error) {
            expect(error).toBeInstanceOf(TsmctlError)
            expect((error as TsmctlError).kind).toMatch(/^(malformed|unsupported)$/)
          }
        },
      ),
      {numRuns: 60},
    )
  })

  it('any damage of messages is survived, one message at a time', async () => {
    const change = fc.tuple(fc.nat(objects.length - 1), fc.nat(4000), fc.nat(255))
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, {maxLength: 8}),
        fc.shuffledSubarray([...objects.keys()]),
        async (changes, order) => {
          const damaged = objects.map(bytes => bytes.slice())
          for (const [object, at, value] of changes) {
            const bytes = damaged[object]!
            bytes[8 + (at % (bytes.length - 8))] = value
          }
          const decoded = await decodeSpdmCapture(pcap(order.map(i => ({bytes: damaged[i]!}))), {secrets})
          expect((decoded!.data['messages'] as unknown[]).length).toBeGreaterThanOrEqual(order.length)
        },
      ),
      {numRuns: 30},
    )
  })
})

const message = (hexText: string, context = {}): Loose => {
  const {data, text} = decodeSpdmBytes(fromHex(hexText), context)
  conforms(SPDM_MESSAGE, data)
  return {...(data as object), text}
}

const ALL_VERSIONS = Object.values(SPDM_VERSION)

/** Every message in every version: decoding one says nothing about whether that version has it. */
const EVERY = (Object.keys(SPDM_MESSAGES) as SpdmMessageName[]).flatMap(name =>
  (name === 'GET_VERSION' || name === 'VERSION' ? [SPDM_VERSION['1.0']] : ALL_VERSIONS).map(
    version => [name, versionText(version), version] as const,
  ),
)

describe('one message', () => {
  it('is decoded without being named', () => {
    expect(message('127f0100')).toMatchObject({message: 'ERROR', guessed: [], fields: {errorCode: 'InvalidRequest'}})
  })

  it('sizes that nobody gave are guessed, and that is said', () => {
    const digests = `12010001${'ab'.repeat(48)}`
    const {context, guessed, text} = message(digests)
    expect(context).toMatchObject({hashSize: 48})
    expect(guessed).toContain('hashSize')
    expect(text).toContain('note: sizes were guessed, and these are the first that fit: multiKey=0 hashSize=48')
    expect(message(digests, {hashSize: 48, multiKey: 0})).toMatchObject({guessed: [], notes: []})
  })

  it('a size that does not fit is refused', () => {
    expect(() => message(`12010001${'ab'.repeat(48)}`, {hashSize: 32})).toThrow(/behind the message/)
  })

  it('is found in its DOE object', () => {
    expect(message('0100010003000000127f0100')).toMatchObject({message: 'ERROR'})
    expect(message('010001000400000014 7f0f00 01000000'.replaceAll(' ', ''))).toMatchObject({
      padding: 3,
      fields: {errorCode: 'LargeResponse', handle: 1},
      notes: ['taken out of the DOE object that these bytes are'],
    })
  })

  it('payloads of PCI-SIG are decoded, of others shown', () => {
    const query = message('12fe00000300020100040000000000')
    expect(query.inside).toMatchObject([{what: 'IDE_KM', name: 'IDE_KM QUERY'}])
    expect(message('12fe000003000201000200 01ff'.replaceAll(' ', '')).inside).toMatchObject([
      {what: 'TDISP', problem: expect.stringContaining('TDISP')},
    ])
    expect(message('12fe00000700020e1e020001ff')).toMatchObject({inside: [], fields: {payload: '01ff'}})
  })

  it.each([
    ['147f12000000 0100', 'extended error data', {actualSize: 65_536}],
    ['127f0d000010 0000', 'extended error data', {actualSize: 4096}],
    ['127fff0302868041', 'extended error data', {vendorId: '8680', opaqueErrorData: '41'}],
    ['13070000 00000000 04000000 00000000', 'device class', {numIdentifiers: 0}],
  ])('what %s has inside is decoded', (text, what, fields) => {
    const {inside} = message(text.replaceAll(' ', ''), {signatureSize: 0})
    expect(inside).toMatchObject([{what, fields, problem: null}])
  })

  it('a record alone is named, and who could read it', () => {
    const record = '0100020008000000 0100feff 1200 0102030405060708 090a0b0c0d0e0f10 1112'
    expect(() => message(record.replaceAll(' ', ''))).toThrow(
      expect.objectContaining({
        kind: 'unsupported',
        got: 'a secured message of 24 bytes, session 0xfffe0001',
        hint: expect.stringContaining('--dhe-secret'),
      }),
    )
  })

  it.each(EVERY)('%s of version %s, of its fewest bytes', (name, _, version) => {
    const context = {version, hashSize: 32, signatureSize: 64, exchangeSize: 64, responseExchangeSize: 64}
    const bytes = (SPDM_MESSAGES[name] as AnyLayout).encode({}, context)
    const {message: said, fields} = message(toHex(bytes), context)
    expect([said, fields.spdmVersion]).toEqual([name, versionText(version)])
  })

  it('context names are checked', () => {
    expect(() => message('127f0100', {hash: 1})).toThrow(expect.objectContaining({kind: 'usage'}))
  })

  it('the list of kinds has it', () => {
    expect(decodeKinds().find(({kind}) => kind === 'spdm')?.name).toContain('capture')
  })
})

/** Messages of other projects: a parser's corpus of valid ones, and a 1.4 capture over MCTP with a signed exchange. */
import {describe, expect, it} from 'vitest'
import {type AnyLayout, concat, fromHex, toHex} from '../../src/bits/index.js'
import {
  digestOf,
  LAYOUTS,
  type MessageContext,
  parseCertificateChain,
  parseMeasurements,
  parseVca,
  pathProblems,
  SPDM_CODE,
  SPDM_HEADER,
  verifySignature,
} from '../../src/spdm/index.js'
import {bytesOf, certificateFacts, hasData, textOf} from './support.js'

const CORPUS = 'spdm/recordflux-messages.json'
const CAPTURE = 'spdm/single-algo.pcap'

interface Message {
  readonly name: string
  readonly hex: string
  readonly version: string
  readonly message: string
}

/** What messages of the corpus do not say themselves, by name and length: SHA-384, P-384, RSA-3072 of the requester. */
const CONTEXTS: Readonly<Record<string, MessageContext>> = {
  'MEASUREMENTS 273': {signatureSize: 96},
  'CHALLENGE_AUTH 230': {hashSize: 48, summary: 1, signatureSize: 96},
  'FINISH 436': {hashSize: 48, requesterSignatureSize: 384},
  'FINISH_RSP 52': {hashSize: 48, clearHandshake: 1},
}

describe.skipIf(!hasData(CORPUS))('valid messages of a parser’s corpus (shared test data)', () => {
  const messages = hasData(CORPUS) ? (JSON.parse(textOf(CORPUS)) as Message[]) : []
  it.each(messages)('$name', ({hex: text, version, message}) => {
    const bytes = fromHex(text)
    const {spdmVersion, requestResponseCode} = SPDM_HEADER.decode(bytes.subarray(0, 4))
    expect(toHex(Uint8Array.of(spdmVersion))).toBe(version.replace('.', ''))
    expect(requestResponseCode).toBe(SPDM_CODE[message as keyof typeof SPDM_CODE])
    const layout: AnyLayout | undefined = LAYOUTS.find(item => item.name === message)
    const context = CONTEXTS[`${message} ${bytes.length}`] ?? {}
    expect(toHex(layout!.encode(layout!.decode(bytes, context), context))).toBe(text)
  })
})

/** SPDM messages of a classic pcap with MCTP records: 4 bytes of transport header, then the message type. */
function mctpMessages(pcap: Uint8Array): Uint8Array[] {
  const data = new DataView(pcap.buffer, pcap.byteOffset, pcap.byteLength)
  const out: Uint8Array[] = []
  for (let at = 24; at < pcap.length;) {
    const length = data.getUint32(at + 8, true)
    const record = pcap.subarray(at + 16, at + 16 + length)
    if (record[4] === 0x05) out.push(record.subarray(5))
    at += 16 + length
  }
  return out
}

const code = (name: keyof typeof SPDM_CODE) => (message: Uint8Array) => message[1] === SPDM_CODE[name]

describe.skipIf(!hasData(CAPTURE))('SPDM 1.4 over MCTP (shared test data)', () => {
  it('negotiation, chain, challenge and measurements verify', () => {
    const messages = mctpMessages(bytesOf(CAPTURE))
    const vca = parseVca(concat(...messages.slice(0, 6)))
    expect(vca).toMatchObject({version: 0x14, hash: {name: 'sha384'}, asym: {name: 'ecdsa-p384'}, highestOffered: 0x14})
    // the 1.4 form of CERTIFICATE has a 16-byte head when it is large, 8 bytes otherwise
    const certificate = messages.find(code('CERTIFICATE'))!
    const head = certificate[2]! >= 0x80 ? 16 : 8
    const chain = parseCertificateChain(certificate.subarray(head), 48)
    const certificates = chain.certificates.map(({der}) => certificateFacts(der))
    expect(pathProblems(certificates)).toEqual([])
    expect(chain.rootHash).toEqual(digestOf(vca.hash!, chain.certificates[0]!.der))
    const request = messages.findIndex(code('GET_MEASUREMENTS'))
    const facts = parseMeasurements(concat(messages[request]!, messages[request + 1]!), {
      asym: vca.asym!,
      measurementHash: vca.measurementHash,
      vca,
    })
    expect(facts).toMatchObject({complete: true, problems: [], trailing: undefined})
    expect(facts.blocks).toHaveLength(8)
    const question = {version: 0x14, hash: vca.hash!, asym: vca.asym!} as const
    const {spki} = certificates.at(-1)!
    expect(
      verifySignature(
        {...question, context: 'responder-measurements signing', transcript: facts.transcript!},
        spki,
        facts.signature!,
      ),
    ).toEqual({status: 'valid'})
    const from = messages.findIndex(code('GET_DIGESTS'))
    const answer = messages.findIndex(code('CHALLENGE_AUTH'))
    const b = concat(...messages.slice(from, answer + 1))
    const cut = b.length - 96
    expect(
      verifySignature(
        {
          ...question,
          context: 'responder-challenge_auth signing',
          transcript: concat(vca.bytes, b.subarray(0, cut)),
        },
        spki,
        b.subarray(cut),
      ),
    ).toEqual({status: 'valid'})
  })
})

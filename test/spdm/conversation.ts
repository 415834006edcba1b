/**
 * A whole connection made by our own encoders, the same bytes in every run: negotiation, certificates, challenge,
 * measurements, a session with TDISP inside, key updates, end.
 */
import {createPrivateKey, createPublicKey, type KeyObject} from 'node:crypto'
import {concat, fromHex} from '../../src/bits/index.js'
import {
  AEAD,
  ALGORITHMS,
  asymNamed,
  BASE_HASH,
  CAPABILITIES,
  CERTIFICATE,
  CHALLENGE,
  CHALLENGE_AUTH,
  type Connection,
  connectionOf,
  contextOf,
  DHE_GROUP,
  DIGESTS,
  digestOf,
  encodeCertificateChain,
  END_SESSION,
  END_SESSION_ACK,
  FINISH,
  FINISH_RSP,
  GET_CAPABILITIES,
  GET_CERTIFICATE,
  GET_DIGESTS,
  GET_MEASUREMENTS,
  GET_VERSION,
  KEY_EXCHANGE,
  KEY_EXCHANGE_RSP,
  DELIVER_ENCAPSULATED_RESPONSE,
  ENCAPSULATED_REQUEST,
  ENCAPSULATED_RESPONSE_ACK,
  GET_ENCAPSULATED_REQUEST,
  KEY_UPDATE,
  KEY_UPDATE_ACK,
  maskOf,
  MEASUREMENTS,
  NEGOTIATE_ALGORITHMS,
  parseVca,
  rowNamed,
  SecureSession,
  type SignatureContext,
  signQuestion,
  type Transcript,
  Transcripts,
  VENDOR_DEFINED_REQUEST,
  VENDOR_DEFINED_RESPONSE,
  VERSION,
} from '../../src/spdm/index.js'
import {TDISP_MESSAGES} from '../../src/tdisp/index.js'
import {der} from './authority.js'
import {block, digest} from './connection.js'

export const VERSION_1_2 = 0x12
export const HASH = rowNamed(BASE_HASH, 'sha384')
const ASYM = asymNamed('ed25519')!
const EXCHANGE = rowNamed(DHE_GROUP, 'secp384r1')
const CIPHER = rowNamed(AEAD, 'aes-256-gcm')
/** What KEY_EXCHANGE agreed on: nobody here computes it. */
export const SECRET = new Uint8Array(48).fill(0x5e)
export const SESSION_ID = 0xfffe0001

const fill = (size: number, value: number): Uint8Array => new Uint8Array(size).fill(value)

/** Ed25519 signs the same in every run. */
const privateKey: KeyObject = createPrivateKey({
  key: Buffer.from(concat(fromHex('302e020100300506032b657004220420'), fill(32, 7))),
  format: 'der',
  type: 'pkcs8',
})
const spki = new Uint8Array(createPublicKey(privateKey).export({format: 'der', type: 'spki'}))

/** As much of a certificate as its key needs: version, five fields that nobody reads here, the key. */
const leaf = der(0x30, der(0x30, der(0xa0, der(0x02, Uint8Array.of(2))), ...Array(5).fill(der(0x30)), spki))

export interface Datagram {
  readonly secured: boolean
  readonly payload: Uint8Array
}

const clear = (payload: Uint8Array): Datagram => ({secured: false, payload})
const record = (payload: Uint8Array): Datagram => ({secured: true, payload})

function negotiation(): Uint8Array[] {
  const context = {version: VERSION_1_2}
  const both = {
    certCap: true,
    chalCap: true,
    encryptCap: true,
    macCap: true,
    keyExCap: true,
    keyUpdCap: true,
  }
  const sizes = {dataTransferSize: 4608, maxSpdmMsgSize: 4608}
  const structures = [
    {algType: 2, algSupported: maskOf(EXCHANGE)},
    {algType: 3, algSupported: maskOf(CIPHER)},
    {algType: 5, algSupported: 1},
  ]
  return [
    GET_VERSION.encode({}),
    VERSION.encode({versionNumberEntries: [{majorVersion: 1, minorVersion: 2}]}),
    GET_CAPABILITIES.encode({flags: both, ...sizes}, context),
    CAPABILITIES.encode({flags: {...both, measCap: 2}, ...sizes}, context),
    NEGOTIATE_ALGORITHMS.encode(
      {
        measurementSpecification: 1,
        opaqueDataFmtSupport: 2,
        baseAsymAlgo: maskOf(ASYM),
        baseHashAlgo: maskOf(HASH),
        algStructures: structures,
      },
      context,
    ),
    ALGORITHMS.encode(
      {
        measurementSpecificationSel: 1,
        opaqueDataFmtSel: 2,
        measurementHashAlgo: 4,
        baseAsymSel: maskOf(ASYM),
        baseHashSel: maskOf(HASH),
        algStructures: structures,
      },
      context,
    ),
  ]
}

class Author {
  readonly datagrams: Datagram[]
  readonly connection: Connection
  readonly transcripts: Transcripts
  readonly chain: Uint8Array
  readonly #context: ReturnType<typeof contextOf>

  constructor() {
    const vca = negotiation()
    this.datagrams = vca.map(clear)
    this.connection = connectionOf(parseVca(concat(...vca)))
    this.#context = contextOf(this.connection)
    this.transcripts = new Transcripts(this.connection)
    this.chain = encodeCertificateChain(digestOf(HASH, leaf), [leaf])
  }

  get context(): ReturnType<typeof contextOf> {
    return this.#context
  }

  say(request: Uint8Array, response: Uint8Array): void {
    this.datagrams.push(clear(request), clear(response))
  }

  sign(context: SignatureContext, transcript: Transcript): Uint8Array {
    return signQuestion(
      {version: VERSION_1_2, context, hash: HASH, asym: ASYM, transcript: transcript.bytes()},
      privateKey,
    )
  }
}

function identify(author: Author): void {
  const {context, chain, transcripts} = author
  const exchange = (name: 'GET_DIGESTS' | 'GET_CERTIFICATE', request: Uint8Array, response: Uint8Array): void => {
    transcripts.begin(name, 'clear')
    transcripts.identity(request, response, 'clear')
    author.say(request, response)
  }
  const digests = [{digest: digestOf(HASH, chain)}]
  exchange('GET_DIGESTS', GET_DIGESTS.encode({}, context), DIGESTS.encode({provisionedSlotMask: 1, digests}, context))
  const cut = 100
  for (const [offset, end] of [
    [0, cut],
    [cut, chain.length],
  ] as const)
    exchange(
      'GET_CERTIFICATE',
      GET_CERTIFICATE.encode({offset, length: 0xffff - offset}, context),
      CERTIFICATE.encode({certChain: chain.subarray(offset, end), remainderLength: chain.length - end}, context),
    )
}

function challenge(author: Author): void {
  const {context, chain, transcripts} = author
  const more = {...context, summary: 1}
  const request = CHALLENGE.encode({measurementSummaryHashType: 0xff, nonce: fill(32, 1)}, context)
  const response = (signature: Uint8Array): Uint8Array =>
    CHALLENGE_AUTH.encode(
      {
        slotMask: 1,
        certChainHash: digestOf(HASH, chain),
        nonce: fill(32, 2),
        measurementSummaryHash: fill(48, 3),
        signature,
      },
      more,
    )
  transcripts.begin('CHALLENGE', 'clear')
  const transcript = transcripts.challenge(request, response(fill(64, 0)).subarray(0, -64))
  author.say(request, response(author.sign('responder-challenge_auth signing', transcript)))
}

function measure(author: Author): void {
  const {context, transcripts} = author
  const request = GET_MEASUREMENTS.encode(
    {signatureRequested: true, measurementOperation: 0xff, nonce: fill(32, 4), slotIdParam: 0},
    context,
  )
  const response = (signature: Uint8Array): Uint8Array =>
    MEASUREMENTS.encode(
      {
        numberOfBlocks: 2,
        measurementRecord: [block(1, 0, digest(0xaa)), block(2, 7, fill(8, 1), true)],
        nonce: fill(32, 5),
        signature,
      },
      context,
    )
  transcripts.begin('GET_MEASUREMENTS', 'clear')
  const transcript = transcripts.measurements(request, response(fill(64, 0)).subarray(0, -64), true, 'clear')
  author.say(request, response(author.sign('responder-measurements signing', transcript)))
}

/** Both ends of the session, and the transcript so far. */
function exchangeKeys(author: Author) {
  const {context, chain, connection, transcripts} = author
  const request = KEY_EXCHANGE.encode({reqSessionId: 1, randomData: fill(32, 6), exchangeData: fill(96, 8)}, context)
  const response = (signature: Uint8Array, responderVerifyData: Uint8Array): Uint8Array =>
    KEY_EXCHANGE_RSP.encode(
      {rspSessionId: 0xfffe, randomData: fill(32, 9), exchangeData: fill(96, 10), signature, responderVerifyData},
      context,
    )
  transcripts.begin('KEY_EXCHANGE', 'clear')
  const draft = response(fill(64, 0), fill(48, 0))
  const th = transcripts.handshake(digestOf(HASH, chain)).append(request, draft.subarray(0, -64 - 48))
  const signature = author.sign('responder-key_exchange_rsp signing', th)
  th.append(signature)
  const end = (role: 'requester' | 'responder'): SecureSession => {
    const session = new SecureSession({connection, id: SESSION_ID, role, secret: SECRET, kind: 'exchange'})
    session.enterHandshake(th.digest())
    return session
  }
  const requester = end('requester')
  const responder = end('responder')
  const verifyData = responder.verifyData('responder', th.digest())
  th.append(verifyData)
  author.say(request, response(signature, verifyData))
  return {requester, responder, th}
}

const tdisp = (name: 'GET_TDISP_VERSION' | 'TDISP_VERSION', values: object): Uint8Array =>
  concat(Uint8Array.of(1), TDISP_MESSAGES[name].encode(values))

function holdSession(author: Author, updatedByResponder: boolean): void {
  const {context, datagrams} = author
  const {requester, responder, th} = exchangeKeys(author)
  const say = (request: Uint8Array, response: Uint8Array): void => {
    datagrams.push(record(requester.seal(request)), record(responder.seal(response)))
  }
  const both = (change: (side: SecureSession) => void): void => [requester, responder].forEach(change)

  const head = FINISH.encode({requesterVerifyData: fill(48, 0)}, context).subarray(0, -48)
  th.append(head)
  const verifyData = requester.verifyData('requester', th.digest())
  th.append(verifyData)
  const finished = FINISH_RSP.encode({}, context)
  th.append(finished)
  say(concat(head, verifyData), finished)
  both(side => side.enterApplication(th.digest()))

  const vendor = {standardId: 3, vendorId: Uint8Array.of(1, 0)}
  say(
    VENDOR_DEFINED_REQUEST.encode({...vendor, payload: tdisp('GET_TDISP_VERSION', {})}, context),
    VENDOR_DEFINED_RESPONSE.encode(
      {...vendor, payload: tdisp('TDISP_VERSION', {versionNumCount: 1, versionNumEntries: Uint8Array.of(0x10)})},
      context,
    ),
  )
  say(
    VENDOR_DEFINED_REQUEST.encode({standardId: 7, vendorId: fill(2, 0xee), payload: fill(3, 1)}, context),
    VENDOR_DEFINED_RESPONSE.encode({standardId: 7, vendorId: fill(2, 0xee), payload: fill(3, 2)}, context),
  )

  datagrams.push(record(requester.seal(KEY_UPDATE.encode({keyOperation: 2, tag: 1}, context))))
  both(side => side.update('responder'))
  datagrams.push(record(responder.seal(KEY_UPDATE_ACK.encode({keyOperation: 2, tag: 1}, context))))
  both(side => side.update('requester'))
  say(KEY_UPDATE.encode({keyOperation: 3, tag: 2}, context), KEY_UPDATE_ACK.encode({keyOperation: 3, tag: 2}, context))
  if (updatedByResponder) {
    const inner = (keyOperation: number) => ({
      request: KEY_UPDATE.encode({keyOperation, tag: keyOperation}, context),
      response: KEY_UPDATE_ACK.encode({keyOperation, tag: keyOperation}, context),
    })
    const [update, verify] = [inner(1), inner(3)]
    const deliver = (requestId: number, encapsulatedResponse: Uint8Array): Uint8Array =>
      DELIVER_ENCAPSULATED_RESPONSE.encode({requestId, encapsulatedResponse}, context)
    say(
      GET_ENCAPSULATED_REQUEST.encode({}, context),
      ENCAPSULATED_REQUEST.encode({requestId: 1, encapsulatedRequest: update.request}, context),
    )
    datagrams.push(record(requester.seal(deliver(1, update.response))))
    both(side => side.update('responder'))
    datagrams.push(
      record(
        responder.seal(
          ENCAPSULATED_RESPONSE_ACK.encode(
            {requestId: 2, payloadType: 1, ackRequestId: 1, encapsulatedRequest: verify.request},
            context,
          ),
        ),
      ),
    )
    say(deliver(2, verify.response), ENCAPSULATED_RESPONSE_ACK.encode({payloadType: 0, ackRequestId: 2}, context))
  }
  say(END_SESSION.encode({}, context), END_SESSION_ACK.encode({}, context))
}

/**
 * The datagrams of the whole connection, requests and responses in turn; `updatedByResponder`: it asks for a new key of its
 * own, too, in encapsulated requests.
 */
export function conversation({updatedByResponder = false} = {}): readonly Datagram[] {
  const author = new Author()
  identify(author)
  challenge(author)
  measure(author)
  holdSession(author, updatedByResponder)
  return author.datagrams
}

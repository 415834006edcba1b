/** The other side of a responder under test: a requester that says exactly what it is told to. */
import {randomBytes} from 'node:crypto'
import {concat} from '../../../src/bits/index.js'
import {createLabDevice, type LabDevice, type LabDeviceSpec} from '../../../src/sim/lab-device.js'
import {
  AEAD,
  ALG_TYPE,
  BASE_ASYM,
  BASE_HASH,
  type CapabilityFlags,
  CHUNK_GET,
  CHUNK_RESPONSE,
  type Connection,
  connectionOf,
  contextOf,
  decodeSpdmMessage,
  DHE_GROUP,
  digestOf,
  ERROR,
  FINISH,
  GET_CAPABILITIES,
  GET_CERTIFICATE,
  CERTIFICATE,
  GET_VERSION,
  KEM,
  KEY_EXCHANGE,
  KEY_EXCHANGE_RSP,
  KEY_OPERATION,
  type MessageContext,
  NEGOTIATE_ALGORITHMS,
  maskOf,
  offerKeyShare,
  OPAQUE_TABLE,
  OPAQUE_TABLE_1_1,
  parseVca,
  PQC_ASYM,
  PSK_EXCHANGE,
  PSK_EXCHANGE_RSP,
  PSK_FINISH,
  Responder,
  type ResponderOptions,
  SecureSession,
  SM_SUPPORTED_VERSIONS,
  SPDM_CODE,
  SPDM_ERROR_CODE,
  SPDM_ERROR_NAMES,
  Transcripts,
} from '../../../src/spdm/index.js'

export const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length))

/** Options of a lab device, made once per specification, because keys take time; `more` is set on top. */
const devices = new Map<string, Promise<LabDevice>>()
export async function labOptions(
  spec: Omit<LabDeviceSpec, 'random'> = {},
  more: Partial<ResponderOptions> = {},
): Promise<ResponderOptions> {
  const key = JSON.stringify(spec)
  const made = devices.get(key) ?? createLabDevice({random, ...spec})
  devices.set(key, made)
  return {...(await made).options, ...more}
}

export const REQUESTER: Partial<CapabilityFlags> = {
  certCap: true,
  chalCap: true,
  encryptCap: true,
  macCap: true,
  keyExCap: true,
  pskCap: 1,
  hbeatCap: true,
  keyUpdCap: true,
  chunkCap: true,
}
const structure = (algType: number, table: readonly {bit: number; name: string}[]) => ({
  algType,
  algSupported: maskOf(...table),
})

export interface Offer {
  readonly version?: number
  readonly flags?: Partial<CapabilityFlags>
  readonly dataTransferSize?: number
  readonly maxSpdmMsgSize?: number
  readonly multiKey?: boolean
}

export class Peer {
  readonly responder: Responder
  connection!: Connection
  transcripts!: Transcripts

  constructor(options: ResponderOptions) {
    this.responder = new Responder(options)
  }

  /** The response in the clear, or undefined for silence. */
  ask(payload: Uint8Array): Uint8Array | undefined {
    const answer = this.responder.respond({secured: false, payload})
    if (answer?.secured === true) throw new TypeError('a record answers a message in the clear')
    return answer?.payload
  }

  negotiate({version = 0x12, flags = REQUESTER, multiKey = false, ...sizes}: Offer = {}): this {
    const {dataTransferSize = 0x1200, maxSpdmMsgSize = 0x28000} = sizes
    const requests = [
      GET_VERSION.encode({}),
      GET_CAPABILITIES.encode({
        spdmVersion: version,
        ...(version >= 0x11 && {reserved4: 0, ctExponent: 0, extFlags: 0, flags}),
        ...(version >= 0x12 && {dataTransferSize, maxSpdmMsgSize}),
      }),
      NEGOTIATE_ALGORITHMS.encode({
        spdmVersion: version,
        measurementSpecification: 1,
        opaqueDataFmtSupport: version >= 0x12 ? 2 : 0,
        responderMultiKeyConn: multiKey,
        baseAsymAlgo: maskOf(...BASE_ASYM),
        baseHashAlgo: maskOf(...BASE_HASH),
        pqcAsymAlgo: version >= 0x14 ? maskOf(...PQC_ASYM) : 0,
        algStructures:
          version < 0x11
            ? []
            : [
                structure(ALG_TYPE.DHE, DHE_GROUP),
                structure(ALG_TYPE.AEAD, AEAD),
                {algType: ALG_TYPE.KeySchedule, algSupported: 1},
                ...(version >= 0x14 ? [structure(ALG_TYPE.KEMAlg, KEM)] : []),
              ],
      }),
    ]
    const vca = requests.flatMap(request => [request, this.ask(request)!])
    return this.adopt(concat(...vca))
  }

  /** Goes on where `vca` has led. */
  adopt(vca: Uint8Array): this {
    this.connection = connectionOf(parseVca(vca))
    this.transcripts = new Transcripts(this.connection)
    return this
  }

  context(more: MessageContext = {}): MessageContext {
    return contextOf(this.connection, more)
  }

  /** The chain object of `slot`, portion by portion. */
  chain(slot = 0): Uint8Array {
    const portions: Uint8Array[] = []
    const spdmVersion = this.connection.version
    for (let offset = 0, rest = 1; rest > 0;) {
      const answer = this.ask(GET_CERTIFICATE.encode({spdmVersion, slotId: slot, offset, length: 0xffff}))!
      const {certChain, remainderLength} = CERTIFICATE.decode(answer)
      portions.push(certChain)
      offset += certChain.length
      rest = remainderLength
    }
    return concat(...portions)
  }

  /** OpaqueData that offers the versions of secured messages. */
  secured(versions: readonly number[] = [0x1000, 0x1100, 0x1200]): Uint8Array {
    const table = this.connection.version >= 0x12 ? OPAQUE_TABLE : OPAQUE_TABLE_1_1
    const elementData = SM_SUPPORTED_VERSIONS.encode({versions: versions.map(version => ({version}))})
    return table.encode({elements: [{registryId: 0, elementData}]})
  }

  /** Whatever is asked in the clear, with the DIGESTS that TH includes noted. */
  note(payload: Uint8Array): Uint8Array | undefined {
    const answer = this.ask(payload)
    if (answer?.[1] === SPDM_CODE.DIGESTS) this.transcripts.digests(answer)
    return answer
  }

  /** KEY_EXCHANGE, up to FINISH. */
  exchange(reqSessionId = 0xffff, slot = 0, measurementSummaryHashType = 0): PeerSession {
    const {connection} = this
    const {version, exchange, hash, clearHandshake} = connection
    const share = offerKeyShare(exchange!)
    const request = KEY_EXCHANGE.encode(
      {
        spdmVersion: version,
        measurementSummaryHashType,
        slotId: slot,
        reqSessionId,
        randomData: random(32),
        exchangeData: share.exchangeData,
        opaqueData: this.secured(),
      },
      this.context(),
    )
    const response = expected(whole(this.ask(request), chunk => this.ask(chunk)))
    const value = KEY_EXCHANGE_RSP.decode(response, this.context({summary: Number(measurementSummaryHashType !== 0)}))
    const verify = value.responderVerifyData
    const th = this.transcripts
      .handshake(digestOf(hash!, this.chain(slot)))
      .append(request, response.subarray(0, response.length - verify.length))
    const id = reqSessionId + value.rspSessionId * 0x10000
    const secure = new SecureSession({
      connection,
      id,
      role: 'requester',
      secret: share.agree(value.exchangeData),
      kind: 'exchange',
    })
    secure.enterHandshake(th.digest())
    if (!clearHandshake && !secure.isVerifyData('responder', th.digest(), verify)) throw new TypeError('verify data')
    th.append(verify)
    return new PeerSession(this, secure, th)
  }

  psk(key: Uint8Array, hint: Uint8Array, reqSessionId = 1, measurementSummaryHashType = 0): PeerSession {
    const {connection} = this
    const {version, hash} = connection
    const request = PSK_EXCHANGE.encode({
      spdmVersion: version,
      measurementSummaryHashType,
      reqSessionId,
      pskHint: hint,
      requesterContext: random(32),
      opaqueData: this.secured(),
    })
    const response = expected(whole(this.ask(request), chunk => this.ask(chunk)))
    const value = PSK_EXCHANGE_RSP.decode(response, this.context({summary: Number(measurementSummaryHashType !== 0)}))
    const th = this.transcripts.handshake().append(request, response.subarray(0, response.length - hash!.size))
    const id = reqSessionId + value.rspSessionId * 0x10000
    const secure = new SecureSession({connection, id, role: 'requester', secret: key.slice(), kind: 'psk'})
    secure.enterHandshake(th.digest())
    if (!secure.isVerifyData('responder', th.digest(), value.responderVerifyData)) throw new TypeError('verify data')
    th.append(value.responderVerifyData)
    return new PeerSession(this, secure, th)
  }
}

type Th = ReturnType<Transcripts['handshake']>

export class PeerSession {
  readonly peer: Peer
  readonly secure: SecureSession
  readonly th: Th

  constructor(peer: Peer, secure: SecureSession, th: Th) {
    this.peer = peer
    this.secure = secure
    this.th = th
  }

  /** The response in the session, or undefined for silence. */
  ask(message: Uint8Array): Uint8Array | undefined {
    const answer = this.peer.responder.respond({secured: true, payload: this.secure.seal(message)})
    return answer && this.secure.open(answer.payload)
  }

  /** FINISH with its verify data. */
  finishRequest(): Uint8Array {
    const {hash, version} = this.peer.connection
    const head = FINISH.encode({spdmVersion: version}, {hashSize: 0})
    this.th.append(head)
    const data = this.secure.verifyData('requester', this.th.digest())
    this.th.append(data)
    if (data.length !== hash!.size) throw new TypeError('verify data')
    return concat(head, data)
  }

  finish(): this {
    const {clearHandshake, hash} = this.peer.connection
    const request = this.finishRequest()
    const response = expected(clearHandshake ? this.peer.ask(request) : this.ask(request))
    const data = clearHandshake ? response.subarray(response.length - hash!.size) : new Uint8Array()
    this.th.append(response.subarray(0, response.length - data.length))
    if (clearHandshake && !this.secure.isVerifyData('responder', this.th.digest(), data)) throw new TypeError('verify')
    this.th.append(data)
    this.secure.enterApplication(this.th.digest())
    return this
  }

  /** KEY_UPDATE and what it does to the keys. */
  update(request: Uint8Array): Uint8Array | undefined {
    const operation = request[2]
    if (operation === KEY_OPERATION.updateAllKeys) {
      const payload = this.secure.seal(request)
      this.secure.update('responder')
      const answer = this.peer.responder.respond({secured: true, payload})
      const plain = answer && this.secure.open(answer.payload)
      this.secure.update('requester')
      return plain
    }
    const answer = this.ask(request)
    if (operation === KEY_OPERATION.updateKey) this.secure.update('requester')
    return answer
  }

  pskFinish(): this {
    const head = PSK_FINISH.encode({spdmVersion: this.peer.connection.version}, {hashSize: 0})
    this.th.append(head)
    const data = this.secure.verifyData('requester', this.th.digest())
    const response = this.ask(concat(head, data))!
    this.th.append(data, response)
    this.secure.enterApplication(this.th.digest())
    return this
  }
}

/** The whole response to what was answered with `answer`: chunk by chunk if it is large. */
export function whole(
  answer: Uint8Array | undefined,
  ask: (request: Uint8Array) => Uint8Array | undefined,
): Uint8Array | undefined {
  if (answer?.[1] !== SPDM_CODE.ERROR || answer[2] !== SPDM_ERROR_CODE.LargeResponse) return answer
  const spdmVersion = answer[0]!
  const {handle} = ERROR.decode(answer)
  const parts: Uint8Array[] = []
  for (let chunkSeqNo = 0; ; chunkSeqNo++) {
    const high = spdmVersion >= 0x14 ? {chunkSeqNoHigh: 0} : {}
    const got = ask(CHUNK_GET.encode({spdmVersion, handle: handle!, chunkSeqNo, ...high}))
    const {chunk, lastChunk} = CHUNK_RESPONSE.decode(got!)
    parts.push(chunk)
    if (lastChunk) return concat(...parts)
  }
}

/** A response that is no ERROR. Throws TypeError with the name of the error. */
function expected(response: Uint8Array | undefined): Uint8Array {
  if (response === undefined || response[1] === SPDM_CODE.ERROR) throw new TypeError(errorName(response))
  return response
}

/** Name of the error in `message`, or of the message. */
export function errorName(message: Uint8Array | undefined, context: MessageContext = {}): string {
  if (message === undefined) return 'silence'
  if (message[1] !== SPDM_CODE.ERROR) return decodeSpdmMessage(message, context).name
  return SPDM_ERROR_NAMES[ERROR.decode(message).errorCode]!
}

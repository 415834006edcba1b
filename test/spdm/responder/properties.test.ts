/** Any sequence of messages, legal or not: an answer that is well formed, or silence, and nothing lost by an ERROR. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {
  CHALLENGE,
  CHUNK_GET,
  CHUNK_SEND,
  decodeSpdmMessage,
  END_SESSION,
  GET_CAPABILITIES,
  GET_CERTIFICATE,
  GET_DIGESTS,
  GET_ENDPOINT_INFO,
  GET_MEASUREMENT_EXTENSION_LOG,
  GET_MEASUREMENTS,
  GET_VERSION,
  HEARTBEAT,
  KEY_UPDATE,
  NEGOTIATE_ALGORITHMS,
  RESPOND_IF_READY,
  SPDM_CODE,
  VENDOR_DEFINED_REQUEST,
} from '../../../src/spdm/index.js'
import {errorName, labOptions, Peer, type PeerSession, REQUESTER, whole} from './peer.js'

const options = await labOptions(
  {asym: 'ecdsa-p256', hash: 'sha256', exchange: 'secp256r1'},
  {
    vendor: payload => (payload[0] === 1 ? payload : undefined),
    measurementLog: new Uint8Array(100),
    endpointInfo: new Uint8Array(4),
    psk: () => new Uint8Array(32),
    isSlow: code => code === SPDM_CODE.CHALLENGE,
  },
)
/** What a connection answers GET_DIGESTS with. */
const CONNECTED = ['DIGESTS', 'LargeResponse']

const byte = fc.nat(255)
const small = fc.nat(3)
const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({minLength: length, maxLength: length})
const context = (version: number) => (version >= 0x13 ? new Uint8Array(8) : undefined)

/** Requests of `version` that are well formed, in no order at all. */
const requests = (version: number): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    fc.constant(GET_VERSION.encode({})),
    fc.constantFrom(0x1200, 42, 100).map(size =>
      GET_CAPABILITIES.encode({
        spdmVersion: version,
        ...(version >= 0x11 && {flags: REQUESTER, reserved4: 0, ctExponent: 0, extFlags: 0}),
        ...(version >= 0x12 && {dataTransferSize: size, maxSpdmMsgSize: 0x1200}),
      }),
    ),
    fc.constantFrom(0xfff, 0).map(algorithms =>
      NEGOTIATE_ALGORITHMS.encode({
        spdmVersion: version,
        measurementSpecification: 1,
        opaqueDataFmtSupport: version >= 0x12 ? 2 : 0,
        baseAsymAlgo: algorithms,
        baseHashAlgo: algorithms,
        algStructures:
          version < 0x11
            ? []
            : [
                {algType: 2, algSupported: algorithms},
                {algType: 3, algSupported: 2},
                {algType: 5, algSupported: 1},
              ],
      }),
    ),
    fc.constant(GET_DIGESTS.encode({spdmVersion: version})),
    fc
      .tuple(small, fc.nat(3000), fc.nat(3000))
      .map(([slotId, offset, length]) => GET_CERTIFICATE.encode({spdmVersion: version, slotId, offset, length})),
    fc.tuple(small, fc.constantFrom(0, 1, 2, 255), bytes(32)).map(([slotId, measurementSummaryHashType, nonce]) =>
      CHALLENGE.encode({
        spdmVersion: version,
        slotId,
        measurementSummaryHashType,
        nonce,
        requesterContext: context(version),
      }),
    ),
    fc.tuple(fc.boolean(), byte).map(([signatureRequested, measurementOperation]) =>
      GET_MEASUREMENTS.encode({
        spdmVersion: version,
        signatureRequested,
        measurementOperation,
        ...(signatureRequested && {nonce: new Uint8Array(32), ...(version >= 0x11 && {slotIdParam: 0})}),
        requesterContext: context(version),
      }),
    ),
    fc.constant(HEARTBEAT.encode({spdmVersion: version})),
    small.map(keyOperation => KEY_UPDATE.encode({spdmVersion: version, keyOperation, tag: 1})),
    fc.constant(END_SESSION.encode({spdmVersion: version})),
    fc
      .tuple(small, small)
      .map(([handle, chunkSeqNo]) =>
        CHUNK_GET.encode({spdmVersion: version, handle, chunkSeqNo, ...(version >= 0x14 && {chunkSeqNoHigh: 0})}),
      ),
    fc.tuple(small, fc.boolean(), bytes(60)).map(([chunkSeqNo, lastChunk, chunk]) =>
      CHUNK_SEND.encode({
        spdmVersion: version,
        handle: 1,
        chunkSeqNo,
        lastChunk,
        ...(chunkSeqNo === 0 && {largeMessageSize: 120}),
        chunk,
      }),
    ),
    fc.nat(4).map(token => RESPOND_IF_READY.encode({spdmVersion: version, requestCode: SPDM_CODE.CHALLENGE, token})),
    fc.tuple(small, bytes(5)).map(([vendor, payload]) =>
      VENDOR_DEFINED_REQUEST.encode({
        spdmVersion: version,
        standardId: 3,
        vendorId: Uint8Array.of(vendor, 0),
        payload,
      }),
    ),
    fc.nat(200).map(offset => GET_MEASUREMENT_EXTENSION_LOG.encode({spdmVersion: version, offset, length: 50})),
    small.map(subCode => GET_ENDPOINT_INFO.encode({spdmVersion: version, subCode})),
  )

/** Now and then a message is cut, lengthened, changed, or not a message at all. */
const messages = (version: number): fc.Arbitrary<Uint8Array> => {
  const sound = requests(version)
  return fc.oneof(
    {weight: 6, arbitrary: sound},
    {
      weight: 1,
      arbitrary: fc.tuple(sound, fc.nat(), byte).map(([message, at, value]) => {
        const copy = message.slice()
        copy[at % copy.length] = value
        return copy
      }),
    },
    {weight: 1, arbitrary: fc.tuple(sound, fc.nat()).map(([message, at]) => message.subarray(0, at % message.length))},
    {
      weight: 1,
      arbitrary: fc.tuple(sound, fc.uint8Array({maxLength: 8})).map(([a, b]) => Uint8Array.from([...a, ...b])),
    },
    {weight: 1, arbitrary: fc.uint8Array({maxLength: 80})},
    {weight: 1, arbitrary: byte.map(code => Uint8Array.of(version, code, 0, 0))},
  )
}

/** What answers of a negotiated connection look like, whatever was asked. */
function isWellFormed(answer: Uint8Array, peer: Peer): boolean {
  const hints = [0, 1].flatMap(summary => [0, 64].map(signatureSize => ({summary, signatureSize})))
  const negotiated = peer.connection && {hashSize: 32}
  return hints.some(hint => {
    try {
      return decodeSpdmMessage(answer, {...negotiated, ...hint}).bytes.length === answer.length
    } catch {
      return false
    }
  })
}

/** A connection that may hold a session, and what is known of it from the answers alone. */
class Model {
  readonly peer: Peer
  readonly version: number
  isNegotiated = true
  session: PeerSession | undefined

  constructor(version: number, withSession: boolean) {
    this.version = version
    this.peer = new Peer(options).negotiate({version})
    if (withSession && version >= 0x11) this.session = this.peer.exchange().finish()
  }

  /** Sends `message`, in the session if there is one and `secured`. */
  send(message: Uint8Array, secured: boolean): Uint8Array | undefined {
    const {session} = this
    const ask = (request: Uint8Array): Uint8Array | undefined => this.peer.ask(request)
    if (!secured || session === undefined) return whole(ask(message), ask)
    const inside = (request: Uint8Array): Uint8Array | undefined => session.ask(request)
    const answer = message[1] === SPDM_CODE.KEY_UPDATE ? undefined : whole(inside(message), inside)
    if (answer?.[1] === SPDM_CODE.END_SESSION_ACK) this.session = undefined
    return answer
  }

  note(answer: Uint8Array | undefined): void {
    if (answer?.[1] === SPDM_CODE.VERSION) {
      this.isNegotiated = false
      this.session = undefined
    }
    if (answer?.[1] === SPDM_CODE.ALGORITHMS) this.isNegotiated = true
  }
}

describe.each([0x10, 0x11, 0x12, 0x13, 0x14])('any sequence of messages in version %i', version => {
  it('is answered by a message or by silence, and an ERROR changes nothing that was agreed', () => {
    const step = fc.record({message: messages(version), secured: fc.boolean()})
    fc.assert(
      fc.property(fc.array(step, {maxLength: 12}), fc.boolean(), (steps, withSession) => {
        const model = new Model(version, withSession)
        for (const {message, secured} of steps) {
          const before = model.peer.responder.sessions
          const answer = model.send(message, secured)
          model.note(answer)
          if (answer === undefined) continue
          expect(isWellFormed(answer, model.peer)).toBe(true)
          if (answer[1] !== SPDM_CODE.ERROR) continue
          expect(model.peer.responder.sessions).toEqual(before)
          const probe = errorName(model.peer.ask(GET_DIGESTS.encode({spdmVersion: version})), {hashSize: 32})
          expect(CONNECTED.includes(probe)).toBe(model.isNegotiated)
        }
      }),
      {numRuns: 60},
    )
  })
})

describe('records', () => {
  it('of any content are answered by a record or by silence', () => {
    fc.assert(
      fc.property(fc.uint8Array({maxLength: 60}), fc.boolean(), (content, isAddressed) => {
        const peer = new Peer(options).negotiate()
        const session = peer.exchange().finish()
        const payload = content.slice()
        if (isAddressed && payload.length >= 4) new DataView(payload.buffer).setUint32(0, session.secure.id, true)
        const answer = peer.responder.respond({secured: true, payload})
        const isOurs = isAddressed && payload.length >= 4
        expect(answer === undefined ? 'silence' : errorName(session.secure.open(answer.payload))).toBe(
          isOurs ? 'DecryptError' : 'silence',
        )
        expect(peer.responder.sessions).toHaveLength(isOurs ? 0 : 1)
      }),
      {numRuns: 30},
    )
  })
})

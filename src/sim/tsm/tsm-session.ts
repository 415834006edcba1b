/**
 * A platform's TSM in its session with a device: how it is opened, with everything up to a running default stream, and
 * how it goes on in later processes. Opening speaks through the asynchronous requester; all later messages are
 * synchronous, so that a whole verb fits into one change of the machine's state.
 */
import {concat} from '../../bits/index.js'
import {TsmctlError} from '../../errors.js'
import {KmClient, kmStreamEnd, programStream} from '../../ide/index.js'
import {
  connectionOf,
  type Datagram,
  hasCertificate,
  parseVca,
  PCI_SIG_VENDOR,
  Requester,
  SecureSession,
  SPDM_CODE,
  SPDM_ERROR_CODE,
  STANDARD_ID,
  type Transport,
  VENDOR_DEFINED_REQUEST,
  VENDOR_DEFINED_RESPONSE,
} from '../../spdm/index.js'
import {fromBase64, toBase64} from '../base64.js'
import {sessionOf, storedSession, type StoredStream, type StoredTsmSession} from './memory.js'
import {RootPortEnd} from './root-port.js'

/** Carries one message to the device and back; undefined when nothing comes back. */
export type Wire = (request: Datagram) => Datagram | undefined

const silent = (peer: string): TsmctlError =>
  new TsmctlError({
    kind: 'timeout',
    attempted: 'exchange a message with the device',
    subject: peer,
    got: 'no answer',
  })

const LARGEST = 0x4_0000

const transportOver = (wire: Wire, peer: string): Transport => ({
  peer,
  maxPadding: 0,
  maxPayload: LARGEST,
  async exchange(request) {
    const answer = wire(request)
    if (answer === undefined) throw silent(peer)
    return answer
  },
  async close() {
    // nothing was opened
  },
})

/** Answers come at once or never: no clock has to run. */
const NO_CLOCK = {
  monotonic: () => 0,
  async sleep() {
    // the device is asked again at once
  },
}

export interface TsmSessionWish {
  readonly wire: Wire
  /** The device, for messages. */
  readonly peer: string
  readonly random: (length: number) => Uint8Array
  /** The default stream, to be keyed in K0. */
  readonly streamId: number
  /** FUNCTION_ID of the port whose DOE this is. */
  readonly requesterId: number
}

/**
 * Opens a session: version, capabilities, algorithms, certificate chain, KEY_EXCHANGE and FINISH; then keys
 * the default stream at both ends and starts it. Throws TsmctlError when the device does not go along.
 */
export async function openTsmSession(wish: TsmSessionWish): Promise<StoredTsmSession> {
  const {wire, peer, random, streamId, requesterId} = wish
  const refuse = (got: string): never => {
    throw new TsmctlError({kind: 'malformed', attempted: 'trust the device', subject: peer, got})
  }
  const requester = new Requester({transport: transportOver(wire, peer), random, ...NO_CLOCK})
  const connection = await requester.negotiate()
  if (connection.aead?.name !== 'aes-256-gcm') refuse('AES-256-GCM was not negotiated, which IDE_KM and TDISP demand')
  // whose device it is, who uses it finds out from the evidence; here the key has to be the chain's
  const {slots} = await requester.digests()
  const slot = slots.find(hasCertificate)?.slot ?? 0
  const session = await requester.openSession({slot})
  const client = new KmClient({send: payload => session.vendorDefined(payload), peer})
  const port = await client.query()
  if (port.requesterId !== requesterId) refuse('QUERY_RESP is of another port')
  const isThere = port.ide.known && port.ide.value.selectiveStreams.some(stream => stream.streamId === streamId)
  if (!isThere) refuse(`QUERY_RESP without stream ${streamId}`)
  const rootPort = new RootPortEnd()
  await programStream(random, kmStreamEnd(client, {portIndex: 0, streamId, keySet: 0}), rootPort)
  return {
    vca: toBase64(connection.vca),
    session: storedSession(session.memory()),
    stream: rootPort.stored(streamId),
  }
}

export class TsmSession {
  readonly #wire: Wire
  readonly #peer: string
  readonly #vca: string
  readonly #version: number
  readonly #keys: SecureSession
  readonly stream: StoredStream

  constructor({vca, session, stream}: StoredTsmSession, wire: Wire, peer: string) {
    const connection = connectionOf(parseVca(fromBase64(vca)))
    this.#vca = vca
    this.#version = connection.version
    this.#keys = SecureSession.recall(connection, sessionOf(session))
    this.#wire = wire
    this.#peer = peer
    this.stream = stream
  }

  /**
   * Sends a payload of IDE_KM or TDISP, ProtocolID first, and gives the answer's. Throws TsmctlError: `timeout` when
   * there is none, `malformed` when it is not authentic or an SPDM ERROR.
   */
  ask(payload: Uint8Array): Uint8Array {
    const spdmVersion = this.#version
    const standardId = STANDARD_ID['PCI-SIG']
    const request = VENDOR_DEFINED_REQUEST.encode(
      {spdmVersion, standardId, vendorId: PCI_SIG_VENDOR, payload},
      {version: spdmVersion},
    )
    const answer = this.#exchange(request)
    // the device could not read our record, and has forgotten the session
    if (answer[1] === SPDM_CODE.ERROR && answer[2] === SPDM_ERROR_CODE.DecryptError) this.#keys.end()
    if (answer[1] !== SPDM_CODE.VENDOR_DEFINED_RESPONSE)
      throw new TsmctlError({
        kind: 'malformed',
        attempted: 'exchange a vendor-defined message',
        subject: this.#peer,
        got: 'an SPDM ERROR',
      })
    return VENDOR_DEFINED_RESPONSE.decode(answer, {version: spdmVersion}).payload
  }

  #exchange(message: Uint8Array): Uint8Array {
    const answer = this.#wire({secured: true, payload: this.#keys.seal(message)})
    if (answer === undefined) throw silent(this.#peer)
    return concat(this.#keys.open(answer.payload))
  }

  /** Undefined when the session is over. */
  memory(): StoredTsmSession | undefined {
    if (this.#keys.phase !== 'application') return undefined
    return {vca: this.#vca, session: storedSession(this.#keys.memory()), stream: this.stream}
  }
}

/**
 * A platform's TSM in its session with a device, after it was opened and by whatever program. Everything is synchronous,
 * so that a whole verb fits into one change of the machine's state.
 */
import {concat, equal} from '../../bits/index.js'
import {TsmctlError} from '../../errors.js'
import {KM_KEY_SET_GOSTOP_ACK, KM_KEY_SET_STOP, SUB_STREAM, SUB_STREAMS} from '../../ide/index.js'
import {
  connectionOf,
  END_SESSION,
  END_SESSION_ACK,
  parseVca,
  PCI_SIG_VENDOR,
  SecureSession,
  SPDM_CODE,
  SPDM_ERROR_CODE,
  STANDARD_ID,
  VENDOR_DEFINED_REQUEST,
  VENDOR_DEFINED_RESPONSE,
} from '../../spdm/index.js'
import {fromBase64} from '../base64.js'
import {sessionOf, storedSession, type StoredStream, type StoredTsmSession} from './memory.js'
import {silent, type Wire} from './wire.js'

export class TsmSession {
  readonly #wire: Wire
  readonly #peer: string
  readonly #vca: string
  readonly #version: number
  readonly #keys: SecureSession
  #stream: StoredStream | null

  constructor({vca, session, stream}: StoredTsmSession, wire: Wire, peer: string) {
    const connection = connectionOf(parseVca(fromBase64(vca)))
    this.#vca = vca
    this.#version = connection.version
    this.#keys = SecureSession.recall(connection, sessionOf(session))
    this.#wire = wire
    this.#peer = peer
    this.#stream = stream
  }

  /** The Root Port's end of the stream. */
  get stream(): StoredStream | null {
    return this.#stream
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
    if (answer[1] !== SPDM_CODE.VENDOR_DEFINED_RESPONSE) throw this.#unexpected('exchange a vendor-defined message')
    return VENDOR_DEFINED_RESPONSE.decode(answer, {version: spdmVersion}).payload
  }

  /** Stops all keys of the stream, the transmitters of both ends first (K_SET_STOP). Throws TsmctlError. */
  stopStream(): void {
    if (this.#stream === null) return
    const {streamId, keySet} = this.#stream
    for (const transmit of [1, 0])
      for (const subStream of SUB_STREAMS) {
        const selector = {streamId, keySet, transmit, subStream: SUB_STREAM[subStream], portIndex: 0}
        const answer = this.ask(KM_KEY_SET_STOP.encode(selector))
        if (!equal(answer, KM_KEY_SET_GOSTOP_ACK.encode(selector))) throw this.#unexpected('stop a key')
      }
    this.#stream = null
  }

  /** END_SESSION. Afterwards the keys are gone, whatever the device says. Throws TsmctlError. */
  end(): void {
    const spdmVersion = this.#version
    try {
      const answer = this.#exchange(END_SESSION.encode({spdmVersion}, {version: spdmVersion}))
      if (answer[1] !== SPDM_CODE.END_SESSION_ACK) throw this.#unexpected('end the session')
      END_SESSION_ACK.decode(answer, {version: spdmVersion})
    } finally {
      this.#keys.end()
    }
  }

  #exchange(message: Uint8Array): Uint8Array {
    const answer = this.#wire({secured: true, payload: this.#keys.seal(message)})
    if (answer === undefined) throw silent(this.#peer)
    const plain = concat(this.#keys.open(answer.payload))
    // the device could not read our record, and has forgotten the session
    if (plain[1] === SPDM_CODE.ERROR && plain[2] === SPDM_ERROR_CODE.DecryptError) this.#keys.end()
    return plain
  }

  #unexpected(attempted: string): TsmctlError {
    return new TsmctlError({kind: 'malformed', attempted, subject: this.#peer, got: 'an answer to something else'})
  }

  /** Undefined when the session is over. */
  memory(): StoredTsmSession | undefined {
    if (this.#keys.phase !== 'application') return undefined
    return {vca: this.#vca, session: storedSession(this.#keys.memory()), stream: this.#stream}
  }
}

/** A session as it is set up: the transcript TH, its digests where they matter, and the keys if the secret is known. */
import type {Seen} from '../../bits/index.js'
import type {Transcript} from '../transcript/index.js'
import type {Chains} from './chains.js'
import type {Conversation} from './conversation.js'
import type {TranscriptPoint} from './event.js'
import {hmacProof, point, signatureProof, unchecked} from './proofs.js'
import type {SessionKeys, Side} from './session-keys.js'

/** MutAuthRequested: encapsulated, with an implicit GET_DIGESTS. */
const DIGESTS_IMPLIED = 4
const NO_SECRET = 'the secret of this session was not given'

/** A request and its response, as sent. */
export interface Exchanged {
  readonly request: Uint8Array
  readonly asked: Seen
  readonly response: Uint8Array
  readonly answered: Seen
}

export interface SessionOptions {
  readonly conversation: Conversation
  readonly id: number
  readonly kind: 'exchange' | 'psk'
  /** Keys, or why there are none. */
  readonly keys: SessionKeys | string | undefined
  readonly responder: Chains
  readonly requester: Chains
}

const length = (field: unknown): number => (field as Uint8Array | undefined)?.length ?? 0
/** `bytes` without its last `size` bytes. */
const without = (bytes: Uint8Array, size: number): Uint8Array => bytes.subarray(0, bytes.length - size)

export class ObservedSession {
  readonly conversation: Conversation
  readonly id: number
  readonly kind: 'exchange' | 'psk'
  readonly keys: SessionKeys | string
  readonly #responder: Chains
  readonly #requester: Chains
  /** Undefined once a part of it is missing; `#why` says which. */
  #th: Transcript | undefined
  /** TH as it was before the first FINISH: a requester may have to send it again. */
  #beforeFinish: Transcript | undefined
  #why = ''
  /** The requester shall deliver its DIGESTS without being asked for them. */
  impliesDigests = false

  constructor(options: SessionOptions) {
    this.conversation = options.conversation
    this.id = options.id
    this.kind = options.kind
    this.keys = options.keys ?? NO_SECRET
    this.#responder = options.responder
    this.#requester = options.requester
  }

  /** KEY_EXCHANGE and its response. */
  exchanged({request, asked, response, answered}: Exchanged): TranscriptPoint[] {
    const {connection, transcripts, why} = this.conversation
    this.impliesDigests = answered.mutAuthRequested === DIGESTS_IMPLIED
    const signature = answered.signature as Uint8Array
    const verifyData = answered.responderVerifyData as Uint8Array
    const use = 'signature of KEY_EXCHANGE_RSP'
    if (connection?.hash === undefined || transcripts === undefined)
      return [this.#lose('TH', use, why, 'signature'), this.#missing('TH1', 'handshake keys')]
    const slot = asked.slotId as number
    const chainHash = this.#responder.hashOf(slot, connection.hash)
    if (chainHash === undefined) {
      const lost = `neither certificate chain nor digest of slot ${slot} is in the capture`
      return [this.#lose('TH', use, lost, 'signature'), this.#missing('TH1', 'handshake keys')]
    }
    const tail = signature.length + verifyData.length
    const th = transcripts.handshake(chainHash).append(request, without(response, tail))
    this.#th = th
    const by = {
      version: connection.version,
      hash: connection.hash,
      asym: connection.asym,
      context: 'responder-key_exchange_rsp signing' as const,
      key: this.#responder.keyOf(slot, connection.hash, chainHash),
      whose: `slot ${slot}`,
    }
    const points = [point('TH', use, th.digest(), signatureProof(by, th, signature))]
    th.append(signature)
    return [...points, ...this.#enterHandshake(verifyData, 'ResponderVerifyData of KEY_EXCHANGE_RSP')]
  }

  /** PSK_EXCHANGE and its response. */
  pskExchanged({request, response, answered}: Exchanged): TranscriptPoint[] {
    const {transcripts, why} = this.conversation
    const verifyData = answered.responderVerifyData as Uint8Array
    const use = 'ResponderVerifyData of PSK_EXCHANGE_RSP'
    if (transcripts === undefined) return [this.#lose('TH', use, why, 'HMAC'), this.#missing('TH1', 'handshake keys')]
    this.#th = transcripts.handshake().append(request, without(response, verifyData.length))
    return this.#enterHandshake(verifyData, use)
  }

  /** FINISH or PSK_FINISH as soon as it is seen: what it proves does not wait for the response. */
  finishing(name: 'FINISH' | 'PSK_FINISH', bytes: Uint8Array, value: Seen): TranscriptPoint[] {
    const verifyData = value.requesterVerifyData as Uint8Array
    const signature = value.signature as Uint8Array | undefined
    const use = `RequesterVerifyData of ${name}`
    if (this.#th === undefined) return [this.#missing('TH', use, 'HMAC')]
    this.#beforeFinish ??= this.#th
    this.#th = this.#beforeFinish.fork()
    const points: TranscriptPoint[] = []
    if (value.signatureIncluded === true) {
      const lost = this.#addRequester(value.reqSlotId as number)
      if (lost !== undefined) {
        const signed = this.#lose('TH', 'signature of FINISH', lost, 'signature')
        return [signed, this.#missing('TH', use, 'HMAC')]
      }
      this.#th.append(without(bytes, length(signature) + verifyData.length))
      points.push(this.#finishSignature(value.reqSlotId as number, signature!))
      this.#th.append(signature!)
    } else this.#th.append(without(bytes, verifyData.length))
    points.push(this.#verified(use, 'requester', verifyData))
    this.#th.append(verifyData)
    return points
  }

  /** FINISH_RSP or PSK_FINISH_RSP. */
  finished(name: 'FINISH_RSP' | 'PSK_FINISH_RSP', bytes: Uint8Array, value: Seen): TranscriptPoint[] {
    const verifyData = (value.responderVerifyData as Uint8Array | undefined) ?? new Uint8Array()
    const use = `ResponderVerifyData of ${name}`
    if (this.#th === undefined)
      return [...(verifyData.length > 0 ? [this.#missing('TH', use, 'HMAC')] : []), this.#missing('TH2', 'data keys')]
    this.#th.append(without(bytes, verifyData.length))
    const points = verifyData.length > 0 ? [this.#verified(use, 'responder', verifyData)] : []
    this.#th.append(verifyData)
    return [...points, this.#enterApplication()]
  }

  /** A PSK without context of the responder has no PSK_FINISH: its session is up at once. */
  finishedAtOnce(): TranscriptPoint[] {
    return this.#th === undefined ? [this.#missing('TH2', 'data keys')] : [this.#enterApplication()]
  }

  #enterHandshake(verifyData: Uint8Array, use: string): TranscriptPoint[] {
    const th1 = this.#th!.digest()
    if (typeof this.keys !== 'string') this.keys.enterHandshake(th1)
    const points = [point('TH1', 'handshake keys', th1)]
    if (verifyData.length > 0) points.push(this.#verified(use, 'responder', verifyData))
    this.#th!.append(verifyData)
    return points
  }

  #enterApplication(): TranscriptPoint {
    const th2 = this.#th!.digest()
    if (typeof this.keys !== 'string') this.keys.enterApplication(th2)
    return point('TH2', 'data keys', th2)
  }

  /** Adds what stands for the requester's chain. Returns what is missing for it. */
  #addRequester(slot: number): string | undefined {
    const {connection, requesterDigests} = this.conversation
    const chainHash = this.#requester.hashOf(slot, connection!.hash!)
    if (chainHash === undefined) return `no certificate chain of the requester's slot ${slot} is in the capture`
    if (connection!.requesterMultiKey && requesterDigests !== undefined) this.#th!.append(requesterDigests)
    this.#th!.append(chainHash)
    return undefined
  }

  #finishSignature(slot: number, signature: Uint8Array): TranscriptPoint {
    const {connection} = this.conversation
    const by = {
      version: connection!.version,
      hash: connection!.hash!,
      asym: connection!.requesterAsym,
      context: 'requester-finish signing' as const,
      key: this.#requester.keyOf(slot, connection!.hash!),
      whose: `the requester's slot ${slot}`,
    }
    return point('TH', 'signature of FINISH', this.#th!.digest(), signatureProof(by, this.#th!, signature))
  }

  #verified(use: string, side: Side, verifyData: Uint8Array): TranscriptPoint {
    const digest = this.#th!.digest()
    return point('TH', use, digest, hmacProof(this.keys, side, digest, verifyData))
  }

  #lose(name: TranscriptPoint['name'], use: string, why: string, kind: 'signature' | 'HMAC'): TranscriptPoint {
    this.#th = undefined
    this.#why = why
    return this.#missing(name, use, kind)
  }

  #missing(name: TranscriptPoint['name'], use: string, kind?: 'signature' | 'HMAC'): TranscriptPoint {
    return point(name, use, undefined, kind === undefined ? undefined : unchecked(kind, this.#why))
  }
}

/**
 * The requester (DSP0274 1.3 §8, §9): one connection over one transport, from GET_VERSION to the end of its sessions. One
 * request is under way at a time. A refusal leaves the connection as it was; any other failure ends it: open sessions are
 * ended where their keys are still good, and the transport is closed.
 */
import {equal} from '../../bits/index.js'
import {TsmctlError} from '../../errors.js'
import {digestOf} from '../crypto/index.js'
import type {Connection} from '../negotiation/index.js'
import type {SecureSession} from '../session/index.js'
import type {Budget} from './budget.js'
import {challenge, type ChallengeFacts, type SummaryType} from './challenge.js'
import {type EndpointInfo, endpointInfo, signsEndpointInfo} from './endpoint-info.js'
import {certificate, type ChainOfSlot, digests, type DigestsFacts} from './identity.js'
import {Link} from './link.js'
import {type MeasurementLog, measurementLog} from './measurement-log.js'
import {type MeasurementQuery, type MeasurementResult, measurements, signsMeasurements} from './measurements.js'
import {negotiate} from './negotiate.js'
import {openPskSession, type PskQuery} from './open-psk-session.js'
import type {SessionQuery} from './handshake.js'
import {openSession} from './open-session.js'
import {RequesterSession} from './session.js'
import {type RequesterOptions, settingsOf} from './settings.js'
import {demandUse, PROVISIONED, type Signer, signerOf} from './signer.js'
import {type Vendor, vendorDefined} from './vendor-defined.js'

export interface WithSlot {
  /** 0 when left out. `provisioned` needs `publicKey` of the options. */
  readonly slot?: Signer['slot'] | undefined
}

export class Requester {
  readonly #link: Link
  readonly #publicKey: Uint8Array | undefined
  #digests: DigestsFacts | undefined
  readonly #chains = new Map<number, ChainOfSlot>()

  constructor(options: RequesterOptions & {readonly publicKey?: Uint8Array | undefined}) {
    this.#link = new Link(settingsOf(options))
    this.#publicKey = options.publicKey
  }

  /** What was negotiated. Throws TsmctlError `usage` before. */
  get connection(): Connection {
    return this.#link.agreed
  }

  #forget(): void {
    this.#digests = undefined
    this.#chains.clear()
  }

  /** GET_VERSION to ALGORITHMS; whatever was agreed before is over, sessions included. */
  negotiate(): Promise<Connection> {
    return this.#link.run('negotiate an SPDM connection', budget => {
      this.#forget()
      return negotiate(this.#link, budget)
    })
  }

  /** GET_DIGESTS. Chains that were read before are read again when their digest has changed. */
  digests(): Promise<DigestsFacts> {
    return this.#link.run('read digests', budget => this.#readDigests(budget))
  }

  async #readDigests(budget: Budget): Promise<DigestsFacts> {
    this.#demandCap('certCap', 'read digests')
    this.#digests = undefined
    const facts = await digests(this.#link, budget)
    for (const [slot, chain] of this.#chains) {
      const entry = facts.slots.find(one => one.slot === slot)
      if (entry === undefined || !equal(entry.digest, chain.digest)) this.#chains.delete(slot)
    }
    this.#digests = facts
    return facts
  }

  /** The certificate chain of a slot, after GET_DIGESTS. */
  certificate(slot = 0): Promise<ChainOfSlot> {
    return this.#link.run('read a certificate chain', async budget => {
      this.#chains.delete(slot)
      return this.#chain(budget, slot)
    })
  }

  async #chain(budget: Budget, slot: number): Promise<ChainOfSlot> {
    const known = this.#chains.get(slot)
    if (known !== undefined) return known
    const facts = this.#digests ?? (await this.#readDigests(budget))
    const chain = await certificate(this.#link, budget, facts, slot)
    this.#chains.set(slot, chain)
    return chain
  }

  #demandCap(cap: 'certCap' | 'chalCap', attempted: string): void {
    if (!this.#link.agreed.responder.flags[cap])
      throw new TsmctlError({
        kind: 'unsupported',
        attempted,
        subject: this.#link.peer,
        got: `the responder has no ${cap === 'certCap' ? 'CERT_CAP' : 'CHAL_CAP'}`,
      })
  }

  /** The key of a slot: of its chain, which is read if it was not, or the one we were given. */
  async #signer(budget: Budget, slot: Signer['slot']): Promise<Signer> {
    if (slot !== PROVISIONED) return signerOf(await this.#chain(budget, slot))
    const refuse = (kind: 'usage' | 'unsupported', got: string): never => {
      throw new TsmctlError({kind, attempted: 'use a provisioned public key', subject: this.#link.peer, got})
    }
    const spki = this.#publicKey ?? refuse('usage', 'no public key was given')
    const {responder, hash} = this.#link.agreed
    if (!responder.flags.pubKeyIdCap) refuse('unsupported', 'the responder has no PUB_KEY_ID_CAP')
    if (hash === undefined) refuse('unsupported', 'no base hash was agreed')
    return {slot, spki, hash: digestOf(hash!, spki)}
  }

  /** CHALLENGE: does the responder have the key of the slot? */
  challenge({slot = 0, summary = 'none'}: WithSlot & {readonly summary?: SummaryType} = {}): Promise<ChallengeFacts> {
    const attempted = 'challenge the responder'
    return this.#link.run(attempted, async budget => {
      this.#demandCap('chalCap', attempted)
      const signer = await this.#signer(budget, slot)
      demandUse(this.#link, attempted, this.#digests, slot, 'challenge')
      return challenge(this.#link, budget, signer, summary)
    })
  }

  /** GET_MEASUREMENTS in the clear. */
  measurements(query: MeasurementQuery & WithSlot = {}): Promise<MeasurementResult> {
    return this.#link.run('read measurements', budget => this.#measure(budget, query))
  }

  readonly #measure = async (
    budget: Budget,
    {slot = 0, ...query}: MeasurementQuery & WithSlot,
    session?: SecureSession,
  ): Promise<MeasurementResult> => {
    if (!signsMeasurements(this.#link)) return measurements(this.#link, budget, query, undefined, session)
    const signer = await this.#signer(budget, slot)
    demandUse(this.#link, 'read measurements', this.#digests, slot, 'measurement')
    return measurements(this.#link, budget, query, signer, session)
  }

  /** GET_MEASUREMENT_EXTENSION_LOG, since 1.3. */
  measurementLog(): Promise<MeasurementLog> {
    return this.#link.run('read the measurement extension log', budget => measurementLog(this.#link, budget))
  }

  /** GET_ENDPOINT_INFO, since 1.3; signed where the responder can. */
  endpointInfo({slot = 0}: WithSlot = {}): Promise<EndpointInfo> {
    const attempted = 'read the endpoint information'
    return this.#link.run(attempted, async budget => {
      if (!signsEndpointInfo(this.#link)) return endpointInfo(this.#link, budget, undefined)
      const signer = await this.#signer(budget, slot)
      demandUse(this.#link, attempted, this.#digests, slot, 'endpointInfo')
      return endpointInfo(this.#link, budget, signer)
    })
  }

  /** KEY_EXCHANGE and FINISH with the holder of a slot's key. */
  openSession({slot = 0, ...query}: SessionQuery & WithSlot = {}): Promise<RequesterSession> {
    const attempted = 'open a session'
    return this.#link.run(attempted, async budget => {
      const signer = await this.#signer(budget, slot)
      demandUse(this.#link, attempted, this.#digests, slot, 'keyExchange')
      const opened = await openSession(this.#link, budget, signer, query)
      return new RequesterSession(this.#link, opened, this.#measure)
    })
  }

  /** PSK_EXCHANGE and PSK_FINISH. */
  openPskSession(query: PskQuery): Promise<RequesterSession> {
    return this.#link.run('open a session with a pre-shared key', async budget => {
      const opened = await openPskSession(this.#link, budget, query)
      return new RequesterSession(this.#link, opened, this.#measure)
    })
  }

  /** A vendor-defined message in the clear; most protocols want a session. */
  vendorDefined(payload: Uint8Array, vendor?: Vendor): Promise<Uint8Array> {
    return this.#link.run('exchange a vendor-defined message', budget =>
      vendorDefined(this.#link, budget, payload, {...(vendor && {vendor})}),
    )
  }

  /** Forgets all keys and closes the transport. Sessions that matter are ended before. */
  close(): Promise<void> {
    return this.#link.close()
  }
}

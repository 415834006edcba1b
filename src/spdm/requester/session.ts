/** A session that is open, as its user sees it. */
import type {Budget} from './budget.js'
import type {Opened, SessionFacts} from './handshake.js'
import {certificate, type ChainOfSlot, digests, type DigestsFacts} from './identity.js'
import type {Link} from './link.js'
import {type MeasurementLog, measurementLog} from './measurement-log.js'
import type {MeasurementQuery, MeasurementResult} from './measurements.js'
import {endSession, heartbeat, type KeyUpdate, updateKeys} from './session-control.js'
import type {Signer} from './signer.js'
import {type Vendor, vendorDefined} from './vendor-defined.js'
import type {SecureSession, SessionMemory} from '../session/index.js'
import {TsmctlError} from '../../errors.js'

/** Measures with the signer that the requester has for a slot. */
export type Measure = (
  budget: Budget,
  query: MeasurementQuery & {readonly slot?: Signer['slot'] | undefined},
  session: SecureSession,
) => Promise<MeasurementResult>

const SECOND = 1000

export class RequesterSession {
  readonly facts: SessionFacts
  readonly #link: Link
  readonly #keys: SecureSession
  readonly #measure: Measure
  #lastExchange: number

  constructor(link: Link, {keys, facts}: Opened, measure: Measure) {
    this.#link = link
    this.#keys = keys
    this.facts = facts
    this.#measure = measure
    this.#lastExchange = link.settings.monotonic()
  }

  get id(): number {
    return this.facts.id
  }

  get isOpen(): boolean {
    return this.#keys.phase === 'application'
  }

  /** For simulated TSMs, which outlive a process: see `SessionMemory`. Throws TsmctlError unless the session is open. */
  memory(): SessionMemory {
    return this.#keys.memory()
  }

  /** Milliseconds until a heartbeat is due, 0 or less when it is; undefined in a session without heartbeat. */
  get heartbeatDue(): number | undefined {
    const {heartbeatPeriod} = this.facts
    return heartbeatPeriod === 0 ? undefined : heartbeatPeriod * SECOND - this.#silence
  }

  get #silence(): number {
    return this.#link.settings.monotonic() - this.#lastExchange
  }

  /** Twice the period without a message, and either side takes the session for dead (DSP0274 1.3 §10.18). */
  async #run<T>(attempted: string, operation: (budget: Budget) => Promise<T>): Promise<T> {
    const {heartbeatPeriod} = this.facts
    return this.#link.run(attempted, async budget => {
      if (!this.isOpen)
        throw new TsmctlError({kind: 'usage', attempted, subject: this.#link.peer, got: 'the session has ended'})
      if (heartbeatPeriod > 0 && this.#silence > 2 * heartbeatPeriod * SECOND) {
        this.#drop()
        throw this.#link.failure(attempted, 'session-lost', `no message for more than ${2 * heartbeatPeriod} s`, {
          hint: 'send heartbeats in time; open a new session',
          harmless: true,
        })
      }
      const result = await operation(budget)
      this.#lastExchange = this.#link.settings.monotonic()
      return result
    })
  }

  #drop(): void {
    this.#keys.end()
    this.#link.sessions.delete(this.id)
  }

  digests(): Promise<DigestsFacts> {
    return this.#run('read digests', budget => digests(this.#link, budget, this.#keys))
  }

  certificate(slot: number): Promise<ChainOfSlot> {
    return this.#run('read a certificate chain', async budget => {
      const facts = await digests(this.#link, budget, this.#keys)
      return certificate(this.#link, budget, facts, slot, this.#keys)
    })
  }

  measurements(query: MeasurementQuery & {readonly slot?: Signer['slot']} = {}): Promise<MeasurementResult> {
    return this.#run('read measurements', budget => this.#measure(budget, query, this.#keys))
  }

  /** GET_MEASUREMENT_EXTENSION_LOG, since 1.3. */
  measurementLog(): Promise<MeasurementLog> {
    return this.#run('read the measurement extension log', budget => measurementLog(this.#link, budget, this.#keys))
  }

  /** Throws TsmctlError `usage` in a session without heartbeat. */
  heartbeat(): Promise<void> {
    return this.#run('keep the session alive', async budget => {
      if (this.facts.heartbeatPeriod === 0)
        throw new TsmctlError({kind: 'usage', attempted: 'keep the session alive', got: 'it has no heartbeat'})
      await heartbeat(this.#link, budget, this.#keys)
    })
  }

  keyUpdate(whose: KeyUpdate = 'both'): Promise<void> {
    return this.#run('update keys', async budget => {
      const {requester, responder} = this.#link.agreed
      if (requester?.flags.keyUpdCap !== true || !responder.flags.keyUpdCap)
        throw new TsmctlError({kind: 'unsupported', attempted: 'update keys', got: 'KEY_UPD_CAP was not agreed'})
      await updateKeys(this.#link, budget, this.#keys, whose)
    })
  }

  /** Payload of a vendor's protocol, by default PCI-SIG's, where it begins with the ProtocolID; likewise the answer. */
  vendorDefined(payload: Uint8Array, vendor?: Vendor): Promise<Uint8Array> {
    return this.#run('exchange a vendor-defined message', budget =>
      vendorDefined(this.#link, budget, payload, {session: this.#keys, ...(vendor && {vendor})}),
    )
  }

  /** Ends the session. Afterwards its keys are gone, whatever the responder says. */
  end(): Promise<void> {
    return this.#run('end the session', budget => endSession(this.#link, budget, this.#keys))
  }
}

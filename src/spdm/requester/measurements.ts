/** GET_MEASUREMENTS: all at once or one by one, the last one signed (DSP0274 1.3 §10.11). */
import {concat, DecodeError, join} from '../../bits/index.js'
import {TsmctlError} from '../../errors.js'
import {GET_MEASUREMENTS, MEASUREMENT_INDEX, MEASUREMENTS, NONCE_SIZE, SPDM_ERROR_CODE} from '../messages/index.js'
import {type MeasurementFacts, parseMeasurements} from '../measurements/index.js'
import type {SecureSession} from '../session/index.js'
import type {Transcript} from '../transcript/index.js'
import type {Budget} from './budget.js'
import {requesterContext} from './challenge.js'
import {exchange} from './exchange.js'
import {RequesterError} from './failure.js'
import type {Link} from './link.js'
import {checkOpaque} from './opaque.js'
import {demandSignature, type Signer, slotNibble, type ValidSignature} from './signer.js'

export interface MeasurementQuery {
  /**
   * `all`: in one response. `each`: their number, then every index there is. Numbers: these indices one by one. In each
   * case the last request asks for the signature.
   */
  readonly which?: 'all' | 'each' | readonly number[]
  /** Raw values where the responder has them, since 1.2. */
  readonly raw?: boolean
  /** Take new measurements, since 1.3. */
  readonly fresh?: boolean
  /** Nonce of the signed request, 32 bytes; random when left out. */
  readonly nonce?: Uint8Array
}

export interface MeasurementResult {
  /** The run of exchanges that L1/L2 consists of. */
  readonly facts: MeasurementFacts
  /** Undefined for a responder that cannot sign measurements: then nothing vouches for them. */
  readonly signature: ValidSignature | undefined
  readonly slot: Signer['slot'] | undefined
  /** L1/L2 as signed: with the negotiation in front since 1.2. */
  readonly transcript: Uint8Array
  /** GET_MEASUREMENTS and MEASUREMENTS of the run as sent, signature included, without the negotiation. */
  readonly messages: Uint8Array
}

const WHAT = 'read the measurements'
const LAST_INDEX = 0xfe
const NUMBER = 0
const SIGNED = 2

/** One run: what L1/L2 has collected since it last began. */
class Run {
  readonly #link: Link
  readonly #budget: Budget
  readonly #query: MeasurementQuery
  readonly #signer: Signer | undefined
  readonly #session: SecureSession | undefined
  #messages: Uint8Array[] = []
  #transcript: Transcript | undefined
  #signature: ValidSignature | undefined

  constructor(
    link: Link,
    budget: Budget,
    {query, signer, session}: {query: MeasurementQuery; signer: Signer | undefined; session: SecureSession | undefined},
  ) {
    this.#link = link
    this.#budget = budget
    this.#query = query
    this.#signer = signer
    this.#session = session
  }

  #request(operation: number, isSigned: boolean): Uint8Array {
    const {raw, fresh, nonce} = this.#query
    const {version, settings} = this.#link
    return GET_MEASUREMENTS.encode(
      {
        spdmVersion: version,
        signatureRequested: isSigned,
        rawBitStreamRequested: raw === true,
        newMeasurementRequested: fresh === true,
        measurementOperation: operation,
        ...(isSigned && {
          nonce: nonce ?? settings.random(NONCE_SIZE),
          ...(version >= 0x11 && {slotIdParam: slotNibble(this.#signer!)}),
        }),
        requesterContext: requesterContext(this.#link),
      },
      {version},
    )
  }

  /** One exchange, checked by the rules; `isLast` asks for the signature, which is verified at once. */
  async ask(operation: number, isLast: boolean): Promise<MeasurementFacts> {
    const link = this.#link
    const session = this.#session
    const isSigned = isLast && this.#signer !== undefined
    const message = this.#request(operation, isSigned)
    const {value, bytes} = await exchange(link, this.#budget, {
      request: 'GET_MEASUREMENTS',
      message,
      response: MEASUREMENTS,
      context: {signatureSize: isSigned ? link.agreed.asym!.signatureSize : 0},
      attempted: WHAT,
      crypto: isSigned,
      session,
    }).catch((error: unknown) => {
      this.#messages = []
      throw error
    })
    const facts = this.#parse(concat(message, bytes))
    checkOpaque(link, WHAT, value.opaqueData)
    const unsigned = bytes.subarray(0, bytes.length - value.signature.length)
    this.#messages.push(message, bytes)
    this.#transcript = link.notes.measurements(message, unsigned, isSigned, session?.id ?? 'clear')
    if (isSigned)
      this.#signature = demandSignature(link, WHAT, {
        context: 'responder-measurements signing',
        transcript: this.#transcript,
        signer: this.#signer!,
        signature: value.signature,
      })
    return facts
  }

  /** Facts of exchanges that keep the rules. Throws RequesterError `measurements`. */
  #parse(messages: Uint8Array): MeasurementFacts {
    const {asym, measurementHash} = this.#link.agreed
    const refuse = (got: string, cause?: unknown): never => {
      throw this.#link.failure(WHAT, 'measurements', got, {cause})
    }
    try {
      const facts = parseMeasurements(messages, {asym: asym ?? {signatureSize: 0}, measurementHash})
      const [problem] = facts.problems
      if (problem !== undefined) refuse(problem.message)
      for (const {index, specification, raw, value} of facts.blocks) {
        if (index < 1 || index > LAST_INDEX) refuse(`a measurement of index ${index}`)
        if (specification !== 1) refuse(`measurement ${index} is not by DMTF's specification`)
        if (!raw && measurementHash !== undefined && value.length !== measurementHash.size)
          refuse(`measurement ${index} is a digest of ${value.length} bytes, not ${measurementHash.size}`)
      }
      return facts
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return refuse(error.message, error)
    }
  }

  /** Empties L1/L2, of which an ERROR is the shortest way: asks for an index that is known to be absent. */
  async begin(absent: number): Promise<void> {
    if (this.#messages.length === 0) return
    try {
      await this.ask(absent, false)
    } catch (error) {
      if (isAbsent(error)) return
      throw error
    }
    throw this.#link.failure(WHAT, 'measurements', `index ${absent}, which was absent, exists now`)
  }

  result(): MeasurementResult {
    const messages = join(this.#messages)
    return {
      facts: this.#parse(messages),
      signature: this.#signature,
      slot: this.#signer?.slot,
      transcript: this.#transcript!.bytes(),
      messages,
    }
  }
}

/** A responder answers like this for an index it does not have. */
const isAbsent = (error: unknown): boolean =>
  error instanceof RequesterError && error.errorCode === SPDM_ERROR_CODE.InvalidRequest

/**
 * Every index there is. An absent one begins L1/L2 anew, so that the signature at the end would not cover what came
 * before; then the run is repeated with the indices that were found.
 */
async function askEach(link: Link, run: Run): Promise<void> {
  const {exchanges} = await run.ask(NUMBER, false)
  const count = exchanges[0]!.response.totalNumberOfMeasurements
  const found: number[] = []
  let hole: number | undefined
  for (let index = 1; index <= LAST_INDEX && found.length < count; index++)
    try {
      await run.ask(index, hole === undefined && found.length === count - 1)
      found.push(index)
    } catch (error) {
      if (!isAbsent(error)) throw error
      hole = index
    }
  if (found.length < count)
    throw link.failure(WHAT, 'measurements', `${count} measurements were announced, ${found.length} exist`)
  if (hole === undefined) return
  await run.begin(hole)
  // only what is asked from here on is signed, so that it has to be the same number
  const again = await run.ask(NUMBER, false)
  const total = again.exchanges[0]!.response.totalNumberOfMeasurements
  if (total !== count) throw link.failure(WHAT, 'measurements', `${count} measurements were announced, then ${total}`)
  for (const index of found) await run.ask(index, index === found.at(-1))
}

function checkQuery(link: Link, {which, raw, fresh, nonce}: MeasurementQuery): void {
  const refuse = (kind: 'usage' | 'unsupported', got: string): never => {
    throw new TsmctlError({kind, attempted: WHAT, subject: link.peer, got})
  }
  const {version, responder} = link.agreed
  if (responder.flags.measCap === 0) refuse('unsupported', 'the responder has no measurements')
  if (raw === true && version < 0x12) refuse('unsupported', 'raw values can be asked for since SPDM 1.2')
  if (fresh === true && version < 0x13) refuse('unsupported', 'new measurements can be asked for since SPDM 1.3')
  if (nonce !== undefined && nonce.length !== NONCE_SIZE) refuse('usage', `a nonce of ${nonce.length} bytes`)
  if (typeof which === 'object' && (which.length === 0 || which.some(index => index < 1 || index > LAST_INDEX)))
    refuse('usage', 'indices go from 1 to 254')
}

/** Can the responder sign measurements? */
export const signsMeasurements = (link: Link): boolean => link.agreed.responder.flags.measCap === SIGNED

/**
 * The measurements, signed by `signer` if there is one. Throws RequesterError; what a signature should vouch for is not
 * returned when it does not.
 */
export async function measurements(
  link: Link,
  budget: Budget,
  query: MeasurementQuery,
  signer: Signer | undefined,
  session?: SecureSession,
): Promise<MeasurementResult> {
  checkQuery(link, query)
  const run = new Run(link, budget, {query, signer, session})
  const {which = 'all'} = query
  if (which === 'all') await run.ask(MEASUREMENT_INDEX.all, true)
  else if (which === 'each') await askEach(link, run)
  else for (const [i, index] of which.entries()) await run.ask(index, i === which.length - 1)
  return run.result()
}

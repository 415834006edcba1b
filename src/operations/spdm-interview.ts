/**
 * The questions of an attestation, put to a device one after another. An answer that is proven false ends the interview;
 * what a device refuses or cannot do leaves its question open, and the next one is asked.
 */
import {equal} from '../bits/index.js'
import {harmless, TsmctlError} from '../errors.js'
import {
  type BlockFacts,
  type ChainOfSlot,
  type Connection,
  type ContentChanged,
  type DigestsFacts,
  type FailureReason,
  hasCertificate,
  type MeasurementFacts,
  type MeasurementResult,
  Requester,
  RequesterError,
} from '../spdm/index.js'
import {type ChainView, judgeChain, type TrustedRoot} from './spdm-chain.js'
import {type Answer, question, type Question, type QuestionId} from './spdm-questions.js'
import type {SessionView} from './spdm-attestation.js'
import {converse} from './spdm-session-steps.js'

export interface InterviewOptions {
  readonly roots: readonly TrustedRoot[]
  readonly slot?: number | undefined
  readonly oneByOne?: boolean | undefined
  readonly raw?: boolean | undefined
  readonly session?: boolean | undefined
  /** Can it be a function of PCI? Yes, unless it is said. */
  readonly isPci?: boolean | undefined
  /** Requester ID of the function, where we know which one it is. */
  readonly requesterId?: number | undefined
  readonly now: Date
  readonly onStep?: ((line: string) => void) | undefined
}

/** Everything learnt so far: an interview may end anywhere. */
export interface Findings {
  connection: Connection | undefined
  digests: DigestsFacts | undefined
  readonly chains: Map<number, {readonly bytes: Uint8Array; readonly view: ChainView}>
  /** Slot whose key signs. */
  slot: number | undefined
  measurements: MeasurementResult | undefined
  session: SessionView | undefined
  readonly answers: Map<QuestionId, {readonly answer: Answer; readonly why: string}>
}

/** Reasons that say that something is false, not only that something is missing. */
const FALSE: ReadonlySet<FailureReason> = new Set<FailureReason>([
  'certificate',
  'digest',
  'echo',
  'signature',
  'verify-data',
])
/** Reasons after which other questions can still be answered, as long as the connection lasts. */
const OPEN: ReadonlySet<FailureReason> = new Set<FailureReason>(['refused', 'mutual-authentication'])

const ORDER: readonly QuestionId[] = ['chain', 'key', 'measurements', 'reference', 'negotiation', 'session']

const NO_ROOT = 'no trusted root was given'
const UNSIGNED_MEASUREMENTS = 1
const SIGNED_SINCE = 0x12
/** What a signed response may say about changes; before 1.2 it says nothing. */
const STILL: readonly ContentChanged[] = ['not detected', 'unchanged']

/** Has `blocks` that block, with the same value if it is in the same form? */
const isIn = (blocks: readonly BlockFacts[], {index, raw, value}: BlockFacts): boolean =>
  blocks.some(block => block.index === index && (block.raw !== raw || equal(block.value, value)))

/** Index of a block that only one of two readings has, or each with another value. */
const differingBlock = (one: readonly BlockFacts[], other: readonly BlockFacts[]): number | undefined =>
  [...one.filter(block => !isIn(other, block)), ...other.filter(block => !isIn(one, block))][0]?.index

/** Is this the chain of somebody whom the user trusts? */
function chainAnswer(chain: ChainView, roots: readonly TrustedRoot[]): readonly [Answer, string] {
  const {problems, weaknesses, anchor, certificates} = chain
  if (problems.length > 0) return ['no', problems[0]!]
  if (roots.length === 0) return ['not verified', `${NO_ROOT}: it is well formed, and could be anybody's`]
  if (anchor === null) return ['no', 'it leads to none of the trusted roots']
  if (weaknesses.length > 0) return ['not verified', `it leads to ${anchor}, but ${weaknesses[0]}`]
  return ['yes', `${certificates.length} certificates up to ${anchor}`]
}

export class Interview {
  readonly findings: Findings = {
    connection: undefined,
    digests: undefined,
    chains: new Map(),
    slot: undefined,
    measurements: undefined,
    session: undefined,
    answers: new Map(),
  }
  readonly #requester: Requester
  readonly #options: InterviewOptions

  constructor(requester: Requester, options: InterviewOptions) {
    this.#requester = requester
    this.#options = options
  }

  /** Answers of all questions, those that nobody got to included. */
  get questions(): readonly Question[] {
    return ORDER.map(id => {
      const {answer, why} = this.findings.answers.get(id) ?? this.#unasked(id)
      return question(id, answer, why)
    })
  }

  #unasked(id: QuestionId): {readonly answer: Answer; readonly why: string} {
    if (id === 'reference') return {answer: 'not asked', why: 'no policy was given'}
    if (id === 'session' && !this.#options.session) return {answer: 'not asked', why: '--session asks it'}
    return {answer: 'not verified', why: 'the attestation ended before it'}
  }

  answer(id: QuestionId, answer: Answer, why: string): void {
    this.findings.answers.set(id, {answer, why: harmless(why, 300)})
  }

  /** Throws TsmctlError for what ends the interview without answering a question; findings keep what was learnt. */
  async run(): Promise<void> {
    const {findings} = this
    this.#tell('negotiating')
    const connection = await this.#requester.negotiate()
    findings.connection = connection
    const {certCap, chalCap, measCap} = connection.responder.flags
    if (!certCap) this.answer('chain', 'not verified', 'the device has no certificates to show (CERT_CAP)')
    else if (!(await this.#ask('chain', () => this.#identify(connection)))) return
    if (findings.slot === undefined) this.answer('key', 'not verified', 'there is no certificate to ask for the key of')
    else if (!chalCap) this.answer('key', 'not verified', 'the device takes no challenge (CHAL_CAP)')
    else if (!(await this.#ask('key', () => this.#challenge()))) return
    if (measCap === 0) this.answer('measurements', 'not verified', 'the device has no measurements (MEAS_CAP)')
    else if (!(await this.#ask('measurements', () => this.#measure(connection)))) return
    if (this.#options.session) await this.#ask('session', () => this.#converse(connection))
  }

  /** False when the interview is over. */
  async #ask(id: QuestionId, ask: () => Promise<void>): Promise<boolean> {
    try {
      await ask()
      return true
    } catch (error) {
      if (!(error instanceof TsmctlError)) throw error
      const why = error.got ?? error.message
      if (!(error instanceof RequesterError)) {
        // this cannot be asked here, or not so: the device has not heard of it
        if (error.kind !== 'unsupported' && error.kind !== 'usage') throw error
        this.answer(id, 'not verified', why)
        return true
      }
      // the slot that the user named
      if (error.kind === 'not-found') throw error
      if (FALSE.has(error.reason)) this.answer(id, 'no', why)
      else if (OPEN.has(error.reason)) this.answer(id, 'not verified', why)
      else throw error
      return !error.ends
    }
  }

  async #identify(connection: Connection): Promise<void> {
    const {roots, now, slot: wanted} = this.#options
    const {findings} = this
    this.#tell('reading certificates')
    const digests = await this.#requester.digests()
    findings.digests = digests
    const slots = wanted === undefined ? digests.slots.filter(hasCertificate).map(({slot}) => slot) : [wanted]
    for (const slot of slots) {
      const chain: ChainOfSlot = await this.#requester.certificate(slot)
      const view = await judgeChain(chain.bytes, connection, roots, now, chain)
      findings.chains.set(slot, {bytes: chain.bytes, view})
      findings.slot ??= slot
    }
    const chosen = findings.slot === undefined ? undefined : findings.chains.get(findings.slot)
    if (chosen === undefined) this.answer('chain', 'not verified', 'no slot has a certificate')
    else this.answer('chain', ...chainAnswer(chosen.view, roots))
  }

  async #challenge(): Promise<void> {
    this.#tell('challenging')
    await this.#requester.challenge({slot: this.findings.slot!, summary: 'none'})
    this.answer('key', 'yes', `it signed our challenge with the key of slot ${this.findings.slot}`)
    this.#authenticated('CHALLENGE_AUTH')
  }

  async #measure(connection: Connection): Promise<void> {
    const {oneByOne, raw} = this.#options
    this.#tell('reading measurements')
    const result = await this.#requester.measurements({
      which: oneByOne ? 'each' : 'all',
      raw: raw ?? false,
      ...(this.findings.slot !== undefined && {slot: this.findings.slot}),
    })
    this.findings.measurements = result
    const {measCap, measFreshCap} = connection.responder.flags
    if (result.signature === undefined) {
      const why = measCap === UNSIGNED_MEASUREMENTS ? 'the device cannot sign them (MEAS_CAP)' : 'they are not signed'
      return this.answer('measurements', 'not verified', why)
    }
    this.#possession('it signed its measurements and our nonce')
    if (connection.version >= SIGNED_SINCE) this.#authenticated('MEASUREMENTS')
    const {contentChanged} = result.facts.signed!.response
    if (!STILL.includes(contentChanged))
      return this.answer('measurements', 'not verified', 'the device says that they changed while it was asked')
    const age = measFreshCap ? 'taken when asked' : 'taken at its last reset, for all it says (no MEAS_FRESH_CAP)'
    this.answer('measurements', 'yes', `${result.facts.blocks.length} measurements with our nonce, ${age}`)
  }

  async #converse(connection: Connection): Promise<void> {
    this.#tell('opening a session')
    const view = await converse(this.#requester, connection, {
      slot: this.findings.slot!,
      isPci: this.#options.isPci ?? true,
      requesterId: this.#options.requesterId,
      onOpen: session => {
        this.findings.session = session
        this.#possession('it signed our key exchange')
        this.#authenticated('KEY_EXCHANGE_RSP')
      },
      onMeasured: facts => this.#compare(facts),
    })
    const what = `${view.exchange} and ${view.aead}, opened, used and ended`
    if (connection.encrypted) this.answer('session', 'yes', what)
    else this.answer('session', 'not verified', `${what}; its records are authenticated, but not encrypted`)
  }

  /** Whoever changed between two readings was not described by the first. */
  #compare({blocks}: MeasurementFacts): void {
    const {measurements} = this.findings
    const isVouched = this.findings.answers.get('measurements')?.answer === 'yes'
    if (measurements === undefined || !isVouched) return
    const found = differingBlock(measurements.facts.blocks, blocks)
    if (found !== undefined)
      this.answer('measurements', 'not verified', `block ${found} has another value inside the session`)
  }

  /** Any signature over a nonce of ours proves it; a challenge that was refused does not take that back. */
  #possession(why: string): void {
    if (this.findings.answers.get('key')?.answer !== 'yes') this.answer('key', 'yes', why)
  }

  #authenticated(by: string): void {
    if (!this.findings.answers.has('negotiation'))
      this.answer('negotiation', 'yes', `the signature of ${by} covers all of it`)
  }

  #tell(line: string): void {
    this.#options.onStep?.(line)
  }
}

/** A requester on a bench: a real responder opposite, a clock nobody waits for, and somebody in between. */
import {KeyObject, randomBytes} from 'node:crypto'
import {TsmctlError} from '../../../src/errors.js'
import {
  type Datagram,
  MEASUREMENT_TYPE,
  Requester,
  type RequesterOptions,
  Responder,
  type ResponderOptions,
  type SignatureQuestion,
  signQuestion,
  type Transport,
} from '../../../src/spdm/index.js'
import {CA, make, SIGNS} from '../authority.js'

export const random = (size: number): Uint8Array => new Uint8Array(randomBytes(size))

const root = await make({subject: 'CN=root', extensions: CA})
const leaf = await make({subject: 'CN=device', issuer: root, extensions: SIGNS})
const other = await make({subject: 'CN=other', issuer: root, extensions: SIGNS})
const key = KeyObject.from(leaf.keys.privateKey as never)

export const SPKI = leaf.facts.spki
export const sign = (question: SignatureQuestion): Uint8Array => signQuestion(question, key)

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const measured = (index: number, type: keyof typeof MEASUREMENT_TYPE) => ({
  index,
  type: MEASUREMENT_TYPE[type],
  form: 'content' as const,
  value: utf8(`measurement ${index}`),
  tcb: true,
})

/** Slots 0 and 1, whose keys `signer` has. */
export const slots = (signer: (question: SignatureQuestion) => Uint8Array): ResponderOptions['slots'] => [
  {slot: 0, certificates: [root.facts.der, leaf.facts.der], sign: signer},
  {slot: 1, certificates: [root.facts.der, other.facts.der], sign: signer},
]

/** A device with ECDSA P-384 in slots 0 and 1, measurements with holes between them, and a pre-shared key. */
export const DEVICE: ResponderOptions = {
  slots: slots(sign),
  measurements: [measured(1, 'rom'), measured(2, 'firmware'), measured(7, 'fw-config')],
  algorithms: {
    hash: ['sha384'],
    asym: ['ecdsa-p384'],
    measurementHash: ['sha256'],
    exchange: ['secp256r1'],
    aead: ['aes-256-gcm'],
  },
  random,
  heartbeatPeriod: 10,
  psk: hint => (hint.length === 4 ? utf8('the key both have') : undefined),
  vendor: payload => payload,
}

/** Milliseconds that pass only when somebody waits. */
export class Clock {
  now = 0
  readonly monotonic = (): number => this.now
  readonly sleep = async (milliseconds: number): Promise<void> => {
    this.now += milliseconds
  }
}

/** What the one in between sees; the return value is what arrives, undefined is silence. */
export interface Passing {
  readonly secured: boolean
  /** Code of the request in the clear; undefined for a record. */
  readonly code: number | undefined
  readonly request: Uint8Array
  readonly response: Uint8Array | undefined
  /** Messages that passed before this one. */
  readonly count: number
  readonly history: readonly Uint8Array[]
}
export type Tamper = (passing: Passing) => Uint8Array | Datagram | undefined

export class Wire implements Transport {
  readonly peer = 'bench'
  readonly maxPadding = 3
  readonly maxPayload = 0x20000
  closed = 0
  tamper: Tamper = ({response}) => response
  readonly responder: Responder
  readonly clock: Clock
  readonly #history: Uint8Array[] = []

  constructor(responder: Responder, clock: Clock) {
    this.responder = responder
    this.clock = clock
  }

  async exchange(request: Datagram, timeout: number): Promise<Datagram> {
    if (this.closed > 0) throw new Error('the transport is closed')
    const {secured, payload} = request
    const response = this.responder.respond(request)?.payload
    const arrived = this.tamper({
      secured,
      code: secured ? undefined : payload[1],
      request: payload,
      response,
      count: this.#history.length,
      history: this.#history,
    })
    this.#history.push(response ?? new Uint8Array())
    this.clock.now += 1
    if (arrived !== undefined) return arrived instanceof Uint8Array ? {secured, payload: arrived} : arrived
    this.clock.now += timeout
    throw new TsmctlError({kind: 'timeout', attempted: 'exchange', got: 'no response'})
  }

  async close(): Promise<void> {
    this.closed++
  }
}

export interface Bench {
  readonly requester: Requester
  readonly wire: Wire
  readonly clock: Clock
}

export const TIMEOUTS = {response: 1000, crypto: 2000, total: 20_000}

export interface BenchOptions {
  readonly device?: Partial<ResponderOptions>
  readonly requester?: Partial<RequesterOptions> & {readonly publicKey?: Uint8Array}
}

export function bench({device = {}, requester: more = {}}: BenchOptions = {}): Bench {
  const clock = new Clock()
  const responder = new Responder({...DEVICE, ...device, monotonic: clock.monotonic})
  const wire = new Wire(responder, clock)
  const {monotonic, sleep} = clock
  const requester = new Requester({transport: wire, random, monotonic, sleep, timeouts: TIMEOUTS, ...more})
  return {requester, wire, clock}
}

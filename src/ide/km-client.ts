/**
 * The requester's side of IDE_KM (PCIe r6.2 §6.33.3): query a port, program its keys, switch them on and off. Every
 * answer is compared field by field with what was asked.
 */
import {DecodeError, type Fields, hex, type Layout, type View} from '../bits/index.js'
import {type ErrorKind, TsmctlError} from '../errors.js'
import {type Known, known, unknown} from '../known.js'
import {decodeIdeRegisters, type Ide} from './decode.js'
import {
  KEY_PROG_STATUS,
  KM_KEY_PROG,
  KM_KEY_PROG_ACK,
  KM_KEY_SET_GO,
  KM_KEY_SET_GOSTOP_ACK,
  KM_KEY_SET_STOP,
  KM_QUERY,
  KM_QUERY_RESPONSE,
  SUB_STREAM_NAMES,
} from './km.js'
import {
  FIRST_INVOCATION,
  ifvToWire,
  KEY_SIZE,
  type KeySelector,
  type KeySlot,
  keyToWire,
  selectorOf,
  slotName,
} from './km-keys.js'

/** What a port says about itself. */
export interface KmPort {
  readonly portIndex: number
  /** The highest PortIndex of this device. */
  readonly maxPortIndex: number
  readonly segment: number
  /** Bus [15:8], device [7:3], function [2:0]. */
  readonly requesterId: number
  /** IDE registers from the capability register on, as they came. */
  readonly registers: Uint8Array
  /** The registers decoded; unknown when the promised stream blocks do not fill them exactly. */
  readonly ide: Known<Ide>
}

interface Attempt {
  readonly attempted: string
  readonly subject?: string | undefined
}

const STATUS: Readonly<Record<number, {readonly kind: ErrorKind; readonly hint: string}>> = {
  1: {kind: 'malformed', hint: 'the device reads KEY_PROG with another length; update its firmware'},
  2: {kind: 'not-found', hint: 'query port 0: Max Port Index is the last one there is'},
  3: {kind: 'unsupported', hint: 'compare Stream ID and sub-stream with the IDE registers of the port'},
  4: {kind: 'transition', hint: 'stop this key set, or use the other one, and try again'},
}
const UNSPECIFIED_FAILURE = 4
const BUS = 256

const KEY_PROG_KEY = KM_KEY_PROG.fields.key.at as number

/** The names of the fields in which an answer does not repeat the request. */
const differences = (asked: KeySelector, got: KeySelector): string[] =>
  (Object.keys(asked) as (keyof KeySelector)[])
    .filter(field => asked[field] !== got[field])
    .map(field => `${field} ${said(field, got[field])} instead of ${said(field, asked[field])}`)

const said = (field: keyof KeySelector, value: number): string =>
  field === 'subStream' ? (SUB_STREAM_NAMES[value] ?? hex(value)) : String(value)

export interface KmClientOptions {
  /**
   * Sends the payload of a PCI-SIG vendor-defined message, ProtocolID first, inside a secured SPDM session and gives the
   * payload of the answer. A device that discards an object does not answer: the wait ends in the sender's timeout.
   */
  readonly send: (payload: Uint8Array) => Promise<Uint8Array>
  /** The device, for messages to people. */
  readonly peer?: string
}

/** All methods throw TsmctlError: `malformed` for answers that break the specification, else as the method says. */
export class KmClient {
  readonly #send: KmClientOptions['send']
  readonly #peer: string | undefined

  constructor({send, peer}: KmClientOptions) {
    this.#send = send
    this.#peer = peer
  }

  async query(portIndex = 0): Promise<KmPort> {
    const attempt = {attempted: `query IDE port ${portIndex}`, subject: this.#peer}
    const answer = await this.#ask(encoded(KM_QUERY, {portIndex}, attempt), KM_QUERY_RESPONSE, attempt)
    if (answer.portIndex !== portIndex) throw broken(attempt, `QUERY_RESP of port ${answer.portIndex}`)
    const {maxPortIndex, segment, bus, deviceFunction, registers} = answer
    if (portIndex > maxPortIndex) throw broken(attempt, `QUERY_RESP of a port behind Max Port Index ${maxPortIndex}`)
    return {
      portIndex,
      maxPortIndex,
      segment,
      requesterId: bus * BUS + deviceFunction,
      registers,
      ide: walked(registers),
    }
  }

  /**
   * Programs `key` (32 bytes, k0 first) into a slot. The key stays the caller's, who wipes it; the copy made here is
   * wiped before this returns. Throws TsmctlError for every status but success: `not-found` for the port, `unsupported`
   * for another value, `transition` for an unspecified failure.
   */
  async program(slot: KeySlot, key: Uint8Array, invocation = FIRST_INVOCATION): Promise<void> {
    const attempt = this.#about('program', slot)
    if (key.length !== KEY_SIZE)
      throw new TsmctlError({kind: 'usage', ...attempt, got: `a key of ${key.length} bytes, not ${KEY_SIZE}`})
    const asked = selectorOf(slot)
    const payload = encoded(KM_KEY_PROG, {...asked, ifv: ifvToWire(invocation)}, attempt)
    try {
      keyToWire(key, payload.subarray(KEY_PROG_KEY))
      const ack = await this.#ask(payload, KM_KEY_PROG_ACK, attempt)
      const wrong = differences(asked, ack)
      if (wrong.length > 0) throw broken(attempt, `KP_ACK for another key: ${wrong.join(', ')}`)
      if (ack.status !== 0) throw refusalOf(attempt, ack.status)
    } finally {
      payload.fill(0)
    }
  }

  /** K_SET_GO: the port begins to use the key. A device that does not agree says nothing. */
  go(slot: KeySlot): Promise<void> {
    return this.#switch('start to use', KM_KEY_SET_GO, slot)
  }

  /** K_SET_STOP: the port forgets the key. */
  stop(slot: KeySlot): Promise<void> {
    return this.#switch('stop to use', KM_KEY_SET_STOP, slot)
  }

  async #switch(verb: string, layout: typeof KM_KEY_SET_GO | typeof KM_KEY_SET_STOP, slot: KeySlot): Promise<void> {
    const attempt = this.#about(verb, slot)
    const asked = selectorOf(slot)
    const ack = await this.#ask(encoded(layout as Layout<Fields>, asked, attempt), KM_KEY_SET_GOSTOP_ACK, attempt)
    const wrong = differences(asked, ack)
    if (wrong.length > 0) throw broken(attempt, `K_GOSTOP_ACK for another key: ${wrong.join(', ')}`)
  }

  #about(verb: string, slot: KeySlot): Attempt {
    return {attempted: `${verb} the ${slotName(slot)}`, subject: this.#peer}
  }

  async #ask<A extends Fields>(payload: Uint8Array, answer: Layout<A>, attempt: Attempt): Promise<View<A>> {
    const got = await this.#send(payload)
    try {
      return answer.decode(got)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      throw broken(attempt, `an answer that is no ${answer.name}: ${error.message}`, error)
    }
  }
}

function walked(registers: Uint8Array): Known<Ide> {
  try {
    return known(decodeIdeRegisters(registers))
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return unknown(error.message)
  }
}

function encoded<T extends Fields>(layout: Layout<T>, values: object, attempt: Attempt): Uint8Array {
  try {
    return layout.encode(values as Parameters<Layout<T>['encode']>[0])
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new TsmctlError({kind: 'usage', ...attempt, got: error.message, cause: error})
  }
}

const broken = (attempt: Attempt, got: string, cause?: unknown): TsmctlError =>
  new TsmctlError({
    kind: 'malformed',
    ...attempt,
    got,
    hint: 'the device does not keep to IDE_KM; end the SPDM session, which makes it forget all keys',
    ...(cause !== undefined && {cause}),
  })

/** KP_ACK with a status; what is not defined counts as an unspecified failure. */
function refusalOf(attempt: Attempt, status: number): TsmctlError {
  const {kind, hint} = STATUS[status] ?? STATUS[UNSPECIFIED_FAILURE]!
  const meaning = KEY_PROG_STATUS[status] ?? `undefined, which counts as ${KEY_PROG_STATUS[UNSPECIFIED_FAILURE]}`
  return new TsmctlError({
    kind,
    ...attempt,
    got: `KP_ACK status ${hex(status, 2)} (${meaning})`,
    hint,
    details: {keyProgStatus: status},
  })
}

/** A responder behind a TCP socket: SPDM in DOE objects or MCTP messages, in the frames of the DMTF emulator. */
import {TsmctlError} from '../errors.js'
import {connectTcp, type Limits, type TcpAddress, type TcpStream} from '../kernel/index.js'
import type {Datagram, RecordForm, Transport} from '../spdm/index.js'
import {type Binding, DOE_BINDING} from './spdm-binding.js'
import {broken, COMMAND, commandText, encodeFrame, type Frame, MAX_FRAME_PAYLOAD, readFrame} from './spdm-tcp-frame.js'

export interface TcpTransportOptions extends Limits {
  /** Ask the responder to end when we are done; otherwise it goes on serving others. */
  readonly shutdown?: boolean | undefined
  /** DOE unless it is said. */
  readonly binding?: Binding | undefined
}

/** Milliseconds for the farewell: nobody waits long for a responder that is done with anyway. */
const FAREWELL = 1000

class SpdmTcpTransport implements Transport {
  readonly peer: string
  readonly maxPadding: number
  readonly maxPayload: number
  readonly records: RecordForm
  readonly #binding: Binding
  readonly #stream: TcpStream
  readonly #farewell: number
  /** Every request has its answer: the next frame is the farewell's. */
  #inStep = true
  #closed = false

  constructor(stream: TcpStream, isLast: boolean, binding: Binding) {
    this.peer = stream.peer
    this.maxPadding = binding.maxPadding
    this.maxPayload = MAX_FRAME_PAYLOAD - binding.overhead
    this.records = binding.records
    this.#binding = binding
    this.#stream = stream
    this.#farewell = isLast ? COMMAND.shutdown : COMMAND.continue
  }

  async exchange(request: Datagram, timeout: number, signal?: AbortSignal): Promise<Datagram> {
    if (!this.#inStep) throw broken(this.peer, 'an earlier exchange failed, and nothing can be told apart any more')
    this.#inStep = false
    if (this.#stream.pending > 0) throw broken(this.peer, 'it sent something that nobody had asked for')
    const limits = {timeout, signal}
    await this.#stream.write(this.#frame(COMMAND.normal, this.#binding.wrap(request)), limits)
    const wrapped = payloadOf(await readFrame(this.#stream, limits), this.peer, this.#binding)
    const answer = this.#binding.unwrap(wrapped, got => broken(this.peer, got))
    this.#inStep = true
    return answer
  }

  #frame(command: number, payload: Uint8Array): Uint8Array {
    return encodeFrame({command, transport: this.#binding.frameType, payload})
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    try {
      // without it the emulator ends; a responder that is out of step may still read it
      const limits = {timeout: FAREWELL}
      await this.#stream.write(this.#frame(this.#farewell, new Uint8Array(0)), limits)
      if (this.#inStep) await readFrame(this.#stream, limits)
    } catch {
      // it has gone, or does not answer: there is nothing left to say to it
    } finally {
      this.#stream.close()
    }
  }
}

/** Payload of an answer to NORMAL. */
function payloadOf(frame: Frame | undefined, peer: string, {frameType, emulatorName}: Binding): Uint8Array {
  if (frame === undefined)
    throw new TsmctlError({
      kind: 'timeout',
      attempted: `talk to ${peer}`,
      got: 'it closed the connection instead of answering',
      hint: 'Responders do so with requests they discard, and when they end.',
    })
  const {command, transport, payload} = frame
  if (command === COMMAND.unknown)
    throw new TsmctlError({
      kind: 'unsupported',
      attempted: `talk to ${peer}`,
      got: 'it does not know the command NORMAL',
      hint: 'Is this the port of an SPDM responder?',
    })
  if (command !== COMMAND.normal) throw broken(peer, `it answered NORMAL with ${commandText(command)}`)
  if (transport !== frameType)
    throw broken(
      peer,
      `it answered with transport type ${transport}, not ${frameType}: start it with ${emulatorName} transport`,
    )
  return payload
}

/**
 * Connects to a responder. Throws TsmctlError `timeout`, `interrupted`, `not-found` when nobody listens. `close` says
 * good-bye, so that a responder can serve others, and releases the socket in every case.
 */
export async function connectSpdmTcp(address: TcpAddress, options: TcpTransportOptions): Promise<Transport> {
  const {shutdown = false, binding = DOE_BINDING} = options
  return new SpdmTcpTransport(await connectTcp(address, options), shutdown, binding)
}

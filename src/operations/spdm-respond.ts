/** `spdm respond`: serves a responder over TCP as the DMTF emulator does, one connection after another. */
import {DecodeError} from '../bits/index.js'
import {TsmctlError} from '../errors.js'
import type {Limits, TcpListener, TcpStream} from '../kernel/index.js'
import {
  CMA_SPDM,
  decodeDoeObject,
  DOE_DISCOVERY_REQUEST,
  DOE_DISCOVERY_RESPONSE,
  encodeDoeObject,
  SECURED_CMA_SPDM,
} from '../pci/index.js'
import type {Datagram} from '../spdm/index.js'
import {type Binding, DOE_BINDING} from './spdm-binding.js'
import {COMMAND, commandText, encodeFrame, type Frame, readFrame} from './spdm-tcp-frame.js'

/** A device: every datagram has an answer, or is silently discarded. */
export interface RespondingDevice {
  respond(request: Datagram): Datagram | undefined
}

export interface ServeOptions {
  readonly signal: AbortSignal
  /** Told of every connection and its end. */
  readonly onEvent?: ((line: string) => void) | undefined
  /** Milliseconds without a request after which a client is let go, so that the next one is served. */
  readonly idle?: number | undefined
  /** DOE unless it is said. */
  readonly binding?: Binding | undefined
}

export interface Served {
  readonly connections: number
  /** Messages and records that were answered. */
  readonly exchanges: number
  /** A client sent SHUTDOWN; otherwise the user ended it. */
  readonly ended: 'shutdown' | 'interrupted'
}

const IDLE = 60_000
const DISCOVERY = 0
const NO_VENDOR = 0xffff

/** What DOE discovery lists: itself, SPDM, and SPDM's secured messages. */
const TYPES = [DISCOVERY, CMA_SPDM.type, SECURED_CMA_SPDM.type]

const HELLO = new TextEncoder().encode('Server Hello!\0')
const NOTHING = new Uint8Array(0)

/** Decodes what a client sent; undefined where a mailbox would discard it. */
function taken<T>(decode: () => T): T | undefined {
  try {
    return decode()
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

function discovered(payload: Uint8Array): Uint8Array | undefined {
  const request = taken(() => DOE_DISCOVERY_REQUEST.decode(payload.subarray(0, DOE_DISCOVERY_REQUEST.headSize)))
  if (request === undefined) return undefined
  const type = TYPES[request.index]
  const entry =
    type === undefined
      ? {vendorId: NO_VENDOR, type: 0, nextIndex: 0}
      : {vendorId: CMA_SPDM.vendor, type, nextIndex: (request.index + 1) % TYPES.length}
  return DOE_DISCOVERY_RESPONSE.encode(entry)
}

/** DOE discovery, and nothing else of DOE that is not SPDM. */
function discovery(bytes: Uint8Array): Uint8Array | undefined {
  const object = taken(() => decodeDoeObject(bytes))
  if (object === undefined || object.vendor !== CMA_SPDM.vendor || object.type !== DISCOVERY) return undefined
  const payload = discovered(object.payload)
  return payload && encodeDoeObject({vendor: object.vendor, type: object.type, payload})
}

const discarded = (got: string): TsmctlError => new TsmctlError({kind: 'malformed', attempted: 'take a message', got})

/** What answers `bytes`; undefined when it is discarded, or nothing of SPDM at all. */
function answerTo(bytes: Uint8Array, device: RespondingDevice, binding: Binding): Uint8Array | undefined {
  let request: Datagram
  try {
    request = binding.unwrap(bytes, discarded)
  } catch (error) {
    if (error instanceof TsmctlError) return binding === DOE_BINDING ? discovery(bytes) : undefined
    throw error
  }
  const response = device.respond(request)
  return response && binding.wrap(response)
}

interface Reply {
  readonly frame?: Frame
  /** Why the connection, or the responder, ends after it. */
  readonly end?: 'shutdown' | 'continue' | 'discarded' | 'unknown'
}

function replyTo({command, transport, payload}: Frame, device: RespondingDevice, binding: Binding): Reply {
  const reply = (with_: Uint8Array): Frame => ({command, transport, payload: with_})
  switch (command) {
    case COMMAND.normal: {
      if (transport !== binding.frameType) break
      const answer = answerTo(payload, device, binding)
      return answer === undefined ? {end: 'discarded'} : {frame: reply(answer)}
    }
    case COMMAND.test:
      return {frame: reply(HELLO)}
    case COMMAND.continue:
      return {frame: reply(NOTHING), end: 'continue'}
    case COMMAND.shutdown:
      return {frame: reply(NOTHING), end: 'shutdown'}
  }
  return {frame: {command: COMMAND.unknown, transport, payload: NOTHING}, end: 'unknown'}
}

const FAREWELL: Readonly<Record<NonNullable<Reply['end']>, (frame: Frame) => string>> = {
  shutdown: () => 'asks to shut down',
  continue: () => 'is done',
  discarded: () => 'sent what a mailbox discards without an answer: connection closed',
  unknown: ({command, transport}) =>
    `sent ${commandText(command)} with transport type ${transport}, which nobody knows: connection closed`,
}

interface Visit {
  readonly exchanges: number
  readonly shutdown: boolean
  readonly why: string
}

async function serveClient(
  stream: TcpStream,
  device: RespondingDevice,
  limits: Limits,
  binding: Binding,
): Promise<Visit> {
  let exchanges = 0
  const left = (why: string, shutdown = false): Visit => ({exchanges, shutdown, why})
  try {
    for (;;) {
      const frame = await readFrame(stream, limits)
      if (frame === undefined) return left('left')
      const {frame: reply, end} = replyTo(frame, device, binding)
      if (reply !== undefined) await stream.write(encodeFrame(reply), limits)
      if (end !== undefined) return left(FAREWELL[end](frame), end === 'shutdown')
      if (frame.command === COMMAND.normal) exchanges += 1
    }
  } catch (error) {
    // a client that misbehaves or hangs is let go; the device stays for the next one
    if (error instanceof TsmctlError) return left(error.got ?? error.message)
    throw error
  } finally {
    stream.close()
  }
}

/**
 * Serves `device` until a client sends SHUTDOWN or `signal` is aborted. The device keeps its state from one connection
 * to the next, whatever ended the last one. The listener is closed at the end.
 */
export async function serveSpdm(
  listener: TcpListener,
  device: RespondingDevice,
  {signal, onEvent, idle = IDLE, binding = DOE_BINDING}: ServeOptions,
): Promise<Served> {
  let connections = 0
  let exchanges = 0
  try {
    for (;;) {
      const stream = await listener.accept(signal)
      if (stream === undefined) return {connections, exchanges, ended: 'interrupted'}
      connections += 1
      onEvent?.(`${stream.peer} connected`)
      const visit = await serveClient(stream, device, {timeout: idle, signal}, binding)
      exchanges += visit.exchanges
      onEvent?.(`${stream.peer} ${visit.why} (${visit.exchanges} exchanges)`)
      if (visit.shutdown) return {connections, exchanges, ended: 'shutdown'}
    }
  } finally {
    listener.close()
  }
}

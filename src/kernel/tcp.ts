/**
 * TCP for protocols of messages: exact reads with a time limit, one write per message, and an end that never throws.
 * Nothing is read ahead beyond the socket's own small buffer, whatever the other side sends.
 */
import {connect, createServer, type Server, type Socket} from 'node:net'
import {ErrnoError, type ErrorKind, printable, TsmctlError} from '../errors.js'

export interface TcpAddress {
  readonly host: string
  readonly port: number
}

export interface Limits {
  /** Milliseconds. */
  readonly timeout: number
  readonly signal?: AbortSignal | undefined
}

export interface TcpStream {
  /** For messages to people: `tcp://127.0.0.1:2323`. */
  readonly peer: string
  /** Bytes that have arrived and were not read yet. */
  readonly pending: number
  /**
   * Exactly `length` bytes; undefined when the other side closed before the first of them. Throws TsmctlError
   * `malformed` when it closed after that, `timeout`, `interrupted` on abort, or what the network said.
   */
  read(length: number, limits: Limits): Promise<Uint8Array | undefined>
  /** Hands all of `bytes` to the network in one piece. Throws as `read` does. */
  write(bytes: Uint8Array, limits: Limits): Promise<void>
  /**
   * Lets go of the connection at once; what was written is still sent, if that takes no longer than a
   * second. Never throws.
   */
  close(): void
}

export interface TcpListener {
  /** Where it listens: with port 0 the system chose one. */
  readonly address: TcpAddress
  /** The next connection; undefined once `signal` is aborted or the listener closed. */
  accept(signal?: AbortSignal): Promise<TcpStream | undefined>
  /** Stops listening, and lets go of connections that nobody accepted. Never throws. */
  close(): void
}

/** Connections that may wait for the one that is served. */
const BACKLOG = 8

/** Milliseconds that what was written has to go out once nobody here cares any more. */
const LINGER = 1000

/** What a network's refusal means for the exit code. */
const KIND: Readonly<Record<string, ErrorKind>> = {
  ECONNREFUSED: 'not-found',
  EHOSTUNREACH: 'not-found',
  ENETUNREACH: 'not-found',
  ENOTFOUND: 'not-found',
  EAI_AGAIN: 'not-found',
  EADDRINUSE: 'busy',
  EADDRNOTAVAIL: 'usage',
  ECONNRESET: 'malformed',
  EPIPE: 'malformed',
}

const HINT: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Is a responder listening there? tsmctl spdm respond starts one for trying out.',
  ENOTFOUND: 'Name the host by its address, as in tcp://127.0.0.1:2323.',
  EADDRINUSE: 'Another program listens on this port: choose another with --listen.',
  EADDRNOTAVAIL: 'This machine has no such address.',
}

export const tcpName = ({host, port}: TcpAddress): string =>
  `tcp://${host.includes(':') ? `[${printable(host)}]` : printable(host)}:${port}`

function networkError(error: unknown, verb: string, peer: string): TsmctlError {
  if (error instanceof TsmctlError) return error
  const {code} = error as NodeJS.ErrnoException
  // names of libuv are those of the kernel, except for what it says about names
  const errno = typeof code === 'string' && /^E[A-Z0-9_]+$/.test(code) ? code : 'EIO'
  return new ErrnoError(errno, verb, peer, {kind: KIND[errno] ?? 'unsupported', hint: HINT[errno], cause: error})
}

const leftUs = (peer: string): TsmctlError => new ErrnoError('EPIPE', 'write', peer, {kind: 'malformed'})

const tooLate = (verb: string, peer: string, timeout: number): TsmctlError =>
  new TsmctlError({
    kind: 'timeout',
    attempted: `${verb} ${peer}`,
    got: `not done within ${Math.ceil(timeout)} ms`,
    hint: 'Is it a responder, and does it serve somebody else at the moment? A longer --timeout waits longer.',
  })

/** One wait of a connection: for whatever `arm` arms, a deadline, or an abort. `arm` returns how to disarm. */
function waitFor(
  verb: string,
  peer: string,
  {timeout, signal}: Limits,
  arm: (done: () => void, fail: (error: unknown) => void) => () => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (outcome: () => void): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      disarm()
      outcome()
    }
    const onAbort = (): void => settle(() => reject(new ErrnoError('EINTR', verb, peer)))
    const timer = setTimeout(() => settle(() => reject(tooLate(verb, peer, timeout))), timeout)
    signal?.addEventListener('abort', onAbort, {once: true})
    const disarm = arm(
      () => settle(resolve),
      error => settle(() => reject(networkError(error, verb, peer))),
    )
  })
}

class Connection implements TcpStream {
  readonly peer: string
  readonly #socket: Socket
  #failure: unknown
  #gone = false
  #wake: (() => void) | undefined

  constructor(socket: Socket, peer: string) {
    this.peer = peer
    this.#socket = socket
    socket.setNoDelay(true)
    const wake = (): void => this.#wake?.()
    const gone = (): void => {
      this.#gone = true
      wake()
    }
    socket
      .on('readable', wake)
      .on('drain', wake)
      .on('end', gone)
      .on('close', gone)
      .on('error', error => {
        this.#failure = error
        wake()
      })
  }

  get pending(): number {
    return this.#socket.readableLength
  }

  async read(length: number, limits: Limits): Promise<Uint8Array | undefined> {
    if (length === 0) return new Uint8Array(0)
    const deadline = performance.now() + limits.timeout
    for (;;) {
      // all of it, or what was left when the other side closed
      const got = this.#socket.read(length) as Buffer | null
      if (got?.length === length) return new Uint8Array(got)
      if (got !== null) throw this.#cut(got.length, length)
      if (this.#failure !== undefined) throw networkError(this.#failure, 'read', this.peer)
      if (this.#gone) return undefined
      await this.#woken('read', limits, deadline)
    }
  }

  async write(bytes: Uint8Array, limits: Limits): Promise<void> {
    const deadline = performance.now() + limits.timeout
    if (this.#failure !== undefined) throw networkError(this.#failure, 'write', this.peer)
    if (this.#gone || this.#socket.destroyed) throw leftUs(this.peer)
    let taken = this.#socket.write(bytes)
    while (!taken) {
      await this.#woken('write', limits, deadline)
      if (this.#failure !== undefined) throw networkError(this.#failure, 'write', this.peer)
      if (this.#gone) throw leftUs(this.peer)
      taken = !this.#socket.writableNeedDrain
    }
  }

  close(): void {
    if (this.#socket.destroyed) return
    // ends after what was written has gone out; what the other side still sends is nobody's
    this.#socket.destroySoon()
    this.#socket.unref()
    // but not for ever: the other side may never read it
    setTimeout(() => this.#socket.destroy(), LINGER).unref()
  }

  #cut(got: number, length: number): TsmctlError {
    return new TsmctlError({
      kind: 'malformed',
      attempted: `read ${this.peer}`,
      got: `it closed the connection after ${got} of ${length} bytes`,
    })
  }

  #woken(verb: string, limits: Limits, deadline: number): Promise<void> {
    if (limits.signal?.aborted) throw new ErrnoError('EINTR', verb, this.peer)
    const timeout = Math.max(0, deadline - performance.now())
    return waitFor(verb, this.peer, {timeout, signal: limits.signal}, done => {
      this.#wake = done
      return () => {
        this.#wake = undefined
      }
    }).catch((error: unknown) => {
      throw error instanceof TsmctlError && error.kind === 'timeout' ? tooLate(verb, this.peer, limits.timeout) : error
    })
  }
}

/** Connects. Throws TsmctlError `timeout`, `interrupted`, or what the network said, with a hint where there is one. */
export async function connectTcp(address: TcpAddress, limits: Limits): Promise<TcpStream> {
  const peer = tcpName(address)
  if (limits.signal?.aborted) throw new ErrnoError('EINTR', 'connect to', peer)
  const socket = connect({...address, noDelay: true})
  try {
    await waitFor('connect to', peer, limits, (done, fail) => {
      socket.once('connect', done).once('error', fail)
      return () => socket.off('connect', done).off('error', fail)
    })
    return new Connection(socket, peer)
  } catch (error) {
    // what else the attempt comes to concerns nobody
    socket.on('error', () => undefined).destroy()
    throw error
  }
}

class Listener implements TcpListener {
  readonly address: TcpAddress
  readonly #server: Server
  readonly #waiting: Socket[] = []
  #wake: (() => void) | undefined
  #closed = false

  constructor(server: Server, address: TcpAddress) {
    this.address = address
    this.#server = server
    server.on('connection', socket => {
      // somebody who leaves before being served is not worth a word
      socket.on('error', () => undefined)
      this.#waiting.push(socket)
      this.#wake?.()
    })
    // nobody asked for it: the next accept finds the listener closed
    server.on('error', () => this.close())
  }

  async accept(signal?: AbortSignal): Promise<TcpStream | undefined> {
    for (;;) {
      if (this.#closed || signal?.aborted) return undefined
      const socket = this.#waiting.shift()
      if (socket !== undefined) {
        if (socket.destroyed) continue
        const {remoteAddress: host = '?', remotePort: port = 0} = socket
        return new Connection(socket, tcpName({host, port}))
      }
      await new Promise<void>(resolve => {
        const done = (): void => {
          signal?.removeEventListener('abort', done)
          this.#wake = undefined
          resolve()
        }
        this.#wake = done
        signal?.addEventListener('abort', done, {once: true})
      })
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#server.close()
    for (const socket of this.#waiting.splice(0)) socket.destroy()
    this.#wake?.()
  }
}

/** Listens on one address. Throws ErrnoError, such as EADDRINUSE. */
export async function listenTcp(address: TcpAddress): Promise<TcpListener> {
  const peer = tcpName(address)
  const server = createServer({noDelay: true})
  server.maxConnections = BACKLOG
  await new Promise<void>((resolve, reject) => {
    const fail = (error: Error): void => reject(networkError(error, 'listen on', peer))
    server.once('error', fail).listen({...address, backlog: BACKLOG}, () => {
      server.off('error', fail)
      resolve()
    })
  })
  const bound = server.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port
  return new Listener(server, {host: address.host, port})
}

/** A TCP peer that plays a script: for every frame it receives, bytes to send, or what to do with the connection. */
import {createServer, type Socket} from 'node:net'
import {afterAll} from 'vitest'

export type Move = Uint8Array | 'hang' | 'close' | 'reset'
/** Moves after one received frame. */
export type Turn = readonly Move[]

export interface Peer {
  readonly address: {readonly host: string; readonly port: number}
  /** Frames received so far, complete. */
  readonly received: readonly Buffer[]
  /** Resolves when the client's socket is gone. */
  readonly left: Promise<void>
}

const open = new Set<() => void>()
afterAll(() => open.forEach(close => close()))

const frameLength = (bytes: Buffer): number => (bytes.length < 12 ? Infinity : 12 + bytes.readUInt32BE(8))

function play(socket: Socket, moves: Turn): void {
  for (const move of moves) {
    if (move === 'close') socket.end()
    else if (move === 'reset') socket.resetAndDestroy()
    else if (move !== 'hang') socket.write(move)
  }
}

export async function scripted(turns: readonly Turn[]): Promise<Peer> {
  const received: Buffer[] = []
  let gone!: () => void
  const left = new Promise<void>(resolve => {
    gone = resolve
  })
  const script = [...turns]
  const server = createServer({noDelay: true}, socket => {
    let pending = Buffer.alloc(0)
    socket.on('error', () => undefined)
    socket.on('close', gone)
    socket.on('data', chunk => {
      pending = Buffer.concat([pending, chunk])
      for (let length = frameLength(pending); pending.length >= length; length = frameLength(pending)) {
        received.push(pending.subarray(0, length))
        pending = pending.subarray(length)
        play(socket, script.shift() ?? [])
      }
    })
  })
  await new Promise<void>(resolve => server.listen({host: '127.0.0.1', port: 0}, resolve))
  open.add(() => server.close())
  const {port} = server.address() as {port: number}
  return {address: {host: '127.0.0.1', port}, received, left}
}

export const frame = (command: number, payload: Uint8Array, transport = 2, length = payload.length): Uint8Array => {
  const head = Buffer.alloc(12)
  head.writeUInt32BE(command, 0)
  head.writeUInt32BE(transport, 4)
  head.writeUInt32BE(length, 8)
  return new Uint8Array(Buffer.concat([head, payload]))
}

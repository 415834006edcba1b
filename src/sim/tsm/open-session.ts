/**
 * How a platform's TSM opens its session with a device, with everything up to a running stream (PCIe r6.2 §6.31, §6.33.3).
 * This goes through the asynchronous requester; what comes later is `TsmSession`.
 */
import {DecodeError, equal} from '../../bits/index.js'
import {TsmctlError} from '../../errors.js'
import {
  KM_KEY_PROG_ACK,
  KM_OBJECT,
  KmClient,
  kmStreamEnd,
  programStream,
  SUB_STREAM,
  SUB_STREAMS,
} from '../../ide/index.js'
import {
  type ChainOfSlot,
  type Connection,
  GET_VERSION,
  hasCertificate,
  Requester,
  type RequesterSession,
} from '../../spdm/index.js'
import {toBase64} from '../base64.js'
import type {KmPortSpec} from '../dsm/index.js'
import {storedSession, type StoredTsmSession} from './memory.js'
import {RootPortEnd} from './root-port.js'
import {type SlowWire, transportOver, type Wire} from './wire.js'

export interface TsmSessionWish {
  readonly wire: Wire | SlowWire
  /** The device, for messages. */
  readonly peer: string
  readonly random: (length: number) => Uint8Array
  /** The stream to be keyed in K0, and the port as the platform knows it; null for a device that gets none. */
  readonly stream: {readonly id: number; readonly port: KmPortSpec} | null
  /** Throws TsmctlError when the chain does not suit the TSM. Whose device it is, who uses it finds out by the evidence. */
  readonly checkChain?: (chain: ChainOfSlot, connection: Connection) => Promise<void>
  /** Told of every payload that is about to be sent inside the session. */
  readonly sending?: (payload: Uint8Array) => void
}

/** Answers come at once or never: whoever wants to wait does so on the wire. */
const NO_CLOCK = {
  monotonic: () => 0,
  async sleep() {
    // the device is asked again at once
  },
}

/** Whether a device did not go along, as opposed to a fault of ours. */
export const isRefusal = (error: unknown): boolean => error instanceof TsmctlError || error instanceof DecodeError

/** Runs `step`; whether it went well. */
async function isDone(step: () => Promise<unknown>): Promise<boolean> {
  try {
    await step()
    return true
  } catch (error) {
    if (isRefusal(error)) return false
    throw error
  }
}

/** What was keyed at the device so far can be taken back. */
interface Keying {
  readonly client: KmClient
  undo(): Promise<void>
}

function keyingOver(session: RequesterSession, {peer, sending}: TsmSessionWish): Keying {
  const programmed: ReturnType<typeof KM_KEY_PROG_ACK.decode>[] = []
  const client = new KmClient({
    peer,
    async send(payload) {
      sending?.(payload)
      const answer = await session.vendorDefined(payload)
      if (answer[1] === KM_OBJECT.keyProgAck) programmed.push(KM_KEY_PROG_ACK.decode(answer))
      return answer
    },
  })
  return {
    client,
    async undo() {
      for (const {status, streamId, keySet, transmit, subStream, portIndex} of programmed)
        if (status === 0)
          await client.stop({
            portIndex,
            streamId,
            keySet: keySet as 0 | 1,
            direction: transmit === 1 ? 'transmit' : 'receive',
            subStream: SUB_STREAMS.find(name => SUB_STREAM[name] === subStream)!,
          })
    },
  }
}

const FUNCTIONS_OF_BUS = 256

/**
 * Opens a session: version, capabilities, algorithms, certificate chain, KEY_EXCHANGE and FINISH; then keys the stream at
 * both ends and starts it. Throws TsmctlError or DecodeError when the device does not go along, and has taken back by then
 * what it could: keys, the session, or else the whole connection.
 */
export async function openTsmSession(wish: TsmSessionWish): Promise<StoredTsmSession> {
  const {wire, peer, random, stream, checkChain} = wish
  const refuse = (got: string): never => {
    throw new TsmctlError({kind: 'malformed', attempted: 'trust the device', subject: peer, got})
  }
  const transport = transportOver(wire, peer)
  const requester = new Requester({transport, random, ...NO_CLOCK})
  let session: RequesterSession | undefined
  let keying: Keying | undefined
  const rootPort = new RootPortEnd()
  try {
    const connection = await requester.negotiate()
    if (connection.aead?.name !== 'aes-256-gcm') refuse('AES-256-GCM was not negotiated, which IDE_KM and TDISP demand')
    const {slots} = await requester.digests()
    const slot = slots.find(hasCertificate)?.slot ?? 0
    await checkChain?.(await requester.certificate(slot), connection)
    session = await requester.openSession({slot})
    if (stream !== null) {
      keying = keyingOver(session, wish)
      const {segment, requesterId, registers} = await keying.client.query()
      const {port} = stream
      const isSame =
        segment === (port.segment ?? 0) && requesterId === port.bus * FUNCTIONS_OF_BUS + port.deviceFunction
      if (!isSame || !equal(registers, port.registers)) refuse('QUERY_RESP contradicts configuration space')
      const far = kmStreamEnd(keying.client, {portIndex: 0, streamId: stream.id, keySet: 0})
      await programStream(random, rootPort, far)
    }
    return {
      vca: toBase64(connection.vca),
      session: storedSession(session.memory()),
      stream: stream && rootPort.stored(stream.id),
    }
  } catch (error) {
    if (!isRefusal(error)) throw error
    const stopped = keying === undefined || (session!.isOpen && (await isDone(keying.undo)))
    const ended = stopped && session?.isOpen === true && (await isDone(() => session!.end()))
    // a session that cannot be ended inside ends with its connection
    if (!ended) await isDone(() => transport.exchange({secured: false, payload: GET_VERSION.encode({})}, 0))
    throw error
  }
}

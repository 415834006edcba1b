/**
 * What a link TSM and a device say to each other at connect: an SPDM session over the device's mailbox, and inside it the
 * keys of the stream (PCIe r6.2 §6.33.3). All of it happens in one operation; what lasts is returned, not stored.
 */
import {DecodeError, equal, toHex} from '../../bits/index.js'
import {TsmctlError} from '../../errors.js'
import {
  KM_KEY_PROG_ACK,
  KM_OBJECT,
  KmClient,
  kmStreamEnd,
  type KeyedEnd,
  keyToWire,
  programStream,
  SUB_STREAM,
  SUB_STREAMS,
} from '../../ide/index.js'
import {
  chainProblems,
  type ChainOfSlot,
  type Connection,
  GET_VERSION,
  loadCertificateReader,
  Requester,
  type RequesterSession,
} from '../../spdm/index.js'
import {type HeldKey, keyPrint} from '../dsm/held-key.js'
import type {KmPortSpec} from '../dsm/ide-km.js'
import {sha384} from '../digest.js'
import type {Keyed} from './device-keys.js'
import {type SpdmDevice, spdmDevice, type SpdmDeviceSpec} from './spdm-device.js'

export interface Talk extends SpdmDeviceSpec {
  /** Undefined without a stream. */
  readonly streamId: number | undefined
  /** The device's port as configuration space shows it. */
  readonly port: KmPortSpec | undefined
}

/** `device` is what the device has kept of an attempt that failed. */
export type TalkOutcome =
  {readonly keyed: Keyed} | {readonly errno: string; readonly device: Keyed['device'] | undefined}

/**
 * Whatever SPDM or IDE_KM does not like: a firmware that fails, and a mailbox that does (Linux
 * drivers/crypto/ccp/sev-dev-tio.c, drivers/pci/doe.c), are the same to who asked.
 */
const FAILED = 'EIO'
const KEY_SET = 0
const KEY_SIZE = 32

const failure = (got: string): TsmctlError =>
  new TsmctlError({kind: 'malformed', attempted: 'connect a simulated device', got})

/** Chains found sound, by digest: the same one is not verified at every connect. */
const sound = new Set<string>()

/** A TSM trusts no root, but a chain that does not hold together it refuses. */
async function checkChain(chain: ChainOfSlot, connection: Connection): Promise<void> {
  const name = toHex(sha384(chain.bytes))
  if (sound.has(name)) return
  const {certificateFacts} = await loadCertificateReader()
  const certificates = chain.certificates.map(({der}) => certificateFacts(der))
  const [problem] = chainProblems({chain, certificates, connection})
  if (problem !== undefined) throw failure(problem.message)
  sound.add(name)
}

/** The root port's end, which the platform keys itself. */
function platformEnd(streamId: number): KeyedEnd & {readonly keys: () => readonly HeldKey[]} {
  let keys: HeldKey[] = []
  const switched = (direction: 'receive' | 'transmit', running: boolean): HeldKey[] =>
    keys.map(key => (key.transmit === (direction === 'transmit' ? 1 : 0) ? {...key, running} : key))
  return {
    keys: () => keys,
    async program(given) {
      keys = (['receive', 'transmit'] as const).flatMap((direction, transmit) =>
        SUB_STREAMS.map(name => {
          const wire = new Uint8Array(KEY_SIZE)
          keyToWire(given[direction][name], wire)
          return {
            streamId,
            keySet: KEY_SET,
            transmit,
            subStream: SUB_STREAM[name],
            print: keyPrint(wire),
            running: false,
          }
        }),
      )
    },
    async start(direction) {
      keys = switched(direction, true)
    },
    async stop(direction) {
      keys = switched(direction, false)
    },
  }
}

/** What was keyed at the device so far can be taken back. */
interface Keying {
  readonly client: KmClient
  undo(): Promise<void>
}

function keyingOver(session: RequesterSession, device: SpdmDevice): Keying {
  const programmed: ReturnType<typeof KM_KEY_PROG_ACK.decode>[] = []
  const client = new KmClient({
    peer: device.peer,
    async send(payload) {
      device.expect(payload)
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

/** The device's own view of its port must be the one of configuration space. */
async function checkPort(client: KmClient, {segment, bus, deviceFunction, registers}: KmPortSpec): Promise<void> {
  const port = await client.query()
  const isSame =
    port.segment === segment && port.requesterId === bus * 256 + deviceFunction && equal(port.registers, registers)
  if (!isSame) throw failure('QUERY_RESP contradicts configuration space')
}

const isFailure = (error: unknown): boolean => error instanceof TsmctlError || error instanceof DecodeError

/** Runs `step`; whether it went well. */
async function isDone(step: () => Promise<unknown>): Promise<boolean> {
  try {
    await step()
    return true
  } catch (error) {
    if (isFailure(error)) return false
    throw error
  }
}

/** Stream IDs of the wire; one that has no room there is refused when it is registered. */
const IDS = 256

/** Opens the session, keys the stream and starts it; or takes back what was done. */
export async function converse({streamId, port, ...spec}: Talk): Promise<TalkOutcome> {
  const device = spdmDevice(spec)
  const requester = new Requester({
    transport: device.transport,
    random: spec.random,
    // the mailbox itself says when it has waited long enough
    monotonic: () => 0,
    sleep: spec.pause,
  })
  let session: RequesterSession | undefined
  let keying: Keying | undefined
  try {
    const connection = await requester.negotiate()
    const {slots} = await requester.digests()
    const slot = slots[0]?.slot ?? 0
    await checkChain(await requester.certificate(slot), connection)
    session = await requester.openSession({slot})
    const near = platformEnd(streamId ?? 0)
    if (streamId !== undefined) {
      keying = keyingOver(session, device)
      await checkPort(keying.client, port!)
      await programStream(
        spec.random,
        near,
        kmStreamEnd(keying.client, {portIndex: 0, streamId: streamId % IDS, keySet: KEY_SET}),
      )
    }
    return {keyed: {link: {session: session.id, keys: near.keys()}, device: device.state()!}}
  } catch (error) {
    if (!isFailure(error)) throw error
    const stopped = keying === undefined || (session!.isOpen && (await isDone(keying.undo)))
    const ended = stopped && session?.isOpen === true && (await isDone(() => session!.end()))
    // a session that cannot be ended inside ends with its connection
    if (!ended) await isDone(() => device.transport.exchange({secured: false, payload: GET_VERSION.encode({})}, 0))
    return {errno: FAILED, device: device.state()}
  }
}

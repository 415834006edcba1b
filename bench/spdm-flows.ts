/**
 * Two flows of SPDM 1.2 with P-384 and SHA-384 between our requester and our responder: in one process, and over
 * loopback with the responder in another one. What they cannot do without is the baseline, measured in turn: the
 * public-key operations of both sides alone, and as many round trips of an echo over the same loopback.
 *
 * attest, 16 round trips, as `spdm attest --one-by-one`: GET_VERSION, GET_CAPABILITIES, NEGOTIATE_ALGORITHMS,
 * GET_DIGESTS, GET_CERTIFICATE of slots 0 and 1, CHALLENGE, GET_MEASUREMENTS for their number and for indices 1 to 8, the
last one signed. Chains are judged up to their root.
 *
 * sessions, 130 round trips in the order of the emulator's own requester: the negotiation, digests, certificates of both
 * slots, challenge, digests, certificate, digests, measurements (11); then a session by KEY_EXCHANGE (48), one by
 * PSK_EXCHANGE (23), and another by KEY_EXCHANGE (48), each with vendor-defined messages (IDE_KM, TDISP), heartbeat, key
 * update, signed measurements, digests and certificate, and END_SESSION.
 *
 * Prints milliseconds, those of the baseline and of the first, cold run, and the ratio pair by pair.
 */
import {type ChildProcess, spawn} from 'node:child_process'
import {createECDH, generateKeyPairSync, sign, verify} from 'node:crypto'
import {connect, createServer, type Socket} from 'node:net'
import {KmClient} from '../src/ide/index.js'
import {environment, listenTcp} from '../src/kernel/index.js'
import {Interview} from '../src/operations/spdm-interview.js'
import {judgeChain, readRoots, type TrustedRoot} from '../src/operations/spdm-chain.js'
import {serveSpdm} from '../src/operations/spdm-respond.js'
import {connectSpdmTcp} from '../src/operations/spdm-tcp-transport.js'
import {DEFAULT_OFFER, Requester, type RequesterSession, Responder, type Transport} from '../src/spdm/index.js'
import {TdispClient} from '../src/tdisp/index.js'
import {benchDevice, PSK} from './spdm-device.js'

const ROUNDS = 25
const WARM_UP = 20
const HOST = '127.0.0.1'
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!

async function milliseconds(work: () => unknown): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

// ── the flows ──────────────────────────────────────────────────────────────────────────────────────────────────────

let exchanges = 0

const requesterOver = (transport: Transport): Requester =>
  new Requester({
    transport,
    random: environment.random,
    sleep: async () => undefined,
    monotonic: () => performance.now(),
    offer: {flags: {...DEFAULT_OFFER.flags, pskCap: 1}},
    onExchange: () => exchanges++,
  })

async function attest(transport: Transport, roots: readonly TrustedRoot[]): Promise<void> {
  const interview = new Interview(requesterOver(transport), {roots, oneByOne: true, now: new Date()})
  await interview.run()
  for (const id of ['chain', 'key', 'measurements', 'negotiation'] as const)
    if (interview.findings.answers.get(id)?.answer !== 'yes') throw new RangeError(`nothing to measure: ${id}`)
}

/** Twelve round trips and `states` more; with opening it, the session takes two more. */
async function use(session: RequesterSession, states: number): Promise<void> {
  const send = (payload: Uint8Array): Promise<Uint8Array> => session.vendorDefined(payload)
  const {requesterId} = await new KmClient({send}).query()
  const tdi = new TdispClient({send, tdi: {requesterId}})
  await tdi.version()
  await tdi.capabilities()
  for (let i = 0; i < states; i++) await tdi.state()
  await session.heartbeat()
  await session.keyUpdate('both')
  await session.measurements()
  await session.certificate(0)
  await session.end()
}

async function sessions(transport: Transport, roots: readonly TrustedRoot[]): Promise<void> {
  const requester = requesterOver(transport)
  const connection = await requester.negotiate()
  await requester.digests()
  for (const slot of [0, 1]) {
    const {bytes} = await requester.certificate(slot)
    const {problems, anchor} = await judgeChain(bytes, connection, roots, new Date())
    if (problems.length > 0 || anchor === null) throw new RangeError(`nothing to measure: slot ${slot}`)
  }
  await requester.challenge({summary: 'all'})
  await requester.digests()
  await requester.certificate(0)
  await requester.digests()
  await requester.measurements()
  await use(await requester.openSession({summary: 'all'}), 36)
  await use(await requester.openPskSession({psk: PSK, hint: new Uint8Array(4), summary: 'all'}), 11)
  await use(await requester.openSession({summary: 'all'}), 36)
}

interface Flow {
  readonly name: string
  readonly run: typeof attest
  readonly roundTrips: number
  /** Signatures made and verified for messages; key exchanges, each of which costs both sides two operations. */
  readonly signatures: number
  readonly keyExchanges: number
  /** Of the reference implementation's requester, as a whole process on two cores of such a machine. */
  readonly goal: string
}

/** Certificates of the chains of two slots, none of which is the trusted root itself. */
const CERTIFICATE_SIGNATURES = 4

const FLOWS: readonly Flow[] = [
  {name: 'attest', run: attest, roundTrips: 16, signatures: 2, keyExchanges: 0, goal: '22-34 ms'},
  {name: 'sessions', run: sessions, roundTrips: 130, signatures: 7, keyExchanges: 2, goal: '73-89 ms'},
]

// ── what they cannot do without ────────────────────────────────────────────────────────────────────────────────────

const {privateKey, publicKey} = generateKeyPairSync('ec', {namedCurve: 'P-384'})
const message = new Uint8Array(148)
const signature = sign('sha384', message, privateKey)

function publicKeyOperations({signatures, keyExchanges}: Flow): void {
  for (let i = 0; i < signatures; i++) sign('sha384', message, privateKey)
  for (let i = 0; i < signatures + CERTIFICATE_SIGNATURES; i++) verify('sha384', message, publicKey, signature)
  for (let i = 0; i < keyExchanges; i++) {
    const [ours, theirs] = [createECDH('secp384r1'), createECDH('secp384r1')]
    const [a, b] = [ours.generateKeys(), theirs.generateKeys()]
    ours.computeSecret(b)
    theirs.computeSecret(a)
  }
}

const echoed = (socket: Socket): Promise<void> => new Promise(resolve => socket.once('data', () => resolve()))

async function echoes(socket: Socket, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    socket.write(message)
    await echoed(socket)
  }
}

// ── the other process ──────────────────────────────────────────────────────────────────────────────────────────────

const portOf = (address: ReturnType<ReturnType<typeof createServer>['address']>): number =>
  typeof address === 'object' && address !== null ? address.port : 0

/** Echoes on one port, answers SPDM on the other, and says which and whom to trust; ends with its standard input. */
async function serve(): Promise<void> {
  const device = await benchDevice()
  const end = new AbortController()
  const echo = createServer({noDelay: true}, socket => socket.on('error', () => undefined).pipe(socket))
  await new Promise<void>(resolve => echo.listen(0, HOST, resolve))
  const listener = await listenTcp({host: HOST, port: 0})
  process.stdin.on('end', () => end.abort()).resume()
  const root = Buffer.from(device.root).toString('base64')
  console.log(JSON.stringify({echo: portOf(echo.address()), spdm: listener.address.port, root}))
  await serveSpdm(listener, new Responder(device.options), {signal: end.signal})
  echo.close()
}

interface Peer {
  readonly echo: Socket
  readonly transport: Transport
  readonly roots: readonly TrustedRoot[]
  readonly child: ChildProcess
}

async function peer(): Promise<Peer> {
  const child = spawn(process.execPath, [process.argv[1]!, 'serve'], {stdio: ['pipe', 'pipe', 'inherit']})
  const line = await new Promise<string>(resolve => child.stdout!.once('data', data => resolve(String(data))))
  const {echo, spdm, root} = JSON.parse(line) as {echo: number; spdm: number; root: string}
  return {
    child,
    roots: await readRoots('root', new Uint8Array(Buffer.from(root, 'base64'))),
    echo: connect({host: HOST, port: echo, noDelay: true}),
    transport: await connectSpdmTcp({host: HOST, port: spdm}, {timeout: 5000}),
  }
}

// ── measuring ──────────────────────────────────────────────────────────────────────────────────────────────────────

async function compare(
  name: string,
  flow: Flow,
  {work, baseline}: {readonly work: () => Promise<void>; readonly baseline: () => unknown},
) {
  exchanges = 0
  const first = await milliseconds(work)
  if (exchanges !== flow.roundTrips)
    throw new RangeError(`${flow.name}: ${exchanges} round trips, not ${flow.roundTrips}`)
  for (let i = 0; i < WARM_UP; i++) await work()
  const pairs = []
  for (let i = 0; i < ROUNDS; i++) pairs.push({ours: await milliseconds(work), bare: await milliseconds(baseline)})
  return {
    name: `${flow.name}, ${flow.roundTrips} round trips, ${name}`,
    first,
    spent: median(pairs.map(({ours}) => ours)),
    bare: median(pairs.map(({bare}) => bare)),
    ratio: median(pairs.map(({ours, bare}) => ours / bare)),
    goal: flow.goal,
  }
}

async function inProcess(): Promise<[Transport, readonly TrustedRoot[]]> {
  const device = await benchDevice()
  const responder = new Responder(device.options)
  const transport: Transport = {
    peer: 'this process',
    maxPadding: 3,
    maxPayload: 0x20000,
    exchange: async request => responder.respond(request)!,
    close: async () => undefined,
  }
  return [transport, await readRoots('root', device.root)]
}

async function measure(): Promise<void> {
  const rows = []
  const other = await peer()
  for (const flow of FLOWS)
    rows.push(
      await compare('over loopback', flow, {
        work: () => flow.run(other.transport, other.roots),
        baseline: async () => {
          publicKeyOperations(flow)
          await echoes(other.echo, flow.roundTrips)
        },
      }),
    )
  await other.transport.close()
  other.echo.destroy()
  other.child.stdin!.end()
  const [transport, roots] = await inProcess()
  for (const flow of FLOWS)
    rows.push(
      await compare('one process', flow, {
        work: () => flow.run(transport, roots),
        baseline: () => publicKeyOperations(flow),
      }),
    )
  console.log(JSON.stringify(rows))
}

await (process.argv[2] === 'serve' ? serve() : measure())

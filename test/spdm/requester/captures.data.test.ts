/**
 * Our requester in the place of the one that DMTF's emulator recorded: given the same offer and randomness it must send,
 * byte for byte, what was sent then, records included, and find every response and signature valid.
 */
import {describe, expect, it} from 'vitest'
import {equal, fromHex, get, mask, toHex} from '../../../src/bits/index.js'
import {
  ALG_TYPE,
  CAPABILITY_FLAGS,
  type CapabilityFlags,
  type Datagram,
  type ExchangeAlgorithm,
  GET_CAPABILITIES,
  KEY_EXCHANGE,
  type KeyUpdate,
  NEGOTIATE_ALGORITHMS,
  type Offer,
  PSK_EXCHANGE,
  Requester,
  type RequesterSession,
  type Transport,
  VENDOR_DEFINED_REQUEST,
  VENDOR_DEFINED_RESPONSE,
} from '../../../src/spdm/index.js'
import {bytesOf, hasData, textOf} from '../support.js'

interface Line {
  readonly kind: string
  readonly name?: string
  readonly hex: string
  readonly rec?: number
  readonly session?: string | null
}

const has = hasData('spdm/emu/index.json')
const names = has ? Object.keys(JSON.parse(textOf('spdm/emu/index.json')) as object) : []

function linesOf(name: string): Line[] {
  const file = `spdm/emu/${name}.expected.jsonl`
  return textOf(hasData(file) ? file : `${file}.gz`)
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Line)
}

/** Payloads of the DOE objects of a capture. */
function objectsOf(name: string): Uint8Array[] {
  const bytes = bytesOf(`spdm/emu/${name}.pcap`)
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const out: Uint8Array[] = []
  for (let at = 24; at < bytes.length;) {
    const length = data.getUint32(at + 8, true)
    out.push(bytes.subarray(at + 24, at + 16 + length))
    at += 16 + length
  }
  return out
}

/** Answers with what was recorded, as long as it is asked what was asked then. */
class Recording implements Transport {
  readonly peer = 'capture'
  readonly maxPadding = 3
  readonly maxPayload = 2 ** 20
  closed = false
  /** Object with the next request. */
  next = 0
  exchanges = 0
  readonly #objects: readonly Uint8Array[]

  constructor(objects: readonly Uint8Array[]) {
    this.#objects = objects
  }

  async exchange({secured, payload}: Datagram): Promise<Datagram> {
    const wanted = this.#objects[this.next]!
    // the capture has the padding of the transport
    const got = new Uint8Array(Math.ceil(payload.length / 4) * 4)
    got.set(payload)
    if (!equal(got, wanted)) throw new Error(`sent ${toHex(got)}, recorded is ${toHex(wanted)}`)
    const reply = this.#objects[this.next + 1]!
    this.next += 2
    this.exchanges++
    return {secured, payload: reply}
  }

  async close(): Promise<void> {
    this.closed = true
  }
}

const requestsOf = (lines: readonly Line[]): Line[] =>
  lines.filter(({kind, rec}) => kind === 'message' && rec !== undefined && rec % 2 === 0)

const flagsOf = (flags: CapabilityFlags): Offer['flags'] =>
  Object.fromEntries(Object.keys(CAPABILITY_FLAGS.fields).map(key => [key, flags[key as keyof CapabilityFlags]]))

function offerOf(lines: readonly Line[]): Partial<Offer> {
  const find = (name: string) => fromHex(lines.find(line => line.name === name)!.hex)
  const capabilities = GET_CAPABILITIES.decode(find('GET_CAPABILITIES'))
  const algorithms = NEGOTIATE_ALGORITHMS.decode(find('NEGOTIATE_ALGORITHMS'))
  const structure = (type: number) => algorithms.algStructures.find(({algType}) => algType === type)?.algSupported ?? 0
  const {flags, ctExponent, dataTransferSize, maxSpdmMsgSize} = capabilities
  return {
    versions: [capabilities.spdmVersion],
    ...(flags && {flags: flagsOf(flags), ctExponent: ctExponent!}),
    ...(dataTransferSize !== undefined && {dataTransferSize, maxSpdmMsgSize: maxSpdmMsgSize!}),
    measurementSpecification: algorithms.measurementSpecification,
    opaqueFormats: algorithms.opaqueDataFmtSupport,
    melSpecification: algorithms.melSpecification,
    baseAsym: algorithms.baseAsymAlgo,
    pqcAsym: algorithms.pqcAsymAlgo,
    baseHash: algorithms.baseHashAlgo,
    dhe: structure(ALG_TYPE.DHE),
    kem: structure(ALG_TYPE.KEMAlg),
    aead: structure(ALG_TYPE.AEAD),
    requesterAsym: structure(ALG_TYPE.ReqBaseAsymAlg),
    requesterPqc: structure(ALG_TYPE.ReqPqcAsymAlg),
    multiKey: algorithms.responderMultiKeyConn,
  }
}

const SUMMARY = {0: 'none', 1: 'tcb', 255: 'all'} as const

/** Everything random in a request, in the order the requester draws it. */
function randomnessOf(name: string, m: Uint8Array): Uint8Array[] {
  switch (name) {
    case 'CHALLENGE':
      return [m.subarray(4, 36), m.subarray(36)]
    case 'GET_MEASUREMENTS':
      return m.length < 36 ? [m.subarray(4)] : [m.subarray(4, 36), m.subarray(37)]
    case 'KEY_EXCHANGE':
      return [m.subarray(4, 6), m.subarray(8, 40)]
    case 'PSK_EXCHANGE':
      return [m.subarray(4, 6), PSK_EXCHANGE.decode(m).requesterContext]
    case 'KEY_UPDATE':
      return [m.subarray(3, 4)]
    default:
      return []
  }
}

const isSigned = (getMeasurements: Uint8Array): boolean => get(mask(0, 0), getMeasurements[2]!) === 1

/** Drives a requester through a capture. */
async function replay(name: string) {
  const lines = linesOf(name)
  const requests = requestsOf(lines)
  const transport = new Recording(objectsOf(name))
  const drawn: Uint8Array[] = []
  const secrets = lines.filter(line => /^(DHE|KEM) Secret$/.test(line.name ?? '')).map(line => fromHex(line.hex))
  const psks = lines.filter(line => line.name === 'PSK').map(line => fromHex(line.hex))
  const sessions = new Map<number, RequesterSession>()
  let keyExchange: Uint8Array = new Uint8Array()
  const done: string[] = []
  const requester = new Requester({
    transport,
    offer: offerOf(lines),
    monotonic: () => 0,
    sleep: async () => undefined,
    random(size) {
      const bytes = drawn.shift()
      if (bytes?.length !== size) throw new Error(`${size} random bytes are drawn, ${bytes?.length} are recorded`)
      return bytes
    },
    keyShare(algorithm: ExchangeAlgorithm) {
      const {exchangeData} = KEY_EXCHANGE.decode(keyExchange, {exchangeSize: algorithm.requestSize})
      return {exchangeData, agree: () => secrets.shift()!}
    },
  })
  const responseOf = (request: Line) => fromHex(lines.find(line => line.rec === request.rec! + 1)!.hex)

  for (const [i, request] of requests.entries()) {
    const {rec} = request
    const m = fromHex(request.hex)
    const kind = request.name!
    if (rec! < transport.next) continue
    // what is not asked for here: parts of larger exchanges, and indices that were tried one after another
    const follower = requests[i + 1]
    const isRun = kind === 'GET_MEASUREMENTS' && follower?.name === kind && isSigned(fromHex(follower.hex))
    if (kind === 'GET_MEASUREMENTS' && !isSigned(m) && !isRun) continue
    transport.next = rec!
    drawn.length = 0
    drawn.push(...randomnessOf(kind, m).filter(bytes => bytes.length > 0))
    const session = request.session == null ? undefined : sessions.get(Number(request.session))
    done.push(kind)
    switch (kind) {
      case 'GET_VERSION':
        sessions.clear()
        await requester.negotiate()
        break
      case 'GET_DIGESTS': {
        const next = requests[i + 1]
        if (session === undefined) await requester.digests()
        else if (next?.name === 'GET_CERTIFICATE') await session.certificate(fromHex(next.hex)[2]!)
        else await session.digests()
        break
      }
      case 'GET_CERTIFICATE': {
        const chain = await requester.certificate(get(mask(3, 0), m[2]!))
        expect(chain.certificates).toHaveLength(3)
        expect(chain.leaf.deviceInfo).toMatchObject({manufacturer: 'ACME'})
        break
      }
      case 'CHALLENGE': {
        const facts = await requester.challenge({slot: m[2]!, summary: SUMMARY[m[3] as 0 | 1 | 255]})
        expect(facts.signature.status).toBe('valid')
        expect(lines.filter(line => line.name === 'm1m2 hash').map(line => line.hex)).toContain(
          toHex(facts.transcriptHash),
        )
        break
      }
      case 'GET_MEASUREMENTS': {
        // the one run of two indices without an absent one in between
        const last = isSigned(m) ? m : fromHex(follower!.hex)
        if (last !== m) drawn.push(...randomnessOf(kind, last).filter(bytes => bytes.length > 0))
        const which = m[3] === 0xff ? ('all' as const) : last === m ? [m[3]!] : [m[3]!, last[3]!]
        const query = {which, slot: last[36] ?? 0, raw: get(mask(1, 1), m[2]!) === 1}
        const result = await (session ?? requester).measurements(query)
        expect(result.signature?.status).toBe('valid')
        expect(result.facts.blocks).toHaveLength(which === 'all' ? 8 : which.length)
        break
      }
      case 'KEY_EXCHANGE': {
        keyExchange = m
        const summary = SUMMARY[m[2] as 0 | 1 | 255]
        const opened = await requester.openSession({slot: m[3]!, summary, endOnUpdate: m[6] === 1})
        expect(opened.facts).toMatchObject({signature: {status: 'valid'}, securedVersion: 0x1200})
        sessions.set(opened.id, opened)
        break
      }
      case 'PSK_EXCHANGE': {
        const {pskHint, terminationPolicy} = PSK_EXCHANGE.decode(m)
        const summary = SUMMARY[m[2] as 0 | 1 | 255]
        const psk = psks.shift()!
        const opened = await requester.openPskSession({psk, hint: pskHint, summary, endOnUpdate: terminationPolicy})
        sessions.set(opened.id, opened)
        break
      }
      case 'VENDOR_DEFINED_REQUEST': {
        const {payload, standardId, vendorId} = VENDOR_DEFINED_REQUEST.decode(m)
        const answer = await (session ?? requester).vendorDefined(payload, {standardId, vendorId})
        expect(equal(answer, VENDOR_DEFINED_RESPONSE.decode(responseOf(request)).payload)).toBe(true)
        break
      }
      case 'HEARTBEAT':
        await session!.heartbeat()
        break
      case 'KEY_UPDATE': {
        const verify = requests[i + 1]!
        drawn.push(...randomnessOf('KEY_UPDATE', fromHex(verify.hex)))
        const whose: KeyUpdate = m[2] === 2 ? 'both' : 'requester'
        await session!.keyUpdate(whose)
        break
      }
      case 'END_SESSION':
        await session!.end()
        expect(session!.isOpen).toBe(false)
        break
      case 'GET_MEASUREMENT_EXTENSION_LOG': {
        const {entries} = await requester.measurementLog()
        expect(entries.map(({melIndex}) => melIndex)).toEqual([1, 2, 3])
        break
      }
      default:
        throw new Error(`${kind} is not driven`)
    }
  }
  return {done, transport, requester}
}

describe.skipIf(!has)('a recorded responder (shared test data)', () => {
  it.each(names)('%s: our requests are the recorded ones, and every response is good', async name => {
    const {done, transport} = await replay(name)
    expect(done).toContain('CHALLENGE')
    expect(done.filter(kind => kind === 'GET_MEASUREMENTS').length).toBeGreaterThan(0)
    expect(transport.closed).toBe(false)
    expect(transport.exchanges).toBeGreaterThan(10)
  })
})

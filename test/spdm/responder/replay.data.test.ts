/** Every request that DMTF's requester was seen to send, put to our responder: sessions have keys of their own. */
import {describe, expect, it} from 'vitest'
import {concat, fromHex, toHex} from '../../../src/bits/index.js'
import {
  ALGORITHMS,
  type CapabilityFlags,
  hashNamed,
  KEY_EXCHANGE,
  MEASUREMENT_EXTENSION_LOG,
  MEASUREMENTS,
  PCI_SIG_VENDOR,
  PSK_EXCHANGE,
  SPDM_CODE,
  SPDM_CODE_NAMES,
  SPDM_ERROR_CODE,
  VENDOR_DEFINED_REQUEST,
  VENDOR_DEFINED_RESPONSE,
} from '../../../src/spdm/index.js'
import {hasCaptures, type Line, linesOf} from '../emulator-log.js'
import {labOptions, Peer, type PeerSession, whole} from './peer.js'
import {sampleMeasurements} from './sample-device.js'

interface Capture {
  readonly name: string
  readonly version: number
  readonly asym: string
  readonly hash: string
  readonly measurementHash: string
  readonly exchange?: string
  readonly aead?: string
  readonly slots?: readonly number[]
  readonly capabilities?: Partial<CapabilityFlags>
}

const CAPTURES: readonly Capture[] = [
  {name: 's10-sha384-p384', version: 0x10, asym: 'ecdsa-p384', hash: 'sha384', measurementHash: 'sha384'},
  {
    name: 's11-sha256-p256-chacha',
    version: 0x11,
    asym: 'ecdsa-p256',
    hash: 'sha256',
    measurementHash: 'sha256',
    exchange: 'secp256r1',
    aead: 'chacha20-poly1305',
  },
  {name: 's12-sha384-p384', version: 0x12, asym: 'ecdsa-p384', hash: 'sha384', measurementHash: 'sha512'},
  {
    name: 's12-sha512-rsassa3072-raw',
    version: 0x12,
    asym: 'rsassa-3072',
    hash: 'sha512',
    measurementHash: 'sha384',
  },
  {
    name: 's13-sha256-p256-encfinish',
    version: 0x13,
    asym: 'ecdsa-p256',
    hash: 'sha256',
    measurementHash: 'sha384',
    exchange: 'secp256r1',
    slots: [0, 1, 4],
    capabilities: {multiKeyCap: 2, getKeyPairInfoCap: true, chunkCap: false, handshakeInTheClearCap: false},
  },
  {
    name: 's14-mldsa65-mlkem768',
    version: 0x14,
    asym: 'ml-dsa-65',
    hash: 'sha384',
    measurementHash: 'sha384',
    exchange: 'ml-kem-768',
    slots: [0, 1, 4],
    capabilities: {multiKeyCap: 2, getKeyPairInfoCap: true},
  },
  {
    name: 'sv12-sha256-p256',
    version: 0x12,
    asym: 'ecdsa-p256',
    hash: 'sha256',
    measurementHash: 'sha256',
    exchange: 'secp256r1',
  },
]

const isRequest = ({hex}: Line): boolean => Number.parseInt(hex.slice(2, 4), 16) >= 0x80
const codeOf = (message: Uint8Array | undefined): string => SPDM_CODE_NAMES[message?.[1] ?? -1] ?? 'silence'

/** The log prints some messages with the padding of their objects. */
const portionOf = (bytes: Uint8Array): Uint8Array =>
  MEASUREMENT_EXTENSION_LOG.read(new DataView(bytes.buffer, bytes.byteOffset), 0, bytes.length).value.portion

/** What must be the same in both answers to `request`: nothing that depends on keys, nonces or certificates. */
function comparable(request: Uint8Array, answer: Uint8Array, hashSize: number): unknown {
  switch (answer[1]) {
    case SPDM_CODE.VERSION:
    case SPDM_CODE.HEARTBEAT_ACK:
    case SPDM_CODE.KEY_UPDATE_ACK:
    case SPDM_CODE.PSK_FINISH_RSP:
    case SPDM_CODE.END_SESSION_ACK:
    case SPDM_CODE.ERROR:
      return toHex(answer)
    case SPDM_CODE.ALGORITHMS: {
      const {algStructures, measurementHashAlgo, baseAsymSel, baseHashSel, opaqueDataFmtSel} = ALGORITHMS.decode(answer)
      // we do not ask requesters to authenticate themselves
      const chosen = algStructures
        .filter(({algType}) => algType !== 4 && algType !== 6)
        .map(({algType, algSupported}) => [algType, algSupported])
      return {chosen, measurementHashAlgo, baseAsymSel, baseHashSel, opaqueDataFmtSel}
    }
    case SPDM_CODE.CHALLENGE_AUTH: {
      const at = 4 + hashSize + 32
      const summary = request[3] === 0 ? '' : toHex(answer.subarray(at, at + hashSize))
      return [toHex(answer.subarray(0, 4)), summary]
    }
    case SPDM_CODE.MEASUREMENTS: {
      const size = answer[5]! + answer[6]! * 256
      return toHex(answer.subarray(0, MEASUREMENTS.headSize + size))
    }
    case SPDM_CODE.VENDOR_DEFINED_RESPONSE:
      return toHex(answer)
    case SPDM_CODE.MEASUREMENT_EXTENSION_LOG:
      return toHex(portionOf(answer))
    default:
      return toHex(answer.subarray(0, 2))
  }
}

const PSK = new TextEncoder().encode('TestPskData\0')
/** The key of the second session would come from secrets of the first, which are not the captured ones. */
const HINTS = ['TestPskHint\0', 'SECONDARY_SESSION_0_PSK\0']

/** What came for request `i`; put together if it came in chunks. */
function responseTo(lines: readonly Line[], i: number): Uint8Array {
  const next = fromHex(lines[i + 1]!.hex)
  const isLarge = next[1] === SPDM_CODE.ERROR && next[2] === SPDM_ERROR_CODE.LargeResponse
  return isLarge ? fromHex(lines.slice(i).find(({kind}) => kind === 'reassembled')!.hex) : next
}

class Replay {
  readonly peer: Peer
  readonly sessions = new Map<string, PeerSession>()
  readonly vca: Uint8Array[] = []
  /** Session of the FINISH that is under way. */
  open: PeerSession | undefined

  constructor(peer: Peer) {
    this.peer = peer
  }

  /** IDs are those of the capture: both responders count their halves down. */
  start(session: PeerSession): void {
    this.open = session
    this.sessions.set(`0x${session.secure.id.toString(16)}`, session)
  }

  /** Answer to `request`, which travelled as `line` says. */
  answer(request: Uint8Array, line: Line): Uint8Array | undefined {
    const known = line.session === null ? undefined : this.sessions.get(line.session)
    switch (request[1]) {
      case SPDM_CODE.KEY_EXCHANGE: {
        const {reqSessionId, slotId, measurementSummaryHashType} = KEY_EXCHANGE.decode(request, this.peer.context())
        this.start(this.peer.exchange(reqSessionId, slotId, measurementSummaryHashType))
        return Uint8Array.of(request[0]!, SPDM_CODE.KEY_EXCHANGE_RSP)
      }
      case SPDM_CODE.FINISH:
        ;(known ?? this.open)!.finish()
        return Uint8Array.of(request[0]!, SPDM_CODE.FINISH_RSP)
      case SPDM_CODE.PSK_EXCHANGE: {
        const {reqSessionId, pskHint, measurementSummaryHashType} = PSK_EXCHANGE.decode(request)
        this.start(this.peer.psk(PSK, pskHint, reqSessionId, measurementSummaryHashType))
        return Uint8Array.of(request[0]!, SPDM_CODE.PSK_EXCHANGE_RSP)
      }
      case SPDM_CODE.PSK_FINISH:
        known!.pskFinish()
        return Uint8Array.of(request[0]!, SPDM_CODE.PSK_FINISH_RSP, 0, 0)
      case SPDM_CODE.KEY_UPDATE:
        return known!.update(request)
      default:
    }
    if (known !== undefined) return known.ask(request)
    const answer = whole(this.peer.note(request), chunk => this.peer.ask(chunk))
    if (this.vca.length < 6) this.vca.push(request, answer!)
    if (this.vca.length === 6) this.peer.adopt(concat(...this.vca))
    if (this.vca.length === 6) this.vca.push(new Uint8Array())
    return answer
  }
}

const isPciSig = (request: Uint8Array): boolean =>
  toHex(VENDOR_DEFINED_REQUEST.decode(request).vendorId) === toHex(PCI_SIG_VENDOR)

describe.skipIf(!hasCaptures)('requests of the reference requester', () => {
  it.each(CAPTURES)('$name', async capture => {
    const {name, version, measurementHash, asym, hash, exchange, aead, slots = [0, 1], capabilities} = capture
    const lines = linesOf(name).filter(({kind}) => kind === 'message' || kind === 'reassembled')
    const responses = lines.filter(line => !isRequest(line)).map(({hex}) => hex)
    const log = responses.find(hex => hex.slice(2, 4) === '6f')
    let theirs: Uint8Array = new Uint8Array()
    const spec = {asym, hash, measurementHash, ...(exchange && {exchange}), ...(aead && {aead}), slots}
    const options = await labOptions(spec, {
      versions: [version],
      heartbeatPeriod: 0xf0,
      measurements: sampleMeasurements(hashNamed(measurementHash)!.size, responses),
      psk: hint => (HINTS.includes(new TextDecoder().decode(hint)) ? PSK : undefined),
      vendor: () => VENDOR_DEFINED_RESPONSE.decode(theirs).payload,
      ...(log !== undefined && {measurementLog: portionOf(fromHex(log))}),
      ...(capabilities && {capabilities}),
    })
    const replay = new Replay(
      new Peer({
        ...options,
        slots: options.slots.map(slot => ({...slot, keyPairId: slot.slot === 4 ? 16 : 4})),
      }),
    )
    let compared = 0
    for (const [i, line] of lines.entries()) {
      if (!isRequest(line) || line.kind === 'reassembled' || line.name === 'CHUNK_GET') continue
      const request = fromHex(line.hex)
      theirs = responseTo(lines, i)
      const ours = replay.answer(request, line)
      const label = `${i}: ${codeOf(request)} ${line.hex.slice(0, 40)}`
      if (request[1] === SPDM_CODE.VENDOR_DEFINED_REQUEST && !isPciSig(request)) {
        expect([label, codeOf(ours)]).toEqual([label, 'ERROR'])
        continue
      }
      expect([label, codeOf(ours)]).toEqual([label, codeOf(theirs)])
      const {size} = hashNamed(hash)!
      expect([label, comparable(request, ours!, size)]).toEqual([label, comparable(request, theirs, size)])
      compared++
    }
    expect(compared).toBeGreaterThan(10)
  })
})

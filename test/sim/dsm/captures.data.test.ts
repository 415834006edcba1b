/**
 * TDISP and IDE_KM between the programs of DMTF: every message decodes and encodes back, our device answers the
 * requests as theirs did, and our clients understand the answers.
 */
import {describe, expect, it} from 'vitest'
import {type AnyLayout, equal, hex, type Seen, toHex} from '../../../src/bits/index.js'
import {decodeKmObject, IDE_KM_PROTOCOL, KmClient, LAYOUTS as IDE_LAYOUTS, SUB_STREAMS} from '../../../src/ide/index.js'
import {
  decodeTdispPayload,
  TDISP_MESSAGES,
  TDISP_PROTOCOL,
  TdispClient,
  type TdispMessageName,
  tdispPayload,
} from '../../../src/tdisp/index.js'
import {PCI_SIG_VENDOR, SPDM_MESSAGES} from '../../../src/spdm/index.js'
import {hasData, textOf} from '../../spdm/support.js'
import {device, OFFSET, SESSION, STREAM, TDI} from './device.js'

const CAPTURES = [
  's11-sha256-p256-chacha.expected.jsonl.gz',
  's12-sha384-p384.expected.jsonl.gz',
  's13-sha256-p256-encfinish.expected.jsonl.gz',
  'sv12-sha256-p256.expected.jsonl.gz',
]
const OWN_TABLES = 'spdm/emu/sv12-sha256-p256.expected.jsonl.gz'
const has = hasData(OWN_TABLES)

interface Line {
  readonly kind: string
  readonly code?: string
  readonly name?: string
  readonly direction?: 'request' | 'response'
  readonly session?: string | null
  readonly hex?: string
}

interface Carried {
  readonly direction: 'request' | 'response'
  readonly payload: Uint8Array
}

/** Everything in order: vendor-defined payloads of PCI-SIG, and where sessions end. */
function story(file: string): (Carried | 'session ended')[] {
  const lines = textOf(file)
    .trim()
    .split('\n')
    .map(text => JSON.parse(text) as Line)
  return lines.flatMap((line): (Carried | 'session ended')[] => {
    if (line.kind !== 'message') return []
    if (line.name === 'END_SESSION_ACK') return ['session ended']
    if (line.name !== 'VENDOR_DEFINED_REQUEST' && line.name !== 'VENDOR_DEFINED_RESPONSE') return []
    const layout = SPDM_MESSAGES[line.name] as AnyLayout
    const message = layout.decode(new Uint8Array(Buffer.from(line.hex!, 'hex')))
    if (!equal(message.vendorId as Uint8Array, PCI_SIG_VENDOR)) return []
    return [{direction: line.direction!, payload: message.payload as Uint8Array}]
  })
}

const carried = (file: string): Carried[] => story(file).filter(step => step !== 'session ended')

const kmLayout = (name: string): AnyLayout => IDE_LAYOUTS.find(layout => layout.name === name)!

/** The payload made anew from its decoded fields. */
function again(payload: Uint8Array): Uint8Array {
  if (payload[0] === IDE_KM_PROTOCOL) {
    const {name, value} = decodeKmObject(payload)
    return kmLayout(name).encode(value)
  }
  const {name, value} = decodeTdispPayload(payload)
  return tdispPayload(TDISP_MESSAGES[name].encode(value))
}

describe.skipIf(!has)('captured messages (shared test data)', () => {
  it.each(CAPTURES)('%s: every payload decodes, and encodes to the same bytes', file => {
    const all = carried(`spdm/emu/${file}`)
    expect(all.length).toBeGreaterThan(80)
    for (const {payload} of all) expect(toHex(again(payload))).toBe(toHex(payload))
    const kinds = new Set(
      all.map(({payload}) => (payload[0] === TDISP_PROTOCOL ? decodeTdispPayload : decodeKmObject)(payload).name),
    )
    // all seven objects; seven requests of TDISP and their responses; errors only where somebody provoked them
    expect(kinds.size - Number(kinds.has('TDISP_ERROR'))).toBe(7 + 14)
  })
})

/** Bytes of a start nonce, wherever it stands, cannot be the same. */
const NONCES: readonly TdispMessageName[] = ['LOCK_INTERFACE_RESPONSE', 'START_INTERFACE_REQUEST']

describe.skipIf(!has)('a device with the same tables (shared test data)', () => {
  it('gives the same answer to every captured request', () => {
    const dsm = device()
    let theirs: string | undefined
    let ours: Uint8Array | undefined
    let compared = 0
    let asked: Uint8Array | undefined
    for (const step of story(OWN_TABLES)) {
      if (step === 'session ended') {
        dsm.sessionEnded(SESSION)
        continue
      }
      if (step.direction === 'request') {
        asked = step.payload.slice()
        // the right nonce of theirs becomes the right one of ours
        if (theirs !== undefined && toHex(asked.subarray(17)) === theirs) asked.set(ours!, 17)
        continue
      }
      const answer = dsm.vendor(asked!, SESSION)
      expect(answer, `to ${toHex(asked!)}`).toBeDefined()
      const decoded: {name: string; value: Seen} =
        step.payload[0] === TDISP_PROTOCOL ? decodeTdispPayload(step.payload) : decodeKmObject(step.payload)
      if (NONCES.includes(decoded.name as TdispMessageName)) {
        theirs = toHex(step.payload.subarray(17))
        ours = answer!.slice(17)
        expect(toHex(answer!.subarray(0, 17))).toBe(toHex(step.payload.subarray(0, 17)))
      } else expect(toHex(answer!), `to ${toHex(asked!)}`).toBe(toHex(step.payload))
      compared++
    }
    expect(compared).toBe(2 * 35)
  })
})

/** Answers in the order of the capture; what was asked must be what was asked then. */
function replay(file: string): {
  send: (payload: Uint8Array) => Promise<Uint8Array>
  skip: () => void
  left: () => number
} {
  const all = carried(file)
  let at = 0
  return {
    send(payload) {
      expect(toHex(payload)).toBe(toHex(all[at]!.payload))
      at += 2
      return Promise.resolve(all[at - 1]!.payload)
    },
    skip: () => void (at += 2),
    left: () => all.length - at,
  }
}

describe.skipIf(!has)('our clients in front of the captured device (shared test data)', () => {
  it('live through the whole first session', async () => {
    const {send, skip, left} = replay(OWN_TABLES)
    const keys = carried(OWN_TABLES).filter(({payload}) => payload.length === 48 && payload[1] === 2)
    const km = new KmClient({send})
    const tdisp = new TdispClient({send, tdi: TDI, reportPortion: 64})
    const before = left()

    const port = await km.query(0)
    expect(port).toMatchObject({requesterId: 0x3d08, maxPortIndex: 0})
    expect(port.ide.known).toBe(true)
    for (const direction of ['receive', 'transmit'] as const)
      for (const subStream of SUB_STREAMS) {
        const slot = {portIndex: 0, streamId: STREAM, keySet: 0, direction, subStream} as const
        // their keys went out in the order of this machine; ours would be reversed dword by dword
        const wire = keys.shift()!.payload.subarray(8, 40)
        await km.program(
          slot,
          wire.map((_, i) => wire[i + 3 - 2 * (i % 4)]!),
        )
        await km.go(slot)
      }
    expect(await tdisp.version()).toEqual([0x10])
    expect(await tdisp.capabilities()).toMatchObject({devAddrWidth: 52, numReqAll: 3})
    expect(await tdisp.state()).toBe('CONFIG_UNLOCKED')
    const nonce = await tdisp.lock({
      flags: ['noFwUpdate', 'lockMsix', 'allRequestRedirect'],
      defaultStreamId: STREAM,
      mmioReportingOffset: OFFSET,
    })
    expect(await tdisp.state()).toBe('CONFIG_LOCKED')

    const lost = new TdispClient({send, tdi: {requesterId: 0xf00d}})
    await expect(lost.state()).rejects.toMatchObject({kind: 'not-found'})
    skip() // lock while locked
    const wrong = new Uint8Array(32)
    wrong[0] = 0x5a
    await expect(tdisp.start(wrong)).rejects.toMatchObject({details: {tdispError: 'INVALID_NONCE'}})
    skip() // KEY_PROG for an absent port
    skip() // KEY_PROG for an undefined sub-stream

    const {bytes, report} = await tdisp.report()
    expect(bytes).toHaveLength(97)
    expect(report.mmioRanges.map(({firstPage}) => hex(firstPage))).toEqual([
      '0x3000e0000',
      '0x3000e0008',
      '0x3000e000a',
      '0x300100000',
    ])
    await tdisp.start(nonce)
    expect(await tdisp.state()).toBe('RUN')
    await tdisp.stop()
    expect(await tdisp.state()).toBe('CONFIG_UNLOCKED')
    for (const direction of ['receive', 'transmit'] as const)
      for (const subStream of SUB_STREAMS)
        await km.stop({portIndex: 0, streamId: STREAM, keySet: 0, direction, subStream})
    expect(before - left()).toBe(2 * 35)
  })

  it('take the registers of the unchanged emulator for unknown: they promise no stream and have 74 dwords', async () => {
    const port = await new KmClient({send: replay('spdm/emu/s12-sha384-p384.expected.jsonl.gz').send}).query(1)
    expect(port).toMatchObject({portIndex: 1, maxPortIndex: 7, ide: {known: false}})
    expect(port.registers).toHaveLength(74 * 4)
  })
})

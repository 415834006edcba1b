/** The observer on captures of the DMTF emulator: every message, digest, key and verdict is the one it printed itself. */
import {describe, expect, it} from 'vitest'
import {fromHex, toHex} from '../../src/bits/index.js'
import {observe, isObserved, tally} from '../../src/operations/spdm-conversation.js'
import {readCapture} from '../../src/pcap/index.js'
import type {Secrets, SpdmEvent} from '../../src/spdm/index.js'
import {captures, hasCaptures, type Line, linesOf, valuesOf} from './emulator-log.js'
import {bytesOf, hasData, textOf} from './support.js'

const names = Object.keys(captures)
/** Their length fields say that up to three zeros of the log are not theirs. */
const LOGGED_WITH_PADDING = ['CHUNK_RESPONSE', 'MEASUREMENT_EXTENSION_LOG']

function secretsOf(lines: readonly Line[]): Secrets {
  const values = valuesOf(lines)
  const exchange = (values.get('DHE Secret') ?? values.get('KEM Secret') ?? []).map(fromHex)
  const psk = values.get('PSK')?.[0]
  return {exchange, psk: psk === undefined ? undefined : fromHex(psk)}
}

type Events = readonly {readonly record: number; readonly event: SpdmEvent}[]

async function eventsOf(file: string, secrets: Secrets = {}): Promise<Events> {
  const {lines} = await observe(readCapture(bytesOf(file))!, secrets, {})
  return lines.filter(isObserved)
}

const opened = new Map<string, Promise<Events>>()
/** The events of an emulator's capture, its records opened. */
function openedEventsOf(name: string, lines: readonly Line[]): Promise<Events> {
  const found = opened.get(name) ?? eventsOf(`spdm/emu/${name}.pcap`, secretsOf(lines))
  opened.set(name, found)
  return found
}

const sessionText = (session: number | undefined): string | null =>
  session === undefined ? null : `0x${session.toString(16).padStart(8, '0')}`

describe.skipIf(!hasCaptures)('DMTF emulator captures (shared test data)', () => {
  it.each(names)('%s: every message, its place and its session', async name => {
    const lines = linesOf(name)
    const events = await openedEventsOf(name, lines)
    const seen = events
      .filter(({event}) => event.form === 'message')
      .map(({record, event}) => ({
        rec: record,
        name: event.name,
        session: sessionText(event.session),
        secured: event.secured,
        hex: toHex(event.bytes),
      }))
    const expected = lines.filter(({kind}) => kind === 'message')
    expect(seen).toEqual(
      expected.map(({rec, name: message, session, secured, hex}) => ({
        rec,
        name: message,
        session,
        secured,
        hex: LOGGED_WITH_PADDING.includes(message)
          ? (seen.find(other => other.rec === rec && hex.startsWith(other.hex))?.hex ?? hex)
          : hex,
      })),
    )
    const whole = events.filter(({event}) => event.form === 'reassembled').map(({event}) => toHex(event.bytes))
    expect(whole).toEqual(lines.filter(({kind}) => kind === 'reassembled').map(({hex}) => hex))
    expect(events.flatMap(({event}) => event.undecoded ?? [])).toEqual([])
    expect(events.flatMap(({event}) => event.findings.filter(({path}) => path === ''))).toEqual([])
  })

  it.each(names)('%s: every transcript digest, and every verdict', async name => {
    const lines = linesOf(name)
    const values = valuesOf(lines)
    const events = (await openedEventsOf(name, lines)).map(({event}) => event)
    const points = events.flatMap(event => event.points)
    const digests = (transcript: string, use = ''): string[] =>
      points.filter(one => one.name === transcript && one.use.startsWith(use)).map(({digest}) => toHex(digest!))
    expect(digests('M1/M2')).toEqual(values.get('m1m2 hash'))
    expect(digests('L1/L2')).toEqual(values.get('l1l2 hash'))
    expect(digests('TH', 'signature of KEY_EXCHANGE_RSP')).toEqual(values.get('th_curr hash') ?? [])
    expect(digests('TH1')).toEqual(values.get('th1 hash') ?? [])
    expect(digests('TH2')).toEqual(values.get('th2 hash') ?? [])
    const {signatures, hmacs} = tally(events)
    const verified = lines.filter(({kind, name: step}) => kind === 'verdict' && step.endsWith('signature')).length
    expect(signatures).toEqual({valid: verified, invalid: 0, unchecked: 0})
    expect(hmacs).toEqual({valid: values.get('th_curr hmac')?.length ?? 0, invalid: 0, unchecked: 0})
  })

  it.each(names)('%s: without secrets, sessions are records with a name', async name => {
    const lines = linesOf(name)
    const events = await eventsOf(`spdm/emu/${name}.pcap`)
    const records = events.filter(({event}) => event.form === 'record')
    const secured = lines.filter(line => line.kind === 'message' && line.secured === true)
    expect(records.map(({record, event}) => [record, sessionText(event.session)])).toEqual(
      secured.map(({rec, session}) => [rec, session]),
    )
    for (const {event} of records) expect(event.undecoded).toBe('the secret of this session was not given')
    expect(tally(events.map(({event}) => event)).signatures.invalid).toBe(0)
  })

  it('a wrong secret opens nothing and verifies nothing', async () => {
    const secrets = {exchange: [new Uint8Array(32), new Uint8Array(32)]}
    const events = (await eventsOf('spdm/emu/sv12-sha256-p256.pcap', secrets)).map(({event}) => event)
    const {hmacs, encrypted} = tally(events)
    expect(hmacs.valid).toBe(0)
    expect(hmacs.invalid).toBeGreaterThanOrEqual(4)
    expect(encrypted).toBeGreaterThan(200)
  })

  it('a capture that starts in the middle says what it lacks, and reads on', async () => {
    const file = bytesOf('spdm/emu/sv12-sha256-p256.pcap')
    const {records, format} = readCapture(file)!
    const from = 20
    const {lines} = await observe({format, findings: [], records: records.slice(from)}, {}, {})
    const events = lines.filter(isObserved).map(({event}) => event)
    const named = (name: string): SpdmEvent => events.find(event => event.name === name)!
    expect(named('CERTIFICATE').value).toMatchObject({portionLength: 1390, remainderLength: 0})
    const measurements = named('MEASUREMENTS')
    expect(measurements.value).toMatchObject({numberOfBlocks: 8})
    expect(measurements.findings.map(({message}) => message)).toEqual([expect.stringContaining('signatureSize=64')])
    expect(measurements.points).toEqual([
      {
        name: 'L1/L2',
        use: 'signature of MEASUREMENTS',
        digest: undefined,
        proof: {kind: 'signature', status: 'unchecked', why: 'the negotiation is not in the capture'},
      },
    ])
    expect(events.filter(({form}) => form !== 'record').every(({value}) => value !== undefined)).toBe(true)
  })
})

describe.skipIf(!hasData('spdm/single-algo.pcap'))(
  'an MCTP capture with mutual authentication (shared test data)',
  () => {
    const dump = hasData('spdm/single-algo.decode.txt') ? textOf('spdm/single-algo.decode.txt') : ''

    it('has the messages of its dump, also those inside others', async () => {
      const events = await eventsOf('spdm/single-algo.pcap')
      const expected = [...dump.matchAll(/SPDM_([A-Z_]+) \(/g)].map(match => match[1])
      expect(events.map(({event}) => event.name)).toEqual(expected)
    })

    it('every signature of both sides is valid', async () => {
      const events = (await eventsOf('spdm/single-algo.pcap')).map(({event}) => event)
      expect(tally(events)).toMatchObject({undecoded: 0, signatures: {valid: 3, invalid: 0, unchecked: 0}})
      const [, mutual] = events.flatMap(({points}) => points)
      expect(mutual!.proof!.why).toContain("the requester's slot 0")
    })
  },
)

/** The requester's side of IDE_KM: bytes on the wire, order of a whole stream, and devices that answer wrongly. */
import {describe, expect, it} from 'vitest'
import {fromHex, toHex} from '../../src/bits/index.js'
import {
  decodeKmObject,
  ifvToWire,
  keyToWire,
  KmClient,
  kmStreamEnd,
  type KeyedEnd,
  type KeySlot,
  programStream,
  stopStream,
  type StreamKeys,
  SUB_STREAMS,
} from '../../src/ide/index.js'
import {device, endOf, failure, REGISTERS, sender, STREAM} from '../sim/dsm/device.js'

const SLOT: KeySlot = {portIndex: 0, streamId: 7, keySet: 0, direction: 'receive', subStream: 'npr'}
const KEY = Uint8Array.from({length: 32}, (_, i) => i)
const WIRE = '03020100 07060504 0b0a0908 0f0e0d0c 13121110 17161514 1b1a1918 1f1e1d1c'.replaceAll(' ', '')

const clientOf = (answer: string): KmClient => new KmClient({send: () => Promise.resolve(fromHex(answer))})

describe('byte order', () => {
  it('a key goes dword by dword, each with its last byte first', () => {
    const out = new Uint8Array(32)
    keyToWire(KEY, out)
    expect(toHex(out)).toBe(WIRE)
  })

  it.each([
    [1n, '0000000001000000'],
    [0x1122_3344_5566_7788n, '4433221188776655'],
  ])('invocation %i is %s', (invocation, wire) => {
    expect(toHex(ifvToWire(invocation))).toBe(wire)
  })
})

describe('program', () => {
  it('sends exactly these 48 bytes, and wipes them', async () => {
    let sent = ''
    let buffer: Uint8Array | undefined
    const client = new KmClient({
      send: payload => {
        buffer = payload
        sent = toHex(payload)
        return Promise.resolve(fromHex('0003000007001000'))
      },
    })
    await client.program(SLOT, KEY)
    expect(sent).toBe(`0002000007001000${WIRE}0000000001000000`)
    expect(buffer!.every(byte => byte === 0)).toBe(true)
  })

  it.each([
    [0x01, 'malformed', 'incorrect length'],
    [0x02, 'not-found', 'unsupported port index'],
    [0x03, 'unsupported', 'unsupported value'],
    [0x04, 'transition', 'unspecified failure'],
    [0x05, 'transition', 'counts as unspecified failure'],
    [0xff, 'transition', 'counts as unspecified failure'],
  ])('status %i is a failure of kind %s: %s', async (status, kind, meaning) => {
    const answer = `00030000 07${toHex(Uint8Array.of(status))}1000`
    const error = await failure(clientOf(answer).program(SLOT, KEY))
    expect(error.kind).toBe(kind)
    expect(error.message).toContain(meaning)
    expect(error.message).toContain('K0 receive key of sub-stream NPR, stream 7, port 0')
    expect(error.hint).toBeTruthy()
  })

  it.each([
    ['another stream', '00030000 08001000', /streamId 8 instead of 7/],
    ['another key set', '00030000 07001100', /keySet 1 instead of 0/],
    ['another direction', '00030000 07001200', /transmit 1 instead of 0/],
    ['another sub-stream', '00030000 07002000', /subStream CPL instead of NPR/],
    ['another port', '00030000 07001001', /portIndex 1 instead of 0/],
    ['another object', '00060000 07001000', /no IDE_KM KP_ACK/],
    ['another protocol', '01030000 07001000', /no IDE_KM KP_ACK/],
    ['a byte too few', '00030000 070010', /no IDE_KM KP_ACK/],
    ['a byte too many', '00030000 07001000 00', /no IDE_KM KP_ACK/],
    ['nothing', '', /no IDE_KM KP_ACK/],
  ])('an answer with %s is malformed', async (_, answer, message) => {
    const error = await failure(clientOf(answer).program(SLOT, KEY))
    expect(error.kind).toBe('malformed')
    expect(error.message).toMatch(message)
  })

  it('no failure tells the key', async () => {
    const error = await failure(clientOf('00030000 07041000').program(SLOT, KEY))
    const told = JSON.stringify([error.message, error.got, error.hint, error.details])
    expect(told).not.toContain(toHex(KEY).slice(0, 8))
    expect(told).not.toContain(WIRE.slice(0, 8))
  })

  it.each([
    ['a key of 31 bytes', SLOT, KEY.subarray(1)],
    ['a stream of nine bits', {...SLOT, streamId: 256}, KEY],
  ])('%s is not sent', async (_, slot, key) => {
    const client = new KmClient({send: () => Promise.reject(new RangeError('was sent'))})
    expect(await failure(client.program(slot, key))).toMatchObject({kind: 'usage'})
  })
})

it.each([
  ['go', '00040000 07001000'],
  ['stop', '00050000 07001000'],
] as const)('%s compares its ack field by field', async (verb, object) => {
  let sent = ''
  const client = new KmClient({
    send: payload => {
      sent = toHex(payload)
      return Promise.resolve(fromHex('0006000007001000'))
    },
  })
  await client[verb](SLOT)
  expect(sent).toBe(object.replaceAll(' ', ''))
  expect((await failure(clientOf('00060000 07001200')[verb](SLOT))).message).toMatch(/K_GOSTOP_ACK for another key/)
})

const response = (head: string, registers = REGISTERS): string => `${head} ${toHex(registers)}`

describe('query', () => {
  it('tells the place of the port and walks its registers', async () => {
    const port = await clientOf(response('00010000 083d0000')).query(0)
    expect(port).toMatchObject({requesterId: 0x3d08, segment: 0, maxPortIndex: 0})
    expect(port.ide).toMatchObject({known: true, value: {selectiveStreams: [{streamId: 7}], complete: true}})
  })

  it.each([
    ['a dword too few', REGISTERS.subarray(0, -4)],
    ['a dword too many', Uint8Array.of(...REGISTERS, 0, 0, 0, 0)],
    ['half a dword', REGISTERS.subarray(0, -2)],
  ])('registers with %s are unknown, with the reason', async (_, registers) => {
    const {ide} = await clientOf(response('00010000 083d0000', registers)).query(0)
    expect(ide).toMatchObject({known: false, reason: expect.stringContaining('stream') as string})
  })

  it.each([
    ['another port', '00010001 083d0001'],
    ['a port behind the last one', '00010002 083d0001'],
  ])('an answer for %s is malformed', async (name, head) => {
    const asked = name === 'another port' ? 0 : 2
    expect(await failure(clientOf(response(head)).query(asked))).toMatchObject({kind: 'malformed'})
  })
})

const told = ({receive, transmit}: StreamKeys): string =>
  [receive, transmit].map(half => SUB_STREAMS.map(name => toHex(half[name])).join()).join('/')

/** An end that keeps what it is told. */
function recorder(name: string, log: string[]): KeyedEnd & {keys?: string} {
  const end: KeyedEnd & {keys?: string} = {
    program(keys) {
      log.push(`${name} program`)
      end.keys = told(keys)
      return Promise.resolve()
    },
    start: direction => Promise.resolve(void log.push(`${name} start ${direction}`)),
    stop: direction => Promise.resolve(void log.push(`${name} stop ${direction}`)),
  }
  return end
}

describe('a whole stream', () => {
  const given: Uint8Array[] = []
  const random = (length: number): Uint8Array => {
    const bytes = new Uint8Array(length).fill(given.length + 1)
    given.push(bytes)
    return bytes
  }

  it('is keyed at both ends crosswise, receivers before transmitters, and its keys are wiped', async () => {
    const log: string[] = []
    const near = recorder('near', log)
    const far = recorder('far', log)
    await programStream(random, near, far)
    expect(log).toEqual([
      'near program',
      'far program',
      'near start receive',
      'far start receive',
      'near start transmit',
      'far start transmit',
    ])
    expect(far.keys).toBe(near.keys!.split('/').toReversed().join('/'))
    expect(new Set(near.keys!.split(/[/,]/)).size).toBe(6)
    expect(given).toHaveLength(6)
    expect(given.every(key => key.every(byte => byte === 0))).toBe(true)
  })

  it('is not started, and its keys are wiped, when an end refuses a key', async () => {
    given.length = 0
    const dsm = device({ports: []})
    expect(await failure(programStream(random, endOf(dsm)))).toMatchObject({kind: 'not-found'})
    expect(given.every(key => key.every(byte => byte === 0))).toBe(true)
  })

  it('has one KEY_PROG outstanding at a port, never two', async () => {
    const dsm = device()
    let outstanding = 0
    let most = 0
    const client = new KmClient({
      async send(payload) {
        most = Math.max(most, ++outstanding)
        const answer = await sender(dsm)(payload)
        outstanding--
        return answer
      },
    })
    await programStream(random, kmStreamEnd(client, {portIndex: 0, streamId: STREAM, keySet: 0}))
    expect([most, outstanding]).toEqual([1, 0])
  })

  it('says these objects to one port', async () => {
    const dsm = device()
    const said: string[] = []
    const client = new KmClient({
      send: payload => {
        const {name} = decodeKmObject(payload)
        said.push(`${name.replace('IDE_KM ', '')} ${toHex(payload.subarray(6, 7))}`)
        return sender(dsm)(payload)
      },
    })
    const end = kmStreamEnd(client, {portIndex: 0, streamId: STREAM, keySet: 1})
    await programStream(random, end)
    await stopStream(end)
    const lanes = ['01', '11', '21', '03', '13', '23']
    expect(said).toEqual([
      ...lanes.map(lane => `KEY_PROG ${lane}`),
      ...lanes.map(lane => `K_SET_GO ${lane}`),
      ...[...lanes.slice(3), ...lanes.slice(0, 3)].map(lane => `K_SET_STOP ${lane}`),
    ])
  })
})

/** A device's side of IDE_KM: what it acknowledges, what it refuses, and what it does not answer at all. */
import fc from 'fast-check'
import {expect, it} from 'vitest'
import {fromHex, toHex} from '../../../src/bits/index.js'
import {type KeySlot, programStream, stopStream} from '../../../src/ide/index.js'
import {device, endOf, failure, keyed, kmOf, PORT, SESSION, STREAM, tdispOf} from './device.js'

const SLOT: KeySlot = {portIndex: 0, streamId: STREAM, keySet: 0, direction: 'receive', subStream: 'npr'}
const KEY = Uint8Array.from({length: 32}, (_, i) => i)
const random32 = (length: number): Uint8Array => new Uint8Array(length).fill(7)

const ask = (dsm: ReturnType<typeof device>, object: string, session = SESSION): string => {
  const answer = dsm.vendor(fromHex(object), session)
  return answer === undefined ? 'silence' : toHex(answer)
}
const prog = (selector: string): string => `00020000 ${selector} ${toHex(KEY)} 00000000 01000000`

it.each([
  ['KEY_PROG a byte short', prog('07001000').slice(0, -2)],
  ['KEY_PROG a byte long', `${prog('07001000')}00`],
  ['QUERY of five bytes', '0000000000'],
  ['QUERY of a port there is not', '00000001'],
  ['K_SET_GO of a key never programmed', '00040000 07000000'],
  ['K_SET_STOP of a key never programmed', '00050000 07000000'],
  ['an undefined object', '00070000 07000000'],
  ['a response', '00030000 07000000'],
  ['the protocol byte alone', '00'],
])('%s gets silence', (_, object) => {
  expect(ask(device(), object)).toBe('silence')
})

it.each([
  ['success', '07001000', '00'],
  ['an absent port', '07001366', '02'],
  ['an undefined sub-stream', '07007100', '03'],
  ['a stream the registers do not have', '08001000', '03'],
])('KEY_PROG: %s', (_, selector, status) => {
  const bytes = fromHex(selector)
  const expected = toHex(bytes.map((byte, i) => (i === 1 ? Number.parseInt(status, 16) : byte)))
  expect(ask(device(), prog(selector))).toBe(`00030000${expected}`)
})

it.each(['08001000', '07001100', '07001200', '07002000', '07001001'])(
  'what is programmed as 07001000 does not go as %s',
  other => {
    const dsm = device({ports: [PORT, PORT]})
    expect(ask(dsm, prog('07001000'))).toBe('0003000007001000')
    expect(ask(dsm, `00040000 ${other}`)).toBe('silence')
    expect(ask(dsm, '00040000 07001000')).toBe('0006000007001000')
  },
)

it('a key in use is not replaced; the other key set takes over', async () => {
  const dsm = device()
  await programStream(random32, endOf(dsm, 0))
  expect(await failure(kmOf(dsm).program({...SLOT, keySet: 0}, KEY))).toMatchObject({kind: 'transition'})
  await programStream(random32, endOf(dsm, 1))
  await stopStream(endOf(dsm, 0))
  await programStream(random32, endOf(dsm, 0))
})

it('keys are renewed in the other key set while TDIs run', async () => {
  const dsm = await keyed()
  const client = tdispOf(dsm)
  await client.start(await client.lock({defaultStreamId: STREAM}))
  for (const [next, last] of [
    [1, 0],
    [0, 1],
  ] as const) {
    await programStream(random32, endOf(dsm, next))
    expect(Object.values(dsm.memory().ports[0]!.lanes).map(({active}) => active)).toEqual(
      Array.from({length: 6}, () => next),
    )
    await stopStream(endOf(dsm, last))
    expect(await client.state()).toBe('RUN')
  }
  // one key of six is enough
  await kmOf(dsm).stop(SLOT)
  expect(await client.state()).toBe('ERROR')
})

it('another session hears nothing from a port that is keyed, until the first one ends or stops', async () => {
  const dsm = device()
  const other = 5
  await programStream(random32, endOf(dsm))
  expect(ask(dsm, '00000000', other)).toBe('silence')
  expect(ask(dsm, prog('07001100'), other)).toBe('silence')
  expect(ask(dsm, '00050000 07001000', other)).toBe('silence')
  await stopStream(endOf(dsm))
  expect(ask(dsm, '00000000', other)).toMatch(/^0001/)
  await programStream(random32, endOf(dsm, 0, STREAM, other))
  dsm.sessionEnded(other)
  expect(ask(dsm, '00050000 07001000')).toBe('silence')
  expect(ask(dsm, '00000000')).toMatch(/^0001/)
})

/** Selectors that mostly exist, and random bytes. */
const selector = fc
  .tuple(
    fc.constantFrom('07', '07', '07', '08'),
    fc.constantFrom('00', '01', '12', '23', '70'),
    fc.constantFrom('00', '00', '00', '01'),
  )
  .map(([stream, lane, port]) => `${stream}00${lane}${port}`)
const said = fc.oneof(
  {weight: 4, arbitrary: fc.tuple(fc.constantFrom('prog', 'go', 'stop'), selector)},
  {weight: 1, arbitrary: fc.uint8Array({maxLength: 60}).map(bytes => ['raw', toHex(bytes)] as const)},
  {weight: 1, arbitrary: fc.constant(['end', ''] as const)},
)

it('no sequence of objects throws, and only what was programmed goes or stops', () => {
  let went = 0
  fc.assert(
    fc.property(fc.array(said, {maxLength: 40, size: 'max'}), steps => {
      const dsm = device()
      let programmed = new Set<string>()
      for (const [verb, text] of steps) {
        if (verb === 'end') {
          dsm.sessionEnded(SESSION)
          programmed = new Set()
        } else if (verb === 'raw') dsm.vendor(Uint8Array.of(0, ...fromHex(text)), SESSION)
        else if (verb === 'prog') {
          if (ask(dsm, prog(text)) === `00030000${text}`) programmed.add(text)
        } else {
          const answer = ask(dsm, `${verb === 'go' ? '0004' : '0005'}0000${text}`)
          expect(answer).toBe(programmed.has(text) ? `00060000${text}` : 'silence')
          if (verb === 'stop') programmed.delete(text)
          else if (answer !== 'silence') went++
        }
      }
    }),
    {numRuns: 300},
  )
  expect(went).toBeGreaterThan(0)
})

/** Whole screens as text. */
import {renderToString} from 'ink'
import {describe, expect, it} from 'vitest'
import {Screen} from '../../src/tui/screen.js'
import type {State} from '../../src/tui/state.js'
import {hostGame, play, type Play, reviewedGame} from './play.js'
import {appraisal, CHECKS, DENIED, device} from './sample.js'

const SIZES = [
  [80, 24],
  [120, 40],
  [60, 16],
] as const

const frame = (state: State): string => renderToString(<Screen state={state} />, {columns: state.size.columns})
const sized = (game: Play, columns: number, rows: number): State =>
  game.send({kind: 'resize', size: {columns, rows}}).state

const GAMES: Readonly<Record<string, () => Play>> = {
  'devices not read': () => {
    const game = play()
    game.state = {...game.state, devices: null, selected: null}
    return game
  },
  'no devices': () => play([]),
  'first look': () => play(),
  'review runs': () => play().press('v').send({kind: 'progress', bdf: '0000:01:00.0', line: 'collect evidence'}),
  denied: () => reviewedGame(DENIED),
  'up for review': () => reviewedGame(),
  checks: () => reviewedGame(DENIED).press('\t'),
  measurements: () => reviewedGame(DENIED).press('\t\t'),
  report: () => reviewedGame(DENIED).press('\t\t\t'),
  identity: () => reviewedGame(DENIED).press('\t\t\t\t'),
  'accept prompt': () => reviewedGame().press('a').wait(1500).press('0000:01'),
  'reason prompt': () => reviewedGame(appraisal({relaxations: ['revocation is not checked']})).press('a'),
  'reject prompt': () => reviewedGame().press('r'),
  'host looked at': () => hostGame(),
  streams: () => hostGame().press('\t'),
  'connect prompt': () => hostGame().press('c').wait(1500),
  help: () => reviewedGame().press('?'),
  filter: () => play().press('/02'),
}

describe.each(SIZES)('at %ix%i', (columns, rows) => {
  it.each(Object.entries(GAMES))('%s fits the screen', (_, start) => {
    const lines = frame(sized(start(), columns, rows)).split('\n')
    // a frame as high as the screen would make Ink clear it on every change
    expect(lines.length).toBeLessThan(rows)
    expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(columns)
  })
})

describe.each(['first look', 'denied', 'accept prompt', 'reject prompt', 'connect prompt', 'help'])('%s', name => {
  it('looks like this at 80x24', () => {
    expect(frame(GAMES[name]!().state)).toMatchSnapshot()
  })
})

it('a wide screen shows a denied device like this', () => {
  expect(frame(sized(reviewedGame(DENIED), 120, 40))).toMatchSnapshot()
})

it('says how large the screen has to be when it is too small', () => {
  expect(frame(sized(reviewedGame(), 59, 24))).toBe('The screen is too small: 59x24, needed is 60x16. q quits.')
  expect(frame(sized(reviewedGame(), 120, 15))).toContain('120x15')
})

it('draws only the devices in the window', () => {
  const many = Array.from({length: 255}, (_, i) => device(i))
  expect(frame(play(many).press('G').state).match(/0000:[0-9a-f]{2}:/g)!.length).toBeLessThan(24)
})

describe('words', () => {
  const everything = appraisal({results: Object.values(CHECKS), relaxations: ['revocation is not checked']})
  const all = Object.values(GAMES)
    .map(start => frame(sized(start(), 200, 70)))
    .concat(frame(sized(reviewedGame(everything), 200, 70)))

  it('nothing is called more than it is', () => {
    for (const text of all) expect(text).not.toMatch(/\b(secure|trusted|safe)\b/i)
    expect(all.join('\n')).toContain('matches policy nvme-enrolled')
  })

  it('every result has its glyph and word, without any colour', () => {
    const text = frame(sized(reviewedGame(everything).press('\t'), 200, 70))
    for (const word of ['X FAIL', '~ RELAXED', '? NOT PROVEN', '+ ok', '- n/a']) expect(text).toContain(word)
    expect(text).not.toContain('\x1b')
  })

  it('an unverified device has no name, and absent debug information is said', () => {
    const {subject} = appraisal()
    const unverified = appraisal({decision: 'deny', subject: {...subject, name: null, path: [], report: null}})
    const text = frame(sized(reviewedGame(unverified), 200, 70))
    expect(text).toContain('unverified device at 0000:01:00.0')
    expect(text).toContain('? NO DEBUG INFO')
    expect(text).toContain('? NOT PROVEN    how the device is wired')
    expect(text).not.toContain('ACME:NVME')
  })

  it('lists a dozen findings and counts the others', () => {
    const results = Array.from({length: 15}, (_, n) => ({...CHECKS.failed, id: `spdm.meas.x${n}`}))
    const text = frame(sized(reviewedGame(appraisal({decision: 'deny', results})), 120, 120))
    expect(text).toContain('spdm.meas.x11')
    expect(text).not.toContain('spdm.meas.x12')
    expect(text).toContain('+3 more: 3 required')
  })
})

it('device strings cannot drive the terminal', () => {
  const hostile = {...device(1), className: 'x\x1b]0;title\x07\u202e', driver: 'a\nb', state: '\x9b2J', tsm: '\r'}
  const text = frame(sized(play([hostile]), 200, 40))
  // oxlint-disable-next-line no-control-regex
  expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/)
  expect(text).toContain('x\\x1b]0;ti')
})

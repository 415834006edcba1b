import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {selectedReview, visibleDevices} from '../../src/tui/state.js'
import {textOf} from '../../src/tui/lines.js'
import {detailLines} from '../../src/tui/documents.js'
import {geometryOf} from '../../src/tui/geometry.js'
import {ENTER, ESC, play, reviewedGame} from './play.js'
import {appraisal, check, DENIED, device} from './sample.js'

const many = Array.from({length: 200}, (_, i) => device(i, i % 4 === 0 ? 'CONFIG_LOCKED' : 'CONFIG_UNLOCKED'))
const finding = (n: number) => check(`spdm.meas.x${n}`, {result: 'fail', word: 'FAIL', blocking: true})
const FIRST = '0000:01:00.0'

describe('moving', () => {
  it.each([
    ['jjjk', 2],
    ['G', 199],
    ['GGkk', 197],
    ['Gg', 0],
    ['\x1b[B\x1b[B', 2],
    ['\x1b[6~', 15],
    ['\x1b[6~\x1b[5~', 0],
    [' b', 0],
    ['kkkk', 0],
    ['\x1b[F\x1b[H', 0],
  ])('%j selects device %i', (keys, index) => {
    expect(play(many).press(keys).state.selected).toBe(many[index]!.bdf)
  })

  it('turns the tabs round in both directions', () => {
    expect(play().press('\t\t').state.tab).toBe('Measurements')
    expect(play().press('\x1b[Z').state.tab).toBe('Identity')
    expect(play().press('\t\t\t\t\t').state.tab).toBe('Review')
  })

  it('scrolls the details only while they have the focus', () => {
    const game = reviewedGame(DENIED).press('j').press('k')
    expect(game.press('ljj').state).toMatchObject({selected: FIRST, detailTop: 2, focus: 'details'})
    expect(game.press('hj').state).toMatchObject({selected: '0000:02:00.0', detailTop: 0, focus: 'devices'})
  })

  it('keeps the selected device when the list changes around it', () => {
    const game = play(many).press('jjjjj')
    const chosen = game.state.selected
    game.send({kind: 'devices', devices: many.slice(3)})
    expect(game.state.selected).toBe(chosen)
    game.send({kind: 'devices', devices: many.filter(({bdf}) => bdf !== chosen)})
    expect(game.state.selected).toBe(many[0]!.bdf)
    expect(game.send({kind: 'devices', devices: []}).state.selected).toBeNull()
  })
})

it('the selected device is always in the window, whatever the size and the keys', () => {
  const key = fc.constantFrom(
    'j',
    'k',
    'g',
    'G',
    ' ',
    'b',
    '\x1b[5~',
    '\x1b[6~',
    '/',
    'l',
    ENTER,
    '1',
    '\x7f',
    ESC,
    'l',
    'h',
    '\t',
  )
  const size = fc.record({columns: fc.integer({min: 60, max: 200}), rows: fc.integer({min: 16, max: 70})})
  fc.assert(
    fc.property(fc.array(fc.oneof(key, size), {maxLength: 80}), moves => {
      const game = play(many)
      for (const move of moves) {
        if (typeof move === 'string') game.press(move)
        else game.send({kind: 'resize', size: move})
        const {state} = game
        const {listRows, detailRows} = geometryOf(state.size)
        const shown = visibleDevices(state)
        const at = shown.findIndex(({bdf}) => bdf === state.selected)
        expect(at).toBe(shown.length === 0 ? -1 : Math.max(0, at))
        if (at >= 0) expect([at >= state.listTop, at < state.listTop + listRows]).toEqual([true, true])
        expect(state.listTop).toBeLessThanOrEqual(Math.max(0, shown.length - listRows))
        expect(state.detailTop).toBeLessThanOrEqual(Math.max(0, detailLines(state).length - detailRows))
      }
    }),
  )
})

describe('the filter', () => {
  it('narrows while it is typed, and Esc drops it', () => {
    const game = play(many).press('/locked')
    expect(visibleDevices(game.state)).toHaveLength(200) // "unlocked" contains it too
    game.press('\x15').press('config_locked' + ENTER)
    expect(visibleDevices(game.state)).toHaveLength(50)
    expect(game.state).toMatchObject({filtering: false, filter: 'config_locked'})
    expect(game.press(ESC).state.filter).toBe('')
  })

  it('takes letters that are keys elsewhere', () => {
    expect(play().press('/qav?').state).toMatchObject({filter: 'qav?', filtering: true, overlay: null})
    expect(play().press('/qa\x7f').state.filter).toBe('q')
  })

  it('says so when nothing matches', () => {
    const game = play().press('/zzz')
    expect(game.state.selected).toBeNull()
    expect(detailLines(game.state).map(textOf).join(' ')).toContain('No device matches "zzz"')
  })
})

describe('reviewing', () => {
  it.each(['v', ENTER])('%j starts a review of the selected device', key => {
    const game = play().press(`j${key}`)
    expect(game.effects).toEqual([{kind: 'review', bdf: '0000:02:00.0'}])
    expect(game.state.busy).toMatchObject({what: 'review', bdf: '0000:02:00.0'})
  })

  it('one operation at a time, and no quitting while it runs', () => {
    const game = play().press('vjvraRq')
    expect(game.effects).toEqual([{kind: 'review', bdf: FIRST}])
    expect(game.state.message?.text).toContain(`review of ${FIRST} is running`)
    expect(game.press('\x03').effects.at(-1)).toEqual({kind: 'quit'})
  })

  it('shows progress and the outcome in the log', () => {
    const game = play().press('v').send({kind: 'progress', bdf: FIRST, line: 'lock\x1b[2J'})
    expect(game.state.busy?.step).toBe('lock\\x1b[2J')
    game.send({kind: 'reviewed', bdf: FIRST, appraisal: DENIED})
    expect(game.state.busy).toBeNull()
    expect(game.state.log.at(-1)?.text).toContain('DENY')
  })

  it('drops the old review as soon as a new one starts', () => {
    const game = reviewedGame()
    expect(selectedReview(game.state)).toBeDefined()
    expect(selectedReview(game.press('v').state)).toBeUndefined()
    expect(game.send({kind: 'failed', bdf: FIRST, text: 'cannot lock', hint: 'Wait.'}).state.reviews).toEqual({})
    expect(game.state.message?.text).toBe('cannot lock. Wait.')
    expect(game.state.log.slice(-2).map(({text}) => text)).toEqual(['cannot lock', '  Wait.'])
  })

  it('voids a review when the device leaves the reviewed state', () => {
    const game = reviewedGame().send({kind: 'devices', devices: [device(1), device(2)]})
    expect(selectedReview(game.state)?.standing).toBe('void')
    expect(game.press('a').state).toMatchObject({overlay: null})
  })

  it.each([
    ['RUN', 'in RUN already'],
    ['ERROR', 'in ERROR'],
    ['-', 'cannot be locked'],
  ])('does not start in state %s', (state, reason) => {
    const game = play([device(1, state)]).press('v')
    expect(game.effects).toEqual([])
    expect(game.state.message?.text).toContain(reason)
  })
})

describe('what has to be read', () => {
  const long = appraisal({results: Array.from({length: 12}, (_, n) => finding(n))})

  it('a is off until all that stands against it was on screen', () => {
    const game = reviewedGame(long).press('a')
    expect(game.state.message?.text).toContain('read what stands against it')
    game.press('l').press('\x1b[6~').press('\x1b[6~').press('\x1b[6~').press('a')
    expect(game.state.overlay).toMatchObject({kind: 'accept'})
  })

  it('jumping to the end shows nothing between', () => {
    expect(reviewedGame(long).press('lGa').state.overlay).toBeNull()
  })

  it('nothing is read behind the help or on another tab', () => {
    expect(reviewedGame(long).press('l?    ').press(ESC).press('a').state.overlay).toBeNull()
    expect(reviewedGame(long).press('l\t    ').press('a').state.overlay).toBeNull()
  })
})

describe('small screens', () => {
  it('takes no key but those that leave', () => {
    const game = reviewedGame().send({kind: 'resize', size: {columns: 59, rows: 40}})
    expect(game.press('jvar?/').state).toMatchObject({selected: FIRST, overlay: null, filtering: false})
    expect(game.effects.slice(1)).toEqual([])
    expect(game.press('q').effects.at(-1)).toEqual({kind: 'quit'})
  })
})

describe('the help', () => {
  it('scrolls with the movement keys and closes with any other', () => {
    const game = play(many, {columns: 60, rows: 16}).press('?jjj')
    expect(game.state.overlay).toEqual({kind: 'help', top: 3})
    expect(game.press('kkkkkk').state.overlay).toEqual({kind: 'help', top: 0})
    expect(game.press('v')).toMatchObject({effects: [], state: {overlay: null}})
  })
})

describe('leaving', () => {
  it('q asks for nothing but to quit', () => {
    expect(reviewedGame().press('q').effects.slice(1)).toEqual([{kind: 'quit'}])
  })

  it('Esc takes one step back at a time', () => {
    const game = play(many)
      .press('/bdf' + ESC)
      .press('/00' + ENTER)
      .press('l')
    expect(game.press(ESC).state).toMatchObject({filter: '', focus: 'details'})
    expect(game.press(ESC).state.focus).toBe('devices')
  })
})

it('a failure to read the devices is said and ends nothing', () => {
  const game = play().press('v').send({kind: 'failed', bdf: null, text: 'cannot list', hint: null})
  expect(game.state.busy).not.toBeNull()
  expect(game.state.message).toEqual({text: 'cannot list', tone: 'fail'})
})

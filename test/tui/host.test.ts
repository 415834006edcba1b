/** The host's side of the cockpit: looking, connecting, disconnecting. */
import {describe, expect, it} from 'vitest'
import {detailLines} from '../../src/tui/documents.js'
import {textOf} from '../../src/tui/lines.js'
import {ENTER, ESC, hostGame, play, type Play} from './play.js'
import {device, view} from './sample.js'

const BDF = '0000:01:00.0'
const details = ({state}: Play): string => detailLines(state).map(textOf).join('\n')
const kinds = ({effects}: Play): string[] => effects.map(({kind}) => kind)
const asked = (): Play => hostGame().press('c').wait(1500)

describe('looking', () => {
  it('reads the device and opens the connection tab, whatever tab was open', () => {
    const game = play([device(1, 'CONFIG_UNLOCKED'), device(2, 'disconnected')]).press('\t')
    expect(game.state.tab).toBe('Checks')
    game.press('j')
    expect(game.state.tab).toBe('Connection')
    expect(details(game)).toContain('Not looked at yet')
    game.press('v')
    expect(game.effects.at(-1)).toEqual({kind: 'look', bdf: '0000:02:00.0'})
    game.send({kind: 'looked', bdf: '0000:02:00.0', view: view()})
    expect(details(game)).toBe('nothing stands against it')
    expect(details(game.press('\t'))).toBe('stream0.0.0\n  both ends in state 2')
  })

  it('what was seen is dropped when the device changes without us', () => {
    const game = hostGame()
    game.send({kind: 'devices', devices: [device(1, 'disconnected')]})
    expect(game.state.views[BDF]).toBeDefined()
    game.send({kind: 'devices', devices: [device(1, 'connected')]})
    expect(game.state.views[BDF]).toBeUndefined()
  })

  it('escapes what the machine says', () => {
    const game = hostGame({connection: [{text: 'a\x1b[2Jb', tone: 'plain'}], refusal: '\u202e'})
    expect(details(game)).toBe('a\\x1b[2Jb')
    expect(game.press('c').state.message?.text).toContain('\\u{202e}')
  })
})

describe('connecting', () => {
  it('takes a y after the question was seen, and looks at both ends afterwards', () => {
    const game = asked().press('y')
    expect(game.effects.at(-1)).toEqual({kind: 'connect', bdf: BDF})
    game.send({kind: 'devices', devices: [device(1, 'connected')]})
    game.send({
      kind: 'carried-out',
      verb: 'connect',
      bdf: BDF,
      line: 'connected to tsm0, stream0.0.0 secure at both ends',
    })
    expect(game.effects.at(-1)).toEqual({kind: 'look', bdf: BDF})
    expect(game.state.message?.text).toContain('stream0.0.0 secure at both ends')
  })

  it.each([ENTER, 'n', ESC, ENTER.repeat(3), 'x', ''])('%j does not connect', keys => {
    expect(kinds(asked().press(keys))).not.toContain('connect')
  })

  it('does not hear what is typed before the question has been seen', () => {
    expect(kinds(hostGame().press('cyyyy'))).not.toContain('connect')
  })

  it('does nothing when the device changed while the question was open', () => {
    const game = asked()
      .send({kind: 'devices', devices: [device(1, 'connected')]})
      .press('y')
    expect(kinds(game)).not.toContain('connect')
    expect(game.state.message?.text).toContain('connected already')
  })

  it.each([
    ['not looked at', play([device(1, 'disconnected')]), 'was not looked at'],
    ['certain to fail', hostGame({refusal: 'EFAULT'}), 'connect will fail: EFAULT'],
    ['connected', play([device(1, 'connected')]), 'connected already'],
    ["a guest's", play([device(1)]), "no device that a host's TSM connects"],
  ])('is refused for a device that is %s', (_, game, reason) => {
    expect(game.press('c').state.overlay).toBeNull()
    expect(game.state.message?.text).toContain(reason)
  })
})

describe('disconnecting', () => {
  it('asks, and needs no look', () => {
    const game = play([device(1, 'connected')])
      .press('d')
      .wait(1500)
      .press('y')
    expect(game.effects.at(-1)).toEqual({kind: 'disconnect', bdf: BDF})
  })

  it('is refused for a device that is not connected', () => {
    expect(hostGame().press('d').state.message?.text).toContain('is not connected')
  })
})

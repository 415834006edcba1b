/** Plays events against the reducer with a clock of its own, collecting the effects. */
import type {Effect, Event} from '../../src/tui/events.js'
import {reduce} from '../../src/tui/reduce.js'
import {initialState, type State} from '../../src/tui/state.js'
import type {CockpitDevice, HostView} from '../../src/tui/cockpit.js'
import {decodeKeys} from '../../src/tui/terminal-keys.js'
import {appraisal, device, view} from './sample.js'

export interface Play {
  state: State
  now: number
  readonly effects: Effect[]
  send(...events: Event[]): Play
  /** Keys as a terminal sends them, all in one chunk. */
  press(chunk: string): Play
  wait(milliseconds: number): Play
}

export const ENTER = '\r'
export const ESC = '\x1b'

export function play(
  devices: readonly CockpitDevice[] = [device(1), device(2), device(3)],
  size = {columns: 80, rows: 24},
): Play {
  const game: Play = {
    state: initialState('sim:/tmp/x', 'policy.yaml', size, 0),
    now: 0,
    effects: [],
    send: (...events) => {
      for (const event of events) {
        const {state, effects} = reduce(game.state, event, game.now)
        game.state = state
        game.effects.push(...effects)
      }
      return game
    },
    press: chunk => game.send(...keysIn(chunk).map((key): Event => ({kind: 'key', key}))),
    wait: milliseconds => {
      game.now += milliseconds
      return game.send({kind: 'tick'})
    },
  }
  return game.send({kind: 'devices', devices})
}

const keysIn = (chunk: string): readonly string[] => {
  const {keys, rest} = decodeKeys(chunk)
  return rest === '' ? keys : [...keys, 'escape']
}

/** A game in which the first device was reviewed and `a` can be pressed. */
export const reviewedGame = (verdict = appraisal()): Play =>
  play([device(1, 'CONFIG_LOCKED'), device(2)])
    .press('v')
    .send({kind: 'reviewed', bdf: '0000:01:00.0', appraisal: verdict})

/** A game on a host, in which the first device was looked at and is not connected. */
export const hostGame = (over: Partial<HostView> = {}): Play =>
  play([device(1, 'disconnected'), device(2, 'connected')])
    .press('v')
    .send({kind: 'looked', bdf: '0000:01:00.0', view: view(over)})

/** The key table is the only place where keys are described: it must be complete and never promise too much. */
import {describe, expect, it} from 'vitest'
import {footerLine, helpLines} from '../../src/tui/help.js'
import {ACTIONS, actionOf, whyDisabled} from '../../src/tui/keys.js'
import {textOf} from '../../src/tui/lines.js'
import type {State} from '../../src/tui/state.js'
import {hostGame, play, reviewedGame} from './play.js'
import {DENIED, device} from './sample.js'

const helpText = (state: State): string => helpLines(state).map(textOf).join('\n')

/** One state per way in which an action can be off. */
const STATES: readonly (readonly [string, State])[] = [
  ['no devices', play([]).state],
  ['nothing reviewed', play().state],
  ['a review runs', play().press('v').state],
  ['denied', reviewedGame(DENIED).state],
  ['in RUN', play([device(1, 'RUN')]).state],
  ['open review', reviewedGame().state],
  ['not connected', play([device(1, 'disconnected')]).state],
  ['cannot connect', hostGame({refusal: 'EFAULT: no free block at the root port'}).state],
  ['connected', play([device(1, 'connected')]).state],
]

describe('the key table', () => {
  it('gives every key to one action only', () => {
    const keys = ACTIONS.flatMap(action => action.keys)
    expect(new Set(keys).size).toBe(keys.length)
    for (const action of ACTIONS) for (const key of action.keys) expect(actionOf(key)).toBe(action)
  })

  it.each(ACTIONS.map(action => [action.id, action] as const))('%s is explained in the help', (_, action) => {
    expect(action.help.length).toBeGreaterThan(3)
    expect(action.shown.length).toBeGreaterThan(0)
    expect(helpText(reviewedGame().state)).toContain(action.shown)
  })

  it.each(ACTIONS.filter(({disabled}) => disabled !== undefined).map(action => [action.id, action] as const))(
    '%s says why it is off, in the help and when it is pressed',
    (_, action) => {
      const off = STATES.filter(([, state]) => whyDisabled(action, state) !== null)
      expect(off.length).toBeGreaterThan(0)
      for (const [, state] of off) {
        const reason = whyDisabled(action, state)!
        expect(reason.length).toBeGreaterThan(10)
        // the help may break the line inside the reason
        expect(helpText(state).replaceAll(/\s+/g, ' ')).toContain(`(not now: ${reason})`)
        const game = play()
        game.state = state
        game.effects.length = 0
        game.press(action.keys[0] === ' ' ? ' ' : String(action.keys[0]))
        expect(game.state.message?.text).toBe(`${action.shown}: ${reason}`)
        expect(game.effects).toEqual([])
      }
    },
  )

  it('the footer puts what is off in parentheses', () => {
    expect(textOf(footerLine(play().state))).toContain('v review  (a accept)  (r reject)')
    expect(textOf(footerLine(reviewedGame().state))).toContain('v review  a accept  r reject')
    expect(textOf(footerLine(reviewedGame().press('a').state))).toContain('Esc cancel')
    expect(textOf(footerLine(hostGame().state))).toContain('v review  c connect  (d disconnect)')
    expect(textOf(footerLine(hostGame().press('c').state))).toContain('y do it')
    expect(textOf(footerLine(play().press('/').state))).toContain('Enter keep')
  })

  it('the footer fits 80 columns with everything off', () => {
    for (const [, state] of STATES) expect(textOf(footerLine(state)).trimEnd().length).toBeLessThanOrEqual(80)
  })
})

/** Accepting and rejecting: what a person has to type, and what is never enough. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {type AcceptDialog, type State} from '../../src/tui/state.js'
import {ENTER, ESC, type Play, reviewedGame} from './play.js'
import {appraisal, CHECKS, D, DENIED, device} from './sample.js'

const BDF = '0000:01:00.0'
const EXACT = `${BDF} 9f3c01ab77de`
const RELAXED = appraisal({relaxations: ['revocation is not checked']})
const accepts = (game: Play) => game.effects.filter(({kind}) => kind === 'accept')
const dialog = ({overlay}: State): AcceptDialog => {
  expect(overlay?.kind).toBe('accept')
  return overlay as AcceptDialog
}
const asked = (): Play => reviewedGame().press('r').wait(1500)
const opened = (verdict = appraisal()): Play => reviewedGame(verdict).press('a').wait(1500)

describe('accepting', () => {
  it('takes the exact address and digest', () => {
    const game = opened().press(EXACT + ENTER)
    expect(accepts(game)).toEqual([{kind: 'accept', bdf: BDF, digest: D, approval: {typed: EXACT, reason: null}}])
    expect(game.state).toMatchObject({overlay: null, busy: {what: 'accept', bdf: BDF}})
  })

  it.each([
    '',
    ENTER,
    ENTER.repeat(5),
    `${EXACT}`,
    `${EXACT} ${ENTER}`,
    ` ${EXACT}${ENTER}`,
    `${EXACT.toUpperCase()}${ENTER}`,
  ])('%j does not accept', keys => {
    expect(accepts(opened().press(keys))).toEqual([])
  })

  it('does not hear what is typed before the prompt has been seen', () => {
    const game = reviewedGame().press(`a${EXACT}${ENTER}`)
    expect(dialog(game.state).typed).toBe('')
    expect(dialog(game.wait(1499).press('x').state).typed).toBe('')
    expect(dialog(game.wait(1).press('x').state).typed).toBe('x')
    expect(accepts(game)).toEqual([])
    expect(game.effects).toContainEqual({kind: 'wake', after: 1500})
  })

  it('three wrong entries reject the device', () => {
    const game = opened().press(`no${ENTER}no${ENTER}`)
    expect(dialog(game.state)).toMatchObject({wrong: 2, typed: ''})
    expect(game.state.message?.text).toContain('1 left')
    game.press(`no${ENTER}${EXACT}${ENTER}`)
    expect(game.effects.at(-1)).toEqual({kind: 'reject', bdf: BDF})
    expect(game.state.reviews[BDF]?.standing).toBe('rejected')
    expect(accepts(game)).toEqual([])
  })

  it('Enter on an empty line is not a wrong entry', () => {
    expect(dialog(opened().press(ENTER.repeat(4)).state).wrong).toBe(0)
  })

  it('Esc cancels at any time, and the review stays open', () => {
    const game = reviewedGame().press('a').press(ESC)
    expect(game.state).toMatchObject({overlay: null, reviews: {[BDF]: {standing: 'open'}}})
  })

  it.each([RELAXED, appraisal({counters: {fail: 0, relaxed: 1, notProven: 0, ok: 9}})])(
    'asks for a reason when something is relaxed',
    verdict => {
      const game = opened(verdict).press(`too short${ENTER}`)
      expect(dialog(game.state)).toMatchObject({step: 'reason'})
      expect(game.state.message?.text).toContain('10 characters')
      game.press(`\x15  storage bring-up  ${ENTER}`).press(EXACT + ENTER)
      expect(accepts(game)).toEqual([
        {kind: 'accept', bdf: BDF, digest: D, approval: {typed: EXACT, reason: 'storage bring-up'}},
      ])
    },
  )

  it.each([
    ['DENY', DENIED, 'no key overrides it'],
    ['two approvers', appraisal({human: 'two-person'}), 'two approvers'],
  ])('is off for %s, and says why', (_, verdict, reason) => {
    const game = reviewedGame(verdict).press('a')
    expect(game.state.overlay).toBeNull()
    expect(game.state.message?.text).toContain(reason)
  })

  it('is off ten minutes after the decision, also when the prompt was open all the time', () => {
    expect(reviewedGame().wait(600_001).press('a').state.overlay).toBeNull()
    const game = opened()
      .wait(600_001)
      .press(EXACT + ENTER)
    expect(accepts(game)).toEqual([])
    expect(game.state.message?.text).toContain('older than 10 minutes')
  })

  it('is off once the device changed behind the open prompt', () => {
    for (const devices of [[device(1), device(2)], [device(2)]]) {
      const game = opened()
        .send({kind: 'devices', devices})
        .press(EXACT + ENTER)
      expect(accepts(game)).toEqual([])
    }
  })

  it('ends with the state that was reached', () => {
    const game = opened().press(EXACT + ENTER)
    game.send({kind: 'devices', devices: [device(1, 'RUN')]}, {kind: 'accepted', bdf: BDF, line: 'now RUN'})
    expect(game.state).toMatchObject({busy: null, reviews: {[BDF]: {standing: 'accepted'}}})
    expect(game.press('a').state.message?.text).toContain('accepted already')
  })

  it('needs a new review after it failed', () => {
    const game = opened().press(EXACT + ENTER)
    game.send({kind: 'failed', bdf: BDF, text: 'cannot accept', hint: null})
    expect(game.state).toMatchObject({busy: null, reviews: {[BDF]: {standing: 'void'}}})
  })
})

describe('rejecting', () => {
  it.each(['y', 'Y', ENTER])('%j unlocks', key => {
    const game = asked().press(key)
    expect(game.effects.at(-1)).toEqual({kind: 'reject', bdf: BDF})
    expect(game.state).toMatchObject({overlay: null, busy: {what: 'reject'}})
  })

  it.each(['n', 'N'])('%j leaves the device locked, and rejected', key => {
    const game = asked().press(key)
    expect(game.effects.map(({kind}) => kind)).not.toContain('reject')
    expect(game.press('a').state.message?.text).toContain('no longer valid')
  })

  it('does not hear what was typed ahead', () => {
    const game = reviewedGame().press(`r${ENTER}y`)
    expect(game.effects.map(({kind}) => kind)).not.toContain('reject')
    expect(game.press(ESC).state).toMatchObject({overlay: null, reviews: {[BDF]: {standing: 'open'}}})
  })

  it.each([
    ['CONFIG_UNLOCKED', 'not locked'],
    ['RUN', 'tsmctl unlock'],
  ])('is off in %s', (state, reason) => {
    const game = reviewedGame()
      .send({kind: 'devices', devices: [device(1, state)]})
      .press('r')
    expect(game.state.overlay).toBeNull()
    expect(game.state.message?.text).toContain(reason)
  })
})

describe('whatever is pressed', () => {
  const chunk = fc.oneof(
    fc.constantFrom('a', 'r', 'v', 'j', 'k', 'l', 'h', 'g', 'G', '/', '?', 'y', 'n', 'q', 'R'),
    fc.constantFrom(ENTER, '\t', '\x1b', ' ', '\x7f', '\x03'),
    fc.constantFrom('9f3c01ab77de', `${BDF} `, EXACT, 'a reason that is long enough', 'x'),
  )
  const move = fc.oneof(
    chunk.map(keys => (game: Play) => game.press(keys)),
    fc.constant((game: Play) => game.press('a').wait(1500)),
    fc.constant((game: Play) => game.press(EXACT + ENTER)),
    fc.constantFrom(100, 1500, 700_000).map(ms => (game: Play) => game.wait(ms)),
    fc
      .record({columns: fc.integer({min: 1, max: 130}), rows: fc.integer({min: 1, max: 50})})
      .map(size => (game: Play) => game.send({kind: 'resize', size})),
    fc
      .subarray([device(1, 'CONFIG_LOCKED'), device(2), device(3, 'RUN')])
      .map(devices => (game: Play) => game.send({kind: 'devices', devices})),
    fc
      .constantFrom(appraisal(), RELAXED, DENIED, appraisal({results: Object.values(CHECKS)}))
      .map(verdict => (game: Play) => {
        const {busy} = game.state
        return busy === null ? game : game.send({kind: 'reviewed', bdf: busy.bdf, appraisal: verdict})
      }),
    fc.constant((game: Play) => {
      const {busy} = game.state
      return busy === null ? game : game.send({kind: 'failed', bdf: busy.bdf, text: 'no', hint: null})
    }),
  )

  it('nothing is accepted but what was typed in full, on an open review', () => {
    let accepted = 0
    fc.assert(
      fc.property(fc.array(move, {maxLength: 60}), moves => {
        const game = reviewedGame()
        for (const apply of moves) {
          const before = game.state
          const known = game.effects.length
          apply(game)
          for (const effect of game.effects.slice(known)) {
            if (effect.kind !== 'accept') continue
            accepted++
            const open = before.overlay as AcceptDialog
            const review = before.reviews[effect.bdf]!
            expect(open.kind).toBe('accept')
            expect(effect.approval.typed).toBe(`${effect.bdf} ${review.appraisal.shortD}`)
            expect(effect.digest).toBe(review.appraisal.D)
            expect(['accept', 'review']).toContain(review.appraisal.decision)
            expect(review.standing).toBe('open')
            if (review.appraisal.relaxations.length > 0) expect(effect.approval.reason!.length).toBeGreaterThan(9)
          }
        }
      }),
      {numRuns: 500},
    )
    expect(accepted).toBeGreaterThan(0)
  })
})

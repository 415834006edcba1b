/**
 * The questions of the cockpit. Accepting takes the exact address and digest, typed after the prompt has been on
 * screen for a while; Enter alone never accepts. Rejecting has the safe answer as its default.
 */
import {type Effect, step, type Step} from './events.js'
import {
  type AcceptDialog,
  type HostDialog,
  logged,
  MOST_WRONG_ENTRIES,
  PROMPT_REST_MS,
  type RejectDialog,
  selectedDevice,
  SHORTEST_REASON,
  type State,
  told,
} from './state.js'
import type {HostVerb} from './cockpit.js'
import {whyNoAccept, whyNoConnect, whyNoDisconnect} from './keys.js'
import type {Review} from './review.js'
import {isTypeable, type Key} from './terminal-keys.js'

const LONGEST_ENTRY = 200
const WAKE: Effect = {kind: 'wake', after: PROMPT_REST_MS}

/** Is the prompt still too young to listen? */
export const isResting = ({openedAt}: AcceptDialog | RejectDialog | HostDialog, now: number): boolean =>
  now - openedAt < PROMPT_REST_MS

export function openAccept(state: State, bdf: string, {appraisal}: Review): Step {
  const relaxed = appraisal.relaxations.length > 0 || appraisal.counters.relaxed > 0
  const overlay: AcceptDialog = {
    kind: 'accept',
    bdf,
    digest: appraisal.D,
    expected: `${bdf} ${appraisal.shortD}`,
    step: relaxed ? 'reason' : 'typed',
    reason: relaxed ? '' : null,
    typed: '',
    openedAt: state.now,
    wrong: 0,
  }
  return step({...state, overlay}, WAKE)
}

export const openReject = (state: State, bdf: string): Step =>
  step({...state, overlay: {kind: 'reject', bdf, openedAt: state.now}}, WAKE)

/** One line of text after a key; undefined for keys that do not edit. */
export function edited(text: string, key: Key): string | undefined {
  if (key === 'backspace') return [...text].slice(0, -1).join('')
  if (key === 'ctrl-u') return ''
  return isTypeable(key) && text.length < LONGEST_ENTRY ? text + key : undefined
}

export function acceptKey(state: State, dialog: AcceptDialog, key: Key): Step {
  if (key === 'escape') return step(told({...state, overlay: null}, `accept of ${dialog.bdf} cancelled`))
  if (isResting(dialog, state.now)) return step(state)
  if (key === 'enter') return dialog.step === 'reason' ? reasonGiven(state, dialog) : entryGiven(state, dialog)
  const text = edited(dialog.step === 'reason' ? (dialog.reason ?? '') : dialog.typed, key)
  if (text === undefined) return step(state)
  return step({...state, overlay: dialog.step === 'reason' ? {...dialog, reason: text} : {...dialog, typed: text}})
}

function reasonGiven(state: State, dialog: AcceptDialog): Step {
  const reason = (dialog.reason ?? '').trim()
  if (reason.length < SHORTEST_REASON)
    return step(told(state, `the reason needs at least ${SHORTEST_REASON} characters`, 'fail'))
  return step({...state, message: null, overlay: {...dialog, reason, step: 'typed'}})
}

function entryGiven(state: State, dialog: AcceptDialog): Step {
  const {bdf, digest, typed, expected} = dialog
  if (typed === '') return step(told(state, 'type the address and the digest; Enter alone does not accept'))
  if (typed === expected) {
    // the prompt may have been open for long: what opened it has to hold still
    const same = state.selected === bdf && state.reviews[bdf]?.appraisal.D === digest
    const reason = same ? whyNoAccept(state) : `${bdf} changed meanwhile`
    if (reason !== null) return step(told({...state, overlay: null}, `not accepted: ${reason}`, 'fail'))
    const busy = {what: 'accept', bdf, step: 'starting'} as const
    return step(
      {...state, overlay: null, message: null, busy},
      {kind: 'accept', bdf, digest, approval: {typed, reason: dialog.reason}},
    )
  }
  const wrong = dialog.wrong + 1
  if (wrong < MOST_WRONG_ENTRIES)
    return step(
      told(
        {...state, overlay: {...dialog, typed: '', wrong}},
        `not the same: ${MOST_WRONG_ENTRIES - wrong} left`,
        'fail',
      ),
    )
  return reject(logged({...state, overlay: null}, `${bdf}: ${wrong} wrong entries, rejected`, 'fail'), bdf)
}

/** Marks the review rejected and unlocks the device. */
function reject(state: State, bdf: string): Step {
  const busy = {what: 'reject', bdf, step: 'starting'} as const
  return step({...withoutApproval(state, bdf), busy}, {kind: 'reject', bdf})
}

/** A rejected review can never be accepted; its text stays readable. */
function withoutApproval(state: State, bdf: string): State {
  const review = state.reviews[bdf]
  if (review === undefined) return state
  return {...state, reviews: {...state.reviews, [bdf]: {...review, standing: 'rejected'}}}
}

export function rejectKey(state: State, dialog: RejectDialog, key: Key): Step {
  const {bdf} = dialog
  if (key === 'escape') return step(told({...state, overlay: null}, `reject of ${bdf} cancelled`))
  if (isResting(dialog, state.now)) return step(state)
  const closed = {...state, overlay: null}
  if (key === 'y' || key === 'Y' || key === 'enter') return reject(closed, bdf)
  if (key === 'n' || key === 'N')
    return step(logged(withoutApproval(closed, bdf), `${bdf}: rejected, left locked`, 'relaxed'))
  return step(state)
}

export function openHost(state: State, verb: HostVerb): Step {
  const bdf = selectedDevice(state)?.bdf
  if (bdf === undefined) return step(state)
  return step({...state, overlay: {kind: 'host', verb, bdf, openedAt: state.now}}, WAKE)
}

/** Only `y` goes on: whoever presses Enter at a question has not read it. */
export function hostKey(state: State, dialog: HostDialog, key: Key): Step {
  const {verb, bdf} = dialog
  const closed = {...state, overlay: null}
  if (key === 'escape') return step(told(closed, `${verb} of ${bdf} cancelled`))
  if (isResting(dialog, state.now)) return step(state)
  if (key === 'n' || key === 'N' || key === 'enter') return step(told(closed, `${verb} of ${bdf} cancelled`))
  if (key !== 'y' && key !== 'Y') return step(state)
  // the question may have been open for long: what allowed it has to hold still
  const still = verb === 'connect' ? whyNoConnect(state) : whyNoDisconnect(state)
  const reason = state.selected === bdf ? still : `${bdf} is not selected any more`
  if (reason !== null) return step(told(closed, `not done: ${reason}`, 'fail'))
  const busy = {what: verb, bdf, step: 'starting'} as const
  return step(logged({...closed, busy}, `${bdf}: ${verb}`, 'title'), {kind: verb, bdf})
}

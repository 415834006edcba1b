/** The whole interaction as a pure function: state and event in, state and effects out. */
import {countersText} from '../appraisal/index.js'
import {harmless, printable} from '../errors.js'
import {ACTS, settled, startLook} from './actions.js'
import type {CockpitDevice} from './cockpit.js'
import {acceptKey, edited, hostKey, rejectKey} from './dialogs.js'
import {type Event, step, type Step} from './events.js'
import {clamp, geometryOf} from './geometry.js'
import {helpLines} from './help.js'
import {actionOf, whyDisabled} from './keys.js'

import type {Review} from './review.js'
import {type HelpOverlay, isTooSmall, logged, type State, told} from './state.js'
import type {Key} from './terminal-keys.js'
import {BANNERS} from './words.js'

/** `at` is the cockpit's own clock in milliseconds; it never runs backwards. */
export function reduce(before: State, event: Event, at: number): Step {
  const {state, effects} = handle({...before, now: Math.max(before.now, at)}, event)
  return {state: isTooSmall(state) ? state : settled(state), effects}
}

function handle(state: State, event: Event): Step {
  switch (event.kind) {
    case 'key':
      return pressed(state, event.key)
    case 'resize':
      return step({...state, size: event.size})
    case 'tick':
      return step(state)
    case 'devices':
      return step(withDevices(state, event.devices))
    case 'progress':
      return step(progressed(state, event.bdf, harmless(event.line)))
    case 'reviewed':
      return step(reviewed(state, event.bdf, event.appraisal))
    case 'accepted':
      return step(ended(state, event.bdf, 'accepted', event.line))
    case 'rejected':
      return step(ended(state, event.bdf, 'rejected', event.line))
    case 'looked':
      return step(looked(state, event))
    case 'carried-out':
      return carriedOut(state, event)
    case 'failed':
      return step(failed(state, event))
  }
}

function pressed(state: State, key: Key): Step {
  if (key === 'ctrl-c') return step(state, {kind: 'quit'})
  // what cannot be seen cannot be meant: only leaving works on a screen that is too small
  if (isTooSmall(state)) return key === 'q' && state.busy === null ? step(state, {kind: 'quit'}) : step(state)
  const quiet = {...state, message: null}
  const {overlay} = state
  if (overlay?.kind === 'accept') return acceptKey(quiet, overlay, key)
  if (overlay?.kind === 'reject') return rejectKey(quiet, overlay, key)
  if (overlay?.kind === 'host') return hostKey(quiet, overlay, key)
  if (overlay?.kind === 'help') return step(helpKey(quiet, overlay, key))
  if (state.filtering) return step(filterKey(quiet, key))
  const action = actionOf(key)
  if (action === undefined) return step(quiet)
  const reason = whyDisabled(action, state)
  return reason === null ? ACTS[action.id](quiet) : step(told(state, `${action.shown}: ${reason}`, 'relaxed'))
}

function filterKey(state: State, key: Key): State {
  if (key === 'enter') return {...state, filtering: false}
  if (key === 'escape') return {...state, filtering: false, filter: ''}
  return {...state, filter: edited(state.filter, key) ?? state.filter}
}

/** Movement scrolls; everything else closes the help. */
function helpKey(state: State, help: HelpOverlay, key: Key): State {
  const {helpRows} = geometryOf(state.size)
  const count = helpLines(state).length
  const distance = {down: 1, up: -1, 'page-down': helpRows, 'page-up': -helpRows, first: -count, last: count}
  const id = actionOf(key)?.id
  if (id === undefined || !(id in distance)) return {...state, overlay: null}
  const top = clamp(help.top + distance[id as keyof typeof distance], 0, Math.max(0, count - helpRows))
  return {...state, overlay: {...help, top}}
}

const shown = ({bdf, id, className, driver, state, tsm}: CockpitDevice): CockpitDevice => ({
  bdf: printable(bdf),
  id: printable(id),
  className: printable(className),
  driver: driver === null ? null : printable(driver),
  state: printable(state),
  tsm: tsm === null ? null : printable(tsm),
})

/** A device that left the state in which it was reviewed or looked at takes the open review, or the view, with it. */
function withDevices(state: State, devices: readonly CockpitDevice[]): State {
  const states = new Map(devices.map(device => [device.bdf, device.state]))
  const reviews = Object.entries(state.reviews).map(([bdf, review]): [string, Review] => [
    bdf,
    state.busy?.bdf !== bdf && isOver(review, states.get(bdf)) ? {...review, standing: 'void'} : review,
  ])
  const before = new Map((state.devices ?? []).map(device => [device.bdf, device.state]))
  const views = Object.entries(state.views).filter(([bdf]) => before.get(bdf) === states.get(bdf))
  return {
    ...state,
    devices: devices.map(shown),
    reviews: Object.fromEntries(reviews),
    views: Object.fromEntries(views),
  }
}

const isOver = ({standing}: Review, tdi: string | undefined): boolean =>
  (standing === 'open' && tdi !== 'CONFIG_LOCKED') || (standing === 'accepted' && tdi !== 'RUN')

function progressed(state: State, bdf: string, text: string): State {
  const busy = state.busy?.bdf === bdf ? {...state.busy, step: text} : state.busy
  return logged({...state, busy}, `${bdf}: ${text}`)
}

function reviewed(state: State, bdf: string, appraisal: Review['appraisal']): State {
  const review: Review = {appraisal, standing: 'open', receivedAt: state.now, seen: 0}
  const {text, tone} = BANNERS[appraisal.decision]
  const kept = logged(
    {...state, busy: null, reviews: {...state.reviews, [bdf]: review}},
    `${bdf}: ${text}, D ${appraisal.shortD}, ${countersText(appraisal.counters)}`,
    tone,
  )
  return state.selected === bdf && state.overlay === null ? {...kept, tab: 'Review', detailTop: 0} : kept
}

function ended(state: State, bdf: string, standing: 'accepted' | 'rejected', line: string): State {
  const review = state.reviews[bdf]
  const reviews = review === undefined ? state.reviews : {...state.reviews, [bdf]: {...review, standing}}
  const text = `${bdf}: ${standing}. ${harmless(line)}`
  return told(logged({...state, busy: null, reviews}, text, 'title'), text)
}

function looked(state: State, {bdf, view}: Extract<Event, {kind: 'looked'}>): State {
  const lines = (of: typeof view.streams) => of.map(part => ({...part, text: harmless(part.text)}))
  const refusal = view.refusal === null ? null : harmless(view.refusal)
  const kept = {connection: lines(view.connection), streams: lines(view.streams), refusal}
  const next = {...state, busy: null, views: {...state.views, [bdf]: kept}}
  return state.selected === bdf ? {...next, detailTop: 0} : next
}

/** Whoever connected a device wants to see both ends of its link. */
function carriedOut(state: State, {bdf, line}: Extract<Event, {kind: 'carried-out'}>): Step {
  const text = `${bdf}: ${harmless(line)}`
  const next = told(logged({...state, busy: null}, text, 'title'), text)
  return state.selected === bdf ? startLook(next) : step(next)
}

/** What failed, and the next step. The review is not open any more: nobody knows what the device is now. */
function failed(state: State, {bdf, text, hint}: Extract<Event, {kind: 'failed'}>): State {
  const review = bdf === null ? undefined : state.reviews[bdf]
  const reviews =
    review?.standing === 'open' && state.busy?.what === 'accept'
      ? {...state.reviews, [bdf!]: {...review, standing: 'void' as const}}
      : state.reviews
  const what = harmless(text)
  const after = logged({...state, reviews, busy: bdf === null ? state.busy : null}, what, 'fail')
  if (hint === null) return told(after, what, 'fail')
  return told(logged(after, `  ${harmless(hint)}`), `${what}. ${harmless(hint)}`, 'fail')
}

/** What each action of the key table does. Only called while the table says that it works. */
import {openAccept, openHost, openReject} from './dialogs.js'
import {detailLines} from './documents.js'
import {step, type Step} from './events.js'
import {clamp, geometryOf, scrollTo} from './geometry.js'
import type {ActionId} from './keys.js'
import {logged, selectedDevice, selectedReview, sideOf, type State, tabsOf, visibleDevices} from './state.js'

type Act = (state: State) => Step

export const ACTS: Readonly<Record<ActionId, Act>> = {
  down: moveBy(() => 1),
  up: moveBy(() => -1),
  'page-down': moveBy(page => page),
  'page-up': moveBy(page => -page),
  first: moveBy(() => -Infinity),
  last: moveBy(() => Infinity),
  'focus-details': state => step({...state, focus: 'details'}),
  'focus-devices': state => step({...state, focus: 'devices'}),
  'next-tab': state => step(turned(state, 1)),
  'previous-tab': state => step(turned(state, tabsOf(state).length - 1)),
  filter: state => step({...state, filtering: true}),
  review: state => (sideOf(selectedDevice(state)) === 'host' ? startLook(state) : startReview(state)),
  accept: state => {
    const current = selectedReview(state)
    return current === undefined ? step(state) : openAccept(state, state.selected!, current)
  },
  reject: state => (state.selected === null ? step(state) : openReject(state, state.selected)),
  connect: state => openHost(state, 'connect'),
  disconnect: state => openHost(state, 'disconnect'),
  refresh: state => step(state, {kind: 'refresh'}),
  help: state => step({...state, overlay: {kind: 'help', top: 0}}),
  back,
  quit: state => step(state, {kind: 'quit'}),
}

/** Moves the selection or scrolls the details, whichever has the focus. */
function moveBy(distance: (page: number) => number): Act {
  return state => {
    const {listRows, detailRows} = geometryOf(state.size)
    if (state.focus === 'details') return step(scrolled(state, distance(detailRows)))
    const visible = visibleDevices(state)
    const at = visible.findIndex(({bdf}) => bdf === state.selected)
    const next = clamp(at + distance(listRows), 0, visible.length - 1)
    return step(select(state, visible[next]?.bdf ?? null))
  }
}

function scrolled(state: State, distance: number): State {
  const {detailRows} = geometryOf(state.size)
  const most = Math.max(0, detailLines(state).length - detailRows)
  return {...state, detailTop: clamp(state.detailTop + distance, 0, most)}
}

export const select = (state: State, bdf: string | null): State =>
  bdf === state.selected ? state : {...state, selected: bdf, detailTop: 0}

function turned(state: State, by: number): State {
  const tabs = tabsOf(state)
  const tab = tabs[(tabs.indexOf(state.tab) + by) % tabs.length]!
  return {...state, tab, detailTop: 0}
}

function startReview(state: State): Step {
  const bdf = selectedDevice(state)?.bdf
  if (bdf === undefined) return step(state)
  const {[bdf]: old, ...reviews} = state.reviews
  const started = logged({...state, reviews, busy: {what: 'review', bdf, step: 'starting'}}, `${bdf}: review`, 'title')
  const next = old === undefined ? started : logged(started, `${bdf}: review of D ${old.appraisal.shortD} dropped`)
  return step(next, {kind: 'review', bdf})
}

export function startLook(state: State): Step {
  const bdf = selectedDevice(state)?.bdf
  if (bdf === undefined) return step(state)
  const {[bdf]: _, ...views} = state.views
  return step({...state, views, busy: {what: 'look', bdf, step: 'reading'}}, {kind: 'look', bdf})
}

function back(state: State): Step {
  if (state.filter !== '') return step({...state, filter: ''})
  return step({...state, focus: 'devices'})
}

/** Keeps selection, windows and reading marks true after whatever happened. */
export function settled(state: State): State {
  const {listRows, detailRows} = geometryOf(state.size)
  const visible = visibleDevices(state)
  const at = visible.findIndex(({bdf}) => bdf === state.selected)
  const chosen = at >= 0 ? state : select(state, visible[0]?.bdf ?? null)
  const tabs = tabsOf(chosen)
  const open = tabs.includes(chosen.tab) ? chosen : {...chosen, tab: tabs[0]!, detailTop: 0}
  const listTop = scrollTo(open.listTop, Math.max(0, at), listRows, visible.length)
  const placed = scrolled({...open, listTop}, 0)
  return withReadingMark(placed, detailRows)
}

/** Lines that are on screen have been seen, but only without a gap: jumping to the end shows nothing between. */
function withReadingMark(state: State, rows: number): State {
  const review = selectedReview(state)
  if (review === undefined || state.tab !== 'Review' || state.overlay?.kind === 'help') return state
  if (state.detailTop > review.seen || state.detailTop + rows <= review.seen) return state
  const seen = state.detailTop + rows
  return {...state, reviews: {...state.reviews, [state.selected!]: {...review, seen}}}
}

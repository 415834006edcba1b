/** The device pane as lines: as many columns as fit, state and verdict always among them. */
import type {CockpitDevice} from './cockpit.js'
import {geometryOf} from './geometry.js'
import {type Line, span, type Tone} from './lines.js'
import type {Review} from './review.js'
import {type State, visibleDevices} from './state.js'

const STATE_TONES: Readonly<Record<string, Tone>> = {RUN: 'ok', CONFIG_LOCKED: 'relaxed', ERROR: 'fail'}
/** States whose name is longer than their column. */
const SHORT: Readonly<Record<string, string>> = {disconnected: 'not conn.'}
const DECISIONS: Readonly<Record<Review['appraisal']['decision'], readonly [string, Tone]>> = {
  deny: ['DENY', 'fail'],
  review: ['REVIEW', 'relaxed'],
  accept: ['ACCEPT', 'plain'],
}
const STANDINGS: Readonly<Record<Exclude<Review['standing'], 'open'>, readonly [string, Tone]>> = {
  accepted: ['ACCEPTED', 'ok'],
  rejected: ['REJECTED', 'fail'],
  void: ['VOID', 'unproven'],
}

/** What this session knows about the device: the decision, or what became of it. */
function verdictOf({reviews, views, busy}: State, bdf: string): readonly [string, Tone] {
  if (busy?.bdf === bdf) return ['...', 'plain']
  const view = views[bdf]
  if (view !== undefined) return view.refusal === null ? ['looked', 'plain'] : ['CANNOT', 'fail']
  const review = reviews[bdf]
  if (review === undefined) return ['-', 'quiet']
  return review.standing === 'open' ? DECISIONS[review.appraisal.decision] : STANDINGS[review.standing]
}

const shortState = (state: string): string => SHORT[state] ?? state.replace(/^CONFIG_/, '')

const VERDICT_WIDTH = 8
const STATE_WIDTH = 9
const BDF_WIDTH = 12

/** Optional columns, most wanted first. */
const MORE: readonly {readonly width: number; readonly text: (device: CockpitDevice) => string}[] = [
  {width: 9, text: ({id}) => id},
  {width: 9, text: ({className}) => className},
  {width: 10, text: ({driver}) => driver ?? '-'},
]

const cell = (text: string, width: number): string => ` ${text.slice(0, width).padEnd(width)}`

function deviceLine(state: State, device: CockpitDevice, width: number, bdfWidth: number): Line {
  const {bdf} = device
  const [verdict, verdictTone] = verdictOf(state, bdf)
  const marker = state.selected !== bdf ? '  ' : state.focus === 'devices' ? '> ' : '- '
  let room = width - 2 - bdfWidth - (STATE_WIDTH + 1) - (VERDICT_WIDTH + 1)
  const more = MORE.map(column => {
    room -= column.width + 1
    return room >= 0 ? cell(column.text(device), column.width) : ''
  })
  return [
    span(`${marker}${bdf.padEnd(bdfWidth)}`, state.selected === bdf ? 'title' : 'plain'),
    span(cell(shortState(device.state), STATE_WIDTH), STATE_TONES[device.state] ?? 'plain'),
    span(cell(verdict, VERDICT_WIDTH), verdictTone),
    span(more.join(''), 'quiet'),
  ]
}

/** Only the rows in the window: a machine may have thousands of functions. */
export function deviceLines(state: State): readonly Line[] {
  const {listRows, listColumns} = geometryOf(state.size)
  const rows = visibleDevices(state).slice(state.listTop, state.listTop + listRows)
  const bdfWidth = Math.max(BDF_WIDTH, ...rows.map(({bdf}) => bdf.length))
  return rows.map(device => deviceLine(state, device, listColumns - 1, bdfWidth))
}

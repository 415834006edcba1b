/** Everything the screen shows and every key depends on. Changed by `reduce` alone. */
import {printable} from '../errors.js'
import type {CockpitDevice, HostVerb, HostView} from './cockpit.js'
import {tooSmall, type Size} from './geometry.js'
import type {Tone} from './lines.js'
import type {Review} from './review.js'

export const TABS = ['Review', 'Checks', 'Measurements', 'Report', 'Identity'] as const
/** Tabs for a device that a host connects. */
export const HOST_TABS = ['Connection', 'Streams'] as const
export type Tab = (typeof TABS)[number] | (typeof HOST_TABS)[number]

/** Which of the two tables of actions and tabs a device has: those of a guest unless a host connects it. */
export type Side = 'guest' | 'host'

export interface LogLine {
  readonly tone: Tone
  readonly text: string
}

/** An operation under way; one at a time, because the TSM serialises them anyway. */
export interface Busy {
  readonly what: 'review' | 'accept' | 'reject' | 'look' | HostVerb
  readonly bdf: string
  readonly step: string
}

export interface AcceptDialog {
  readonly kind: 'accept'
  readonly bdf: string
  /** Full evidence digest that the typed text approves. */
  readonly digest: string
  /** What has to be typed, exactly. */
  readonly expected: string
  readonly step: 'reason' | 'typed'
  /** Null when none is asked. */
  readonly reason: string | null
  readonly typed: string
  readonly openedAt: number
  readonly wrong: number
}

export interface RejectDialog {
  readonly kind: 'reject'
  readonly bdf: string
  readonly openedAt: number
}

export interface HostDialog {
  readonly kind: 'host'
  readonly verb: HostVerb
  readonly bdf: string
  readonly openedAt: number
}

export interface HelpOverlay {
  readonly kind: 'help'
  readonly top: number
}

export type Overlay = AcceptDialog | RejectDialog | HostDialog | HelpOverlay

export interface State {
  readonly host: string
  readonly policy: string | null
  readonly size: Size
  /** The cockpit's own clock at the last event, in milliseconds. */
  readonly now: number
  /** Null until they were read once. */
  readonly devices: readonly CockpitDevice[] | null
  readonly selected: string | null
  readonly listTop: number
  readonly filter: string
  readonly filtering: boolean
  readonly focus: 'devices' | 'details'
  readonly tab: Tab
  readonly detailTop: number
  readonly reviews: Readonly<Record<string, Review>>
  /** What a look found, until the device changes. */
  readonly views: Readonly<Record<string, HostView>>
  readonly busy: Busy | null
  readonly overlay: Overlay | null
  readonly log: readonly LogLine[]
  readonly message: LogLine | null
}

/** A prompt younger than this takes no input: what was typed before it appeared was not meant for it. */
export const PROMPT_REST_MS = 1500
export const MOST_WRONG_ENTRIES = 3
export const SHORTEST_REASON = 10
const LONGEST_LOG = 200

export const initialState = (host: string, policy: string | null, size: Size, now: number): State => ({
  host: printable(host, 200),
  policy: policy === null ? null : printable(policy, 200),
  size,
  now,
  devices: null,
  selected: null,
  listTop: 0,
  filter: '',
  filtering: false,
  focus: 'devices',
  tab: 'Review',
  detailTop: 0,
  reviews: {},
  views: {},
  busy: null,
  overlay: null,
  log: [],
  message: null,
})

const searchText = ({bdf, id, className, driver, state}: CockpitDevice): string =>
  `${bdf} ${id} ${className} ${driver ?? ''} ${state}`.toLowerCase()

/** Devices that match the filter. */
export function visibleDevices({devices, filter}: State): readonly CockpitDevice[] {
  const wanted = filter.toLowerCase()
  return wanted === '' ? (devices ?? []) : (devices ?? []).filter(device => searchText(device).includes(wanted))
}

export const selectedDevice = ({devices, selected}: State): CockpitDevice | undefined =>
  devices?.find(({bdf}) => bdf === selected)

export const selectedReview = ({reviews, selected}: State): Review | undefined =>
  selected === null ? undefined : reviews[selected]

export const sideOf = (device: CockpitDevice | undefined): Side =>
  device?.state === 'connected' || device?.state === 'disconnected' ? 'host' : 'guest'

export const tabsOf = (state: State): readonly Tab[] => (sideOf(selectedDevice(state)) === 'host' ? HOST_TABS : TABS)

export const selectedView = ({views, selected}: State): HostView | undefined =>
  selected === null ? undefined : views[selected]

export const isTooSmall = ({size}: State): boolean => tooSmall(size)

export const logged = (state: State, text: string, tone: Tone = 'plain'): State => ({
  ...state,
  log: [...state.log, {text, tone}].slice(-LONGEST_LOG),
})

export const told = (state: State, text: string, tone: Tone = 'plain'): State => ({...state, message: {text, tone}})

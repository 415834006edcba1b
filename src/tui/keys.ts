/**
 * The one table of keys: what each does, and why it may do nothing now. Footer, help screen and reducer read it, so
 * that none of them can promise what another does not keep.
 */
import {geometryOf} from './geometry.js'
import {APPROVAL_MINUTES, reviewDocument} from './review-document.js'
import type {HostVerb} from './cockpit.js'
import {selectedDevice, selectedReview, type Side, sideOf, type State} from './state.js'
import type {Key} from './terminal-keys.js'

export type ActionId =
  | 'down'
  | 'up'
  | 'page-down'
  | 'page-up'
  | 'first'
  | 'last'
  | 'focus-details'
  | 'focus-devices'
  | 'next-tab'
  | 'previous-tab'
  | 'filter'
  | 'review'
  | 'accept'
  | 'reject'
  | HostVerb
  | 'refresh'
  | 'help'
  | 'back'
  | 'quit'

export interface Action {
  readonly id: ActionId
  readonly keys: readonly Key[]
  /** The keys as people read them. */
  readonly shown: string
  /** One sentence. */
  readonly help: string
  /** Word in the footer; null keeps it out of there. */
  readonly footer: string | null
  /** Absent: it concerns devices of both sides. */
  readonly side?: Side
  /** Why it does nothing now, or null when it works. Absent: it always works. */
  readonly disabled?: (state: State) => string | null
}

export const ACTIONS: readonly Action[] = [
  {id: 'help', keys: ['?'], shown: '?', help: 'this help', footer: '? help'},
  {
    id: 'quit',
    keys: ['q'],
    shown: 'q',
    help: 'quit; devices stay as they are (Ctrl-C also ends what is running)',
    footer: 'q quit',
    disabled: whileBusy,
  },
  {
    id: 'review',
    keys: ['v', 'enter'],
    shown: 'v, Enter',
    help: 'review a TDI: lock if needed, collect evidence, appraise; on a host: read links and predict connect',
    footer: 'v review',
    disabled: whyNoReview,
  },
  {
    id: 'accept',
    keys: ['a'],
    shown: 'a',
    help: 'accept the reviewed device into RUN, by typing its address and evidence digest',
    footer: 'a accept',
    side: 'guest',
    disabled: whyNoAccept,
  },
  {
    id: 'reject',
    keys: ['r'],
    shown: 'r',
    help: 'reject: unlock the device and give it back its driver',
    footer: 'r reject',
    side: 'guest',
    disabled: whyNoReject,
  },
  {
    id: 'connect',
    keys: ['c'],
    shown: 'c',
    help: "connect a host's device to its TSM: SPDM session and IDE stream",
    footer: 'c connect',
    side: 'host',
    disabled: whyNoConnect,
  },
  {
    id: 'disconnect',
    keys: ['d'],
    shown: 'd',
    help: 'disconnect it: session and keys are gone',
    footer: 'd disconnect',
    side: 'host',
    disabled: whyNoDisconnect,
  },
  {id: 'down', keys: ['j', 'down'], shown: 'j, Down', help: 'next device, or next line of the details', footer: null},
  {id: 'up', keys: ['k', 'up'], shown: 'k, Up', help: 'previous device, or previous line', footer: null},
  {
    id: 'page-down',
    keys: ['page-down', ' '],
    shown: 'PgDn, Space',
    help: 'one page down in the pane with the focus',
    footer: null,
  },
  {id: 'page-up', keys: ['page-up', 'b'], shown: 'PgUp, b', help: 'one page up', footer: null},
  {id: 'first', keys: ['g', 'home'], shown: 'g, Home', help: 'first device or line', footer: null},
  {id: 'last', keys: ['G', 'end'], shown: 'G, End', help: 'last device or line', footer: null},
  {
    id: 'focus-details',
    keys: ['l', 'right'],
    shown: 'l, Right',
    help: 'move the focus to the details, to scroll them',
    footer: 'l h pane',
  },
  {id: 'focus-devices', keys: ['h', 'left'], shown: 'h, Left', help: 'move the focus to the devices', footer: null},
  {id: 'next-tab', keys: ['tab'], shown: 'Tab', help: 'next tab of the details', footer: 'Tab'},
  {id: 'previous-tab', keys: ['shift-tab'], shown: 'Shift-Tab', help: 'previous tab', footer: null},
  {
    id: 'filter',
    keys: ['/'],
    shown: '/',
    help: 'filter devices by address, id, class, driver or state',
    footer: '/ filter',
    disabled: ({devices}) => (devices === null || devices.length === 0 ? 'there are no devices to filter' : null),
  },
  {
    id: 'refresh',
    keys: ['R', 'f5'],
    shown: 'R, F5',
    help: 'read the devices anew',
    footer: null,
    disabled: whileBusy,
  },
  {
    id: 'back',
    keys: ['escape'],
    shown: 'Esc',
    help: 'one step back: close, clear the filter, focus the devices',
    footer: null,
  },
]

/** Keys of the dialogs, in the footer while one is open. */
export const DIALOG_KEYS = {
  accept: 'Enter confirm  Ctrl-U clear  Esc cancel',
  reject: 'y, Enter unlock  n keep locked  Esc cancel',
  host: 'y do it  n, Enter, Esc cancel',
  filter: 'Enter keep  Ctrl-U clear  Esc drop the filter',
} as const

const BY_KEY = new Map(ACTIONS.flatMap(action => action.keys.map(key => [key, action] as const)))

export const actionOf = (key: Key): Action | undefined => BY_KEY.get(key)

/** Why `action` does nothing now, or null. */
export const whyDisabled = ({disabled}: Action, state: State): string | null => disabled?.(state) ?? null

function whileBusy({busy}: State): string | null {
  return busy === null ? null : `${busy.what} of ${busy.bdf} is running: wait, or end it with Ctrl-C`
}

function whyNoReview(state: State): string | null {
  const device = selectedDevice(state)
  if (device === undefined) return 'no device is selected'
  const {bdf, state: tdi} = device
  if (state.busy !== null) return whileBusy(state)
  if (tdi === 'CONFIG_UNLOCKED' || tdi === 'CONFIG_LOCKED' || sideOf(device) === 'host') return null
  if (tdi === 'RUN') return `${bdf} is in RUN already: tsmctl unlock takes it out first`
  if (tdi === 'ERROR') return `${bdf} is in ERROR: r unlocks it first`
  return `${bdf} cannot be locked (state ${tdi}): tsmctl doctor says what is missing`
}

export function whyNoAccept(state: State): string | null {
  const device = selectedDevice(state)
  const review = selectedReview(state)
  if (device === undefined) return 'no device is selected'
  if (state.busy !== null) return whileBusy(state)
  if (review === undefined) return `${device.bdf} was not reviewed: v reviews it`
  const {appraisal, standing, receivedAt, seen} = review
  if (standing === 'accepted') return `${device.bdf} is accepted already`
  if (standing !== 'open') return 'this review is no longer valid: v reviews again'
  if (appraisal.decision === 'deny') return 'the decision is DENY, and no key overrides it'
  if (appraisal.decision !== 'accept' && appraisal.decision !== 'review') return 'the decision is not understood'
  if (appraisal.human === 'two-person') return 'the rule asks for two approvers: each of them signs with tsmctl approve'
  if (state.now - receivedAt > APPROVAL_MINUTES * 60_000)
    return `the review is older than ${APPROVAL_MINUTES} minutes: v reviews again`
  const {detailColumns, detailRows} = geometryOf(state.size)
  const {mustSee} = reviewDocument(review, state.now, detailColumns, detailRows)
  return seen < mustSee ? 'read what stands against it to its end first: l, then PgDn' : null
}

function whyNoReject(state: State): string | null {
  const device = selectedDevice(state)
  if (device === undefined) return 'no device is selected'
  if (state.busy !== null) return whileBusy(state)
  const {bdf, state: tdi} = device
  if (tdi === 'CONFIG_LOCKED' || tdi === 'ERROR') return null
  return tdi === 'RUN' ? `${bdf} is in RUN: tsmctl unlock takes it out` : `${bdf} is not locked`
}

/** What keeps any host verb from `verb`ing the selected device. */
function whyNotOnHost(state: State, already: string, wanted: string): string | null {
  const device = selectedDevice(state)
  if (device === undefined) return 'no device is selected'
  if (state.busy !== null) return whileBusy(state)
  if (sideOf(device) !== 'host') return `${device.bdf} is no device that a host's TSM connects (state ${device.state})`
  return device.state === wanted ? null : `${device.bdf} is ${already}`
}

export function whyNoConnect(state: State): string | null {
  const reason = whyNotOnHost(state, 'connected already: d disconnects it', 'disconnected')
  const device = selectedDevice(state)
  if (reason !== null || device === undefined) return reason
  const view = state.views[device.bdf]
  if (view === undefined) return `${device.bdf} was not looked at: v predicts what connect will meet`
  return view.refusal === null ? null : `connect will fail: ${view.refusal}`
}

export function whyNoDisconnect(state: State): string | null {
  return whyNotOnHost(state, 'not connected', 'connected')
}

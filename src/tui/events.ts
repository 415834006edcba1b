/** What can happen to the cockpit, and what it then asks the outside to do. */
import type {Appraisal} from '../appraisal/index.js'
import type {CockpitDevice, HostVerb, HostView, TypedApproval} from './cockpit.js'
import type {Size} from './geometry.js'
import type {State} from './state.js'
import type {Key} from './terminal-keys.js'

export type Event =
  | {readonly kind: 'key'; readonly key: Key}
  | {readonly kind: 'resize'; readonly size: Size}
  | {readonly kind: 'tick'}
  | {readonly kind: 'devices'; readonly devices: readonly CockpitDevice[]}
  | {readonly kind: 'progress'; readonly bdf: string; readonly line: string}
  | {readonly kind: 'reviewed'; readonly bdf: string; readonly appraisal: Appraisal}
  | {readonly kind: 'accepted'; readonly bdf: string; readonly line: string}
  | {readonly kind: 'rejected'; readonly bdf: string; readonly line: string}
  | {readonly kind: 'looked'; readonly bdf: string; readonly view: HostView}
  | {readonly kind: 'carried-out'; readonly verb: HostVerb; readonly bdf: string; readonly line: string}
  /** `bdf` is the device whose operation failed; null when the devices could not be read. */
  | {readonly kind: 'failed'; readonly bdf: string | null; readonly text: string; readonly hint: string | null}

export type Effect =
  | {readonly kind: 'refresh'}
  | {readonly kind: 'review'; readonly bdf: string}
  | {readonly kind: 'accept'; readonly bdf: string; readonly digest: string; readonly approval: TypedApproval}
  | {readonly kind: 'reject'; readonly bdf: string}
  | {readonly kind: 'look'; readonly bdf: string}
  | {readonly kind: HostVerb; readonly bdf: string}
  /** Send a tick after so many milliseconds: something on the screen changes with time. */
  | {readonly kind: 'wake'; readonly after: number}
  | {readonly kind: 'quit'}

/** The state after an event and the effects it asks for. */
export interface Step {
  readonly state: State
  readonly effects: readonly Effect[]
}

export const step = (state: State, ...effects: Effect[]): Step => ({state, effects})

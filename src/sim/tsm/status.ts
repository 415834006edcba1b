/** How the link between the TSM and a device stands in truth, at both ends. */
import {keysInCommon} from './root-port.js'
import type {StoredLink} from './memory.js'

export interface LinkStatus {
  /** SessionID; null when the TSM has no session. */
  readonly session: number | null
  /** `lost`: the device has given up the session, and the TSM does not know. */
  readonly phase: 'none' | 'application' | 'lost'
  readonly streamId: number | null
  /** Keys that both ends of the default stream use for the same, of six. */
  readonly keys: number
}

export function linkStatus(link: StoredLink | undefined): LinkStatus {
  const tsm = link?.tsm
  if (link === undefined || tsm == null) return {session: null, phase: 'none', streamId: null, keys: 0}
  const {id} = tsm.session
  const isKnown = link.device.sessions.some(session => session.id === id)
  return {
    session: id,
    phase: isKnown ? 'application' : 'lost',
    streamId: tsm.stream?.streamId ?? null,
    keys: tsm.stream === null ? 0 : keysInCommon(tsm.stream, link.device.dsm.ports[0]!),
  }
}

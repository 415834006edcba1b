/** Which request may be sent when and where (DSP0274 1.3 §10 table "SPDM request codes" and §9.2). */
import type {SpdmMessageName} from '../messages/index.js'

/** How far the connection is: nothing agreed, version agreed, capabilities known, algorithms agreed. */
export const PHASE = {start: 0, version: 1, capabilities: 2, negotiated: 3} as const
export type Phase = (typeof PHASE)[keyof typeof PHASE]

/** `finish`: in the clear or under the handshake keys, as the capabilities say. */
type Place = 'clear' | 'both' | 'session' | 'finish'

interface Rule {
  /** SPDMVersion that introduced the request. */
  readonly since: number
  readonly place: Place
  /** Phase the connection must have reached. */
  readonly phase: Phase
}

const rule = (since: number, place: Place, phase: Phase = PHASE.negotiated): Rule => ({since, place, phase})

/** Requests this requester sends; the others are not its business. */
const RULES: Readonly<Partial<Record<SpdmMessageName, Rule>>> = {
  GET_VERSION: rule(0x10, 'clear', PHASE.start),
  GET_CAPABILITIES: rule(0x10, 'clear', PHASE.version),
  NEGOTIATE_ALGORITHMS: rule(0x10, 'clear', PHASE.capabilities),
  GET_DIGESTS: rule(0x10, 'both'),
  GET_CERTIFICATE: rule(0x10, 'both'),
  CHALLENGE: rule(0x10, 'clear'),
  GET_MEASUREMENTS: rule(0x10, 'both'),
  VENDOR_DEFINED_REQUEST: rule(0x10, 'both'),
  GET_ENDPOINT_INFO: rule(0x13, 'both'),
  GET_MEASUREMENT_EXTENSION_LOG: rule(0x13, 'both'),
  RESPOND_IF_READY: rule(0x10, 'both', PHASE.version),
  KEY_EXCHANGE: rule(0x11, 'clear'),
  FINISH: rule(0x11, 'finish'),
  PSK_EXCHANGE: rule(0x11, 'clear'),
  PSK_FINISH: rule(0x11, 'session'),
  HEARTBEAT: rule(0x11, 'session'),
  KEY_UPDATE: rule(0x11, 'session'),
  END_SESSION: rule(0x11, 'session'),
  CHUNK_SEND: rule(0x12, 'both', PHASE.capabilities),
  CHUNK_GET: rule(0x12, 'both', PHASE.capabilities),
}

/** Requests that are legal while a session is only being opened. */
const HANDSHAKE: ReadonlySet<SpdmMessageName> = new Set([
  'FINISH',
  'PSK_FINISH',
  'END_SESSION',
  'RESPOND_IF_READY',
  'CHUNK_SEND',
  'CHUNK_GET',
])

export interface Situation {
  /** SPDMVersion in use; 0x10 before one is agreed. */
  readonly version: number
  readonly phase: Phase
  /** Phase of the session the request would go through; undefined in the clear. */
  readonly session: 'handshake' | 'application' | 'ended' | undefined
}

/** Why `request` may not be sent in this situation, or undefined. */
export function whyIllegal(request: SpdmMessageName, {version, phase, session}: Situation): string | undefined {
  const found = RULES[request]
  if (found === undefined) return `${request} is not a request of ours`
  if (phase < found.phase) return `${request} before the negotiation has got there`
  if (version < found.since) return `${request} does not exist in this version of SPDM`
  if (session === undefined) return found.place === 'session' ? `${request} outside a session` : undefined
  if (found.place === 'clear') return `${request} inside a session`
  if (session === 'ended') return `${request} in a session that has ended`
  if (session === 'handshake') return HANDSHAKE.has(request) ? undefined : `${request} before the session is open`
  return request === 'FINISH' || request === 'PSK_FINISH' ? `${request} in a session that is open` : undefined
}

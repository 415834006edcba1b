/**
 * Which request is legal when: message × phase of the negotiation × scope, as one table (DSP0274 1.3 §10, "Message
 * exchanges"; DSP0277 §8 for what travels in sessions). Whatever is not legal has one right ERROR.
 */
import {type CapabilityFlags, SPDM_CODE, SPDM_VERSION, type SpdmMessageName} from '../messages/index.js'
import {refuse} from './refusal.js'
import type {Phase, Session, State} from './state.js'

/** Where a request may travel: in the clear, under handshake keys, under application keys. */
type Place = 'clear' | 'handshake' | 'application'

interface Rule {
  readonly phases: readonly Phase[]
  readonly places: readonly Place[]
  readonly since?: number
  /** A capability of ours and, where `both`, of the requester. */
  readonly cap?: keyof CapabilityFlags
  readonly both?: boolean
}

const clear = (...phases: readonly Phase[]): Rule => ({phases, places: ['clear']})
const connected = (places: readonly Place[], more: Omit<Partial<Rule>, 'places'> = {}): Rule => ({
  phases: ['negotiated'],
  places,
  ...more,
})
const OUTSIDE = ['clear'] as const
const ANYWHERE = ['clear', 'application'] as const
const INSIDE = ['application'] as const
const TRANSFER = ['clear', 'handshake', 'application'] as const

/** CAPABILITIES may be a large response itself. */
const CHUNKS = {phases: ['capabilities', 'negotiated'], since: 0x12, cap: 'chunkCap', both: true} as const

const RULES: Partial<Record<SpdmMessageName, Rule>> = {
  GET_VERSION: clear('start', 'version', 'capabilities', 'negotiated'),
  GET_CAPABILITIES: clear('version'),
  NEGOTIATE_ALGORITHMS: clear('capabilities'),
  GET_DIGESTS: connected(ANYWHERE, {cap: 'certCap'}),
  GET_CERTIFICATE: connected(ANYWHERE, {cap: 'certCap'}),
  CHALLENGE: connected(OUTSIDE, {cap: 'chalCap'}),
  GET_MEASUREMENTS: connected(ANYWHERE, {cap: 'measCap'}),
  KEY_EXCHANGE: connected(OUTSIDE, {since: 0x11, cap: 'keyExCap', both: true}),
  FINISH: connected(['clear', 'handshake'], {since: 0x11, cap: 'keyExCap', both: true}),
  PSK_EXCHANGE: connected(OUTSIDE, {since: 0x11, cap: 'pskCap', both: true}),
  PSK_FINISH: connected(['handshake'], {since: 0x11, cap: 'pskCap', both: true}),
  HEARTBEAT: connected(INSIDE, {since: 0x11, cap: 'hbeatCap', both: true}),
  KEY_UPDATE: connected(INSIDE, {since: 0x11, cap: 'keyUpdCap', both: true}),
  END_SESSION: connected(INSIDE, {since: 0x11}),
  CHUNK_SEND: connected(TRANSFER, CHUNKS),
  CHUNK_GET: connected(TRANSFER, CHUNKS),
  GET_MEASUREMENT_EXTENSION_LOG: connected(ANYWHERE, {since: 0x13, cap: 'melCap'}),
  GET_ENDPOINT_INFO: connected(ANYWHERE, {since: 0x13, cap: 'epInfoCap'}),
  RESPOND_IF_READY: connected(TRANSFER),
  VENDOR_DEFINED_REQUEST: connected(ANYWHERE),
}

const REQUESTS = new Map<number, SpdmMessageName>(
  Object.entries(SPDM_CODE).flatMap(([name, code]) =>
    name in RULES ? [[code, name as SpdmMessageName] as const] : [],
  ),
)

const hasBoth = (state: State, {cap, both}: Rule): boolean => {
  if (cap === undefined) return true
  const own = Number(state.flags?.[cap] ?? 0)
  const theirs = Number(state.requester?.flags?.[cap] ?? 0)
  return own !== 0 && (both !== true || theirs !== 0)
}

/** Session-only requests have had an error code of their own since 1.2. */
const outsideSession = (state: State): never =>
  refuse(state.version >= SPDM_VERSION['1.2'] ? 'SessionRequired' : 'Unspecified')

/** FINISH travels where both sides agreed to have the handshake, and nowhere else. */
function checkFinish(state: State, session: Session | undefined): void {
  if (session === undefined && state.clearHandshake === undefined) outsideSession(state)
  if (session?.isClearHandshake === true) refuse('InvalidRequest')
}

function checkPlace(name: SpdmMessageName, rule: Rule, state: State, session: Session | undefined): void {
  const place: Place =
    session === undefined ? 'clear' : session.secure.phase === 'handshake' ? 'handshake' : 'application'
  if (!rule.places.includes(place)) {
    if (session === undefined) outsideSession(state)
    refuse('UnexpectedRequest')
  }
  if (name === 'FINISH') checkFinish(state, session)
}

const isNegotiation = (name: SpdmMessageName | undefined): boolean =>
  name === 'GET_CAPABILITIES' || name === 'NEGOTIATE_ALGORITHMS'

/** Is `version` one that this message may be of now? What selects it has a rule of its own. */
function checkVersion(name: SpdmMessageName | undefined, version: number, state: State): void {
  if (name === 'GET_CAPABILITIES') return
  const expected = name === 'GET_VERSION' ? SPDM_VERSION['1.0'] : state.version
  if (version !== expected) refuse('VersionMismatch')
}

/**
 * Name of the request with `code` of SPDMVersion `version`, if it is legal now. Throws Refusal: order first for messages
 * of the negotiation, version first for all others, then phase, capability and place.
 */
export function legalRequest(
  code: number,
  version: number,
  state: State,
  session: Session | undefined,
): SpdmMessageName {
  const name = REQUESTS.get(code)
  const rule = name === undefined ? undefined : RULES[name]
  if (state.phase === 'start' && name !== 'GET_VERSION') refuse('UnexpectedRequest')
  if (isNegotiation(name) && !rule!.phases.includes(state.phase)) refuse('UnexpectedRequest')
  checkVersion(name, version, state)
  if (name === undefined || rule === undefined || version < (rule.since ?? 0))
    return refuse('UnsupportedRequest', {data: code})
  if (!rule.phases.includes(state.phase)) refuse('UnexpectedRequest')
  if (!hasBoth(state, rule)) refuse('UnsupportedRequest', {data: code})
  checkPlace(name, rule, state, session)
  return name
}

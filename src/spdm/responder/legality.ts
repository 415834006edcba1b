/** Is a request legal now? What is not has one right ERROR. */
import {type Legality, legalityOf, type Place} from '../legality.js'
import {SPDM_CODE_NAMES, SPDM_VERSION, type SpdmMessageName} from '../messages/index.js'
import {refuse} from './refusal.js'
import type {Session, State} from './state.js'

const hasBoth = (state: State, {cap, both}: Legality): boolean => {
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

function checkPlace(name: SpdmMessageName, {places}: Legality, state: State, session: Session | undefined): void {
  const place: Place =
    session === undefined ? 'clear' : session.secure.phase === 'handshake' ? 'handshake' : 'application'
  if (!places.includes(place)) {
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
  const name = SPDM_CODE_NAMES[code]
  const legality = name && legalityOf(name)
  if (state.phase === 'start' && name !== 'GET_VERSION') refuse('UnexpectedRequest')
  if (isNegotiation(name) && !legality!.phases.includes(state.phase)) refuse('UnexpectedRequest')
  checkVersion(name, version, state)
  if (name === undefined || legality === undefined || version < legality.since)
    return refuse('UnsupportedRequest', {data: code})
  if (!legality.phases.includes(state.phase)) refuse('UnexpectedRequest')
  if (!hasBoth(state, legality)) refuse('UnsupportedRequest', {data: code})
  checkPlace(name, legality, state, session)
  return name
}

/** Which request may be sent now: the table of the room, for people. */
import {legalityOf, type Phase, type Place} from '../legality.js'
import type {SpdmMessageName} from '../messages/index.js'
import type {SessionPhase} from '../session/index.js'

export interface Situation {
  /** SPDMVersion in use; 0x10 before one is agreed. */
  readonly version: number
  readonly phase: Phase
  /** Phase of the session the request would go through; undefined in the clear. */
  readonly session: SessionPhase | undefined
}

const WHERE: Readonly<Record<Place, string>> = {
  clear: 'outside a session',
  handshake: 'before the session is open',
  application: 'in a session that is open',
}

/** Why `request` may not be sent in this situation, or undefined. */
export function whyIllegal(request: SpdmMessageName, {version, phase, session}: Situation): string | undefined {
  const legality = legalityOf(request)
  if (legality === undefined) return `${request} is not a request of ours`
  if (!legality.phases.includes(phase)) return `${request} in another phase of the negotiation`
  if (version < legality.since) return `${request} does not exist in this version of SPDM`
  if (session === 'ended') return `${request} in a session that has ended`
  const place = session ?? 'clear'
  return legality.places.includes(place) ? undefined : `${request} ${WHERE[place]}`
}

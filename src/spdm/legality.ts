/**
 * Which request is legal when: message × version × phase of the negotiation × place, as one table for both sides
 * (DSP0274 1.3 §10 "SPDM messages"; DSP0277 1.2 §8 for what travels in sessions). A requester does not send what is not
 * in it, a responder refuses it.
 */
import type {CapabilityFlags, SpdmMessageName} from './messages/index.js'

/** How far the negotiation has come: which of its responses was the last. */
export type Phase = 'start' | 'version' | 'capabilities' | 'negotiated'

/** Where a request may travel: outside sessions, under the keys of a handshake, under those of an open session. */
export type Place = 'clear' | 'handshake' | 'application'

export interface Legality {
  readonly phases: readonly Phase[]
  readonly places: readonly Place[]
  /** SPDMVersion that introduced the request. */
  readonly since: number
  /** A capability that the responder needs and, where `both`, the requester, too. */
  readonly cap?: keyof CapabilityFlags
  readonly both?: boolean
}

type More = Omit<Partial<Legality>, 'places'>

const negotiation = (...phases: readonly Phase[]): Legality => ({phases, places: ['clear'], since: 0x10})
const connected = (places: readonly Place[], more: More = {}): Legality => ({
  phases: ['negotiated'],
  places,
  since: 0x10,
  ...more,
})
const CLEAR = ['clear'] as const
const CLEAR_OR_OPEN = ['clear', 'application'] as const
const OPEN = ['application'] as const
const EVERYWHERE = ['clear', 'handshake', 'application'] as const

/** CAPABILITIES may be a large response itself. */
const CHUNKS: More = {phases: ['capabilities', 'negotiated'], since: 0x12, cap: 'chunkCap', both: true}
const KEY_EXCHANGE: More = {since: 0x11, cap: 'keyExCap', both: true}
const PSK: More = {since: 0x11, cap: 'pskCap', both: true}

/** Requests that are spoken here; every other one is unsupported. */
const LEGAL: Readonly<Partial<Record<SpdmMessageName, Legality>>> = {
  GET_VERSION: negotiation('start', 'version', 'capabilities', 'negotiated'),
  GET_CAPABILITIES: negotiation('version'),
  NEGOTIATE_ALGORITHMS: negotiation('capabilities'),
  GET_DIGESTS: connected(CLEAR_OR_OPEN, {cap: 'certCap'}),
  GET_CERTIFICATE: connected(CLEAR_OR_OPEN, {cap: 'certCap'}),
  CHALLENGE: connected(CLEAR, {cap: 'chalCap'}),
  GET_MEASUREMENTS: connected(CLEAR_OR_OPEN, {cap: 'measCap'}),
  KEY_EXCHANGE: connected(CLEAR, KEY_EXCHANGE),
  // in the clear where both sides have agreed on a handshake in the clear
  FINISH: connected(['clear', 'handshake'], KEY_EXCHANGE),
  PSK_EXCHANGE: connected(CLEAR, PSK),
  PSK_FINISH: connected(['handshake'], PSK),
  HEARTBEAT: connected(OPEN, {since: 0x11, cap: 'hbeatCap', both: true}),
  KEY_UPDATE: connected(OPEN, {since: 0x11, cap: 'keyUpdCap', both: true}),
  END_SESSION: connected(OPEN, {since: 0x11}),
  CHUNK_SEND: connected(EVERYWHERE, CHUNKS),
  CHUNK_GET: connected(EVERYWHERE, CHUNKS),
  GET_MEASUREMENT_EXTENSION_LOG: connected(CLEAR_OR_OPEN, {since: 0x13, cap: 'melCap'}),
  GET_ENDPOINT_INFO: connected(CLEAR_OR_OPEN, {since: 0x13, cap: 'epInfoCap'}),
  RESPOND_IF_READY: connected(EVERYWHERE),
  VENDOR_DEFINED_REQUEST: connected(CLEAR_OR_OPEN),
}

/** When `request` is legal; undefined for one that is not spoken here. */
export const legalityOf = (request: SpdmMessageName): Legality | undefined => LEGAL[request]

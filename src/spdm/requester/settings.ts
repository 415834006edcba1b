/** What a requester is given. */
import type {ExchangeAlgorithm} from '../algorithms.js'
import type {KeyShare} from '../crypto/index.js'
import type {Scope} from '../transcript/index.js'
import type {Transport} from '../transport/index.js'
import {type Clock, DEFAULT_TIMEOUTS, type Timeouts} from './budget.js'
import {DEFAULT_OFFER, type Offer} from './offer.js'

/** One message each way as it was before encryption; a transferred chunk is an exchange of its own. */
export interface Exchange {
  readonly request: Uint8Array
  /** As it came, padding included; undefined when nothing came. */
  readonly response: Uint8Array | undefined
  readonly scope: Scope
}

export interface RequesterOptions extends Clock {
  readonly transport: Transport
  /** Bytes from a cryptographic generator. */
  readonly random: (size: number) => Uint8Array
  readonly signal?: AbortSignal | undefined
  readonly offer?: Partial<Offer> | undefined
  readonly timeouts?: Partial<Timeouts> | undefined
  /** Makes our side of a key exchange; given by tests that replay one. */
  readonly keyShare?: ((algorithm: ExchangeAlgorithm) => KeyShare) | undefined
  readonly onExchange?: ((exchange: Exchange) => void) | undefined
}

export interface Settings extends RequesterOptions {
  readonly offer: Offer
  readonly timeouts: Timeouts
}

export const settingsOf = (options: RequesterOptions): Settings => ({
  ...options,
  offer: {...DEFAULT_OFFER, ...options.offer},
  timeouts: {...DEFAULT_TIMEOUTS, ...options.timeouts},
})

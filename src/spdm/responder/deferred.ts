/** Requests that are answered later: ResponseNotReady and RESPOND_IF_READY (DSP0274 1.3 §10.12, §10.13). */
import {RESPOND_IF_READY, type SpdmMessageName} from '../messages/index.js'
import {read} from './read.js'
import {refuse, require} from './refusal.js'
import {type Call, type Deferred, scopeOf} from './state.js'

/** These have to be answered at once. */
const PROMPT: ReadonlySet<SpdmMessageName> = new Set([
  'GET_VERSION',
  'GET_CAPABILITIES',
  'NEGOTIATE_ALGORITHMS',
  'CHUNK_GET',
  'CHUNK_SEND',
  'RESPOND_IF_READY',
])
/** 2^n microseconds, and how many times as long the answer is kept. */
const DELAY = {rdtExponent: 10, rdtm: 8} as const
const TOKENS = 256

/** Puts `call` off when requests of its kind are slow. */
export function deferIfSlow(call: Call, code: number): void {
  const {options, state, name} = call
  if (PROMPT.has(name) || options.isSlow?.(code) !== true) return
  const token = state.nextToken
  state.nextToken = (token + 1) % TOKENS
  state.transfer(scopeOf(call)).deferred = {name, code, token, request: call.bytes}
  refuse('ResponseNotReady', {notReady: {...DELAY, requestCode: code, token}})
}

/** The request that RESPOND_IF_READY asks about. Throws Refusal when it was not put off. */
export function resumed(call: Call): Deferred {
  const {requestCode, token} = read(call, RESPOND_IF_READY, {version: call.state.version}).value
  const transfer = call.state.transfer(scopeOf(call))
  const {deferred} = transfer
  transfer.deferred = undefined
  require(deferred !== undefined && requestCode === deferred.code && token === deferred.token)
  return deferred
}

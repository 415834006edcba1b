/** What the responder can do, and whether what a requester says of itself is possible (DSP0274 1.3 §10.4). */
import {CAPABILITY_FLAGS, type CapabilityFlags, type GET_CAPABILITIES} from '../messages/index.js'
import {capabilityProblems, definedFlags} from '../negotiation/index.js'
import type {ResponderOptions} from './options.js'

const SIGNED = 2
const WITH_CONTEXT = 2

/** Flags of CAPABILITIES in `version`: what follows from the options, unless they say otherwise. */
export function ownFlags(options: ResponderOptions, version: number): CapabilityFlags {
  const {slots, measurements, psk} = options
  const isIdentified = slots.length > 0
  const isMeasured = measurements.length > 0
  const hasSessions = isIdentified || psk !== undefined
  const flags = CAPABILITY_FLAGS.encode({
    certCap: isIdentified,
    chalCap: isIdentified,
    measCap: isMeasured ? (isIdentified ? SIGNED : 1) : 0,
    measFreshCap: isMeasured,
    encryptCap: hasSessions,
    macCap: hasSessions,
    keyExCap: isIdentified,
    pskCap: psk === undefined ? 0 : WITH_CONTEXT,
    hbeatCap: hasSessions,
    keyUpdCap: hasSessions,
    handshakeInTheClearCap: isIdentified,
    chunkCap: true,
    melCap: options.measurementLog !== undefined,
    epInfoCap: options.endpointInfo === undefined ? 0 : isIdentified ? SIGNED : 1,
    aliasCertCap: slots.some(({model}) => model === 'alias'),
    ...options.capabilities,
  })
  return definedFlags(CAPABILITY_FLAGS.decode(flags), 'responder', version)
}

/** Can a requester be what GET_CAPABILITIES says? */
export function isPossibleRequester(request: ReturnType<typeof GET_CAPABILITIES.decode>): boolean {
  const {spdmVersion, flags, ctExponent = 0, dataTransferSize, maxSpdmMsgSize} = request
  if (flags === undefined) return true
  if (spdmVersion >= 0x13 && request.supportedAlgorithmsRequested && !flags.chunkCap) return false
  const stated = {flags, ctExponent, dataTransferSize, maxSpdmMsgSize}
  return capabilityProblems(spdmVersion, 'requester', stated).length === 0
}

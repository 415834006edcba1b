/** GET_VERSION, GET_CAPABILITIES and NEGOTIATE_ALGORITHMS as a responder answers them (DSP0274 1.3 §10.3 to §10.5). */
import {concat, get, mask} from '../../bits/index.js'
import {BASE_HASH, onlyOne} from '../algorithms.js'
import {encodeCertificateChain} from '../certificates/index.js'
import {digestOf} from '../crypto/index.js'
import {
  ALGORITHMS,
  CAPABILITIES,
  GET_CAPABILITIES,
  GET_VERSION,
  NEGOTIATE_ALGORITHMS,
  SPDM_VERSION,
  VERSION,
} from '../messages/index.js'
import {algorithmProblems, connectionOf, offerProblems, parseVca} from '../negotiation/index.js'
import {Transcripts} from '../transcript/index.js'
import {isPossibleRequester, ownFlags} from './capabilities.js'
import {DEFAULTS} from './defaults.js'
import type {ResponderOptions} from './options.js'
import {read} from './read.js'
import {refuse, require} from './refusal.js'
import {choose, supportedAlgorithms} from './selection.js'
import {endSession, type Handler, State} from './state.js'

/** Bytes of a transcript that are kept for a requester that never asks for a signature. */
const MAX_TRANSCRIPT = 0x100000

export const versionsOf = ({versions}: ResponderOptions): readonly number[] => versions ?? Object.values(SPDM_VERSION)

/** Everything starts again: transcripts, negotiated state, sessions. */
export const getVersion: Handler = call => {
  const {options, state} = call
  const {bytes} = read(call, GET_VERSION, {})
  const response = VERSION.encode({
    versionNumberEntries: versionsOf(options).map(version => ({
      majorVersion: get(mask(7, 4), version),
      minorVersion: get(mask(3, 0), version),
    })),
  })
  for (const session of state.sessions.values()) endSession(call, session)
  Object.assign(state, new State(), {phase: 'version', vca: [bytes, response]})
  return response
}

export const getCapabilities: Handler = call => {
  const {options, state} = call
  const {value: request, bytes} = read(call, GET_CAPABILITIES, {})
  const {spdmVersion} = request
  if (!versionsOf(options).includes(spdmVersion)) refuse('VersionMismatch')
  require(isPossibleRequester(request))
  const flags = ownFlags(options, spdmVersion)
  const isListed = spdmVersion >= 0x13 && request.supportedAlgorithmsRequested && flags.chunkCap
  const dataTransferSize = options.dataTransferSize ?? DEFAULTS.dataTransferSize
  const response = CAPABILITIES.encode({
    spdmVersion,
    supportedAlgorithmsPresent: isListed,
    ctExponent: options.ctExponent ?? DEFAULTS.ctExponent,
    flags,
    ...(spdmVersion >= 0x12 && {
      dataTransferSize,
      maxSpdmMsgSize: flags.chunkCap ? (options.maxSpdmMsgSize ?? DEFAULTS.maxSpdmMsgSize) : dataTransferSize,
    }),
    ...(isListed && {supportedAlgorithms: supportedAlgorithms(spdmVersion, options.algorithms)}),
  })
  Object.assign(state, {
    phase: 'capabilities',
    version: spdmVersion,
    flags,
    requester: request,
    vca: [...state.vca, bytes, response],
  })
  return response
}

const MULTI_KEY_ONLY = 1

/** Chain object of every slot under `hash`. */
function chainsOf({slots}: ResponderOptions, hash: {readonly name: string}): ReadonlyMap<number, Uint8Array> {
  return new Map(
    slots
      .toSorted((a, b) => a.slot - b.slot)
      .map(({slot, certificates}) => [slot, encodeCertificateChain(digestOf(hash, certificates[0]!), certificates)]),
  )
}

export const negotiateAlgorithms: Handler = call => {
  const {options, state} = call
  const {version} = state
  const {value: request, bytes} = read(call, NEGOTIATE_ALGORITHMS, {version})
  require(offerProblems(version, request, state.flags).length === 0)
  const choice = choose(request, version, options.algorithms, {
    isMeasured: (state.flags?.measCap ?? 0) !== 0,
    isLogged: state.flags?.melCap === true,
  })
  const response = ALGORITHMS.encode({
    spdmVersion: version,
    measurementSpecificationSel: choice.measurementSpecification,
    opaqueDataFmtSel: choice.opaqueFormat,
    // what MULTI_KEY_CAP leaves open is not asked for
    requesterMultiKeyConnSel: version >= 0x13 && state.requester?.flags?.multiKeyCap === MULTI_KEY_ONLY,
    measurementHashAlgo: choice.measurementHash,
    baseAsymSel: choice.baseAsym,
    baseHashSel: choice.baseHash,
    pqcAsymSel: choice.pqcAsym,
    melSpecificationSel: choice.melSpecification,
    algStructures: choice.structures,
  })
  const vca = [...state.vca, bytes, response]
  const facts = parseVca(concat(...vca))
  // the offer leaves no choice that serves everything both sides can do
  require(algorithmProblems(facts).length === 0)
  const connection = connectionOf(facts)
  const hash = onlyOne(BASE_HASH, choice.baseHash) ?? refuse('InvalidRequest')
  Object.assign(state, {
    phase: 'negotiated',
    vca,
    negotiated: {connection, transcripts: new Transcripts(connection, MAX_TRANSCRIPT), chains: chainsOf(options, hash)},
  })
  return response
}

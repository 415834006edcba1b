/** GET_VERSION, GET_CAPABILITIES and NEGOTIATE_ALGORITHMS as a responder answers them (DSP0274 1.3 §10.3 to §10.5). */
import {concat, get, mask} from '../../bits/index.js'
import {BASE_HASH, onlyOne} from '../algorithms.js'
import {encodeCertificateChain} from '../certificates/index.js'
import {digestOf} from '../crypto/index.js'
import {
  ALG_TYPE,
  ALGORITHMS,
  CAPABILITIES,
  GET_CAPABILITIES,
  GET_VERSION,
  NEGOTIATE_ALGORITHMS,
  type NegotiateAlgorithms,
  SPDM_VERSION,
  VERSION,
} from '../messages/index.js'
import {connectionOf, parseVca} from '../negotiation/index.js'
import {Transcripts} from '../transcript/index.js'
import {isPossibleRequester, ownFlags} from './capabilities.js'
import {DEFAULTS} from './defaults.js'
import type {ResponderOptions} from './options.js'
import {read} from './read.js'
import {refuse, require} from './refusal.js'
import {type Choice, choose, supportedAlgorithms} from './selection.js'
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

/** Bytes NEGOTIATE_ALGORITHMS may have at most. */
const maxLength = (version: number): number => (version < 0x11 ? 64 : 128)

/** Rules on the request that its layout does not state. */
function isSound(request: NegotiateAlgorithms, version: number): boolean {
  const {algStructures: structures} = request
  const last = version >= 0x14 ? ALG_TYPE.KEMAlg : ALG_TYPE.KeySchedule
  return (
    request.length <= maxLength(version) &&
    (version >= 0x11 || structures.length === 0) &&
    structures.every(({algType}, i) => {
      const before = i === 0 ? ALG_TYPE.DHE - 1 : structures[i - 1]!.algType
      return algType > before && algType <= last
    })
  )
}

const isChosen = (choice: Choice, ...types: readonly number[]): boolean =>
  choice.structures.some(({algType, algSupported}) => types.includes(algType) && algSupported !== 0)

/** Does the choice serve everything that both sides can do? */
function isEnough(choice: Choice, {flags, requester}: State): boolean {
  const both = (cap: 'keyExCap' | 'pskCap' | 'encryptCap' | 'macCap'): boolean =>
    Boolean(flags?.[cap]) && Boolean(requester?.flags?.[cap])
  const hasSessions = both('keyExCap') || both('pskCap')
  const isProtected = both('encryptCap') || both('macCap')
  return (
    choice.baseHash !== 0 &&
    (choice.baseAsym !== 0 || choice.pqcAsym !== 0) &&
    (!both('keyExCap') || isChosen(choice, ALG_TYPE.DHE, ALG_TYPE.KEMAlg)) &&
    (!(hasSessions && isProtected) || isChosen(choice, ALG_TYPE.AEAD)) &&
    (!hasSessions || isChosen(choice, ALG_TYPE.KeySchedule))
  )
}

const NEGOTIABLE = 2

/** The selection of multi-key connections on both sides; what one side's MULTI_KEY_CAP settles is not selected. */
function multiKey(request: NegotiateAlgorithms, {version, flags, requester}: State): boolean {
  if (version < 0x13) return false
  const own = flags?.multiKeyCap ?? 0
  if (own !== NEGOTIABLE) require(request.responderMultiKeyConn === (own === 1))
  return requester?.flags?.multiKeyCap === 1
}

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
  require(isSound(request, version))
  const choice = choose(request, version, options.algorithms, {
    isMeasured: (state.flags?.measCap ?? 0) !== 0,
    isLogged: state.flags?.melCap === true,
  })
  require(isEnough(choice, state))
  const requesterMultiKeyConnSel = multiKey(request, state)
  const response = ALGORITHMS.encode({
    spdmVersion: version,
    measurementSpecificationSel: choice.measurementSpecification,
    opaqueDataFmtSel: choice.opaqueFormat,
    requesterMultiKeyConnSel,
    measurementHashAlgo: choice.measurementHash,
    baseAsymSel: choice.baseAsym,
    baseHashSel: choice.baseHash,
    pqcAsymSel: choice.pqcAsym,
    melSpecificationSel: choice.melSpecification,
    algStructures: choice.structures,
  })
  const vca = [...state.vca, bytes, response]
  const connection = connectionOf(parseVca(concat(...vca)))
  const hash = onlyOne(BASE_HASH, choice.baseHash) ?? refuse('InvalidRequest')
  Object.assign(state, {
    phase: 'negotiated',
    vca,
    negotiated: {connection, transcripts: new Transcripts(connection, MAX_TRANSCRIPT), chains: chainsOf(options, hash)},
  })
  return response
}

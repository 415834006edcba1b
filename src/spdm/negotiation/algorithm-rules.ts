/** What NEGOTIATE_ALGORITHMS may offer and ALGORITHMS may select (DSP0274 1.3 §10.5; 1.4 for the post-quantum fields). */
import {bitsOf} from '../algorithms.js'
import {ALG_TYPE, type Algorithms, type CapabilityFlags, type NegotiateAlgorithms} from '../messages/index.js'
import {definedFlags} from './capability-rules.js'
import {broken, type Rule} from './rules.js'
import {type Selection, type SelectionName, selectionsOf, structuresAscend} from './selection.js'
import type {PeerCapabilities} from './vca.js'

const SPEC = 'DSP0274 1.3 §10.5'
const SPEC_1_4 = 'DSP0274 1.4 §10.5'

/** A finished negotiation, or one of which the answer has just arrived; `VcaFacts` is one. */
export interface NegotiationFacts {
  readonly version: number
  readonly requester: PeerCapabilities | undefined
  readonly responder: PeerCapabilities
  readonly negotiate: NegotiateAlgorithms
  readonly algorithms: Algorithms
}

const SIGNED = 2
const MULTI_KEY_ONLY = 1

type Structures = Algorithms['algStructures']
type Cap = 'keyExCap' | 'mutAuthCap' | 'encryptCap' | 'macCap'

/** AlgTypes of a version. */
const lastAlgType = (version: number): number => (version >= 0x14 ? ALG_TYPE.KEMAlg : ALG_TYPE.KeySchedule)

const inRange = (structures: Structures, version: number): boolean =>
  structures.every(({algType}) => algType >= ALG_TYPE.DHE && algType <= lastAlgType(version))

interface OfferFacts {
  readonly version: number
  readonly offer: NegotiateAlgorithms
  readonly responder: CapabilityFlags | undefined
}

const OFFER: readonly Rule<OfferFacts>[] = [
  {
    spec: 'DSP0274 1.0 §4.10',
    until: 0x10,
    problem: 'NEGOTIATE_ALGORITHMS is longer than 64 bytes',
    broken: ({offer}) => offer.length > 64,
  },
  {
    spec: SPEC,
    since: 0x11,
    problem: 'NEGOTIATE_ALGORITHMS is longer than 128 bytes',
    broken: ({offer}) => offer.length > 128,
  },
  {
    spec: 'DSP0274 1.0 §4.10',
    until: 0x10,
    problem: 'NEGOTIATE_ALGORITHMS has algorithm structures, which 1.0 does not know',
    broken: ({offer}) => offer.algStructures.length > 0,
  },
  {
    spec: SPEC,
    since: 0x11,
    problem: 'algorithm structures of NEGOTIATE_ALGORITHMS do not ascend by AlgType',
    broken: ({offer}) => !structuresAscend(offer.algStructures),
  },
  {
    spec: SPEC,
    since: 0x11,
    problem: 'NEGOTIATE_ALGORITHMS has an AlgType that its version does not know',
    broken: ({offer, version}) => !inRange(offer.algStructures, version),
  },
  {
    spec: SPEC,
    since: 0x13,
    problem: 'ResponderMultiKeyConn is set, but the responder has no MULTI_KEY_CAP',
    broken: ({offer, responder}) => responder?.multiKeyCap === 0 && offer.responderMultiKeyConn,
  },
  {
    spec: SPEC,
    since: 0x13,
    problem: 'ResponderMultiKeyConn is clear, but the responder only does multi-key connections',
    broken: ({offer, responder}) => responder?.multiKeyCap === MULTI_KEY_ONLY && !offer.responderMultiKeyConn,
  },
]

/** What is wrong with an offer by itself and, if they are known, with the responder's capabilities. */
export const offerProblems = (
  version: number,
  offer: NegotiateAlgorithms,
  responder?: CapabilityFlags,
): readonly string[] =>
  broken(OFFER, version, {
    version,
    offer,
    responder: responder && definedFlags(responder, 'responder', version),
  })

interface AnswerFacts extends NegotiationFacts {
  readonly flags: CapabilityFlags
  /** A capability that counts because both sides have it. */
  readonly both: (cap: Cap) => boolean
  readonly psk: boolean
  readonly selected: (name: SelectionName) => number
}

const isSession = ({both, psk}: AnswerFacts): boolean => both('keyExCap') || psk
/** The responder signs something in this connection. */
const isSigned = ({flags, both}: AnswerFacts): boolean =>
  flags.certCap || flags.chalCap || flags.measCap === SIGNED || both('keyExCap')

const pair = (
  one: SelectionName,
  other: SelectionName,
  purpose: string,
  isNeeded: (facts: AnswerFacts) => boolean,
): Rule<AnswerFacts>[] => [
  {
    spec: SPEC_1_4,
    problem: `both ${one} and ${other} are selected`,
    broken: ({selected}) => selected(one) !== 0 && selected(other) !== 0,
  },
  {
    spec: SPEC,
    problem: `no ${one} or ${other} is selected, but ${purpose}`,
    broken: facts => isNeeded(facts) && facts.selected(one) === 0 && facts.selected(other) === 0,
  },
]

const ANSWER: readonly Rule<AnswerFacts>[] = [
  {
    spec: SPEC,
    problem: 'ALGORITHMS selects extended algorithms, of which none were offered',
    broken: ({algorithms: {extAsym, extHash, algStructures}}) =>
      extAsym.length + extHash.length > 0 || algStructures.some(({algExternal}) => algExternal.length > 0),
  },
  {
    spec: 'DSP0274 1.0 §4.10',
    until: 0x10,
    problem: 'ALGORITHMS has algorithm structures, which 1.0 does not know',
    broken: ({algorithms}) => algorithms.algStructures.length > 0,
  },
  {
    spec: SPEC,
    since: 0x11,
    problem: 'algorithm structures of ALGORITHMS do not ascend by AlgType',
    broken: ({algorithms}) => !structuresAscend(algorithms.algStructures),
  },
  {
    spec: SPEC,
    since: 0x11,
    problem: 'ALGORITHMS has an AlgType that its version does not know',
    broken: ({algorithms, version}) => !inRange(algorithms.algStructures, version),
  },
  {
    spec: SPEC,
    problem: 'no BaseHash is selected, but digests are needed',
    broken: facts => (isSigned(facts) || isSession(facts)) && facts.selected('BaseHash') === 0,
  },
  ...pair('BaseAsym', 'PqcAsym', 'the responder signs', isSigned),
  ...pair('DHE', 'KEM', 'both sides have KEY_EX_CAP', ({both}) => both('keyExCap')),
  ...pair('ReqBaseAsym', 'ReqPqcAsym', 'both sides have MUT_AUTH_CAP', ({both}) => both('mutAuthCap')),
  {
    spec: SPEC,
    problem: 'no MeasurementHash is selected, but the responder has MEAS_CAP',
    broken: ({flags, negotiate, selected}) =>
      flags.measCap !== 0 && negotiate.measurementSpecification !== 0 && selected('MeasurementHash') === 0,
  },
  {
    spec: SPEC,
    problem: 'no MeasurementSpecification is selected, but the responder has MEAS_CAP',
    broken: ({flags, negotiate, selected}) =>
      flags.measCap !== 0 && negotiate.measurementSpecification !== 0 && selected('MeasurementSpecification') === 0,
  },
  {
    spec: SPEC,
    since: 0x11,
    problem: 'no AEAD is selected, but both sides have ENCRYPT_CAP or MAC_CAP',
    broken: ({both, selected}) => (both('encryptCap') || both('macCap')) && selected('AEAD') === 0,
  },
  {
    spec: SPEC,
    since: 0x11,
    problem: 'KeySchedule is not that of SPDM, but both sides have KEY_EX_CAP or PSK_CAP',
    broken: facts => isSession(facts) && facts.selected('KeySchedule') !== 1,
  },
  {
    spec: SPEC,
    since: 0x13,
    problem: 'several MEL specifications are selected, or one that was not offered',
    broken: ({algorithms: {melSpecificationSel: sel}, negotiate}) =>
      bitsOf(sel).length > 1 || bitsOf(sel).some(bit => !bitsOf(negotiate.melSpecification).includes(bit)),
  },
  {
    spec: SPEC,
    since: 0x13,
    problem: 'a MEL specification is selected, but the responder has no MEL_CAP',
    broken: ({flags, algorithms}) => !flags.melCap && algorithms.melSpecificationSel !== 0,
  },
  {
    spec: SPEC,
    since: 0x13,
    problem: 'RequesterMultiKeyConnSel is set, but the requester has no MULTI_KEY_CAP',
    broken: ({requester, algorithms}) =>
      (requester?.flags.multiKeyCap ?? 0) === 0 && algorithms.requesterMultiKeyConnSel,
  },
  {
    spec: SPEC,
    since: 0x13,
    problem: 'RequesterMultiKeyConnSel is clear, but the requester only does multi-key connections',
    broken: ({requester, algorithms}) =>
      requester?.flags.multiKeyCap === MULTI_KEY_ONLY && !algorithms.requesterMultiKeyConnSel,
  },
]

/** Fields that are reserved before some version. */
const SELECTABLE_SINCE: Partial<Record<SelectionName, number>> = {
  OpaqueDataFmt: 0x12,
  PqcAsym: 0x14,
  ReqPqcAsym: 0x14,
  KEM: 0x14,
  DHE: 0x11,
  AEAD: 0x11,
  ReqBaseAsym: 0x11,
  KeySchedule: 0x11,
}

const TOLD: Readonly<Record<Selection['problems'][number], string>> = {
  several: 'has several selections',
  'not offered': 'selects what was not offered',
  unknown: 'selects what nobody knows',
}

/** What contradicts the specification in a negotiation; no text for each rule that holds. */
export function algorithmProblems(facts: NegotiationFacts): readonly string[] {
  const {version, negotiate, algorithms} = facts
  const flags = definedFlags(facts.responder.flags, 'responder', version)
  const asked = facts.requester && definedFlags(facts.requester.flags, 'requester', version)
  const selections = selectionsOf(negotiate, algorithms).filter(({name}) => version >= (SELECTABLE_SINCE[name] ?? 0))
  const answer: AnswerFacts = {
    ...facts,
    requester: facts.requester && asked && {...facts.requester, flags: asked},
    flags,
    both: cap => asked?.[cap] === true && flags[cap],
    psk: (asked?.pskCap ?? 0) !== 0 && flags.pskCap !== 0,
    selected: name => selections.find(selection => selection.name === name)?.selected ?? 0,
  }
  return [
    ...offerProblems(version, negotiate, facts.responder.flags),
    ...selections.flatMap(({name, problems}) => problems.map(problem => `${name} ${TOLD[problem]}`)),
    ...broken(ANSWER, version, answer),
  ]
}

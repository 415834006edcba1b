/** What a side may claim to be able to do, in which version, and which claims contradict each other. */
import {CAPABILITY_FLAGS, type CapabilityFlags} from '../messages/index.js'
import type {Side} from '../side.js'
import {broken, type Rule} from './rules.js'
import type {PeerCapabilities} from './vca.js'

type Flag = keyof CapabilityFlags

const SPEC = 'DSP0274 1.3 §10.4'
const SPEC_1_4 = 'DSP0274 1.4 §10.4'

/** Longest time for a cryptographic response: 2^n microseconds; what any transport allows, and what PCIe r6.2 §6.31 does. */
const MAX_CT_EXPONENT = {any: 31, pci: 23} as const
/** Least DataTransferSize, in bytes. */
export const MIN_DATA_TRANSFER_SIZE = 42

/** The first version a side may set a flag in; a flag without an entry for a side is reserved there. */
const SINCE: Readonly<Record<Flag, {readonly requester?: number; readonly responder: number}>> = {
  cacheCap: {responder: 0x10},
  certCap: {requester: 0x11, responder: 0x10},
  chalCap: {requester: 0x11, responder: 0x10},
  measCap: {responder: 0x10},
  measFreshCap: {responder: 0x10},
  encryptCap: {requester: 0x11, responder: 0x11},
  macCap: {requester: 0x11, responder: 0x11},
  mutAuthCap: {requester: 0x11, responder: 0x11},
  keyExCap: {requester: 0x11, responder: 0x11},
  pskCap: {requester: 0x11, responder: 0x11},
  encapCap: {requester: 0x11, responder: 0x11},
  hbeatCap: {requester: 0x11, responder: 0x11},
  keyUpdCap: {requester: 0x11, responder: 0x11},
  handshakeInTheClearCap: {requester: 0x11, responder: 0x11},
  pubKeyIdCap: {requester: 0x11, responder: 0x11},
  chunkCap: {requester: 0x12, responder: 0x12},
  aliasCertCap: {responder: 0x12},
  setCertCap: {responder: 0x12},
  csrCap: {responder: 0x12},
  certInstallResetCap: {responder: 0x12},
  epInfoCap: {requester: 0x13, responder: 0x13},
  melCap: {responder: 0x13},
  eventCap: {requester: 0x13, responder: 0x13},
  multiKeyCap: {requester: 0x13, responder: 0x13},
  getKeyPairInfoCap: {responder: 0x13},
  setKeyPairInfoCap: {responder: 0x13},
  setKeyPairResetCap: {responder: 0x14},
  largeRespCap: {requester: 0x14, responder: 0x14},
}

const isDefined = (flag: Flag, side: Side, version: number): boolean => version >= (SINCE[flag][side] ?? Infinity)

/** `flags` without what is reserved for `side` in `version`: a receiver ignores those bits. */
export function definedFlags(flags: Partial<CapabilityFlags>, side: Side, version: number): CapabilityFlags {
  const kept = (Object.keys(SINCE) as Flag[]).filter(flag => isDefined(flag, side, version))
  return CAPABILITY_FLAGS.decode(CAPABILITY_FLAGS.encode(Object.fromEntries(kept.map(flag => [flag, flags[flag]]))))
}

const SIGNED = 2
const RESERVED = 3

type Facts = PeerCapabilities & {readonly maxCtExponent: number}
type Row = Rule<Facts> & {readonly side?: Side}

const row = (problem: string, isBroken: (flags: CapabilityFlags) => boolean, more: Partial<Row> = {}): Row => ({
  spec: SPEC,
  problem,
  broken: ({flags}) => isBroken(flags),
  ...more,
})

const hasKey = ({certCap, pubKeyIdCap}: CapabilityFlags): boolean => certCap || pubKeyIdCap
const hasSession = ({keyExCap, pskCap}: CapabilityFlags): boolean => keyExCap || pskCap !== 0
/** Something that a requester or responder signs with its key. */
const signs = ({chalCap, keyExCap, measCap, epInfoCap}: CapabilityFlags): boolean =>
  chalCap || keyExCap || measCap === SIGNED || epInfoCap === SIGNED

const RULES: readonly Row[] = [
  row('MEAS_CAP has the reserved value 3', f => f.measCap === RESERVED),
  row('MEAS_FRESH_CAP without MEAS_CAP', f => f.measFreshCap && f.measCap === 0),
  row('CERT_CAP and CHAL_CAP differ without signed measurements', f => f.measCap < SIGNED && f.certCap !== f.chalCap, {
    until: 0x10,
    side: 'responder',
  }),
  row('signed measurements without CERT_CAP', f => f.measCap === SIGNED && !f.certCap, {
    until: 0x10,
    side: 'responder',
  }),

  row('PSK_CAP has a reserved value', f => f.pskCap > 1, {since: 0x11, side: 'requester'}),
  row('PSK_CAP has the reserved value 3', f => f.pskCap === RESERVED, {since: 0x11, side: 'responder'}),
  row('KEY_EX_CAP or PSK_CAP without MAC_CAP and ENCRYPT_CAP', f => hasSession(f) && !f.macCap && !f.encryptCap, {
    since: 0x11,
  }),
  ...(
    [
      ['MAC_CAP', 'macCap'],
      ['ENCRYPT_CAP', 'encryptCap'],
      ['HANDSHAKE_IN_THE_CLEAR_CAP', 'handshakeInTheClearCap'],
      ['HBEAT_CAP', 'hbeatCap'],
      ['KEY_UPD_CAP', 'keyUpdCap'],
      ['EVENT_CAP', 'eventCap'],
    ] as const
  ).map(([name, flag]) => row(`${name} without KEY_EX_CAP or PSK_CAP`, f => !hasSession(f) && f[flag], {since: 0x11})),
  row('PSK_CAP alone with HANDSHAKE_IN_THE_CLEAR_CAP', f => f.pskCap !== 0 && !f.keyExCap && f.handshakeInTheClearCap, {
    since: 0x11,
  }),

  row('CERT_CAP and PUB_KEY_ID_CAP', f => f.certCap && f.pubKeyIdCap, {since: 0x11}),
  row('CERT_CAP or PUB_KEY_ID_CAP, but nothing that is signed', f => hasKey(f) && !signs(f), {since: 0x11}),
  row('CHAL_CAP without CERT_CAP or PUB_KEY_ID_CAP', f => !hasKey(f) && f.chalCap, {since: 0x11}),
  // a requester needs no key of its own for a session in which only the responder is authenticated
  row('KEY_EX_CAP without CERT_CAP or PUB_KEY_ID_CAP', f => !hasKey(f) && f.keyExCap, {
    since: 0x11,
    side: 'responder',
  }),
  row('signed measurements without CERT_CAP or PUB_KEY_ID_CAP', f => !hasKey(f) && f.measCap === SIGNED, {
    since: 0x11,
  }),
  row('MUT_AUTH_CAP without CERT_CAP or PUB_KEY_ID_CAP', f => !hasKey(f) && f.mutAuthCap, {since: 0x11}),
  row('signed endpoint info without CERT_CAP or PUB_KEY_ID_CAP', f => !hasKey(f) && f.epInfoCap === SIGNED, {
    since: 0x13,
  }),
  row('MUT_AUTH_CAP without KEY_EX_CAP or CHAL_CAP', f => f.mutAuthCap && !f.keyExCap && !f.chalCap, {since: 0x11}),
  row('MUT_AUTH_CAP without ENCAP_CAP', f => f.mutAuthCap && !f.encapCap, {since: 0x11, until: 0x11}),

  row('ALIAS_CERT_CAP without CERT_CAP', f => !f.certCap && f.aliasCertCap, {since: 0x12}),
  row('SET_CERT_CAP without CERT_CAP', f => !f.certCap && f.setCertCap, {since: 0x12}),
  row('CSR_CAP without SET_CERT_CAP', f => f.csrCap && !f.setCertCap, {since: 0x12}),
  row(
    'CERT_INSTALL_RESET_CAP without CSR_CAP and SET_CERT_CAP',
    f => f.certInstallResetCap && !f.csrCap && !f.setCertCap,
    {since: 0x12},
  ),

  row('EP_INFO_CAP has the reserved value 3', f => f.epInfoCap === RESERVED, {since: 0x13}),
  row('MULTI_KEY_CAP has the reserved value 3', f => f.multiKeyCap === RESERVED, {since: 0x13}),
  row('MULTI_KEY_CAP without GET_KEY_PAIR_INFO_CAP', f => f.multiKeyCap !== 0 && !f.getKeyPairInfoCap, {
    since: 0x13,
    side: 'responder',
  }),
  row('MULTI_KEY_CAP without CERT_CAP', f => f.multiKeyCap !== 0 && !f.certCap, {since: 0x13, side: 'responder'}),
  row('PUB_KEY_ID_CAP with MULTI_KEY_CAP', f => f.pubKeyIdCap && f.multiKeyCap !== 0, {since: 0x13}),
  row('PUB_KEY_ID_CAP with GET_KEY_PAIR_INFO_CAP', f => f.pubKeyIdCap && f.getKeyPairInfoCap, {since: 0x13}),
  row('PUB_KEY_ID_CAP with SET_KEY_PAIR_INFO_CAP', f => f.pubKeyIdCap && f.setKeyPairInfoCap, {since: 0x13}),
  row('SET_KEY_PAIR_RESET_CAP without SET_KEY_PAIR_INFO_CAP', f => f.setKeyPairResetCap && !f.setKeyPairInfoCap, {
    since: 0x14,
    spec: SPEC_1_4,
  }),

  {
    spec: SPEC,
    problem: 'CTExponent is larger than the transport allows',
    broken: ({ctExponent, maxCtExponent}) => ctExponent > maxCtExponent,
  },
  {
    spec: SPEC,
    since: 0x12,
    problem: `DataTransferSize is below ${MIN_DATA_TRANSFER_SIZE} bytes`,
    broken: ({dataTransferSize}) => (dataTransferSize ?? 0) < MIN_DATA_TRANSFER_SIZE,
  },
  {
    spec: SPEC,
    since: 0x12,
    problem: 'DataTransferSize is larger than MaxSPDMmsgSize',
    broken: ({dataTransferSize, maxSpdmMsgSize}) => (dataTransferSize ?? 0) > (maxSpdmMsgSize ?? 0),
  },
  {
    spec: SPEC,
    since: 0x12,
    problem: 'MaxSPDMmsgSize is larger than DataTransferSize without CHUNK_CAP',
    broken: ({flags, dataTransferSize, maxSpdmMsgSize}) =>
      !flags.chunkCap && (maxSpdmMsgSize ?? 0) > (dataTransferSize ?? 0),
  },
]

/**
 * What contradicts the specification in what `side` states for `version`; bits that are reserved there do not count.
 * `maxCtExponent` is what the transport allows.
 */
export function capabilityProblems(
  version: number,
  side: Side,
  stated: PeerCapabilities,
  maxCtExponent: number = MAX_CT_EXPONENT.any,
): readonly string[] {
  const rules = RULES.filter(rule => rule.side === undefined || rule.side === side)
  return broken(rules, version, {...stated, flags: definedFlags(stated.flags, side, version), maxCtExponent})
}

/** Capabilities that count in `version`. */
export const definedCapabilities = <T extends PeerCapabilities | undefined>(
  stated: T,
  side: Side,
  version: number,
): T => stated && {...stated, flags: definedFlags(stated.flags, side, version)}

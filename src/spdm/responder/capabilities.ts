/** What the responder can do, and whether what a requester says of itself is possible (DSP0274 1.3 §10.4). */
import {CAPABILITY_FLAGS, type CapabilityFlags, type GET_CAPABILITIES} from '../messages/index.js'
import type {ResponderOptions} from './options.js'

type Flag = keyof CapabilityFlags

/** Since which version a flag is defined. Older versions have it reserved. */
const SINCE: readonly (readonly [number, readonly Flag[]])[] = [
  [
    0x11,
    [
      'encryptCap',
      'macCap',
      'mutAuthCap',
      'keyExCap',
      'pskCap',
      'encapCap',
      'hbeatCap',
      'keyUpdCap',
      'handshakeInTheClearCap',
      'pubKeyIdCap',
    ],
  ],
  [0x12, ['chunkCap', 'aliasCertCap', 'setCertCap', 'csrCap', 'certInstallResetCap']],
  [0x13, ['epInfoCap', 'melCap', 'eventCap', 'multiKeyCap', 'getKeyPairInfoCap', 'setKeyPairInfoCap']],
  [0x14, ['setKeyPairResetCap', 'largeRespCap']],
]

const FLAGS = Object.keys(CAPABILITY_FLAGS.fields) as Flag[]

/** `flags` without those that `version` does not define. */
export function definedIn(version: number, flags: Partial<CapabilityFlags>): CapabilityFlags {
  const unknown = SINCE.filter(([since]) => version < since).flatMap(([, names]) => names)
  const known = FLAGS.filter(name => !unknown.includes(name)).map(name => [name, flags[name]])
  return CAPABILITY_FLAGS.decode(CAPABILITY_FLAGS.encode(Object.fromEntries(known)))
}

const SIGNED = 2
const WITH_CONTEXT = 2

/** Flags of CAPABILITIES in `version`: what follows from the options, unless they say otherwise. */
export function ownFlags(options: ResponderOptions, version: number): CapabilityFlags {
  const {slots, measurements, psk} = options
  const isIdentified = slots.length > 0
  const isMeasured = measurements.length > 0
  const hasSessions = isIdentified || psk !== undefined
  return definedIn(version, {
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
}

/** Least DataTransferSize of either side, in bytes. */
const MIN_TRANSFER = 42
const MAX_CT_EXPONENT = 31
const RESERVED_VALUE = 3

/** Each of these is a contradiction when it holds. */
function contradictions(version: number, flags: CapabilityFlags): boolean[] {
  const hasExchange = flags.keyExCap || flags.pskCap !== 0
  const isIdentified = flags.certCap || flags.pubKeyIdCap
  const inSessions =
    flags.macCap ||
    flags.encryptCap ||
    flags.handshakeInTheClearCap ||
    flags.hbeatCap ||
    flags.keyUpdCap ||
    (version >= 0x13 && flags.eventCap)
  const signsInfo = version >= 0x13 && flags.epInfoCap === SIGNED
  return [
    flags.pskCap >= WITH_CONTEXT,
    hasExchange && !flags.macCap && !flags.encryptCap,
    !hasExchange && inSessions,
    flags.pskCap !== 0 && !flags.keyExCap && flags.handshakeInTheClearCap,
    flags.certCap && flags.pubKeyIdCap,
    isIdentified && !flags.chalCap && !flags.keyExCap && !signsInfo,
    !isIdentified && (flags.chalCap || flags.mutAuthCap || signsInfo),
    flags.mutAuthCap && !flags.keyExCap && !flags.chalCap,
    version === 0x11 && flags.mutAuthCap && !flags.encapCap,
    version >= 0x13 && flags.epInfoCap === RESERVED_VALUE,
    version >= 0x13 && flags.multiKeyCap === RESERVED_VALUE,
    version >= 0x13 && flags.multiKeyCap !== 0 && flags.pubKeyIdCap,
  ]
}

/** Can a requester be what GET_CAPABILITIES says? Bits that the version does not define do not count. */
export function isPossibleRequester(request: ReturnType<typeof GET_CAPABILITIES.decode>): boolean {
  const {spdmVersion: version, flags, dataTransferSize, maxSpdmMsgSize} = request
  if (flags === undefined) return true
  if ((request.ctExponent ?? 0) > MAX_CT_EXPONENT) return false
  if (contradictions(version, definedIn(version, flags)).includes(true)) return false
  if (dataTransferSize === undefined || maxSpdmMsgSize === undefined) return true
  if (version >= 0x13 && request.supportedAlgorithmsRequested && !flags.chunkCap) return false
  return (
    dataTransferSize >= MIN_TRANSFER &&
    dataTransferSize <= maxSpdmMsgSize &&
    (flags.chunkCap || dataTransferSize === maxSpdmMsgSize)
  )
}

import type {AnyLayout} from '../bits/index.js'
import {
  ALGORITHM_STRUCTURE,
  ALGORITHMS,
  EXTENDED_ALGORITHM,
  NEGOTIATE_ALGORITHMS,
  SUPPORTED_ALGORITHMS,
} from './algorithm-messages.js'
import {CERTIFICATE_CHAIN} from './certificate-chain-layout.js'
import {ERROR, SPDM_HEADER} from './header.js'
import {
  DEVICE_MODE,
  DMTF_MEASUREMENT,
  GET_MEASUREMENTS,
  MEASUREMENT_BLOCK,
  MEASUREMENTS,
  SVN,
} from './measurement-messages.js'
import {
  CAPABILITIES,
  CAPABILITY_FLAGS,
  GET_CAPABILITIES,
  GET_VERSION,
  VERSION,
  VERSION_NUMBER_ENTRY,
} from './version-capabilities.js'

export * from './algorithm-messages.js'
export * from './algorithms.js'
export * from './certificate-chain.js'
export * from './certificate-chain-layout.js'
export type * from './certificate-facts.js'
export {verifyCertificateSignature} from './certificate-key.js'
export * from './codes.js'
export type {DiceContent, DiceExtension, Fwid, TcbInfo} from './dice.js'
export {DICE_OID, OPERATIONAL_FLAGS} from './dice.js'
export {ERROR, SPDM_HEADER} from './header.js'
export * from './leaf.js'
export type {BlockFacts} from './measurement-block.js'
export * from './measurement-messages.js'
export type {MeasurementProblem} from './measurement-rules.js'
export * from './measurements.js'
export * from './path.js'
export type {Selection, SelectionName} from './selection.js'
export * from './signature.js'
export {CMA_NAME_OID, type DeviceInfo, deviceInfoOf, DMTF_OID, type OtherName} from './subject-names.js'
export * from './transcript-hash.js'
export * from './validity.js'
export * from './vca.js'
export {versionText} from './version.js'
export * from './version-capabilities.js'

/** The reader of certificates, whose library is loaded the first time somebody looks at one. */
export const loadCertificateReader = (): Promise<typeof import('./certificate.js')> => import('./certificate.js')

/** Every layout of this room, for `tsmctl decode`, the generated reference and the property tests. */
export const LAYOUTS: readonly AnyLayout[] = [
  SPDM_HEADER,
  ERROR,
  GET_VERSION,
  VERSION,
  VERSION_NUMBER_ENTRY,
  GET_CAPABILITIES,
  CAPABILITIES,
  CAPABILITY_FLAGS,
  NEGOTIATE_ALGORITHMS,
  ALGORITHMS,
  ALGORITHM_STRUCTURE,
  EXTENDED_ALGORITHM,
  SUPPORTED_ALGORITHMS,
  GET_MEASUREMENTS,
  MEASUREMENTS,
  MEASUREMENT_BLOCK,
  DMTF_MEASUREMENT,
  DEVICE_MODE,
  SVN,
  CERTIFICATE_CHAIN,
]

import type {AnyLayout} from '../../bits/index.js'
import {ALGORITHM_STRUCTURE, EXTENDED_ALGORITHM, SUPPORTED_ALGORITHMS} from './algorithms.js'
import {CAPABILITY_FLAGS, VERSION_NUMBER_ENTRY} from './capabilities.js'
import {CERTIFICATE_CHAIN} from './certificate-chain.js'
import {DIGEST_PARTS} from './digests.js'
import {ENDPOINT_INFO_PARTS} from './endpoint-info.js'
import {RESPONSE_NOT_READY, TOO_LARGE, VENDOR_ERROR} from './error.js'
import {EVENT_PARTS} from './events.js'
import {SPDM_HEADER} from './header.js'
import {MEL_PARTS} from './measurement-log.js'
import {DEVICE_MODE, DMTF_MEASUREMENT, MEASUREMENT_BLOCK, STRUCTURED_MANIFEST, SVN} from './measurements.js'
import {OPAQUE_LAYOUTS} from './opaque.js'
import {STANDARDS_HEADER} from './standards-header.js'
import {PCI_PROTOCOL} from './vendor-defined.js'

export * from './algorithms.js'
export * from './any.js'
export * from './capabilities.js'
export * from './certificate.js'
export * from './certificate-chain.js'
export * from './challenge.js'
export * from './chunk.js'
export * from './codes.js'
export * from './context.js'
export {CERTIFICATE_MODEL_NAMES, DIGESTS, GET_DIGESTS, KEY_USAGE} from './digests.js'
export * from './encapsulated.js'
export * from './endpoint-info.js'
export * from './error.js'
export * from './events.js'
export {header, since, SPDM_HEADER} from './header.js'
export * from './key-exchange.js'
export * from './key-pairs.js'
export * from './measurement-log.js'
export * from './measurements.js'
export * from './opaque.js'
export * from './provisioning.js'
export * from './psk.js'
export * from './registry.js'
export * from './session-control.js'
export * from './standards-header.js'
export * from './vendor-defined.js'

/** Structures inside messages. */
export const MESSAGE_PARTS: readonly AnyLayout[] = [
  SPDM_HEADER,
  VERSION_NUMBER_ENTRY,
  CAPABILITY_FLAGS,
  ALGORITHM_STRUCTURE,
  EXTENDED_ALGORITHM,
  SUPPORTED_ALGORITHMS,
  ...DIGEST_PARTS,
  CERTIFICATE_CHAIN,
  MEASUREMENT_BLOCK,
  DMTF_MEASUREMENT,
  DEVICE_MODE,
  STRUCTURED_MANIFEST,
  SVN,
  ...MEL_PARTS,
  ...EVENT_PARTS,
  ...ENDPOINT_INFO_PARTS,
  STANDARDS_HEADER,
  RESPONSE_NOT_READY,
  TOO_LARGE,
  VENDOR_ERROR,
  PCI_PROTOCOL,
  ...OPAQUE_LAYOUTS,
]

import type {AnyLayout} from '../../bits/index.js'
import {
  ALGORITHM_STRUCTURE,
  ALGORITHMS,
  EXTENDED_ALGORITHM,
  NEGOTIATE_ALGORITHMS,
  SUPPORTED_ALGORITHMS,
} from './algorithms.js'
import {
  CAPABILITIES,
  CAPABILITY_FLAGS,
  GET_CAPABILITIES,
  GET_VERSION,
  VERSION,
  VERSION_NUMBER_ENTRY,
} from './capabilities.js'
import {CERTIFICATE, GET_CERTIFICATE} from './certificate.js'
import {CERTIFICATE_CHAIN} from './certificate-chain.js'
import {CHALLENGE, CHALLENGE_AUTH} from './challenge.js'
import {CHUNK_GET, CHUNK_RESPONSE, CHUNK_SEND, CHUNK_SEND_ACK, RESPOND_IF_READY} from './chunk.js'
import type {SpdmMessageName} from './codes.js'
import {DIGEST_PARTS, DIGESTS, GET_DIGESTS} from './digests.js'
import {ERROR, RESPONSE_NOT_READY} from './error.js'
import {SPDM_HEADER} from './header.js'
import {FINISH, FINISH_RSP, KEY_EXCHANGE, KEY_EXCHANGE_RSP} from './key-exchange.js'
import {DEVICE_MODE, DMTF_MEASUREMENT, GET_MEASUREMENTS, MEASUREMENT_BLOCK, MEASUREMENTS, SVN} from './measurements.js'
import {OPAQUE_LAYOUTS} from './opaque.js'
import {PSK_EXCHANGE, PSK_EXCHANGE_RSP, PSK_FINISH, PSK_FINISH_RSP} from './psk.js'
import {END_SESSION, END_SESSION_ACK, HEARTBEAT, HEARTBEAT_ACK, KEY_UPDATE, KEY_UPDATE_ACK} from './session-control.js'
import {PCI_PROTOCOL, VENDOR_DEFINED_REQUEST, VENDOR_DEFINED_RESPONSE} from './vendor-defined.js'

export * from './algorithms.js'
export * from './capabilities.js'
export * from './certificate.js'
export * from './certificate-chain.js'
export * from './challenge.js'
export * from './chunk.js'
export * from './codes.js'
export * from './context.js'
export {CERTIFICATE_MODEL_NAMES, DIGESTS, GET_DIGESTS, KEY_USAGE} from './digests.js'
export * from './error.js'
export {header, since, SPDM_HEADER} from './header.js'
export * from './key-exchange.js'
export * from './measurements.js'
export * from './opaque.js'
export * from './psk.js'
export * from './session-control.js'
export * from './vendor-defined.js'

/** Layout of every message, by its name. */
export const SPDM_MESSAGES = {
  GET_VERSION,
  VERSION,
  GET_CAPABILITIES,
  CAPABILITIES,
  NEGOTIATE_ALGORITHMS,
  ALGORITHMS,
  GET_DIGESTS,
  DIGESTS,
  GET_CERTIFICATE,
  CERTIFICATE,
  CHALLENGE,
  CHALLENGE_AUTH,
  GET_MEASUREMENTS,
  MEASUREMENTS,
  KEY_EXCHANGE,
  KEY_EXCHANGE_RSP,
  FINISH,
  FINISH_RSP,
  PSK_EXCHANGE,
  PSK_EXCHANGE_RSP,
  PSK_FINISH,
  PSK_FINISH_RSP,
  HEARTBEAT,
  HEARTBEAT_ACK,
  KEY_UPDATE,
  KEY_UPDATE_ACK,
  END_SESSION,
  END_SESSION_ACK,
  VENDOR_DEFINED_REQUEST,
  VENDOR_DEFINED_RESPONSE,
  CHUNK_SEND,
  CHUNK_SEND_ACK,
  CHUNK_GET,
  CHUNK_RESPONSE,
  RESPOND_IF_READY,
  ERROR,
} as const satisfies Partial<Record<SpdmMessageName, AnyLayout>>

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
  SVN,
  RESPONSE_NOT_READY,
  PCI_PROTOCOL,
  ...OPAQUE_LAYOUTS,
]

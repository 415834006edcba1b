/** What a responder is: its identity, what it measures, and which parts of SPDM it speaks. */
import type {CertificateModel} from '../certificates/index.js'
import type {SignatureQuestion} from '../crypto/index.js'
import type {CapabilityFlags} from '../messages/index.js'
import type {Connection} from '../negotiation/index.js'
import type {RecordForm} from '../transport/index.js'

/** Signs as the owner of a slot's key. Throws TsmctlError when the algorithm cannot be carried out here. */
export type Signer = (question: SignatureQuestion) => Uint8Array

export interface ResponderSlot {
  /** 0 to 7. */
  readonly slot: number
  /** DER, root first, leaf last. */
  readonly certificates: readonly Uint8Array[]
  readonly sign: Signer
  /** Device certificate unless given. */
  readonly model?: Exclude<CertificateModel, 'none'>
  /** KeyPairID of a multi-key connection, 1 to 255; 1 unless given. */
  readonly keyPairId?: number
  /** KeyUsageMask of a multi-key connection (`KEY_USAGE`); the four uses of the specification unless given. */
  readonly keyUsage?: number
  /** Bytes the slot can hold; the chain's unless given. */
  readonly capacity?: number
}

/**
 * One thing the responder measures. `content` is hashed with the negotiated measurement hash, or sent as it is to who
 * asks for the raw bit stream; `raw` is always sent as it is; `digest` is a digest that was taken beforehand.
 */
export interface ResponderMeasurement {
  /** 1 to 0xFE. */
  readonly index: number
  /** DMTFSpecMeasurementValueType without the representation bit. */
  readonly type: number
  readonly form: 'content' | 'raw' | 'digest'
  readonly value: Uint8Array
  /** Part of the trusted computing base: covered by the summary hash of type TCB. */
  readonly tcb: boolean
}

/** Names of algorithms, preferred first. What is not listed is not supported. */
export interface AlgorithmPreferences {
  readonly hash: readonly string[]
  /** Of either family: BaseAsymAlgo or PqcAsymAlgo. The keys of all slots must be of them. */
  readonly asym: readonly string[]
  readonly measurementHash: readonly string[]
  /** Of either family: Diffie-Hellman groups or KEMs. */
  readonly exchange: readonly string[]
  readonly aead: readonly string[]
}

export interface ResponderOptions {
  readonly slots: readonly ResponderSlot[]
  readonly measurements: readonly ResponderMeasurement[]
  readonly algorithms: AlgorithmPreferences
  /** The measurement extension log (`DMTF_MEL`); without it there is no MEL_CAP. */
  readonly measurementLog?: Uint8Array
  /** What the device is (`DEVICE_CLASS_IDENTIFIER`); without it there is no EP_INFO_CAP. */
  readonly endpointInfo?: Uint8Array
  /** Cryptographic random bytes. */
  readonly random: (length: number) => Uint8Array
  /** SPDMVersions on offer; all unless given. */
  readonly versions?: readonly number[]
  /** Flags that differ from what follows from the identity, the measurements and the key. */
  readonly capabilities?: Partial<CapabilityFlags>
  /** Slots that exist, whether they are provisioned or not, as a mask; the provisioned ones unless given. */
  readonly supportedSlots?: number
  /** 2^n microseconds for cryptographic responses. */
  readonly ctExponent?: number
  /** Largest single transfer and largest reassembled message we take, in bytes. */
  readonly dataTransferSize?: number
  readonly maxSpdmMsgSize?: number
  /** Zero bytes that the transport may have put behind a message in the clear; 3 where objects count dwords. */
  readonly maxPadding?: number
  /** How the transport frames records; as DOE does unless given. */
  readonly records?: RecordForm | undefined
  readonly maxSessions?: number
  /** Seconds; 0 for none. */
  readonly heartbeatPeriod?: number
  /** Milliseconds that only grow, for heartbeats; a clock that stands still keeps every session. */
  readonly monotonic?: () => number
  /** The key `hint` means, or undefined when there is none. Without it there is no PSK_CAP. */
  readonly psk?: (hint: Uint8Array) => Uint8Array | undefined
  /**
   * Answers a PCI-SIG protocol's message, which starts with its ProtocolID. `session` is undefined in the clear;
   * `connection` tells how its records are protected. Undefined is silence, as those protocols want it.
   */
  readonly vendor?: (payload: Uint8Array, session: number | undefined, connection: Connection) => Uint8Array | undefined
  /** A session is over, for whatever reason. */
  readonly onSessionEnd?: (session: number) => void
  /** Requests, by code, that are answered with ResponseNotReady first. */
  readonly isSlow?: (code: number) => boolean
}

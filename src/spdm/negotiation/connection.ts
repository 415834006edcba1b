/** What a finished negotiation means for every message that follows (DSP0274 1.3 §10.3 to §10.5). */
import {
  AEAD,
  type AeadAlgorithm,
  type AsymAlgorithm,
  BASE_ASYM,
  DHE_GROUP,
  type ExchangeAlgorithm,
  type HashAlgorithm,
  KEM,
  onlyOne,
  PQC_ASYM,
} from '../algorithms.js'
import {ALG_TYPE, type Algorithms, type MessageContext} from '../messages/index.js'
import {definedCapabilities} from './capability-rules.js'
import type {PeerCapabilities, VcaFacts} from './vca.js'

/** Facts of one connection, both sides' view. An algorithm that was not agreed is undefined. */
export interface Connection {
  /** SPDMVersion of every message. */
  readonly version: number
  /** GET_VERSION to ALGORITHMS as they went over the wire. */
  readonly vca: Uint8Array
  /** What counts in this version; absent in 1.0. */
  readonly requester: PeerCapabilities | undefined
  readonly responder: PeerCapabilities
  readonly hash: HashAlgorithm | undefined
  readonly asym: AsymAlgorithm | undefined
  /** What the requester would sign with, in mutual authentication. */
  readonly requesterAsym: AsymAlgorithm | undefined
  readonly measurementHash: HashAlgorithm | undefined
  readonly exchange: ExchangeAlgorithm | undefined
  readonly aead: AeadAlgorithm | undefined
  /** OpaqueDataFmt1 was selected, since 1.2; 1.1 has a general table of its own. */
  readonly opaqueFormat1: boolean
  /** The responder's slots have keys of their own uses, since 1.3. */
  readonly multiKey: boolean
  /** So have the requester's, since 1.3. */
  readonly requesterMultiKey: boolean
  /** Both sides set HANDSHAKE_IN_THE_CLEAR_CAP. */
  readonly clearHandshake: boolean
  /** Records of sessions are encrypted; otherwise they only carry a MAC. */
  readonly encrypted: boolean
}

const NEGOTIABLE = 2

/** MULTI_KEY_CAP 1 settles the matter, 2 leaves it to the other side's selection. */
const isMultiKey = (capability: number, selected: boolean): boolean =>
  capability === NEGOTIABLE ? selected : capability === 1

function structure(algorithms: Algorithms, type: number): number {
  return algorithms.algStructures.find(({algType}) => algType === type)?.algSupported ?? 0
}

/** The connection that `vca` established. Whether its parts are legal is for the rules of the negotiation to say. */
export function connectionOf(vca: VcaFacts): Connection {
  const {version, algorithms, hash, asym, measurementHash} = vca
  const requester = definedCapabilities(vca.requester, 'requester', version)
  const responder = definedCapabilities(vca.responder, 'responder', version)
  const selected = (type: number): number => (version >= 0x11 ? structure(algorithms, type) : 0)
  const both = (cap: 'handshakeInTheClearCap' | 'encryptCap'): boolean =>
    requester?.flags[cap] === true && responder.flags[cap]
  return {
    version,
    vca: vca.bytes,
    requester,
    responder,
    hash,
    asym,
    requesterAsym:
      onlyOne<AsymAlgorithm>(BASE_ASYM, selected(ALG_TYPE.ReqBaseAsymAlg)) ??
      onlyOne<AsymAlgorithm>(PQC_ASYM, selected(ALG_TYPE.ReqPqcAsymAlg)),
    measurementHash,
    exchange:
      onlyOne<ExchangeAlgorithm>(DHE_GROUP, selected(ALG_TYPE.DHE)) ??
      onlyOne<ExchangeAlgorithm>(KEM, selected(ALG_TYPE.KEMAlg)),
    aead: onlyOne<AeadAlgorithm>(AEAD, selected(ALG_TYPE.AEAD)),
    opaqueFormat1: version >= 0x12 && algorithms.opaqueDataFmtSel === 2,
    multiKey: version >= 0x13 && isMultiKey(responder.flags.multiKeyCap, vca.negotiate.responderMultiKeyConn),
    requesterMultiKey:
      version >= 0x13 && isMultiKey(requester?.flags.multiKeyCap ?? 0, algorithms.requesterMultiKeyConnSel),
    clearHandshake: version >= 0x11 && both('handshakeInTheClearCap'),
    encrypted: both('encryptCap'),
  }
}

/** What decoders and encoders of this connection's messages must know; `more` is what the request at hand adds. */
export const contextOf = (connection: Connection, more: MessageContext = {}): MessageContext => ({
  version: connection.version,
  hashSize: connection.hash?.size ?? 0,
  signatureSize: connection.asym?.signatureSize ?? 0,
  requesterSignatureSize: connection.requesterAsym?.signatureSize ?? 0,
  exchangeSize: connection.exchange?.requestSize ?? 0,
  responseExchangeSize: connection.exchange?.responseSize ?? 0,
  clearHandshake: Number(connection.clearHandshake),
  multiKey: Number(connection.multiKey),
  ...more,
})

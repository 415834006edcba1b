/** Everything that can be said against a chain a peer served, short of trust and time (DSP0274 1.3 §10.7). */
import {equal} from '../../bits/index.js'
import {digestOf} from '../crypto/index.js'
import type {Connection} from '../negotiation/index.js'
import type {Side} from '../side.js'
import type {ChainFacts} from './certificate-chain.js'
import type {CertificateFacts} from './certificate-facts.js'
import {leafProblems, type LeafProblem} from './leaf.js'
import {modelProblems} from './model.js'
import {isSelfSigned, type PathAnchor, pathProblems, type PathProblemKind} from './path.js'
import {type CertificateModel, certificateModel, type SlotFacts} from './slots.js'

export type ChainProblemKind =
  PathProblemKind | LeafProblem['kind'] | 'root-hash' | 'digest' | 'model' | 'certificate-info' | 'serial' | 'hash'

export interface ChainProblem {
  readonly kind: ChainProblemKind
  /** Position in the chain, 0 nearest the root; absent when it is about the whole chain. */
  readonly certificate?: number
  readonly message: string
}

export interface ServedChain {
  readonly chain: ChainFacts
  /** Facts of its certificates, in the same order. */
  readonly certificates: readonly CertificateFacts[]
  readonly connection: Pick<
    Connection,
    'version' | 'hash' | 'asym' | 'requesterAsym' | 'responder' | 'multiKey' | 'requesterMultiKey'
  >
  /** Whose chain it is. Default the responder's. */
  readonly role?: Side
  /** What DIGESTS said about the slot; its digest is not checked without. */
  readonly slot?: SlotFacts
  /** CertificateInfo of the CERTIFICATE responses. */
  readonly certificateInfo?: number
  /** What the path must end in. Without one, only a self-signed first certificate can be checked. */
  readonly anchor?: PathAnchor
}

const MAX_SERIAL_BYTES = 20

const isMultiKey = ({role, connection}: ServedChain): boolean =>
  role === 'requester' ? connection.requesterMultiKey : connection.multiKey

/** SPDMVersion that introduced alias certificates. */
const MODELS_SINCE = 0x12

/** Model of the chain: of its slot in a multi-key connection, otherwise what the capabilities say for all slots. */
function modelOf(served: ServedChain): CertificateModel | undefined {
  if (isMultiKey(served)) return served.slot?.model
  if (served.connection.version < MODELS_SINCE) return undefined
  return served.role !== 'requester' && served.connection.responder.flags.aliasCertCap ? 'alias' : 'device'
}

function hashProblems({chain, certificates, connection: {hash}, slot, anchor}: ServedChain): ChainProblem[] {
  if (hash === undefined) return [{kind: 'hash', message: 'no hash was agreed to check the chain with'}]
  const found: ChainProblem[] = []
  if (slot !== undefined && !equal(digestOf(hash, chain.bytes), slot.digest))
    found.push({kind: 'digest', message: `its digest is not the one DIGESTS gave for slot ${slot.slot}`})
  const [first] = certificates
  const roots = [anchor?.certificate, first !== undefined && isSelfSigned(first) ? first : undefined]
  for (const root of roots)
    if (root !== undefined && !equal(digestOf(hash, root.der), chain.rootHash)) {
      found.push({kind: 'root-hash', message: 'RootHash is not the digest of the root certificate'})
      break
    }
  return found
}

function infoProblems(served: ServedChain): ChainProblem[] {
  const {certificateInfo, slot} = served
  if (certificateInfo === undefined) return []
  if (!isMultiKey(served))
    return certificateInfo === 0
      ? []
      : [{kind: 'certificate-info', message: 'CertificateInfo is set outside a multi-key connection'}]
  return slot === undefined || certificateModel(certificateInfo) === slot.model
    ? []
    : [{kind: 'certificate-info', message: 'CertificateInfo is not what DIGESTS gave for the slot'}]
}

/** DER integers are signed: a first byte from 0x80 on is a negative number. */
const isIllegalSerial = (serial: string): boolean => serial.length > 2 * MAX_SERIAL_BYTES || /^[89a-f]/.test(serial)

/**
 * Problems of a chain of `certificates` that a peer served; empty when none was found, which does not make it trusted:
 * that takes an `anchor`, and validity is for `validityProblems`.
 */
export function chainProblems(served: ServedChain): readonly ChainProblem[] {
  const {certificates, connection, role = 'responder', anchor} = served
  const leaf = certificates.at(-1)
  if (leaf === undefined) return pathProblems(certificates, anchor)
  const model = modelOf(served)
  const asym = role === 'requester' ? connection.requesterAsym : connection.asym
  const last = certificates.length - 1
  const unknownModel: readonly ChainProblem[] = isMultiKey(served)
    ? [{kind: 'model', message: 'the certificate model of the slot is not known'}]
    : []
  const modelFindings = model === undefined ? unknownModel : modelProblems(certificates, model)
  return [
    ...hashProblems(served),
    ...infoProblems(served),
    ...pathProblems(certificates, anchor),
    ...certificates.flatMap(({serial}, certificate): ChainProblem[] =>
      isIllegalSerial(serial)
        ? [{kind: 'serial', certificate, message: `its serial number is negative or above ${MAX_SERIAL_BYTES} bytes`}]
        : [],
    ),
    ...leafProblems(leaf, connection.version, asym, {role, model}).map(problem => ({...problem, certificate: last})),
    ...modelFindings,
  ]
}

/** Rules of a leaf certificate, by the role of its owner and the model of its slot (DSP0274 1.3 §10.7.1). */
import type {AsymAlgorithm} from '../algorithms.js'
import type {Side} from '../side.js'
import type {CertificateFacts, KeyFacts} from './certificate-facts.js'
import type {CertificateModel} from './slots.js'
import {DMTF_OID} from './subject-names.js'

export interface LeafProblem {
  readonly kind: 'version' | 'ca' | 'basic-constraints' | 'key-usage' | 'extended-key-usage' | 'key-algorithm'
  readonly message: string
}

const keyText = ({type, curve, bits}: KeyFacts): string => curve ?? (bits === undefined ? type : `${type}-${bits}`)

/** Is a key of the kind that signs with `asym`? */
export function keyFits({type, curve, bits}: KeyFacts, asym: AsymAlgorithm): boolean {
  switch (asym.kind) {
    case 'ecdsa':
    case 'sm2':
      return type === (asym.kind === 'sm2' ? 'sm2' : 'ec') && curve === asym.curve
    case 'rsassa':
      return type === 'rsa' && bits === asym.modulusBits
    case 'rsapss':
      return type.startsWith('rsa') && bits === asym.modulusBits
    default:
      return type === asym.name
  }
}

/** What the certificate is for. */
export interface LeafProfile {
  /** Whose certificate it is; default the responder's. */
  readonly role?: Side
  readonly model?: CertificateModel | undefined
}

const X509_V3 = 3
/** The use of a role, and the one that it excludes when it stands alone. */
const ROLES = {
  responder: {own: DMTF_OID.responderAuth, other: DMTF_OID.requesterAuth, wrong: 'the leaf is a requester certificate'},
  requester: {own: DMTF_OID.requesterAuth, other: DMTF_OID.responderAuth, wrong: 'the leaf is a responder certificate'},
} as const

/** Problems of `leaf` as the certificate of a peer that negotiated `version` and, if known, signs with `asym`. */
export function leafProblems(
  leaf: CertificateFacts,
  version: number,
  asym: AsymAlgorithm | undefined,
  {role = 'responder', model}: LeafProfile = {},
): LeafProblem[] {
  const found: LeafProblem[] = []
  const {own, other, wrong} = ROLES[role]
  if (leaf.version !== X509_V3)
    found.push({kind: 'version', message: `the leaf is an X.509 certificate of version ${leaf.version}`})
  const {basicConstraints, keyUsage, extendedKeyUsage, key} = leaf
  if (basicConstraints?.ca) found.push({kind: 'ca', message: 'the leaf is a CA'})
  if (basicConstraints === undefined && version >= 0x13)
    found.push({kind: 'basic-constraints', message: 'the leaf has no basic constraints'})
  const unrestricted = keyUsage === undefined && model === 'generic'
  if (!unrestricted && !keyUsage?.includes('digitalSignature'))
    found.push({kind: 'key-usage', message: 'the leaf key may not sign'})
  if (extendedKeyUsage?.includes(other) && !extendedKeyUsage.includes(own))
    found.push({kind: 'extended-key-usage', message: wrong})
  if (asym !== undefined && !keyFits(key, asym))
    found.push({kind: 'key-algorithm', message: `the leaf key is ${keyText(key)}, ${asym.name} was negotiated`})
  return found
}

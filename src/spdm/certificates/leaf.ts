/** Rules of a responder's leaf certificate (DSP0274 1.3 §10.7.1). */
import type {AsymAlgorithm} from '../algorithms.js'
import type {CertificateFacts, KeyFacts} from './certificate-facts.js'
import {DMTF_OID} from './subject-names.js'

export interface LeafProblem {
  readonly kind: 'ca' | 'basic-constraints' | 'key-usage' | 'extended-key-usage' | 'key-algorithm'
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

/** Problems of `leaf` as the certificate of a responder that negotiated `version` and, if known, `asym`. */
export function leafProblems(leaf: CertificateFacts, version: number, asym: AsymAlgorithm | undefined): LeafProblem[] {
  const found: LeafProblem[] = []
  const {basicConstraints, keyUsage, extendedKeyUsage, key} = leaf
  if (basicConstraints?.ca) found.push({kind: 'ca', message: 'the leaf is a CA'})
  if (basicConstraints === undefined && version >= 0x13)
    found.push({kind: 'basic-constraints', message: 'the leaf has no basic constraints'})
  if (!keyUsage?.includes('digitalSignature')) found.push({kind: 'key-usage', message: 'the leaf key may not sign'})
  if (extendedKeyUsage?.includes(DMTF_OID.requesterAuth) && !extendedKeyUsage.includes(DMTF_OID.responderAuth))
    found.push({kind: 'extended-key-usage', message: 'the leaf is a requester certificate'})
  if (asym !== undefined && !keyFits(key, asym))
    found.push({kind: 'key-algorithm', message: `the leaf key is ${keyText(key)}, ${asym.name} was negotiated`})
  return found
}

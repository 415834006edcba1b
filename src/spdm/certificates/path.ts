/**
 * Rules of a certification path from an anchor to a device's leaf (RFC 5280 §6.1, without policies and names, which
 * SPDM does not use). Every violation names its certificate; an empty list means that none was found, not that the
 * anchor is trusted.
 */
import {equal} from '../../bits/index.js'
import type {CertificateFacts} from './certificate-facts.js'
import {verifyCertificateSignature} from './signed.js'

export type PathProblemKind =
  | 'no-certificates'
  | 'signature'
  | 'issuer-name'
  | 'key-identifier'
  | 'not-ca'
  | 'no-cert-sign'
  | 'path-length'
  | 'weak'
  | 'critical-extension'
  | 'duplicate-extension'
  | 'unreadable-extension'

export interface PathProblem {
  readonly kind: PathProblemKind
  /** Position in the chain, 0 nearest the root. */
  readonly certificate: number
  readonly message: string
}

/** Who signed the first certificate: the anchor, known as a certificate or only by its key. */
export interface PathAnchor {
  readonly spki: Uint8Array
  readonly certificate?: CertificateFacts
}

/** The first certificate is a root: self-issued, and signed by its own key. */
export const isSelfSigned = (certificate: CertificateFacts): boolean =>
  certificate.selfIssued && verifyCertificateSignature(certificate.der, certificate.spki)

interface Issuer {
  readonly spki: Uint8Array
  readonly facts: CertificateFacts | undefined
}

function linkProblems(child: CertificateFacts, issuer: Issuer, certificate: number): PathProblem[] {
  const found: PathProblem[] = []
  const {facts} = issuer
  if (facts !== undefined && !equal(child.issuerDer, facts.subjectDer))
    found.push({kind: 'issuer-name', certificate, message: 'its issuer is not the subject of the certificate above'})
  if (
    facts?.subjectKeyId !== undefined &&
    child.authorityKeyId !== undefined &&
    facts.subjectKeyId !== child.authorityKeyId
  )
    found.push({kind: 'key-identifier', certificate, message: 'its authority key is not the key above'})
  if (!verifyCertificateSignature(child.der, issuer.spki))
    found.push({kind: 'signature', certificate, message: `its ${child.signature.name} signature does not verify`})
  return found
}

/** Problems of certificate `i` as an issuer of those below it. */
function issuerProblems(chain: readonly CertificateFacts[], i: number): PathProblem[] {
  const found: PathProblem[] = []
  const issuer = chain[i]!
  const {basicConstraints, keyUsage} = issuer
  if (basicConstraints?.ca !== true) found.push({kind: 'not-ca', certificate: i, message: 'it is not a CA'})
  // a root is trusted as it stands; without the extension its key may be used for anything (RFC 5280 §4.2.1.3)
  const isUnrestrictedRoot = i === 0 && issuer.selfIssued && keyUsage === undefined
  if (!isUnrestrictedRoot && !keyUsage?.includes('keyCertSign'))
    found.push({kind: 'no-cert-sign', certificate: i, message: 'its key may not sign certificates'})
  const below = chain.slice(i + 1, -1).filter(({selfIssued}) => !selfIssued).length
  const limit = basicConstraints?.pathLength
  if (limit !== undefined && below > limit)
    found.push({kind: 'path-length', certificate: i, message: `${below} CAs below it, it allows ${limit}`})
  return found
}

function ownProblems({weaknesses, unknownCritical, duplicateExtensions, unreadable}: CertificateFacts, i: number) {
  const each = (kind: PathProblemKind, texts: readonly string[]): PathProblem[] =>
    texts.map(message => ({kind, certificate: i, message}))
  return [
    ...each('weak', weaknesses),
    ...each(
      'critical-extension',
      unknownCritical.map(oid => `unknown critical extension ${oid}`),
    ),
    ...each(
      'duplicate-extension',
      duplicateExtensions.map(oid => `extension ${oid} occurs twice`),
    ),
    ...each(
      'unreadable-extension',
      unreadable.map(({oid, why}) => `extension ${oid}: ${why}`),
    ),
  ]
}

/**
 * Problems of `chain`, root first. With an `anchor` the first certificate is checked against it, unless it is the anchor
 * itself; without one only a self-signed first certificate can be, and a chain that starts below its root keeps an
 * unverified first signature, which is reported.
 */
export function pathProblems(chain: readonly CertificateFacts[], anchor?: PathAnchor): PathProblem[] {
  const [first] = chain
  if (first === undefined) return [{kind: 'no-certificates', certificate: 0, message: 'the chain is empty'}]
  const top: Issuer =
    anchor === undefined || equal(first.spki, anchor.spki)
      ? {spki: first.spki, facts: first}
      : {spki: anchor.spki, facts: anchor.certificate}
  const links = chain.flatMap((certificate, i) => [
    ...linkProblems(certificate, i === 0 ? top : {spki: chain[i - 1]!.spki, facts: chain[i - 1]}, i),
    ...(i < chain.length - 1 ? issuerProblems(chain, i) : []),
    ...ownProblems(certificate, i),
  ])
  const root = anchor?.certificate
  return root === undefined || equal(root.der, first.der) ? links : [...aboveProblems(root, chain), ...links]
}

/** A root is held to the same rules whether a device shows it or not: otherwise leaving it out would undo its limits. */
const aboveProblems = (root: CertificateFacts, chain: readonly CertificateFacts[]): PathProblem[] =>
  [...issuerProblems([root, ...chain], 0), ...ownProblems(root, 0)].map(problem => ({
    ...problem,
    message: `of the anchor above it: ${problem.message}`,
  }))

/**
 * Position of the certificate that identifies the device: the lowest one with a hardware identity, else the one above
 * the alias certificates that the device makes itself, else the leaf.
 */
export function deviceCertificateIndex(chain: readonly CertificateFacts[]): number {
  const identified = chain.findLastIndex(({hardwareIdentity}) => hardwareIdentity)
  if (identified >= 0) return identified
  const alias = chain.findIndex(({mutableCertificate}) => mutableCertificate)
  return alias > 0 ? alias - 1 : chain.length - 1
}

/** Where a certificate chain is anchored: trust is by digest of a certificate or key, never by a name. */
import {DecodeError} from '../bits/index.js'
import {type CertificateFacts, type PathProblem, pathProblems, verifyCertificateSignature} from '../spdm/index.js'
import type {TrustAnchor} from './policy/index.js'

export interface AnchorMatch {
  readonly anchor: TrustAnchor
  /** The anchor is the first certificate of the chain; otherwise it signed the first one. */
  readonly inChain: boolean
  /** DER of the anchor's certificate, if it is known. */
  readonly certificate: Uint8Array | undefined
  /** Facts of the anchor, when it is not in the chain. */
  readonly above: CertificateFacts | undefined
}

const digestName = (hex: string): string => `sha384:${hex}`

const isAnchor = (certificate: CertificateFacts, anchor: TrustAnchor): boolean =>
  anchor.certSha384 === undefined
    ? digestName(certificate.spkiSha384) === anchor.spkiSha384
    : digestName(certificate.sha384) === anchor.certSha384

/** An anchor that our stricter reader refuses anchors nothing. */
function readable(der: Uint8Array, factsOf: (der: Uint8Array) => CertificateFacts): CertificateFacts | undefined {
  try {
    return factsOf(der)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

/** The anchor the chain starts at, or whose signature the first certificate carries. */
export function findAnchor(
  anchors: readonly TrustAnchor[],
  chain: readonly CertificateFacts[],
  factsOf: (der: Uint8Array) => CertificateFacts,
): AnchorMatch | undefined {
  const [first] = chain
  if (first === undefined) return undefined
  const included = anchors.find(anchor => isAnchor(first, anchor))
  if (included !== undefined) return {anchor: included, inChain: true, certificate: first.der, above: undefined}
  for (const anchor of anchors) {
    const above = anchor.certificate && readable(anchor.certificate, factsOf)
    if (above === undefined) continue
    // the digest is the trust: a file that came along proves nothing by itself
    if (!isAnchor(above, anchor) || !verifyCertificateSignature(first.der, above.spki)) continue
    return {anchor, inChain: false, certificate: above.der, above}
  }
  return undefined
}

/** Paths already judged: several checks ask about the same one, and each signature costs as much as all the rest. */
const judged = new WeakMap<readonly CertificateFacts[], Map<CertificateFacts | undefined, readonly PathProblem[]>>()

/** Everything wrong with the path from the anchor, or from the chain's own root when no anchor matched. */
export function problemsOfPath(
  chain: readonly CertificateFacts[],
  match: AnchorMatch | undefined,
): readonly PathProblem[] {
  const above = match?.above
  const known = judged.get(chain) ?? new Map<CertificateFacts | undefined, readonly PathProblem[]>()
  judged.set(chain, known)
  const found = known.get(above) ?? pathProblems(chain, above && {spki: above.spki, certificate: above})
  known.set(above, found)
  return found
}

/** Every certificate is signed by the one above, up to a pinned anchor. */
export const isVerified = (chain: readonly CertificateFacts[], match: AnchorMatch | undefined): boolean =>
  match !== undefined &&
  problemsOfPath(chain, match).every(({kind}) => !['signature', 'issuer-name', 'key-identifier'].includes(kind))

/** Was a manifest signed by one of the signers a policy pins? */
import {printable, quoted} from '../../errors.js'
import {
  type CertificateFacts,
  loadCertificateReader,
  loadCryptoOf,
  type PathProblem,
  pathProblems,
  validityProblems,
} from '../../spdm/index.js'
import type {Policy, TrustAnchor} from '../policy/index.js'
import {resolveAnchors} from '../policy/index.js'
import {type AnchorMatch, findAnchor} from '../trust-path.js'
import type {Moment} from './device.js'
import {Refusal} from './outcome.js'

/** A signature over a manifest, whatever its form. */
export interface Signature {
  /** Certificates that came along, signer first, DER. */
  readonly certificates: readonly Uint8Array[]
  /** Did the private key of `spki` make it? */
  readonly signedBy: (spki: Uint8Array) => boolean
}

type Reader = (der: Uint8Array) => CertificateFacts

/** The part of `chain` that starts at, or right below, an anchor. */
function anchored(
  anchors: readonly TrustAnchor[],
  chain: readonly CertificateFacts[],
  read: Reader,
): {readonly path: readonly CertificateFacts[]; readonly match: AnchorMatch} | undefined {
  for (const start of chain.keys()) {
    const path = chain.slice(start)
    const match = findAnchor(anchors, path, read)
    if (match !== undefined) return {path, match}
  }
  return undefined
}

const LONGEST_PATH = 10

/** Signer first, as it came along, or the certificate of an anchor that made the signature itself. */
async function pathTo(signature: Signature, anchors: readonly TrustAnchor[], set: string) {
  const {certificateFacts: read} = await loadCertificateReader()
  if (signature.certificates.length > LONGEST_PATH)
    throw new Refusal(
      'signer-path',
      `it brings ${signature.certificates.length} certificates, ${LONGEST_PATH} are enough`,
    )
  const chain = signature.certificates.map(read).toReversed()
  await loadCryptoOf(chain)
  if (chain.length > 0) {
    const found = anchored(anchors, chain, read)
    if (found === undefined) throw new Refusal('signer', `it is not signed by ${set}`)
    return found
  }
  const brought = anchors.flatMap(({certificate}) => certificate ?? [])
  if (brought.length === 0)
    throw new Refusal('signer-file', `it brings no certificate, and the policy has no file of ${set}`)
  for (const der of brought) {
    const path = [read(der)]
    const match = findAnchor(anchors, path, read)
    if (match !== undefined && signature.signedBy(path[0]!.spki)) return {path, match}
  }
  throw new Refusal('signer', `it is not signed by ${set}`)
}

/** Problems between a certificate and the one above it. */
const SIGNED_BY_ABOVE: readonly PathProblem['kind'][] = ['signature', 'issuer-name', 'key-identifier']

/** Throws Refusal unless one of the set `name` signed, by a path that holds now. */
export async function requireSigner(
  signature: Signature,
  name: string,
  policy: Pick<Policy, 'document' | 'files'>,
  moment: Moment,
): Promise<void> {
  const set = quoted(name)
  const anchors = resolveAnchors({[name]: policy.document.rimSigners?.[name] ?? []}, policy.files).get(name)!
  const {path, match} = await pathTo(signature, anchors, set)
  const {above} = match
  const [problem] = [
    ...pathProblems(path, above && {spki: above.spki, certificate: above}).filter(
      // what is pinned itself needs nobody's signature
      ({kind, certificate}) => !(match.inChain && certificate === 0 && SIGNED_BY_ABOVE.includes(kind)),
    ),
    ...validityProblems(path, moment.mode, {...moment, above}),
  ]
  const signer = path.at(-1)!
  if (problem !== undefined)
    throw new Refusal(
      'signer-path',
      `certificate ${problem.certificate} of its signer: ${printable(problem.message, 120)}`,
    )
  // an anchor is trusted as it stands
  const isAnchor = match.inChain && path.length === 1
  if (!isAnchor && signer.keyUsage !== undefined && !signer.keyUsage.includes('digitalSignature'))
    throw new Refusal('signer-path', 'the key of its signer may not sign')
  for (const {certSha384, reason} of policy.document.deny ?? [])
    if (
      certSha384 !== undefined &&
      path.some(one => [one.sha384, one.spkiSha384].includes(certSha384.slice('sha384:'.length)))
    )
      throw new Refusal('signer-denied', `its signer is on the deny list: ${quoted(reason)}`)
  if (!signature.signedBy(signer.spki)) throw new Refusal('signature', `the signature of ${set} does not hold`)
}

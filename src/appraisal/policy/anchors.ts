/** Trust anchors: what a policy pins by digest, and the certificate it may bring along as a file. */
import {X509Certificate} from 'node:crypto'
import {named} from '../../evidence/index.js'
import type {Anchor} from './schema.js'

/** One anchor of a policy. The digest is the trust; the certificate only saves the device from sending it. */
export interface TrustAnchor {
  /** Name of the anchor set. */
  readonly set: string
  readonly label: string
  readonly certSha384: string | undefined
  readonly spkiSha384: string | undefined
  /** DER, when the policy brought it along. */
  readonly certificate: Uint8Array | undefined
}

const BEGIN = '-----BEGIN CERTIFICATE-----'
const END = '-----END CERTIFICATE-----'

/** Bytes of the one PEM block of a file; the bytes themselves when there is no such block. */
function unarmoured(bytes: Uint8Array): Uint8Array {
  const [, body, ...more] = Buffer.from(bytes).toString('latin1').split(BEGIN)
  if (body === undefined || more.length > 0) return bytes
  const [base64, rest] = body.split(END)
  return rest?.trim() === '' ? new Uint8Array(Buffer.from(base64!, 'base64')) : bytes
}

/** DER of a file that holds one certificate as PEM or DER; undefined for anything else. */
export function certificateOf(bytes: Uint8Array): Uint8Array | undefined {
  const der = unarmoured(bytes)
  try {
    const {raw} = new X509Certificate(der)
    // the parser takes a prefix: what follows the certificate would be in nobody's digest
    return raw.length === der.length ? der : undefined
  } catch {
    return undefined
  }
}

const spkiDigest = (certificate: X509Certificate): string =>
  named(new Uint8Array(certificate.publicKey.export({type: 'spki', format: 'der'})))

/** Does a file that a policy names lie anywhere but below the policy's directory? */
export const isOutside = (file: string): boolean => file.startsWith('/') || file.split('/').includes('..')

/** Why the content of an anchor's file does not fit the anchor, or undefined. */
export function anchorProblem(anchor: Anchor, content: Uint8Array | undefined): string | undefined {
  if (anchor.file === undefined) return undefined
  if (isOutside(anchor.file)) return 'the file lies outside of the policy directory'
  if (content === undefined) return 'the file was not found'
  const der = certificateOf(content)
  if (der === undefined) return 'the file is not exactly one certificate'
  if (anchor.certSha384 !== undefined && named(der) !== anchor.certSha384)
    return `the file has digest ${named(der)}, not the stated one`
  const certificate = new X509Certificate(der)
  if (anchor.spkiSha384 !== undefined && spkiDigest(certificate) !== anchor.spkiSha384)
    return `the key in the file has digest ${spkiDigest(certificate)}, not the stated one`
  return certificate.ca ? undefined : 'the certificate is not a CA that may sign certificates'
}

/** Anchors of all sets, with the certificates that came along. */
export function resolveAnchors(
  sets: Readonly<Record<string, readonly Anchor[]>>,
  files: ReadonlyMap<string, Uint8Array>,
): ReadonlyMap<string, readonly TrustAnchor[]> {
  const resolve = (set: string, anchor: Anchor): TrustAnchor => {
    const content = anchor.file === undefined ? undefined : files.get(anchor.file)
    return {
      set,
      label: anchor.label,
      certSha384: anchor.certSha384,
      spkiSha384: anchor.spkiSha384,
      certificate: content && certificateOf(content),
    }
  }
  return new Map(Object.entries(sets).map(([set, anchors]) => [set, anchors.map(anchor => resolve(set, anchor))]))
}

/** The public key of a certificate, without reading the rest of it. */
import {childrenOf, contextTag, encodingOf, expectTag, readWhole, TAG} from './der.js'

const WHAT = 'certificate'
/** Position of SubjectPublicKeyInfo behind the version: serial, algorithm, issuer, validity, subject come before. */
const SPKI = 5

/** DER of SubjectPublicKeyInfo (RFC 5280 §4.1.2.7). Throws DecodeError. */
export function leafKey(der: Uint8Array): Uint8Array {
  const [tbs] = childrenOf(expectTag(readWhole(der, WHAT), TAG.SEQUENCE, WHAT), WHAT)
  const fields = childrenOf(expectTag(tbs, TAG.SEQUENCE, WHAT), WHAT)
  const from = fields[0]?.tag === contextTag(0, true) ? 1 : 0
  return encodingOf(expectTag(fields[from + SPKI], TAG.SEQUENCE, WHAT))
}

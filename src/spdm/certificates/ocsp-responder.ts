/** Whom an OCSP response is about, and whether its signer may speak for the issuer (RFC 6960 §4.1.1, §4.2.2.2). */
import {createHash} from 'node:crypto'
import {equal} from '../../bits/index.js'
import type {CertificateFacts} from './certificate-facts.js'
import {childrenOf, contentOf, expectTag, readWhole, TAG} from './der.js'
import type {OcspAnswer, OcspFacts} from './ocsp.js'
import {isSignedBy, signatureWeaknesses} from './revocation-signer.js'
import {verifyCertificateSignature} from './signed.js'
import {isInForce, type RevocationTimes} from './revocation-time.js'

const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9'
/** The issuer says that the responder's own certificate need not be looked up. */
const NO_CHECK = '1.3.6.1.5.5.7.48.1.5'

/** Digests a certificate is named by. SHA-1 is one of them: it finds a key, and the key's signature is what counts. */
const DIGESTS = ['sha1', 'sha256', 'sha384', 'sha512']

const digest = (name: string, bytes: Uint8Array): string => createHash(name).update(bytes).digest('hex')

/** Octets of the public key, without its algorithm. */
function keyOctets(spki: Uint8Array): Uint8Array {
  const what = 'public key'
  const [, bits] = childrenOf(readWhole(spki, what), what)
  return contentOf(expectTag(bits, TAG.BIT_STRING, what)).subarray(1)
}

/** The answers of `response` about a certificate: issuer's name and key, and serial number, all fit. */
export function answersAbout(
  {answers}: OcspFacts,
  {certificate, issuer}: {readonly certificate: CertificateFacts; readonly issuer: CertificateFacts},
): readonly OcspAnswer[] {
  return answers.filter(
    answer =>
      answer.serial === certificate.serialNumber &&
      DIGESTS.includes(answer.hash) &&
      answer.issuerName === digest(answer.hash, certificate.issuerDer) &&
      answer.issuerKey === digest(answer.hash, keyOctets(issuer.spki)),
  )
}

const isNamed = (responder: OcspFacts['responder'], {subjectDer, spki}: CertificateFacts): boolean =>
  'name' in responder ? equal(responder.name, subjectDer) : responder.key === digest('sha1', keyOctets(spki))

type ReadResponse = OcspFacts & {readonly responders: readonly CertificateFacts[]}

/** The issuer, or whose certificate came along, whoever of them signed it. */
const signerOf = ({signed, responder, responders}: ReadResponse, issuer: CertificateFacts) =>
  [issuer, ...responders].find(candidate => isNamed(responder, candidate) && isSignedBy(signed, candidate))

/** Only the issuer itself can have authorised a responder. */
const isAuthorised = (delegate: CertificateFacts, issuer: CertificateFacts): boolean =>
  equal(delegate.issuerDer, issuer.subjectDer) && verifyCertificateSignature(delegate.der, issuer.spki)

/** Is it of the issuer, or of somebody whom the issuer ever let answer? That is enough to stop a certificate. */
export function maySayRevoked(response: ReadResponse, issuer: CertificateFacts): boolean {
  const signer = signerOf(response, issuer)
  if (signer === undefined || signer === issuer) return signer === issuer
  return isAuthorised(signer, issuer) && signer.extendedKeyUsage?.includes(OCSP_SIGNING) === true
}

interface ResponderProblem {
  readonly code: 'signer' | 'weak' | 'may-not-sign'
  readonly why: string
}

/** Why `delegate` may not answer for `issuer`, or undefined. */
function delegateProblem(
  delegate: CertificateFacts,
  issuer: CertificateFacts,
  revocation: string,
  times: RevocationTimes,
): string | undefined {
  const {extendedKeyUsage, keyUsage, unknownCritical, duplicateExtensions, unreadable} = delegate
  if (!isAuthorised(delegate, issuer)) return 'the certificate of its responder is not from the issuer'
  if (!extendedKeyUsage?.includes(OCSP_SIGNING)) return 'the certificate of its responder is not for OCSP'
  if (keyUsage !== undefined && !keyUsage.includes('digitalSignature')) return 'the key of its responder may not sign'
  if (unknownCritical.length + duplicateExtensions.length + unreadable.length > 0)
    return 'the certificate of its responder has an extension that is not understood'
  if (!isInForce(delegate, times)) return 'the certificate of its responder is not valid'
  if (revocation === 'revoked') return 'the certificate of its responder was revoked'
  const isExempt = delegate.extensions.some(({oid}) => oid === NO_CHECK)
  return isExempt || revocation === 'good' ? undefined : 'nothing shows that its responder was not revoked'
}

/** Why `response` does not speak for `issuer`, or undefined. `statusOf` is the status of a responder's certificate. */
export function responderProblem(
  response: ReadResponse,
  issuer: CertificateFacts,
  statusOf: (responder: CertificateFacts) => string,
  times: RevocationTimes,
): ResponderProblem | undefined {
  const {signed} = response
  const signer = signerOf(response, issuer)
  if (signer === undefined) return {code: 'signer', why: 'nobody who could speak for the issuer signed it'}
  const weak = [...signatureWeaknesses(signed, signer), ...(signer === issuer ? [] : signer.weaknesses)]
  if (weak.length > 0) return {code: 'weak', why: weak[0]!}
  const problem = signer === issuer ? undefined : delegateProblem(signer, issuer, statusOf(signer), times)
  return problem === undefined ? undefined : {code: 'may-not-sign', why: problem}
}

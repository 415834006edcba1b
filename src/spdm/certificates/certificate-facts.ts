/** What is known about one certificate. Made by `certificate.ts`, judged by `path.ts`, `leaf.ts` and `validity.ts`. */
import type {DiceExtension} from './dice.js'
import type {DeviceInfo, OtherName} from './subject-names.js'

export interface KeyFacts {
  /** `ec`, `rsa`, `rsa-pss`, `ed25519`, …; `unknown` when the key cannot be read here. */
  readonly type: string
  /** OpenSSL's name of the curve. */
  readonly curve: string | undefined
  /** Size of the modulus or of the curve's field. */
  readonly bits: number | undefined
}

export interface SignatureFacts {
  readonly oid: string
  /** `ecdsa-sha384`, …; the identifier itself when it is not known. */
  readonly name: string
  /** Digest, where the algorithm has one. */
  readonly hash: string | undefined
  /** Of RSASSA-PSS, in bytes. */
  readonly saltLength?: number
}

export interface CertificateExtension {
  readonly oid: string
  readonly critical: boolean
}

export type KeyUsage =
  | 'digitalSignature'
  | 'nonRepudiation'
  | 'keyEncipherment'
  | 'dataEncipherment'
  | 'keyAgreement'
  | 'keyCertSign'
  | 'cRLSign'
  | 'encipherOnly'
  | 'decipherOnly'

export interface CertificateFacts {
  readonly der: Uint8Array
  /** SHA-384 of the whole certificate and of its SubjectPublicKeyInfo, lower-case hexadecimal. */
  readonly sha384: string
  readonly spkiSha384: string
  /** Distinguished names as text: untrusted, show them through `printable`. */
  readonly subject: string
  readonly issuer: string
  /** Distinguished names as bytes, for comparison. */
  readonly subjectDer: Uint8Array
  readonly issuerDer: Uint8Array
  /** Subject and issuer are the same name. */
  readonly selfIssued: boolean
  /** Of X.509: 1, 2 or 3. Only 3 has extensions. */
  readonly version: number
  /** Lower-case hexadecimal of the content octets. */
  readonly serial: string
  readonly serialNumber: bigint
  readonly notBefore: Date
  readonly notAfter: Date
  /** notAfter is 9999-12-31 23:59:59: the issuer states that there is no expiry (RFC 5280 §4.1.2.5). */
  readonly noExpiry: boolean
  /** DER of SubjectPublicKeyInfo. */
  readonly spki: Uint8Array
  readonly key: KeyFacts
  readonly signature: SignatureFacts
  /** MD5, SHA-1, RSA below 3072 bits, curves below P-256: one text each. */
  readonly weaknesses: readonly string[]
  readonly basicConstraints: {readonly ca: boolean; readonly pathLength: number | undefined} | undefined
  readonly keyUsage: readonly KeyUsage[] | undefined
  /** Object identifiers. */
  readonly extendedKeyUsage: readonly string[] | undefined
  /** Lower-case hexadecimal. */
  readonly authorityKeyId: string | undefined
  readonly subjectKeyId: string | undefined
  readonly extensions: readonly CertificateExtension[]
  /** Critical extensions that nobody here interprets. */
  readonly unknownCritical: readonly string[]
  /** Extensions that occur more than once, which RFC 5280 §4.2 forbids. */
  readonly duplicateExtensions: readonly string[]
  /** Extensions whose content could not be read, and why. */
  readonly unreadable: readonly {readonly oid: string; readonly why: string}[]
  readonly crlUrls: readonly string[]
  readonly ocspUrls: readonly string[]
  readonly otherNames: readonly OtherName[]
  /** DMTF device info, if it has its three parts. */
  readonly deviceInfo: DeviceInfo | undefined
  /** Text of the DMTF device info, whatever its form. */
  readonly deviceInfoText: string | undefined
  /** Text of the PCI-SIG CMA name. */
  readonly cmaName: string | undefined
  /** Identifiers of the DMTF extension and of DMTF extensions on their own. */
  readonly dmtfOids: readonly string[]
  /** Carries DMTF's hardware-identity identifier: a device certificate. */
  readonly hardwareIdentity: boolean
  /** Carries DMTF's mutable-certificate identifier: an alias certificate. */
  readonly mutableCertificate: boolean
  readonly dice: readonly DiceExtension[]
}

/**
 * The device vendor's certificates: root → device CA → one leaf per device, P-384 with SHA-384, as DSP0274 §10.7 wants
 * responder certificates. The CAs' keys are forgotten as soon as the leaves are signed.
 */
import 'reflect-metadata'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import {webcrypto} from 'node:crypto'
import {concat, toHex} from '../bits/index.js'

const ALGORITHM = {name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384'} as const
const DAY = 86_400_000
const YEARS_10 = 3653 * DAY
/** RFC 5280 §4.1.2.5: no well-defined expiration. */
const NEVER = new Date('9999-12-31T23:59:59Z')

const OID = {subjectAltName: '2.5.29.17', responderAuth: '1.3.6.1.4.1.412.274.3'} as const

export interface Issuer {
  readonly certificate: X509Certificate
  readonly keys: CryptoKeyPair
}

export interface Leaf {
  readonly certificate: Uint8Array
  /** PKCS #8. */
  readonly key: Uint8Array
}

export interface DevicePki {
  readonly root: Uint8Array
  readonly intermediate: Uint8Array
  leaf(identity: string): Promise<Leaf>
}

type CryptoKeyPair = webcrypto.CryptoKeyPair

const newKeys = (): Promise<CryptoKeyPair> =>
  webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']) as Promise<CryptoKeyPair>

/** Positive and not zero, whatever the dice say. */
const serialNumber = (random: (length: number) => Uint8Array): string => `01${toHex(random(15))}`

const der = (certificate: X509Certificate): Uint8Array => new Uint8Array(certificate.rawData)

/** X.690 encoding of short values, which is all a name of a device needs. */
const tlv = (tag: number, ...content: readonly Uint8Array[]): Uint8Array => {
  const body = concat(...content)
  return concat(body.length < 0x80 ? Uint8Array.of(tag, body.length) : Uint8Array.of(tag, 0x81, body.length), body)
}

/** OBJECT IDENTIFIER 1.3.6.1.4.1.412.274.1, DMTF device info (DSP0274 §10.7 "Leaf certificate"). */
const DEVICE_INFO = Uint8Array.of(0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0x1c, 0x82, 0x12, 0x01)
const TAG = {oid: 0x06, utf8: 0x0c, sequence: 0x30, otherName: 0xa0, value: 0xa0}

/** SubjectAltName with one otherName, which the library has no class for (RFC 5280 §4.2.1.6). */
const deviceInfo = (identity: string): Extension =>
  new Extension(
    OID.subjectAltName,
    false,
    tlv(
      TAG.sequence,
      tlv(TAG.otherName, tlv(TAG.oid, DEVICE_INFO), tlv(TAG.value, tlv(TAG.utf8, new TextEncoder().encode(identity)))),
    ),
  )

/** Makes the CAs of `manufacturer`; `now` dates them. */
export async function createPki(
  manufacturer: string,
  now: Date,
  random: (length: number) => Uint8Array,
): Promise<DevicePki> {
  cryptoProvider.set(webcrypto as unknown as Parameters<typeof cryptoProvider.set>[0])
  const notBefore = new Date(now.getTime() - DAY)
  const notAfter = new Date(now.getTime() + YEARS_10)

  async function authority(name: string, pathLength: number, issuer?: Issuer): Promise<Issuer> {
    const keys = await newKeys()
    const signer = issuer ?? {keys}
    const certificate = await X509CertificateGenerator.create({
      serialNumber: serialNumber(random),
      subject: `O=${manufacturer}, CN=${manufacturer} ${name}`,
      issuer: issuer?.certificate.subject ?? `O=${manufacturer}, CN=${manufacturer} ${name}`,
      notBefore,
      notAfter,
      publicKey: keys.publicKey,
      signingKey: signer.keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new BasicConstraintsExtension(true, pathLength, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
        await AuthorityKeyIdentifierExtension.create(signer.keys.publicKey),
      ],
    })
    return {certificate, keys}
  }

  const root = await authority('Device Root CA', 1)
  const intermediate = await authority('Device CA', 0, root)
  return {
    root: der(root.certificate),
    intermediate: der(intermediate.certificate),
    async leaf(identity) {
      const keys = await newKeys()
      const certificate = await X509CertificateGenerator.create({
        serialNumber: serialNumber(random),
        subject: `O=${manufacturer}, CN=${identity.split(':').slice(1).join(' ')}`,
        issuer: intermediate.certificate.subject,
        notBefore,
        notAfter: NEVER,
        publicKey: keys.publicKey,
        signingKey: intermediate.keys.privateKey,
        signingAlgorithm: ALGORITHM,
        extensions: [
          new BasicConstraintsExtension(false, undefined, true),
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          new ExtendedKeyUsageExtension([OID.responderAuth]),
          await SubjectKeyIdentifierExtension.create(keys.publicKey),
          await AuthorityKeyIdentifierExtension.create(intermediate.keys.publicKey),
          deviceInfo(identity),
        ],
      })
      const key = new Uint8Array(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
      return {certificate: der(certificate), key}
    },
  }
}

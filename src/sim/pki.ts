/**
 * The device vendor's certificates, as DSP0274 §10.7 wants them of a responder: root → device CA → one leaf per device;
 * in the alias model root → device CA → device certificate, itself a CA → alias certificate that the device makes for its
 * firmware. Certificates are signed with P-384 and SHA-384; a leaf's key is of any algorithm.
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
import {toHex} from '../bits/index.js'
import {DICE_OID, DMTF_OID} from '../spdm/index.js'
import {DEVICE_INFO, hardwareIdentity, mutableCertificate, OID_SHA384, TAG, tlv} from './pki-der.js'

const ALGORITHM = {name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384'} as const
const DAY = 86_400_000
const YEARS_10 = 3653 * DAY
/** RFC 5280 §4.1.2.5: no well-defined expiration. */
const NEVER = new Date('9999-12-31T23:59:59Z')

const SUBJECT_ALT_NAME = '2.5.29.17'

export interface Issuer {
  readonly certificate: X509Certificate
  readonly keys: CryptoKeyPair
}

/** A leaf below a device certificate of its own. */
export interface AliasCertificates {
  /** The device certificate: a CA. */
  readonly device: Uint8Array
  readonly alias: Uint8Array
}

/** Keys are the holder's: certificates are made for public keys in DER. */
export interface DevicePki {
  readonly root: Uint8Array
  readonly intermediate: Uint8Array
  /** Device certificate of `identity`. */
  leaf(identity: string, spki: Uint8Array): Promise<Uint8Array>
  /** Alias certificate of `identity` for firmware whose digest (SHA-384) is `fwid`. */
  alias(identity: string, fwid: Uint8Array, spki: Uint8Array): Promise<AliasCertificates>
}

type CryptoKeyPair = webcrypto.CryptoKeyPair

const newKeys = (): Promise<CryptoKeyPair> =>
  webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']) as Promise<CryptoKeyPair>

/** Positive and not zero, whatever the dice say. */
const serialNumber = (random: (length: number) => Uint8Array): string => `01${toHex(random(15))}`

const der = (certificate: X509Certificate): Uint8Array => new Uint8Array(certificate.rawData)

/** SubjectAltName with one otherName, which the library has no class for (RFC 5280 §4.2.1.6). */
const deviceInfo = (identity: string): Extension =>
  new Extension(
    SUBJECT_ALT_NAME,
    false,
    tlv(
      TAG.sequence,
      tlv(TAG.otherName, tlv(TAG.oid, DEVICE_INFO), tlv(TAG.value, tlv(TAG.utf8, new TextEncoder().encode(identity)))),
    ),
  )

/** TcbInfo with the digest of the firmware (TCG DICE Attestation Architecture 1.1 §6.1.1). */
const tcbInfo = (fwid: Uint8Array): Uint8Array =>
  tlv(TAG.sequence, tlv(TAG.fwids, tlv(TAG.sequence, tlv(TAG.oid, OID_SHA384), tlv(TAG.octetString, fwid))))

/** CAs below the root: the device CA and, in the alias model, the device. */
const ROOT_PATH = 2

/** Makes the CAs of `manufacturer`; `now` dates them. */
export async function createPki(
  manufacturer: string,
  now: Date,
  random: (length: number) => Uint8Array,
): Promise<DevicePki> {
  cryptoProvider.set(webcrypto as unknown as Parameters<typeof cryptoProvider.set>[0])
  const notBefore = new Date(now.getTime() - DAY)
  const notAfter = new Date(now.getTime() + YEARS_10)

  async function authority(
    name: string,
    pathLength: number,
    issuer?: Issuer,
    extensions: readonly Extension[] = [],
  ): Promise<Issuer> {
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
        ...extensions,
      ],
    })
    return {certificate, keys}
  }

  async function endEntity(
    identity: string,
    publicKey: Uint8Array,
    issuer: Issuer,
    subject: string,
    extensions: readonly Extension[],
  ): Promise<Uint8Array> {
    const certificate = await X509CertificateGenerator.create({
      serialNumber: serialNumber(random),
      subject,
      issuer: issuer.certificate.subject,
      notBefore,
      notAfter: NEVER,
      publicKey,
      signingKey: issuer.keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([DMTF_OID.responderAuth]),
        await SubjectKeyIdentifierExtension.create(publicKey),
        await AuthorityKeyIdentifierExtension.create(issuer.keys.publicKey),
        deviceInfo(identity),
        ...extensions,
      ],
    })
    return der(certificate)
  }

  const commonName = (identity: string): string => `O=${manufacturer}, CN=${identity.split(':').slice(1).join(' ')}`

  const root = await authority('Device Root CA', ROOT_PATH)
  const intermediate = await authority('Device CA', ROOT_PATH - 1, root)
  return {
    root: der(root.certificate),
    intermediate: der(intermediate.certificate),
    leaf: (identity, spki) => endEntity(identity, spki, intermediate, commonName(identity), []),
    async alias(identity, fwid, spki) {
      const device = await authority(`${identity.split(':').slice(1).join(' ')} device`, 0, intermediate, [
        deviceInfo(identity),
        new Extension(DMTF_OID.extension, false, hardwareIdentity()),
      ])
      const subject = `${commonName(identity)} alias`
      const alias = await endEntity(identity, spki, device, subject, [
        new Extension(DMTF_OID.extension, false, mutableCertificate()),
        new Extension(DICE_OID.tcbInfo, false, tcbInfo(fwid)),
      ])
      return {device: der(device.certificate), alias}
    },
  }
}

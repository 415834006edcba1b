/** A test PKI: certificates of any shape, made by the library that also reads them, and DER by hand. */
import 'reflect-metadata'
import {webcrypto} from 'node:crypto'
import {
  BasicConstraintsExtension,
  cryptoProvider,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'
import {concat} from '../../src/bits/index.js'
import type {CertificateFacts} from '../../src/spdm/index.js'
import {certificateFacts} from './support.js'

export {BasicConstraintsExtension, ExtendedKeyUsageExtension, KeyUsageFlags, KeyUsagesExtension} from '@peculiar/x509'

cryptoProvider.set(webcrypto as never)

/** An element of DER: tag and contents, definite length. */
export function der(tag: number, ...contents: readonly (Uint8Array | string)[]): Uint8Array {
  const content = concat(...contents.map(part => (typeof part === 'string' ? new TextEncoder().encode(part) : part)))
  const {length} = content
  const octets = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >>> 8, length & 0xff]
  return concat(Uint8Array.of(tag, ...octets), content)
}

/** Object identifier from dotted text. */
export function oid(text: string): Uint8Array {
  const [first, second, ...rest] = text.split('.').map(Number)
  const octets = [first! * 40 + second!, ...rest].flatMap(arc => {
    const out = [arc % 128]
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) out.unshift((left % 128) + 128)
    return out
  })
  return der(0x06, Uint8Array.from(octets))
}

export const extension = (type: string, value: Uint8Array, critical = false): Extension =>
  new Extension(type, critical, value)

/** SubjectAltName with otherName entries of UTF-8 text. */
export const otherNames = (...names: readonly (readonly [type: string, text: string])[]): Extension =>
  extension('2.5.29.17', der(0x30, ...names.map(([type, text]) => der(0xa0, oid(type), der(0xa0, der(0x0c, text))))))

/** DMTF's extension that wraps identifiers. */
export const dmtfExtension = (...oids: readonly string[]): Extension =>
  extension('1.3.6.1.4.1.412.274.6', der(0x30, ...oids.map(text => der(0x30, oid(text)))))

export const CA = [
  new BasicConstraintsExtension(true, undefined, true),
  new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
]
export const SIGNS = [new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true)]

export interface Made {
  readonly facts: CertificateFacts
  readonly keys: webcrypto.CryptoKeyPair
  readonly name: string
}

interface Shape {
  readonly subject?: string
  readonly issuer?: Made
  /** Name of the issuer, when it is to be a wrong one. */
  readonly issuerName?: string
  readonly extensions?: readonly Extension[]
  readonly serial?: string
  readonly notBefore?: string
  readonly notAfter?: string
  readonly curve?: 'P-256' | 'P-384'
  readonly rsaBits?: number
  readonly hash?: string
}

/** Makes a certificate; without an issuer it is self-signed. */
export async function make(shape: Shape = {}): Promise<Made> {
  const {subject = 'CN=test', issuer, extensions = [], serial = '01', curve = 'P-384', hash = 'SHA-384'} = shape
  const algorithm = (
    shape.rsaBits === undefined
      ? {name: 'ECDSA', namedCurve: curve, hash}
      : {name: 'RSASSA-PKCS1-v1_5', modulusLength: shape.rsaBits, publicExponent: Uint8Array.of(1, 0, 1), hash}
  ) as never
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, [
    'sign',
    'verify',
  ])) as unknown as webcrypto.CryptoKeyPair
  const signer = issuer?.keys ?? keys
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serial,
    subject,
    issuer: shape.issuerName ?? issuer?.name ?? subject,
    notBefore: new Date(shape.notBefore ?? '2026-01-01T00:00:00Z'),
    notAfter: new Date(shape.notAfter ?? '2036-01-01T00:00:00Z'),
    publicKey: keys.publicKey as never,
    signingKey: signer.privateKey as never,
    signingAlgorithm: {name: signer.privateKey.algorithm.name, hash} as never,
    extensions: [...extensions],
  })
  return {facts: certificateFacts(new Uint8Array(certificate.rawData)), keys, name: subject}
}

export const keyId = (hex: string): Extension => new SubjectKeyIdentifierExtension(hex)
/** AuthorityKeyIdentifier with a key identifier. */
export const authorityKeyId = (hex: string): Extension =>
  extension('2.5.29.35', der(0x30, der(0x80, new Uint8Array(Buffer.from(hex, 'hex')))))

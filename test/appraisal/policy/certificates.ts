/** A CA and a leaf, made when the tests start. */
import {webcrypto} from 'node:crypto'
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'

x509.cryptoProvider.set('node', webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[1])

const algorithm = {name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384'}
const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as Parameters<
  typeof x509.X509CertificateGenerator.createSelfSigned
>[0]['keys']

const make = async (name: string, extensions: x509.Extension[]): Promise<Uint8Array> => {
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: `CN=${name}`,
    notBefore: new Date('2026-01-01T00:00:00Z'),
    notAfter: new Date('2030-01-01T00:00:00Z'),
    signingAlgorithm: algorithm,
    keys,
    extensions,
  })
  return new Uint8Array(certificate.rawData)
}

export const CA_DER = await make('Test Root', [
  new x509.BasicConstraintsExtension(true, undefined, true),
  new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
])
export const LEAF_DER = await make('Test Leaf', [
  new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
])

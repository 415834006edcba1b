/**
 * Signature schemes the platform lacks: ML-DSA (FIPS 204), SLH-DSA (FIPS 205), and Ed448 with a context (RFC 8032). All
 * of them sign the message itself, and take the context as an input of their own.
 */
import {concat, equal, fromHex} from '../../bits/index.js'
import type {AsymAlgorithm} from '../algorithms.js'
import {libraryOf} from './libraries.js'

export interface LibraryScheme {
  sign(message: Uint8Array, secretKey: Uint8Array, context: Uint8Array): Uint8Array
  verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array, context: Uint8Array): boolean
  keygen(): {readonly publicKey: Uint8Array; readonly secretKey: Uint8Array}
}

/** The part of a library's interface that schemes share. */
interface Signer extends Pick<LibraryScheme, 'keygen'> {
  sign(message: Uint8Array, secretKey: Uint8Array, options: {context: Uint8Array}): Uint8Array
  verify(
    signature: Uint8Array,
    message: Uint8Array,
    publicKey: Uint8Array,
    options: {context: Uint8Array; zip215?: boolean},
  ): boolean
}

function signerOf({kind, name}: Pick<AsymAlgorithm, 'kind' | 'name'>): Signer | undefined {
  if (name === 'ed448') return libraryOf('ed448')?.ed448
  if (kind === 'ml-dsa') {
    const library = libraryOf('ml-dsa')
    return library?.[name.replace('ml-dsa-', 'ml_dsa') as 'ml_dsa44']
  }
  if (kind === 'slh-dsa') {
    const library = libraryOf('slh-dsa')
    return library?.[name.replaceAll('-', '_') as 'slh_dsa_sha2_128s']
  }
  return undefined
}

/** The scheme of `asym`, or undefined when no library has it or the library is not loaded. */
export function librarySchemeOf(asym: Pick<AsymAlgorithm, 'kind' | 'name'>): LibraryScheme | undefined {
  const signer = signerOf(asym)
  return (
    signer && {
      sign: (message, secretKey, context) => signer.sign(message, secretKey, {context}),
      // the lax rules for points that ZIP 215 gives Ed25519 are not RFC 8032's
      verify: (signature, message, publicKey, context) =>
        signer.verify(signature, message, publicKey, asym.name === 'ed448' ? {context, zip215: false} : {context}),
      keygen: () => signer.keygen(),
    }
  )
}

/** Object identifier, as DER content, and bytes of a public key (RFC 9881, RFC 9909, RFC 8410). */
const NIST_SIGNATURES = '6086480165030403'
const PUBLIC_KEYS: readonly (readonly [name: string, oid: string, size: number])[] = [
  ['ed448', '2b6571', 57],
  ['ml-dsa-44', `${NIST_SIGNATURES}11`, 1312],
  ['ml-dsa-65', `${NIST_SIGNATURES}12`, 1952],
  ['ml-dsa-87', `${NIST_SIGNATURES}13`, 2592],
  ...['sha2', 'shake'].flatMap((hash, i) =>
    ['128s', '128f', '192s', '192f', '256s', '256f'].map((set, k) => {
      const last = (0x14 + 6 * i + k).toString(16)
      return [`slh-dsa-${hash}-${set}`, `${NIST_SIGNATURES}${last}`, Number.parseInt(set, 10) / 4] as const
    }),
  ),
]

/** An element of DER shorter than 64 KiB. */
function der(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const all = concat(...content)
  const [high, low] = [Math.floor(all.length / 256), all.length % 256]
  const length = all.length < 0x80 ? [low] : high === 0 ? [0x81, low] : [0x82, high, low]
  return concat(Uint8Array.of(tag, ...length), all)
}

/** SubjectPublicKeyInfo of a raw public key: the algorithm without parameters, and the bits. */
export function spkiOf(name: string, publicKey: Uint8Array): Uint8Array {
  const [, oid] = PUBLIC_KEYS.find(row => row[0] === name)!
  return der(0x30, der(0x30, der(0x06, fromHex(oid))), der(0x03, Uint8Array.of(0), publicKey))
}

/** Algorithm and bytes of the public key in `spki`, or undefined. DER has one form, so that comparing is reading. */
export function rawPublicKeyOf(spki: Uint8Array): {readonly name: string; readonly bytes: Uint8Array} | undefined {
  for (const [name, , size] of PUBLIC_KEYS) {
    if (size > spki.length) continue
    const bytes = spki.subarray(spki.length - size)
    if (equal(spkiOf(name, bytes), spki)) return {name, bytes}
  }
  return undefined
}

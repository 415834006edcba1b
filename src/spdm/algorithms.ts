/**
 * What the bits of NEGOTIATE_ALGORITHMS and ALGORITHMS stand for (DSP0274 1.3 §10.5). Names are the ones policies use;
 * names of digests are also those of node:crypto.
 */
import {get, hex, mask} from '../bits/index.js'

export interface NamedBit {
  readonly bit: number
  readonly name: string
  /** SPDMVersion that introduced it; 1.0 or the version of its table unless given. */
  readonly since?: number
}

export interface HashAlgorithm extends NamedBit {
  /** Bytes of a digest. */
  readonly size: number
}

export interface AsymAlgorithm extends NamedBit {
  readonly kind: 'rsassa' | 'rsapss' | 'ecdsa' | 'eddsa' | 'sm2' | 'ml-dsa' | 'slh-dsa'
  readonly signatureSize: number
  /** OpenSSL's name of the curve. */
  readonly curve?: string
  readonly modulusBits?: number
}

const HASHES: readonly (readonly [name: string, size: number, since?: number])[] = [
  ['sha256', 32],
  ['sha384', 48],
  ['sha512', 64],
  ['sha3-256', 32],
  ['sha3-384', 48],
  ['sha3-512', 64],
  ['sm3-256', 32, 0x12],
]

export const BASE_HASH: readonly HashAlgorithm[] = HASHES.map(([name, size, since], bit) => ({
  bit,
  name,
  size,
  ...(since && {since}),
}))

/** Bit 0 is "raw bit stream only": there is no digest then. */
export const MEASUREMENT_HASH: readonly HashAlgorithm[] = [
  {bit: 0, name: 'raw', size: 0},
  ...HASHES.map(([name, size, since], i) => ({bit: i + 1, name, size, ...(since && {since})})),
]

const rsa = (bit: number, kind: 'rsassa' | 'rsapss', modulusBits: number): AsymAlgorithm => ({
  bit,
  name: `${kind}-${modulusBits}`,
  kind,
  signatureSize: modulusBits / 8,
  modulusBits,
})
const ecdsa = (bit: number, p: string, curve: string, signatureSize: number): AsymAlgorithm => ({
  bit,
  name: `ecdsa-${p}`,
  kind: 'ecdsa',
  signatureSize,
  curve,
})

export const BASE_ASYM: readonly AsymAlgorithm[] = [
  rsa(0, 'rsassa', 2048),
  rsa(1, 'rsapss', 2048),
  rsa(2, 'rsassa', 3072),
  rsa(3, 'rsapss', 3072),
  ecdsa(4, 'p256', 'prime256v1', 64),
  rsa(5, 'rsassa', 4096),
  rsa(6, 'rsapss', 4096),
  ecdsa(7, 'p384', 'secp384r1', 96),
  ecdsa(8, 'p521', 'secp521r1', 132),
  {bit: 9, name: 'sm2', kind: 'sm2', signatureSize: 64, curve: 'SM2', since: 0x12},
  {bit: 10, name: 'ed25519', kind: 'eddsa', signatureSize: 64, since: 0x12},
  {bit: 11, name: 'ed448', kind: 'eddsa', signatureSize: 114, since: 0x12},
]

const SLH_DSA = [
  ['128s', 7856],
  ['128f', 17088],
  ['192s', 16224],
  ['192f', 35664],
  ['256s', 29792],
  ['256f', 49856],
] as const

export const PQC_ASYM: readonly AsymAlgorithm[] = [
  {bit: 0, name: 'ml-dsa-44', kind: 'ml-dsa', signatureSize: 2420},
  {bit: 1, name: 'ml-dsa-65', kind: 'ml-dsa', signatureSize: 3309},
  {bit: 2, name: 'ml-dsa-87', kind: 'ml-dsa', signatureSize: 4627},
  ...SLH_DSA.flatMap(([set, signatureSize], i): AsymAlgorithm[] => [
    {bit: 3 + 2 * i, name: `slh-dsa-sha2-${set}`, kind: 'slh-dsa', signatureSize},
    {bit: 4 + 2 * i, name: `slh-dsa-shake-${set}`, kind: 'slh-dsa', signatureSize},
  ]),
]

const named = (...names: readonly string[]): readonly NamedBit[] => names.map((name, bit) => ({bit, name}))

/** Key exchange: Diffie-Hellman over a finite field or a curve, or a KEM. Sizes in bytes. */
export interface ExchangeAlgorithm extends NamedBit {
  readonly kind: 'ffdhe' | 'ecdhe' | 'kem' | 'sm2'
  /** ExchangeData of the requester: big-endian, X || Y for curves; the encapsulation key of a KEM. */
  readonly requestSize: number
  /** ExchangeData of the responder: as the requester's, or a KEM's ciphertext. */
  readonly responseSize: number
}

const group = (bit: number, name: string, kind: ExchangeAlgorithm['kind'], size: number): ExchangeAlgorithm => ({
  bit,
  name,
  kind,
  requestSize: size,
  responseSize: size,
})

export const DHE_GROUP: readonly ExchangeAlgorithm[] = [
  group(0, 'ffdhe2048', 'ffdhe', 256),
  group(1, 'ffdhe3072', 'ffdhe', 384),
  group(2, 'ffdhe4096', 'ffdhe', 512),
  group(3, 'secp256r1', 'ecdhe', 64),
  group(4, 'secp384r1', 'ecdhe', 96),
  group(5, 'secp521r1', 'ecdhe', 132),
  {...group(6, 'sm2', 'sm2', 64), since: 0x12},
]

export const KEM: readonly ExchangeAlgorithm[] = [
  {bit: 0, name: 'ml-kem-512', kind: 'kem', requestSize: 800, responseSize: 768},
  {bit: 1, name: 'ml-kem-768', kind: 'kem', requestSize: 1184, responseSize: 1088},
  {bit: 2, name: 'ml-kem-1024', kind: 'kem', requestSize: 1568, responseSize: 1568},
]

/** Cipher of secured messages; every one has a 12-byte IV and a 16-byte tag. */
export interface AeadAlgorithm extends NamedBit {
  readonly keySize: number
}

export const AEAD: readonly AeadAlgorithm[] = [
  {bit: 0, name: 'aes-128-gcm', keySize: 16},
  {bit: 1, name: 'aes-256-gcm', keySize: 32},
  {bit: 2, name: 'chacha20-poly1305', keySize: 32},
  {bit: 3, name: 'sm4-gcm', keySize: 16, since: 0x12},
]

export const KEY_SCHEDULE = named('spdm')
export const MEASUREMENT_SPECIFICATION = named('dmtf')
export const OPAQUE_FORMAT = named('OpaqueDataFmt0', 'OpaqueDataFmt1')

const BITS = Array.from({length: 32}, (_, bit) => ({bit, only: mask(bit, bit)}))

/** Numbers of the bits set in a 32-bit mask, ascending. */
export const bitsOf = (word: number): number[] => BITS.flatMap(({bit, only}) => (get(only, word) === 1 ? [bit] : []))

/** Names of the bits set in `word`; bits without a name are `bit 0x…`. */
export const namesOf = (table: readonly NamedBit[], word: number): string[] =>
  bitsOf(word).map(bit => table.find(row => row.bit === bit)?.name ?? `bit ${hex(bit)}`)

/** The one algorithm `word` selects, or undefined when it selects none, several, or one nobody knows. */
export function onlyOne<T extends NamedBit>(table: readonly T[], word: number): T | undefined {
  const [bit, ...others] = bitsOf(word)
  return others.length === 0 ? table.find(row => row.bit === bit) : undefined
}

/** The rows of `table` that `version` defines. */
export const definedIn = <T extends NamedBit>(table: readonly T[], version: number): readonly T[] =>
  table.filter(({since = 0}) => version >= since)

/** Base hash by name, or undefined. */
export const hashNamed = (name: string): HashAlgorithm | undefined => BASE_HASH.find(row => row.name === name)

/** Signature algorithm of either family by name, or undefined. */
export const asymNamed = (name: string): AsymAlgorithm | undefined =>
  [...BASE_ASYM, ...PQC_ASYM].find(row => row.name === name)

/** Selection mask of an algorithm, for whoever encodes one. */
export const maskOf = (...rows: readonly NamedBit[]): number => rows.reduce((sum, {bit}) => sum + mask(bit, bit), 0)

/** The row of `table` called `name`. Throws RangeError when there is none: names come from our own tables. */
export function rowNamed<T extends NamedBit>(table: readonly T[], name: string): T {
  const row = table.find(one => one.name === name)
  if (row === undefined) throw new RangeError(`no algorithm is called ${name}`)
  return row
}

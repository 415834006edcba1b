/**
 * Agreeing on a secret in KEY_EXCHANGE (DSP0274 1.3 §10.16): Diffie-Hellman over the NIST curves (SP 800-56A) and the
 * groups of RFC 7919, or ML-KEM (FIPS 203). Public values are of fixed width and big-endian: X || Y for curves; the secret
 * of a curve is X, of a group the whole width. Private values come from the platform's generator and serve once.
 */
import {createDiffieHellman, createECDH} from 'node:crypto'
import {concat, equal, isZero} from '../../bits/index.js'
import {TsmctlError} from '../../errors.js'
import type {ExchangeAlgorithm} from '../algorithms.js'
import {ffdhePrime} from './ffdhe.js'
import {libraryOf} from './libraries.js'

/** The requester's half. */
export interface KeyShare {
  /** ExchangeData of KEY_EXCHANGE. */
  readonly exchangeData: Uint8Array
  /**
   * The secret, from ExchangeData of KEY_EXCHANGE_RSP; afterwards the private value is gone. Throws TsmctlError
   * `malformed` for a value no honest peer sends: wrong size, not on the curve, in no large subgroup.
   */
  agree(peer: Uint8Array): Uint8Array
}

/** The responder's half: its ExchangeData and the secret. */
export interface KeyAnswer {
  readonly exchangeData: Uint8Array
  readonly secret: Uint8Array
}

/** Why nobody can exchange keys by `algorithm` here, or undefined. */
export function unsupportedExchange({kind, name}: Pick<ExchangeAlgorithm, 'kind' | 'name'>): string | undefined {
  if (kind === 'sm2') return `${name} key exchange is not supported`
  if (kind === 'kem' && libraryOf('kem') === undefined) return `the library for ${name} is not loaded`
  return undefined
}

const attempted = ({name}: ExchangeAlgorithm): string => `agree on a session secret by ${name}`

function refuse(algorithm: ExchangeAlgorithm, got: string, cause?: unknown): never {
  throw new TsmctlError({kind: 'malformed', attempted: attempted(algorithm), got, cause})
}

function demandSupport(algorithm: ExchangeAlgorithm): void {
  const got = unsupportedExchange(algorithm)
  if (got !== undefined) throw new TsmctlError({kind: 'unsupported', attempted: attempted(algorithm), got})
}

function demandSize(algorithm: ExchangeAlgorithm, value: Uint8Array, size: number): void {
  if (value.length !== size) refuse(algorithm, `the peer's value has ${value.length} bytes instead of ${size}`)
}

/** One private value, its public value, and what both make of a peer's. */
interface Pair {
  readonly exchangeData: Uint8Array
  agree(peer: Uint8Array): Uint8Array
}

const OPENSSL_CURVE: Readonly<Record<string, string>> = {secp256r1: 'prime256v1'}
/** SEC 1 §2.3.3: the form that holds both coordinates. SPDM leaves the octet out. */
const UNCOMPRESSED = Uint8Array.of(4)

function curvePair(algorithm: ExchangeAlgorithm): Pair {
  const ecdh = createECDH(OPENSSL_CURVE[algorithm.name] ?? algorithm.name)
  return {
    exchangeData: new Uint8Array(ecdh.generateKeys()).subarray(UNCOMPRESSED.length),
    agree(peer) {
      try {
        return new Uint8Array(ecdh.computeSecret(concat(UNCOMPRESSED, peer)))
      } catch (error) {
        return refuse(algorithm, "the peer's value is not a point of the curve", error)
      }
    },
  }
}

/** `value` big-endian in `size` bytes. */
function widened(value: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size)
  out.set(value, size - value.length)
  return out
}

/** 0, 1, p - 1 and everything from p on: values that are no group element or give the secret away (RFC 7919 §5.1). */
function isDegenerate(value: Uint8Array, prime: Uint8Array): boolean {
  const last = value.length - 1
  const isSmall = value[last]! <= 1 && isZero(value.subarray(0, last))
  // the prime is odd, so that p - 1 differs from it in the last byte only
  const isTop = equal(value.subarray(0, last), prime.subarray(0, last)) && value[last]! >= prime[last]! - 1
  return isSmall || isTop || Buffer.compare(value, prime) > 0
}

function groupPair(algorithm: ExchangeAlgorithm): Pair {
  const prime = ffdhePrime(algorithm.name)
  const group = createDiffieHellman(Buffer.from(prime), 2)
  return {
    exchangeData: widened(group.generateKeys(), prime.length),
    agree(peer) {
      if (isDegenerate(peer, prime)) refuse(algorithm, "the peer's value is not usable in the group")
      try {
        return widened(group.computeSecret(peer), prime.length)
      } catch (error) {
        return refuse(algorithm, "the peer's value is not usable in the group", error)
      }
    },
  }
}

const pairOf = (algorithm: ExchangeAlgorithm): Pair =>
  algorithm.kind === 'ecdhe' ? curvePair(algorithm) : groupPair(algorithm)

const kemOf = ({name}: ExchangeAlgorithm) => {
  const library = libraryOf('kem')!
  return {'ml-kem-512': library.ml_kem512, 'ml-kem-768': library.ml_kem768, 'ml-kem-1024': library.ml_kem1024}[name]!
}

function kemPair(algorithm: ExchangeAlgorithm): Pair {
  const kem = kemOf(algorithm)
  const {publicKey, secretKey} = kem.keygen()
  return {
    exchangeData: publicKey,
    agree(ciphertext) {
      try {
        return kem.decapsulate(ciphertext, secretKey)
      } catch (error) {
        return refuse(algorithm, "the peer's ciphertext cannot be used", error)
      } finally {
        secretKey.fill(0)
      }
    },
  }
}

/** Begins an exchange as the requester. Throws TsmctlError `unsupported`. */
export function offerKeyShare(algorithm: ExchangeAlgorithm): KeyShare {
  demandSupport(algorithm)
  let pair: Pair | undefined = algorithm.kind === 'kem' ? kemPair(algorithm) : pairOf(algorithm)
  return {
    exchangeData: pair.exchangeData,
    agree(peer) {
      const used = pair
      if (used === undefined) return refuse(algorithm, 'the private value was used before')
      pair = undefined
      demandSize(algorithm, peer, algorithm.responseSize)
      return used.agree(peer)
    },
  }
}

/** Completes an exchange as the responder. Throws TsmctlError as `agree` and `offerKeyShare` do. */
export function answerKeyShare(algorithm: ExchangeAlgorithm, requesterData: Uint8Array): KeyAnswer {
  demandSupport(algorithm)
  demandSize(algorithm, requesterData, algorithm.requestSize)
  if (algorithm.kind !== 'kem') {
    const pair = pairOf(algorithm)
    return {exchangeData: pair.exchangeData, secret: pair.agree(requesterData)}
  }
  try {
    const {cipherText, sharedSecret} = kemOf(algorithm).encapsulate(requesterData)
    return {exchangeData: cipherText, secret: sharedSecret}
  } catch (error) {
    return refuse(algorithm, "the peer's encapsulation key is not valid", error)
  }
}

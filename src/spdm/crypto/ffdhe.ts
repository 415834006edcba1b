/** The finite-field groups of RFC 7919, whose primes are made of the digits of e so that nobody could choose them. */

/** What appendix A adds to the digits of e so that p and (p - 1) / 2 are prime. */
const ADDEND: Readonly<Record<string, readonly [bits: bigint, addend: bigint]>> = {
  ffdhe2048: [2048n, 560_316n],
  ffdhe3072: [3072n, 2_625_351n],
  ffdhe4096: [4096n, 5_736_041n],
}

/** e in units of 2^-bits, rounded down. */
function eulerNumber(bits: bigint): bigint {
  const guard = 2n ** 64n
  let sum = 0n
  let term = 2n ** bits * guard
  for (let k = 1n; term > 0n; k++) {
    sum += term
    term /= k
  }
  return sum / guard
}

const primes = new Map<string, Uint8Array>()

/** The group's prime, big-endian: 2^b - 2^(b-64) + (floor(2^(b-130) e) + X) 2^64 - 1. Its generator is 2. */
export function ffdhePrime(name: string): Uint8Array {
  let prime = primes.get(name)
  if (prime === undefined) {
    const [bits, addend] = ADDEND[name]!
    const value = 2n ** bits - 2n ** (bits - 64n) + (eulerNumber(bits - 130n) + addend) * 2n ** 64n - 1n
    prime = new Uint8Array(Buffer.from(value.toString(16), 'hex'))
    primes.set(name, prime)
  }
  return prime
}

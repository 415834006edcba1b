/**
 * Algorithms the platform does not have: ML-KEM, ML-DSA and SLH-DSA (FIPS 203 to 205), and Ed448 with a context. Their
 * libraries are large and rarely needed, so they are loaded when somebody negotiates such an algorithm. Until then the
 * algorithm is unsupported, which fails closed.
 */
import type {AsymAlgorithm, ExchangeAlgorithm} from '../algorithms.js'

const LIBRARIES = {
  kem: () => import('@noble/post-quantum/ml-kem.js'),
  'ml-dsa': () => import('@noble/post-quantum/ml-dsa.js'),
  'slh-dsa': () => import('@noble/post-quantum/slh-dsa.js'),
  ed448: () => import('@noble/curves/ed448.js'),
} as const

type Name = keyof typeof LIBRARIES
type Loaded = {[K in Name]?: Awaited<ReturnType<(typeof LIBRARIES)[K]>>}

const loaded: Loaded = {}

const isName = (name: string): name is Name => Object.hasOwn(LIBRARIES, name)

async function load<K extends Name>(name: K): Promise<void> {
  loaded[name] ??= (await LIBRARIES[name]()) as Loaded[K]
}

/** Loads what these algorithms need beyond the platform; nothing for the others. Call it before they are used. */
export async function loadCrypto(
  ...algorithms: readonly (Pick<AsymAlgorithm | ExchangeAlgorithm, 'name' | 'kind'> | undefined)[]
): Promise<void> {
  const needed = algorithms.flatMap(algorithm => (algorithm === undefined ? [] : [algorithm.name, algorithm.kind]))
  await Promise.all([...new Set(needed)].filter(isName).map(load))
}

/** A library that `loadCrypto` has loaded, or undefined. */
export const libraryOf = <K extends Name>(name: K): Loaded[K] => loaded[name]

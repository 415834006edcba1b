/**
 * SPDM signatures verified per second, over a transcript of 1 KiB that is hashed anew each time, against the ceiling of
 * the crypto library: `openssl speed` of the same algorithm, measured in turn. Both count processor time, not the clock.
 * Prints both rates and their ratio.
 */
import {spawnSync} from 'node:child_process'
import {asymNamed, hashNamed} from '../src/spdm/algorithms.js'
import {generateSigningKey, signQuestion, verifySignature} from '../src/spdm/crypto/index.js'

const ROUNDS = 3
const SECONDS = 1
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!

/** Verifications per second of `openssl speed`: the last number of a line of its machine-readable form. */
function ceiling(algorithm: string): number {
  const {stdout} = spawnSync('openssl', ['speed', '-seconds', String(SECONDS), '-mr', algorithm], {encoding: 'utf8'})
  const line = stdout.split('\n').find(text => /^\+F[234]:/.test(text))
  return line === undefined ? Number.NaN : Number(line.split(':').at(-1))
}

function ours(name: string): () => number {
  const asym = asymNamed(name)!
  const {spki, privateKey} = generateSigningKey(asym)
  const transcript = new Uint8Array(1024).fill(7)
  const question = {
    version: 0x12,
    context: 'responder-measurements signing',
    hash: hashNamed('sha384')!,
    asym,
    transcript,
  } as const
  const signature = signQuestion(question, privateKey)
  return () => {
    const started = process.cpuUsage()
    let count = 0
    let seconds = 0
    while (seconds < SECONDS) {
      for (let i = 0; i < 50; i++)
        if (verifySignature(question, spki, signature).status !== 'valid') throw new RangeError('nothing to measure')
      count += 50
      const {user, system} = process.cpuUsage(started)
      seconds = (user + system) / 1e6
    }
    return count / seconds
  }
}

function compare(name: string, algorithm: string) {
  const rate = ours(name)
  rate()
  const pairs = Array.from({length: ROUNDS}, () => ({verify: rate(), openssl: ceiling(algorithm)}))
  return {
    name,
    verify: median(pairs.map(pair => pair.verify)),
    openssl: median(pairs.map(pair => pair.openssl)),
    ratio: median(pairs.map(pair => pair.verify / pair.openssl)),
  }
}

console.log(
  JSON.stringify([
    compare('ecdsa-p256', 'ecdsap256'),
    compare('ecdsa-p384', 'ecdsap384'),
    compare('rsassa-3072', 'rsa3072'),
  ]),
)

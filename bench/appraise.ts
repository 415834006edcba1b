/**
 * Appraisal: one bundle in this process, and a directory of them through `tsmctl verify DIR --json`, each against the
 * signatures in it alone: four of ECDSA P-384 for every bundle, verified by node:crypto on as many processors. Prints
 * milliseconds of processor time for one, and seconds for all.
 */
import {spawnSync} from 'node:child_process'
import {generateKeyPairSync, randomBytes, sign, verify} from 'node:crypto'
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {availableParallelism, tmpdir} from 'node:os'
import {join} from 'node:path'
import {Worker} from 'node:worker_threads'
import {toHex} from '../src/bits/index.js'
import {bundleToJson} from '../src/evidence/index.js'
import {appraiseItem} from '../src/operations/fleet/appraise-item.js'
import {readPolicy} from '../src/operations/read-policy.js'
import {VCA} from '../test/appraisal/bases/negotiation.js'
import {
  basic,
  certificates,
  chainObject,
  deviceInfo,
  DOCUMENT,
  forge,
  newKeys,
  RULE,
  Usage,
  usage,
} from '../test/appraisal/forge.js'
import {FACTS} from '../test/appraisal/guest.js'

const BUNDLES = 10_000
/** Every device of a fleet is asked more than once. */
const PER_DEVICE = 20
/** Root, CA and leaf, and the measurements. */
const SIGNATURES = 4
const ROUNDS = 200

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!

async function writeFleet(directory: string, count: number): Promise<string> {
  const rule = {
    ...RULE,
    maxEvidenceAgeSeconds: 3600,
    identity: {mode: 'any-from-anchor'},
    time: {validity: 'floor-only'},
    allowSkip: [...RULE.allowSkip, {check: 'acq.time.trusted', because: 'clock-untrusted'}],
  }
  const policy = `${directory}.policy.yaml`
  const collectedAt = new Date().toISOString()
  mkdirSync(directory, {recursive: true})
  writeFileSync(policy, JSON.stringify({...DOCUMENT, rules: [rule]}))
  for (let device = 0; device * PER_DEVICE < count; device++) {
    const keys = await newKeys()
    const extensions = [basic(false), usage(Usage.digitalSignature), deviceInfo(`ACME:WIDGET:${device}`)]
    const chain = chainObject(await certificates({leaf: {keys, extensions}}))
    const rack = join(directory, `rack-${device % 32}`)
    mkdirSync(rack, {recursive: true})
    for (let i = 0; i < PER_DEVICE && device * PER_DEVICE + i < count; i++) {
      const nonce = new Uint8Array(randomBytes(32))
      const stated = {value: toHex(nonce), derivation: 'random'} as const
      const facts = {bundleId: toHex(new Uint8Array(randomBytes(16))), collectedAt, nonce: stated}
      const bundle = await forge(VCA, FACTS, {chain, transcript: {nonce, signer: keys}, facts})
      writeFileSync(join(rack, `device-${device}-${i}.tsmb.json`), bundleToJson(bundle))
    }
  }
  return policy
}

const {privateKey, publicKey} = generateKeyPairSync('ec', {namedCurve: 'P-384'})
const data = Buffer.alloc(600)
const signature = sign('sha384', data, privateKey)

function cpu(): number {
  const {user, system} = process.cpuUsage()
  return (user + system) / 1000
}

async function one(directory: string, policyPath: string) {
  const now = new Date()
  const terms = {policy: readPolicy([policyPath], now), now}
  const items = Array.from({length: PER_DEVICE}, (_, i) => {
    const name = `rack-0/device-0-${i}.tsmb.json`
    return {name, path: join(directory, name), form: 'file'} as const
  })
  const pairs = []
  for (let i = 0; i < ROUNDS; i++) {
    const before = cpu()
    const {decision} = await appraiseItem(items[i % PER_DEVICE]!, terms)
    const between = cpu()
    for (let n = 0; n < SIGNATURES; n++) verify('sha384', data, publicKey, signature)
    const after = cpu()
    if (decision !== 'accept') throw new Error(`the bench's own evidence is not accepted: ${decision}`)
    // the first ones load and compile
    if (i >= ROUNDS / 2) pairs.push({own: between - before, bare: after - between})
  }
  return {
    own: median(pairs.map(({own}) => own)),
    bare: median(pairs.map(({bare}) => bare)),
    ratio: median(pairs.map(({own, bare}) => own / bare)),
  }
}

const VERIFIER = `
const {parentPort, workerData} = require('node:worker_threads')
const {createPublicKey, verify} = require('node:crypto')
const key = createPublicKey({key: workerData.key, format: 'pem'})
for (let i = 0; i < workerData.count; i++) verify('sha384', workerData.data, key, workerData.signature)
`

async function bareSeconds(count: number): Promise<number> {
  const threads = availableParallelism()
  const key = publicKey.export({type: 'spki', format: 'pem'})
  const started = performance.now()
  await Promise.all(
    Array.from({length: threads}, () => {
      const workerData = {key, data, signature, count: (count * SIGNATURES) / threads}
      const worker = new Worker(VERIFIER, {eval: true, workerData})
      return new Promise(resolve => worker.once('exit', resolve))
    }),
  )
  return (performance.now() - started) / 1000
}

const directory = join(mkdtempSync(join(tmpdir(), 'tsmctl-bench-appraise-')), 'fleet')
const count = Number(process.argv[2] ?? BUNDLES)
const policyPath = await writeFleet(directory, count)
const single = await one(directory, policyPath)
const bare = await bareSeconds(count)
const started = performance.now()
const {stdout, status} = spawnSync(
  process.execPath,
  [join(process.cwd(), 'bin/tsmctl.cjs'), 'verify', directory, '--policy', policyPath, '--json'],
  {encoding: 'utf8', maxBuffer: 1 << 30},
)
const seconds = (performance.now() - started) / 1000
if (status !== 0) throw new Error(`verify ended with ${status}: ${stdout.slice(-300)}`)
rmSync(directory, {recursive: true})
console.log(JSON.stringify({one: single, fleet: {count, seconds, bare, ratio: seconds / bare}}))

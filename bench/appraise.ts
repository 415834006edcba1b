/**
 * Appraisal: one bundle in this process, and a fleet's directory through `tsmctl verify DIR --json` on all processors,
 * each against the signatures in it alone, verified by node:crypto on the same processors. `appraise.ts COUNT PROGRAM`
 * prints milliseconds and bundles per second; `write DIRECTORY COUNT` only writes such a directory.
 */
import {mkdirSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {bundleToJson} from '../src/evidence/index.js'
import {
  certificates,
  chainObject,
  deviceInfo,
  basic,
  DOCUMENT,
  forge,
  newKeys,
  RULE,
  usage,
  Usage,
} from '../test/appraisal/forge.js'
import {FACTS} from '../test/appraisal/guest.js'
import {VCA} from '../test/appraisal/bases/negotiation.js'
import {toHex} from '../src/bits/index.js'
import {randomBytes} from 'node:crypto'

/** A fleet has many devices, and every device is asked more than once. */
const PER_DEVICE = 20

export async function writeFleet(directory: string, count: number): Promise<void> {
  const collectedAt = new Date().toISOString()
  const rule = {
    ...RULE,
    maxEvidenceAgeSeconds: 3600,
    identity: {mode: 'any-from-anchor'},
    time: {validity: 'floor-only'},
    allowSkip: [...RULE.allowSkip, {check: 'acq.time.trusted', because: 'clock-untrusted'}],
  }
  mkdirSync(directory, {recursive: true})
  writeFileSync(`${directory}.policy.yaml`, JSON.stringify({...DOCUMENT, rules: [rule]}))
  for (let device = 0; device * PER_DEVICE < count; device++) {
    const keys = await newKeys()
    const extensions = [basic(false), usage(Usage.digitalSignature), deviceInfo(`ACME:WIDGET:${device}`)]
    const chain = chainObject(await certificates({leaf: {keys, extensions}}))
    const rack = join(directory, `rack-${String(device % 32).padStart(2, '0')}`)
    mkdirSync(rack, {recursive: true})
    for (let i = 0; i < PER_DEVICE && device * PER_DEVICE + i < count; i++) {
      const nonce = new Uint8Array(randomBytes(32))
      const facts = {
        bundleId: toHex(randomBytes(16)),
        collectedAt,
        nonce: {value: toHex(nonce), derivation: 'random'},
      } as const
      const bundle = await forge(VCA, FACTS, {chain, transcript: {nonce, signer: keys}, facts})
      writeFileSync(join(rack, `device-${device}-${i}.tsmb.json`), bundleToJson(bundle))
    }
  }
}
const [verb, directory, count] = process.argv.slice(2)
if (verb === 'write') await writeFleet(directory!, Number(count))

/**
 * G3 of real evidence: chain, nonce and measurement transcript of a public sample, with a negotiation of SPDM 1.1, a
 * report and a TSM of ours around them. Its references are its own values: what is shown is that nothing else stands
 * against it. Data is read where it lies.
 */
import {existsSync, readFileSync} from 'node:fs'
import {toHex} from '../../../src/bits/index.js'
import {certificateOf} from '../../../src/appraisal/policy/index.js'
import {hashNamed, parseMeasurements, asymNamed} from '../../../src/spdm/index.js'
import {chainObject, type Forgery, sha384} from '../forge.js'
import {baseOf, type Base} from './base.js'
import {OLD_VCA, oldRuleWith} from './g3.js'

const DATA = new URL('../../../../shared/data/nvidia/', import.meta.url)
export const hasSamples = existsSync(DATA)

const read = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, DATA)))

const CERTIFICATE = /-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/g
/** Certificates of a file of the vendor's tools, which has the leaf first, root first. */
const chainOf = (name: string): Uint8Array[] =>
  [...Buffer.from(read(name)).toString().matchAll(CERTIFICATE)]
    .map(([, base64]) => new Uint8Array(Buffer.from(base64!, 'base64')))
    .toReversed()

const NONCE_AT = 4

/** Evidence of the sample, with the bytes behind the signature cut off. */
export function sampleBase(sample: string): Base {
  const bytes = read(`${sample}.report.bin`)
  const parameters = {asym: asymNamed('ecdsa-p384')!, measurementHash: hashNamed('sha384')!}
  const {trailing, blocks} = parseMeasurements(bytes, parameters)
  const measurements = bytes.slice(0, trailing?.offset)
  const root = certificateOf(read('nvidia_device_identity_root.pem'))!
  const own: Forgery = {
    vca: OLD_VCA,
    chain: chainObject(chainOf(`${sample}.chain.pem`)),
    measurements,
    facts: {nonce: {value: toHex(measurements.subarray(NONCE_AT, NONCE_AT + 32)), derivation: 'random'}},
  }
  const values = blocks.map(({index, typeName, value, allZero}) => ({
    index,
    type: typeName,
    digests: [`sha384:${toHex(value)}`],
    ...(allZero && {allowZero: true}),
  }))
  const document = {
    ...oldRuleWith({
      match: {vendor: '0x1b36', device: ['0x0010'], san: 'NVIDIA:*'},
      anchors: ['nvidia'],
      identity: {mode: 'any-from-anchor'},
      measurements: {source: 'inline', values},
      // its certificates name an OCSP responder, which nobody asks here
      revocation: {mode: 'local-only'},
    }),
    anchors: {nvidia: [{label: 'device identity root', certSha384: `sha384:${toHex(sha384(root))}`}]},
  }
  return baseOf(`G3 ${sample}`, own, document, {decision: 'review'})
}

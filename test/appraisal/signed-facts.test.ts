/** What the device says about its own measurements: manifest, opaque data, its nonce. None of it outweighs a block. */
import {describe, expect, it} from 'vitest'
import {concat} from '../../src/bits/index.js'
import {STRUCTURED_MANIFEST} from '../../src/spdm/index.js'
import {NVIDIA_OPAQUE_FIELD} from '../../src/vendor/index.js'
import {digests, encode, environment, map, measured, Tag} from '../corim/manifests.js'
import {G1, G2} from './bases/index.js'
import {ALIAS_BLOCKS, withAliasBlock} from './bases/g2.js'
import {
  basic,
  certificates,
  chainObject,
  deviceInfo,
  policyFrom,
  ruleWith,
  type TranscriptSpec,
  Usage,
  usage,
  valuesWith,
} from './forge.js'
import {judge, NONCE} from './guest.js'

const block = (index: number): Uint8Array => ALIAS_BLOCKS.find(one => one.index === index)!.value
const toc = (...measurements: readonly unknown[]): Uint8Array =>
  encode(new Tag(570, map({0: [new Tag(571, map({0: map({0: [[environment(), measurements]]})}))], 1: ['locator']})))
const honest = [measured(1, {2: digests(block(1))}), measured(3, {4: new Tag(560, block(3))}), measured(16, {1: 7})]
/** Registry of CBOR tags, and tag 570. */
const structured = (manifest: Uint8Array, registryId = 10): Uint8Array =>
  STRUCTURED_MANIFEST.encode({format: {registryId, vendorId: Uint8Array.of(0x3a, 0x02)}, manifest})

const manifestIn = async (change: object) => {
  const evidence = await G2.forge({transcript: {blocks: withAliasBlock(253, {raw: true, ...change})}})
  const {results} = await judge(evidence, policyFrom(G2.document))
  const {result, code, reason, text} = results.find(({id}) => id === 'spdm.meas.manifest')!
  return {outcome: [result, reason ?? code].join(' '), text}
}

describe('the measurement manifest', () => {
  const other = new Uint8Array(48).fill(1)
  it.each<[string, object, string, RegExp]>([
    ['agrees with the blocks', {value: toc(...honest)}, 'pass pass', /3 values agree; places .* not followed/],
    ['is structured', {type: 'structured-manifest', value: structured(toc(...honest))}, 'pass pass', /3 values agree/],
    [
      'names another digest',
      {value: toc(measured(1, {2: digests(other)}))},
      'fail contradiction',
      /block 1: another digest/,
    ],
    [
      'names a digest by another function',
      {value: toc(measured(1, {2: [[8, new Uint8Array(64)]]}))},
      'fail contradiction',
      /block 1/,
    ],
    ['names another raw value', {value: toc(measured(3, {4: new Tag(560, other)}))}, 'fail contradiction', /block 3/],
    [
      'names another version',
      {value: toc(measured(16, {1: 8}))},
      'fail contradiction',
      /block 16: another security version/,
    ],
    ['names a block that is not there', {value: toc(measured(77, {1: 8}))}, 'fail contradiction', /no such block/],
    ['says what nobody evaluates', {value: toc(measured(1, {99: 1}))}, 'fail not-understood', /member 99/],
    ['is no CBOR', {value: Uint8Array.of(0xff)}, 'fail malformed', /Measurement manifest/],
    ['is cut short inside', {type: 'structured-manifest', value: Uint8Array.of(10)}, 'fail malformed', /manifest/],
    [
      'is of another registry',
      {type: 'structured-manifest', value: structured(toc(...honest), 3)},
      'skip abs',
      /a form/,
    ],
    ['is only a digest', {raw: false}, 'skip abs', /a form/],
  ])('%s', async (_, change, outcome, text) => {
    const found = await manifestIn(change)
    expect(found.outcome).toBe(outcome)
    expect(found.text).toMatch(text)
  })
})

const field = (type: number, ...value: readonly number[]): Uint8Array =>
  NVIDIA_OPAQUE_FIELD.encode({type, value: Uint8Array.from(value)})
const chainOf = async (name: string) =>
  chainObject(await certificates({leaf: {extensions: [basic(false), usage(Usage.digitalSignature), deviceInfo(name)]}}))
const nvidia = await chainOf('NVIDIA:GH100:0001')
const conditional = (equals: string, digest: string) =>
  ruleWith({
    identity: {mode: 'any-from-anchor'},
    measurements: {
      source: 'inline',
      values: valuesWith(2, {digests: [digest], when: {fact: 'opaque.nvdec0', equals}}),
    },
  })
const judged = async (opaqueData: Uint8Array, chain = nvidia, policy: object = G1.document) => {
  const evidence = await G1.forge({chain, transcript: {response: {opaqueData}}})
  const appraisal = await judge(evidence, policyFrom(policy))
  const of = (id: string) => appraisal.results.find(found => found.id === id)!
  return {of, status: appraisal.subject.measurements.find(({index}) => index === 2)?.status}
}
const enabled = field(11, 0xaa)
const disabled = field(11, 0x55)
const right = `sha384:${Buffer.from(block(2)).toString('hex')}`
const wrong = `sha384:${'ab'.repeat(48)}`

/** What becomes of the check of opaque data. */
const opaqueOutcome = async (...given: Parameters<typeof judged>) => {
  const {result, reason, code} = (await judged(...given)).of('spdm.meas.opaque')
  return `${result} ${reason ?? code}`
}

describe('opaque data', () => {
  it('is read by the reader of its vendor, or not at all', async () => {
    expect(await opaqueOutcome(enabled)).toBe('pass pass')
    expect(await opaqueOutcome(enabled.subarray(1))).toBe('fail malformed')
    expect(await opaqueOutcome(new Uint8Array())).toBe('skip abs')
    expect(await opaqueOutcome(enabled, await chainOf('ACME:GH100:0001'))).toBe('skip abs')
  })

  it.each<[string, Uint8Array, object, string, string]>([
    ['holds: an approved value', enabled, conditional('enabled', right), 'pass', 'approved'],
    ['holds: another value', enabled, conditional('enabled', wrong), 'fail', 'not approved'],
    ['does not hold: any value', disabled, conditional('enabled', wrong), 'pass', 'informational'],
    ['asks what is not said: no value', field(3, 0x31), conditional('enabled', right), 'fail', 'not evaluated'],
    ['asks malformed data: no value', concat(enabled, enabled), conditional('enabled', right), 'fail', 'not evaluated'],
  ])('a condition that %s', async (_, opaque, policy, result, wanted) => {
    const {of, status} = await judged(opaque, nvidia, policy)
    expect(of('spdm.meas.values').result).toBe(result)
    expect(status).toBe(wanted)
  })
})

describe("the device's own nonce", () => {
  it.each<[string, TranscriptSpec, string]>([
    ['is its own', {}, 'pass'],
    ['is all zero', {response: {nonce: new Uint8Array(32)}}, 'zero'],
    ['is ours', {response: {nonce: NONCE}}, 'reflected'],
  ])('%s', async (_, transcript, code) => {
    const {results} = await judge(await G1.forge({transcript}), policyFrom(G1.document))
    expect(results.find(({id}) => id === 'spdm.meas.responder-nonce')?.code).toBe(code)
  })
})

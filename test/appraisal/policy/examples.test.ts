/** The policies people copy from: what they say, and that they decide as their first lines tell. */
import {readdirSync, readFileSync} from 'node:fs'
import {fileURLToPath} from 'node:url'
import {beforeAll, describe, expect, it} from 'vitest'
import {
  type Appraisal,
  explainPolicy,
  filesOf,
  loadPolicy,
  type Policy,
  type PolicyDocument,
  productionFindings,
} from '../../../src/appraisal/index.js'
import {toHex} from '../../../src/bits/index.js'
import {explanationText} from '../../../src/operations/policy/explain.js'
import {type Base, G1, G3} from '../bases/index.js'
import {ALLOW_SKIP, BLOCKS, type Forgery, GENUINE, IDENTITY, RANGES, report, sha384, withBlock} from '../forge.js'
import {blockers, judge, NOW} from '../guest.js'
import {GOOD, RIM_ROOT} from '../suite/manifest.js'

const directory = fileURLToPath(new URL('../../../examples/policies/', import.meta.url))
const NAMES = readdirSync(directory).filter(name => name.endsWith('.yaml'))

function example(name: string, contents?: ReadonlyMap<string, Uint8Array>): Policy {
  const file = {name, text: readFileSync(`${directory}${name}`, 'utf8')}
  // the manifests they name are the reader's own
  const placeholders = new Map(filesOf([file]).map(path => [path, new Uint8Array()]))
  return loadPolicy([file], contents ?? placeholders, NOW)
}

describe('the example policies', () => {
  it('are four', () =>
    expect(NAMES).toEqual(['deny-all.yaml', 'gpu-unattended.yaml', 'lab-emulator.yaml', 'nvme-first-use.yaml']))

  it.each(NAMES)('%s can be used, and says what its golden explanation says', async name => {
    const policy = example(name)
    expect(policy.findings).toEqual([])
    await expect(explanationText(explainPolicy(policy))).toMatchFileSnapshot(`golden/${name.replace('.yaml', '.txt')}`)
  })

  it.each(NAMES)('%s is for production, unless it is for a bench', name => {
    const found = productionFindings(example(name).document)
    expect(found.map(({id}) => id)).toEqual(name.startsWith('lab') ? Array.from({length: 6}, () => 'L15') : [])
  })

  it('warn only of what they are open about', () => {
    const warned = NAMES.flatMap(name => example(name).warnings.map(({id}) => `${name} ${id}`))
    expect(warned).toEqual(['lab-emulator.yaml L14'])
  })
})

type Rule = PolicyDocument['rules'][number]
const pinned = (der: Uint8Array) => [{label: 'ours', certSha384: `sha384:${toHex(sha384(der))}`}]

const FILES = new Map([
  ['rim/gpu-570.corim', GOOD],
  ['rim/root.der', RIM_ROOT],
])

/** The example, for the vendor and the device of our forged evidence, which states less about its TSM than a real one. */
function ours(name: string, change: (rule: Rule) => Partial<Rule>): Policy {
  const {document} = example(name)
  const adapted = {
    ...document,
    anchors: Object.fromEntries(Object.keys(document.anchors ?? {}).map(set => [set, pinned(GENUINE[0]!)])),
    ...(document.rimSigners && {rimSigners: {'gpu-values': [{...pinned(RIM_ROOT)[0], file: 'rim/root.der'}]}}),
    waivers: document.waivers ?? [],
    rules: document.rules.map(rule => ({
      ...rule,
      match: {...rule.match, vendor: '0x1b36', device: ['0x0010'], class: '0x0108'},
      allowSkip: [...(rule.allowSkip ?? []), ...ALLOW_SKIP.filter(({check}) => check !== 'spdm.chain.revocation')],
      ...change(rule),
    })),
  }
  const policy = loadPolicy([{name, text: JSON.stringify(adapted)}], FILES, NOW)
  expect(policy.findings).toEqual([])
  return policy
}

/** A machine that has accepted nothing yet. */
const NOBODY = {of: () => undefined, at: () => undefined}
const decided = async (policy: Policy, forgery?: Forgery, base: Base = G1): Promise<Appraisal> =>
  judge(await base.forge(forgery), policy, {pins: NOBODY, ...base.circumstances})
const result = ({results}: Appraisal, id: string) => results.find(one => one.id === id)!

describe('what the examples decide about forged evidence', () => {
  it('deny-all: everything is denied, for want of a rule', async () => {
    const appraisal = await decided(example('deny-all.yaml'))
    expect(appraisal.decision).toBe('deny')
    expect(result(appraisal, 'policy.selector').text).toBe('0 rules match')
  })

  describe('gpu-unattended', () => {
    let policy: Policy
    beforeAll(() => {
      policy = ours('gpu-unattended.yaml', ({allowSkip = []}) => ({
        // our evidence has no kernel that tells of its buffers, and a device that may ask nobody about revocation
        require: ['tdisp.report.reserved'],
        allowSkip: [
          ...allowSkip,
          ...ALLOW_SKIP.filter(({check}) => !allowSkip.some(skip => skip.check === check)),
        ] as Rule['allowSkip'],
      }))
    })

    it('accepts the model without a person', async () => {
      const appraisal = await decided(policy)
      expect(blockers(appraisal)).toEqual([])
      expect(appraisal).toMatchObject({decision: 'accept', human: 'none', rule: 'gpu'})
    })

    it.each<[string, Forgery, string]>([
      [
        'firmware that nobody signed',
        {transcript: {blocks: withBlock(2, {value: sha384(new Uint8Array([1]))})}},
        'spdm.meas.values',
      ],
      [
        'a block besides',
        {transcript: {blocks: [...BLOCKS.slice(0, 5), {...BLOCKS[0]!, index: 9}, ...BLOCKS.slice(5)]}},
        'spdm.meas.coverage',
      ],
      ['a reserved bit', {report: report(RANGES, {infoReserved: 1})}, 'tdisp.report.reserved'],
      ['ATS', {report: report(RANGES, {atsSupported: true})}, 'tdisp.report.ats'],
    ])('denies %s: there is nobody to ask', async (_, forgery, check) => {
      const appraisal = await decided(policy, forgery)
      expect(appraisal.decision).toBe('deny')
      expect(result(appraisal, check)).toMatchObject({result: 'fail', blocking: true})
    })
  })

  it('nvme-first-use: a person decides about the first one, and sees the waiver', async () => {
    const appraisal = await decided(ours('nvme-first-use.yaml', () => ({})))
    expect(blockers(appraisal)).toEqual([])
    expect(appraisal).toMatchObject({decision: 'review', human: 'typed'})
    expect(result(appraisal, 'spdm.chain.revocation')).toMatchObject({waiver: 'no-revocation-lists', word: 'RELAXED'})
  })

  it('lab-emulator: SPDM 1.1 is for a person to look at', async () => {
    const values = BLOCKS.filter(({type}) => type !== 'device-mode' && type !== 'svn').map(
      ({index, type, raw, value}) =>
        raw ? {index, type, raw: [toHex(value)]} : {index, type, digests: [`sha384:${toHex(value)}`]},
    )
    const abs = ['spdm.meas.debug', 'spdm.meas.svn', 'spdm.meas.device-mode'] as const
    const policy = ours('lab-emulator.yaml', ({allowSkip = []}) => ({
      identity: {mode: 'allowlist', allow: [{san: IDENTITY}]},
      measurements: {source: 'inline', values},
      allowSkip: [
        ...allowSkip,
        ...ALLOW_SKIP,
        ...abs.map(check => ({check, because: 'absent-in-device'})),
      ] as Rule['allowSkip'],
      // our report is placed as any is
      tdisp: {offsetMode: 'auto'},
    }))
    const appraisal = await decided(policy, {}, G3)
    expect(blockers(appraisal)).toEqual([])
    expect(appraisal).toMatchObject({decision: 'review', human: 'confirm'})
  })
})

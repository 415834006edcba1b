/** Looking into reference values, taking them over into a policy, and learning them from an accepted device. */
import {writeFileSync} from 'node:fs'
import {join} from 'node:path'
import * as v from 'valibot'
import {beforeAll, describe, expect, it} from 'vitest'
import {appraise, loadPolicy, readReferenceFile} from '../../../src/appraisal/index.js'
import {DATA} from '../../../src/cli/schemas/index.js'
import {TsmctlError} from '../../../src/errors.js'
import {accept, collectEvidence, lock, readPolicy} from '../../../src/operations/index.js'
import {keptBundle} from '../../../src/operations/collect.js'
import {importReferences} from '../../../src/operations/reference/import.js'
import {learn} from '../../../src/operations/reference/learn.js'
import {brokenSignature, referenceText, showReference} from '../../../src/operations/reference/show.js'
import {G1} from '../../appraisal/bases/index.js'
import {BLOCKS, KEYS, policyFrom, privateKey, ruleWith} from '../../appraisal/forge.js'
import {judge} from '../../appraisal/guest.js'
import {GOOD as SIGNED, manifestOf, measurementOf, RIM_ROOT, RIM_SIGNER} from '../../appraisal/suite/manifest.js'
import {corim, environment, map, measured, Tag} from '../../corim/manifests.js'
import {GOOD, guestCopy} from '../../support/guest.js'
import {digestText, document, resource, signedXml} from '../../vendor/rims.js'
import {parse} from 'yaml'

const NOW = new Date('2026-11-21T12:00:00Z')
const measurements = BLOCKS.map(measurementOf)
const file = (bytes: Uint8Array, name = 'widget.corim') => ({name, bytes})
const SIGNER = {name: 'root.der', bytes: RIM_ROOT}
const imported = (bytes: Uint8Array, more: Partial<Parameters<typeof importReferences>[0]> = {}) =>
  importReferences({files: [file(bytes)], signer: SIGNER, model: 'ACME:WIDGET', now: NOW, ...more})
const kindOf = async (work: Promise<unknown>): Promise<string> => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  return error instanceof TsmctlError ? `${error.kind} ${error.message}` : String(error)
}
const rim = async (product = 'WIDGET'): Promise<Uint8Array> =>
  signedXml(
    document({
      product,
      resources: [resource(0, true, digestText(1), digestText(2)), resource(4, false, digestText(0))],
    }),
    {
      key: await privateKey(KEYS.otherLeaf),
      certificates: [RIM_SIGNER, RIM_ROOT],
    },
  )

/** What is a manifest is not read as a policy. */
const noPolicy = (): never => {
  throw new TsmctlError({kind: 'bug', attempted: 'read a policy', got: 'it is none'})
}

describe('reference show', () => {
  it('shows the values of a signed manifest, and who signed it', async () => {
    const view = await showReference('widget.corim', SIGNED, noPolicy)
    expect(v.is(DATA['reference-show'], view)).toBe(true)
    expect(view.signature).toMatchObject({algorithm: 'ES384', holds: true})
    expect(view.parts[0]!.about).toBe('vendor "ACME", model "WIDGET"')
    expect(view.parts[0]!.values.map(({index}) => index)).toEqual(BLOCKS.map(({index}) => index))
    expect(referenceText(view)).toMatch(/CN=RIM signer.*\n.*Whether to trust them is for a policy to say/)
    expect(brokenSignature(view)).toBeUndefined()
  })

  it('says when the signature does not hold', async () => {
    const view = await showReference(
      'x',
      manifestOf(undefined, {key: await privateKey(KEYS.leaf), header: {33: RIM_SIGNER}}),
      noPolicy,
    )
    expect(referenceText(view)).toContain('THE SIGNATURE DOES NOT HOLD')
    expect(brokenSignature(view)?.exitCode).toBe(5)
  })

  it('says what no rule could use', async () => {
    const view = await showReference(
      'x',
      corim({
        triples: map({
          0: [[environment({0: 'id'}), [measured(1, {3: 1})]]],
          1: [1],
          2: [[environment(), [new Tag(559, [7, new Uint8Array(48)])]]],
        }),
      }),
      noPolicy,
    )
    expect(view.problems).toEqual(['nobody signed it: no rule can name it, import its values instead'])
    expect(view.parts.map(({about, problems}) => [about, problems.length])).toEqual([
      ['tag "acme-tag"', 1],
      ['vendor "ACME", model "WIDGET"', 2],
      ['certificates of vendor "ACME", model "WIDGET"', 0],
    ])
  })

  it('shows the manifest of NVIDIA, and a policy', async () => {
    const view = await showReference('x.xml', await rim(), noPolicy)
    expect(view).toMatchObject({kind: 'nvidia-rim', id: 'rim-1', signature: {holds: true}})
    expect(view.parts[0]!.values).toEqual([{index: 1, text: `sha384:${digestText(1)} or sha384:${digestText(2)}`}])
    const policy = await showReference('policy.yaml', Buffer.from(JSON.stringify(ruleWith({}))), () =>
      policyFrom(ruleWith({})),
    )
    expect(policy.parts).toMatchObject([{about: 'rule widget: inline', values: {length: BLOCKS.length}}])
    for (const one of [view, policy]) expect(v.is(DATA['reference-show'], one)).toBe(true)
  })

  it('refuses what is neither', async () => {
    expect(await kindOf(showReference('x', Uint8Array.of(0xff), noPolicy))).toMatch(/^malformed/)
    expect(await kindOf(showReference('x', Buffer.from('<a/>'), noPolicy))).toMatch(/^malformed/)
  })

  it('prints nothing that could drive a terminal', async () => {
    const evil = '\u001b[2J\u202e'
    const bytes = corim({
      environment: environment({1: evil, 2: evil}),
      measurements: [measured(1, {2: [[evil, new Uint8Array(1)]]})],
      comid: {1: map({0: evil})},
      corim: {0: evil},
    })
    const text = referenceText(await showReference(evil, bytes, noPolicy))
    expect(text.replaceAll('\n', '')).toMatch(/^[\x20-\x7e]*$/)
  })
})

describe('reference import', () => {
  it('makes values that approve what the manifest approves', async () => {
    const {yaml, ...data} = await imported(SIGNED)
    expect(v.is(DATA['reference-import'], {...data, yaml, file: null})).toBe(true)
    const rule = ruleWith({measurements: parse(yaml).measurements}) as {
      rules: {measurements: {values: {index: number; type: string}[]}}[]
    }
    // the types are not in the manifest: whoever pastes it compares them
    for (const value of rule.rules[0]!.measurements.values)
      value.type = BLOCKS.find(({index}) => index === value.index)!.type
    const {decision} = await judge(await G1.forge(), policyFrom(rule))
    expect(decision).toBe('accept')
    expect(yaml).toContain('# Taken from widget.corim, sha384:')
  })

  it('merges alternatives, and leaves out what may be missing', async () => {
    const {values, yaml} = await imported(await rim(), {files: [file(await rim(), 'x.xml')]})
    expect(values).toMatchObject([
      {index: 1, type: 'firmware', digests: [`sha384:${digestText(1)}`, `sha384:${digestText(2)}`]},
      {index: 5, digests: [`sha384:${digestText(0)}`], allowZero: true, optional: true},
    ])
    expect(parse(yaml).measurements.values.map(({index}: {index: number}) => index)).toEqual([1])
    expect(yaml).toMatch(/\n {4}# - \{index: 5, .*allowZero: true\}\n/)
  })

  it('refuses what a rule could not use', async () => {
    expect(await kindOf(imported(corim({measurements})))).toMatch(/^policy .*nobody signed "widget.corim"/)
    expect(await kindOf(imported(manifestOf(undefined, {key: await privateKey(KEYS.leaf)})))).toMatch(
      /^policy .*not signed by/,
    )
    expect(await kindOf(imported(await rim('GADGET')))).toMatch(/^policy .*for "GADGET"/)
    expect(await kindOf(imported(SIGNED, {model: undefined}))).toMatch(/^policy .*one model/)
    expect(await kindOf(imported(SIGNED, {model: 'ACME'}))).toMatch(/^usage/)
    expect(await kindOf(imported(SIGNED, {signer: {name: 'x', bytes: new Uint8Array(3)}}))).toMatch(
      /^policy .*one certificate/,
    )
  })

  it('takes the values of anybody only where that is asked for', async () => {
    const {yaml, signer} = await imported(corim({measurements}), {signer: undefined})
    expect(signer).toBeNull()
    expect(yaml).toContain('NOBODY VOUCHES FOR THESE VALUES BUT YOU')
  })
})

describe('reference learn', () => {
  let machine: Awaited<ReturnType<typeof guestCopy>>
  let digest: string
  beforeAll(async () => {
    machine = await guestCopy()
    const {kernel} = machine
    await lock(kernel, GOOD)
    ;({digest} = await collectEvidence(kernel, GOOD))
  })

  it('learns nothing from evidence nobody accepted', async () => {
    const {kernel} = machine
    expect(await kindOf(learn(kernel, keptBundle(kernel, digest)))).toMatch(
      /^denied .*does not say that it was accepted/,
    )
  })

  it('writes what an accepted device measured, and a policy with it accepts that device', async () => {
    const {kernel, policy: path} = machine
    const policy = readPolicy([path], new Date())
    await accept(kernel, GOOD, digest, {policy, bind: true})
    const bundle = keptBundle(kernel, digest)
    const {yaml, ...learnt} = await learn(kernel, bundle)
    expect(v.is(DATA['reference-learn'], {...learnt, yaml, file: null})).toBe(true)
    expect(learnt.record.event).toBe('committed')
    expect(yaml).toContain(`# Learnt from evidence ${digest}`)
    const [rule, ...rules] = policy.document.rules
    const own = {...policy.document, rules: [...rules, {...rule, measurements: parse(yaml).measurements}]}
    const again = loadPolicy([{name: 'own.yaml', text: JSON.stringify(own)}], policy.files, new Date())
    expect(again.findings).toEqual([])
    const {results} = await appraise({
      bundle,
      policy: again,
      now: new Date(),
      clockTrusted: false,
      mode: 'offline',
      built: NOW,
    })
    for (const id of ['spdm.meas.reference', 'spdm.meas.coverage', 'spdm.meas.values', 'spdm.meas.type-rep'])
      expect(`${id} ${results.find(result => result.id === id)?.result}`).toBe(`${id} pass`)
  })

  it('learns nothing by a log that was changed', async () => {
    const {kernel, directory} = machine
    writeFileSync(join(kernel.state.directory, 'audit.jsonl'), '{}\n')
    expect(directory).not.toBe('')
    expect(await kindOf(learn(kernel, keptBundle(kernel, digest)))).toMatch(/^denied .*not whole/)
  })
})

it('a file is read by what it is, not by its name', async () => {
  expect((await readReferenceFile(SIGNED)).kind).toBe('corim')
  expect((await readReferenceFile(await rim())).kind).toBe('nvidia-rim')
})

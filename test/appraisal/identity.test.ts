/** Names and DICE layers that are as they should be, and what is not proven by them. */
import {describe, expect, it} from 'vitest'
import type {AppraisalInput} from '../../src/appraisal/index.js'
import {extension} from '../spdm/authority.js'
import {type Base, G1, G2} from './bases/index.js'
import {ALIAS_BLOCKS, aliasChain, aliasRuleWith, LAYERS, tcbInfoOf} from './bases/g2.js'
import {basic, type Forgery, policyFrom, RULE, ruleWith, Usage, usage} from './forge.js'
import {judge} from './guest.js'
import {VOUCHED} from './suite/dice.js'
import {chainOf, marked, named} from './suite/row.js'

interface Case {
  readonly base?: Base
  readonly forgery?: Forgery
  readonly policy?: object
  readonly circumstances?: Partial<AppraisalInput>
}

async function resultOf(id: string, {base = G1, forgery, policy = base.document, circumstances}: Case) {
  const bundle = await base.forge(forgery)
  const appraisal = await judge(bundle, policyFrom(policy), {...base.circumstances, ...circumstances})
  const {result, reason, word, text} = appraisal.results.find(found => found.id === id)!
  return {said: `${result} ${reason ?? ''} ${word}`.replace('  ', ' '), text, decision: appraisal.decision}
}

const without = (check: string): object[] => RULE.allowSkip.filter(entry => entry.check !== check)
const nameless = await chainOf({leaf: {extensions: [basic(false), usage(Usage.digitalSignature)]}})()
const sound = async (): Promise<Forgery> => ({})
const ANY = {mode: 'any-from-anchor'}

describe('names', () => {
  it('N037 no DMTF device info is not proven, and denied unless the rule lets it be absent', async () => {
    const check = 'spdm.id.san-dmtf'
    const denied = await resultOf(check, {forgery: nameless, policy: ruleWith({identity: ANY})})
    expect(denied).toMatchObject({said: 'skip abs NOT PROVEN', decision: 'deny'})
    const allowSkip = [...RULE.allowSkip, {check, because: 'absent-in-device'}]
    const allowed = await resultOf(check, {forgery: nameless, policy: ruleWith({identity: ANY, allowSkip})})
    expect(allowed).toMatchObject({said: 'skip abs RELAXED', decision: 'accept'})
  })

  const CMA = 'Vendor=1B36:Device=0010:CC=010802:REV=02'
  it.each<[string, string]>([
    [CMA, 'pass ok'],
    [`${CMA}:SSVID=1B36:SSID=0001`, 'pass ok'],
    [CMA.replace('1B36', '1b36'), 'pass ok'],
    [CMA.replace('Device', 'DEVICE'), 'fail FAIL'],
  ])('the PCI-SIG name %s: %s', async (name, expected) => {
    expect((await resultOf('spdm.id.san-cma', {forgery: await named(name)()})).said).toBe(expected)
  })

  it('a serial number is compared as the number it is', async () => {
    const forgery = {...(await named(`${CMA}:8877665544332211`)()), pci: {dsn: '1122334455667788'}}
    expect((await resultOf('spdm.id.san-cma', {forgery})).said).toBe('pass ok')
  })

  const check = 'spdm.id.pci-match'
  const products = [{san: 'ACME:WID*', vendor: '0x1b36', device: ['0x0010']}]
  it.each<[string, object, () => Promise<Forgery>, string]>([
    ['a table that maps the product', {identity: {...RULE.identity, products}}, sound, 'pass ok'],
    ['no table', {allowSkip: without(check)}, sound, 'skip abs NOT PROVEN'],
    ['no table, but the PCI-SIG name', {allowSkip: without(check)}, named(CMA), 'pass ok'],
    [
      'a table, and no name',
      {identity: {...ANY, products}, allowSkip: without(check)},
      async () => nameless,
      'skip abs NOT PROVEN',
    ],
  ])('product and PCI ids: %s', async (_, change, forgery, expected) => {
    expect((await resultOf(check, {policy: ruleWith(change), forgery: await forgery()})).said).toBe(expected)
  })

  it.each(['ACME', 'ACME:WIDGET:1', '*', 'AC*:WIDGET', 'ACME:W*T'])('a table cannot name %j', san => {
    const policy = policyFrom(ruleWith({identity: {...RULE.identity, products: [{...products[0], san}]}}))
    expect(policy.findings.map(({id}) => id)).toContain('schema')
  })
})

describe('DICE layers', () => {
  it('are approved by the firmware that a manifest gives for them', async () => {
    const {said, decision} = await resultOf('spdm.dice.fwid', {base: G2, policy: VOUCHED})
    expect(said).toBe('pass ok')
    expect(decision).toBe('accept')
  })

  it('are not proven where nobody vouches for firmware', async () => {
    expect((await resultOf('spdm.dice.fwid', {base: G2})).said).toBe('skip abs RELAXED')
  })

  it('may set a flag that the rule allows, which is told', async () => {
    const forgery = await aliasChain({layers: [tcbInfoOf(0, {flags: Uint8Array.of(7, 0x80)}), tcbInfoOf(1)]})()
    const dice = {minSvn: 1, flags: {notConfigured: 'allow'}}
    const allowed = await resultOf('spdm.dice.flags', {base: G2, forgery, policy: aliasRuleWith({dice})})
    expect(allowed).toMatchObject({said: 'pass RELAXED', text: 'notConfigured set in layer 0'})
    expect((await resultOf('spdm.dice.flags', {base: G2, forgery})).said).toBe('fail FAIL')
  })

  it('that state no version have not proven it, whatever the others state', async () => {
    const layer = tcbInfoOf(1)
    // the version is the first field, of three bytes
    const silent = Uint8Array.of(0x30, layer[1]! - 3, ...layer.subarray(5))
    const forgery = await aliasChain({layers: [tcbInfoOf(0), silent]})()
    const policy = aliasRuleWith({allowSkip: without('spdm.dice.svn')})
    expect((await resultOf('spdm.dice.svn', {base: G2, forgery, policy})).said).toBe('skip abs NOT PROVEN')
  })

  it('agree with measurements where every firmware id is a measured digest', async () => {
    const blocks = ALIAS_BLOCKS.map(block => {
      if (block.index === 1) return {...block, value: LAYERS[0]!.fwid!}
      return block.index === 2 ? {...block, value: LAYERS[1]!.fwid!} : block
    })
    const id = 'spdm.dice.consistent'
    expect((await resultOf(id, {base: G2, forgery: {transcript: {blocks}}})).said).toBe('pass ok')
    expect((await resultOf(id, {base: G2})).said).toBe('skip abs NOT PROVEN')
  })

  it('are not what extensions of other purposes tell, whatever is in them', async () => {
    const forgery = await marked(extension('2.23.133.5.4.3', Uint8Array.of(0x16, 1, 0x78)))()
    expect((await resultOf('spdm.dice.parse', {forgery})).said).toBe('skip abs RELAXED')
  })
})

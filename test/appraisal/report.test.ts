/** What leaves an appraisal: text for people, claims for relying parties. */
import {beforeAll, describe, expect, it} from 'vitest'
import {
  type Appraisal,
  earOf,
  loadPolicy,
  renderAppraisal,
  renderChecks,
  type TrustVector,
} from '../../src/appraisal/index.js'
import {
  basic,
  certificates,
  chainObject,
  deviceInfo,
  DOCUMENT,
  forge,
  mode,
  policyFrom,
  RANGES,
  report,
  ruleWith,
  Usage,
  usage,
  valuesWith,
  withBlock,
} from './forge.js'
import {FACTS, judge, NOW} from './guest.js'
import {negotiation} from '../../src/sim/responder.js'

const VCA = negotiation()
const informational = ruleWith({
  measurements: {source: 'inline', values: valuesWith(254, {raw: undefined, informational: true})},
})
let sound: Appraisal
let debug: Appraisal
let misfit: Appraisal
let nobody: Appraisal

beforeAll(async () => {
  sound = await judge(await forge(VCA, FACTS), policyFrom(DOCUMENT))
  debug = await judge(
    await forge(VCA, FACTS, {transcript: {blocks: withBlock(254, {value: mode(4, 2)})}}),
    policyFrom(informational),
  )
  misfit = await judge(
    await forge(VCA, FACTS, {report: report([{...RANGES[0]!, pages: 5}, ...RANGES.slice(1)])}),
    policyFrom(DOCUMENT),
  )
  nobody = await judge(await forge(VCA, FACTS), undefined)
})

const ear = (appraisal: Appraisal) => {
  const claims = earOf(appraisal, {developer: 'test', build: '1'}, {nonce: 'nonce'})
  const [module] = Object.values(claims.submods)
  return {claims, status: module!['ear.status'], vector: module!['ear.trustworthiness-vector'], module: module!}
}

describe('the text of a review', () => {
  it('says the decision first, then what stands against it', () => {
    const [banner, counters, , title, first] = renderAppraisal(debug)
    expect(banner).toMatch(/^DENY {2}"ACME:WIDGET:0001" {2}0000:01:00\.0 {2}rule widget {2}evidence [0-9a-f]{12}/)
    expect(counters).toMatch(/^does not match policy forge; 1 fail, \d+ relaxed, \d+ not proven, \d+ ok$/)
    expect(title).toBe('What stands against it')
    expect(first).toBe(
      '  X FAIL  spdm.meas.debug: debug access to the device is active: invasive debug is active' +
        '; expected no debug access [measurements@289+23]',
    )
  })

  it('accepts in one word, and denies a device of nobody without its name', () => {
    expect(renderAppraisal(sound)[0]).toMatch(/^ACCEPT {2}"ACME:WIDGET:0001"/)
    expect(renderAppraisal(nobody)[0]).toMatch(/^DENY {2}unverified device {2}0000:01:00\.0 {2}no rule/)
    expect(nobody.P).toBeNull()
  })

  it('names the range that does not fit, where it is, and what to do', () => {
    const found = misfit.results.find(({id}) => id === 'tdisp.report.mmio-within-bars')!
    expect(found).toMatchObject({word: 'FAIL', place: {object: 'report', offset: 16, length: 16}})
    expect(found.remedy).toContain('Do not accept')
    expect(renderAppraisal(misfit).join('\n')).toContain(
      'Memory the driver writes to could be mapped to somebody else.',
    )
  })

  it.each(['sound', 'debug', 'misfit', 'nobody'])('%s: printable, and without words that promise too much', which => {
    const appraisal = {sound, debug, misfit, nobody}[which]!
    const lines = [...renderAppraisal(appraisal), ...renderChecks(appraisal.results)]
    for (const line of lines) expect(line).toMatch(/^[\x20-\x7e]*$/)
    expect(lines.join('\n')).not.toMatch(/\b(is (secure|trusted|safe)|secure device|trusted device|score|\d+ ?%)\b/i)
  })

  it('N123 shows hostile device text escaped, in every view', async () => {
    const name = 'ACME:\u001b[2J\u202eWIDGET:1'
    const leaf = {extensions: [basic(false), usage(Usage.digitalSignature), deviceInfo(name)]}
    const bundle = await forge(VCA, FACTS, {chain: chainObject(await certificates({leaf}))})
    const appraisal = await judge(bundle, policyFrom(ruleWith({identity: {mode: 'any-from-anchor'}})))
    for (const line of [...renderAppraisal(appraisal), ...renderChecks(appraisal.results)])
      expect(line).toMatch(/^[\x20-\x7e]*$/)
    expect(JSON.stringify(earOf(appraisal, {developer: 'd', build: 'b'}))).toMatch(/^[\x20-\x7e]*$/)
    expect(appraisal.results.find(({id}) => id === 'spdm.id.san-dmtf')?.result).toBe('fail')
  })
})

describe('the facts shown', () => {
  it('are those of the verified evidence', () => {
    expect(sound.subject).toMatchObject({
      name: 'ACME:WIDGET:0001',
      anchor: 'ACME root',
      path: ['CN=Root', 'CN=CA', 'CN=Leaf'],
      slot: 0,
      spdm: {version: '1.2', hash: 'sha384', asym: 'ecdsa-p384'},
      debug: 'off',
      placement: 'complete',
    })
    expect(sound.subject.measurements.map(({status}) => status)).toEqual(Array.from({length: 7}, () => 'approved'))
    expect(sound.subject.report?.ranges.map(({barOffset}) => barOffset)).toEqual(['0x0', '0x0', '0x0'])
  })

  it('are left out where nothing verified them', () => {
    expect(nobody.subject).toMatchObject({name: null, anchor: null, path: [], certificate: null, measurements: []})
    expect(misfit.subject.placement).toBeNull()
    expect(misfit.subject.report?.ranges.every(({barOffset}) => barOffset === null)).toBe(true)
    expect(debug.subject.debug).toBe('on')
  })
})

describe('the attestation result', () => {
  it('names policy, evidence and every check', () => {
    const {claims, module} = ear(sound)
    expect(claims).toMatchObject({
      eat_profile: 'tag:github.com,2023:veraison/ear',
      iat: Math.floor(NOW.getTime() / 1000),
      eat_nonce: 'nonce',
    })
    expect(module['ear.appraisal-policy-id']).toBe(`tsmctl:forge@${sound.P}`)
    expect(module['tsmctl.evidence-digest']).toBe(sound.D)
    expect(module['tsmctl.checks']).toHaveLength(118)
  })

  it.each([
    ['sound', 'warning', {'instance-identity': 2, hardware: 32, executables: 3, configuration: 36}],
    ['debug', 'contraindicated', {hardware: 96}],
    ['misfit', 'contraindicated', {configuration: 96}],
    ['nobody', 'contraindicated', {'instance-identity': 97, hardware: 97}],
  ] satisfies [string, string, Partial<TrustVector>][])('%s is %s', (which, status, vector) => {
    const found = ear({sound, debug, misfit, nobody}[which]!)
    expect(found.status).toBe(status)
    expect(found.vector).toMatchObject(vector)
  })

  it('is never better than its worst claim, nor affirming with anything relaxed', () => {
    for (const appraisal of [sound, debug, misfit, nobody]) {
      const {status, vector} = ear(appraisal)
      const worst = Math.max(...Object.values(vector))
      const relaxed = appraisal.results.some(({word}) => word === 'RELAXED')
      expect(status === 'affirming' && (relaxed || worst >= 32)).toBe(false)
      expect(status === 'warning' && worst >= 96).toBe(false)
      expect(appraisal.decision === 'deny').toBe(status === 'contraindicated')
    }
  })
})

describe('default deny', () => {
  it.each([
    ['no policy', undefined],
    ['no policy file', loadPolicy([], new Map(), NOW)],
    ['a broken policy', loadPolicy([{name: 'p', text: 'rules: ['}], new Map(), NOW)],
    ['no rule', policyFrom({...DOCUMENT, rules: []})],
    ['two rules', policyFrom({...DOCUMENT, rules: [DOCUMENT.rules[0], {...DOCUMENT.rules[0], id: 'b'}]})],
    ['a rule that denies', policyFrom({...DOCUMENT, rules: [{id: 'no', match: {vendor: '0x1b36'}, decision: 'deny'}]})],
  ])('%s', async (_, policy) => {
    const {decision} = await judge(await forge(VCA, FACTS), policy)
    expect(decision).toBe('deny')
  })

  it('the same input gives the same appraisal', async () => {
    const bundle = await forge(VCA, FACTS)
    const [a, b] = [await judge(bundle, policyFrom(DOCUMENT)), await judge(bundle, policyFrom(DOCUMENT))]
    expect(JSON.stringify(a)).toBe(JSON.stringify(b))
  })
})

/** The `reference` commands: values of manifests for a policy, and of a device that was accepted. */
import {mkdtempSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {parse} from 'yaml'
import {BLOCKS, KEYS, privateKey} from '../appraisal/forge.js'
import {GOOD as SIGNED, manifestOf, measurementOf, RIM_ROOT, RIM_SIGNER} from '../appraisal/suite/manifest.js'
import {corim} from '../corim/manifests.js'
import {GOOD, guestDirectory} from '../support/guest.js'
import {tsmctl, tsmctlJson} from './run.js'

const scratch = mkdtempSync(join(tmpdir(), 'tsmctl-reference-'))
afterAll(() => rmSync(scratch, {recursive: true, force: true}))
const at = (name: string): string => join(scratch, name)

beforeAll(async () => {
  writeFileSync(at('good.corim'), SIGNED)
  writeFileSync(at('unsigned.corim'), corim({measurements: BLOCKS.map(measurementOf)}))
  const key = await privateKey(KEYS.leaf)
  writeFileSync(at('foreign.corim'), manifestOf(undefined, {key}))
  writeFileSync(at('broken.corim'), manifestOf(undefined, {key, header: {33: RIM_SIGNER}}))
  writeFileSync(at('root.der'), RIM_ROOT)
  writeFileSync(at('notes.yaml'), 'measurements: {source: none}\n')
  writeFileSync(at('empty'), '')
})

describe('reference show', () => {
  it('shows who signed a manifest and what is in it, and trusts nobody', () => {
    const {code, json} = tsmctlJson(['reference', 'show', at('good.corim')])
    expect([code, json.data.kind, json.data.signature.holds]).toEqual([0, 'corim', true])
    expect(json.data.parts[0].values).toHaveLength(BLOCKS.length)
    expect(tsmctl(['reference', 'show', at('good.corim')]).out).toContain(
      'Whether to trust them is for a policy to say',
    )
  })

  it('shows a signature that does not hold, and ends with 5', () => {
    const {code, out, err} = tsmctl(['reference', 'show', at('broken.corim')])
    expect([code, out.includes('THE SIGNATURE DOES NOT HOLD')]).toEqual([5, true])
    expect(err).toContain('its signature does not hold')
  })

  it.each([
    ['notes.yaml', 5, /expected a CoRIM or SWID XML/],
    ['empty', 5, /expected a CoRIM or SWID XML/],
    ['nothing', 3, /ENOENT/],
  ])('refuses %s', (name, code, why) => {
    const result = tsmctl(['reference', 'show', at(name)])
    expect(result).toMatchObject({code, out: ''})
    expect(result.err).toMatch(why)
  })
})

const imported = (...args: readonly string[]) => tsmctl(['reference', 'import', ...args, '--model', 'ACME:WIDGET'])

describe('reference import', () => {
  it('writes values whose signer is the one that was named', () => {
    expect(imported(at('good.corim'), '--signer', at('root.der'), '--out', at('values.yaml'))).toMatchObject({
      code: 0,
      out: `written to ${at('values.yaml')}\n`,
    })
    const {measurements} = parse(readFileSync(at('values.yaml'), 'utf8'))
    expect(measurements).toMatchObject({source: 'inline'})
    expect(measurements.values).toHaveLength(BLOCKS.length)
    expect(imported(at('good.corim'), '--signer', at('root.der'), '--out', at('values.yaml'))).toMatchObject({
      code: 2,
      out: '',
    })
  })

  it.each<[string, readonly string[], number, RegExp]>([
    ['nobody is named', ['good.corim'], 2, /--signer/],
    ['two things are asked for', ['good.corim', '--signer', 'root.der', '--unverified'], 2, /./],
    ['somebody else signed', ['foreign.corim', '--signer', 'root.der'], 11, /not signed by/],
    ['nobody signed', ['unsigned.corim', '--signer', 'root.der'], 11, /nobody signed/],
    ['the signer is no certificate', ['good.corim', '--signer', 'notes.yaml'], 11, /one certificate/],
  ])('takes nothing where %s', (_, args, code, why) => {
    const result = imported(...args.map(arg => (arg.startsWith('--') ? arg : at(arg))))
    expect(result).toMatchObject({code, out: ''})
    expect(result.err).toMatch(why)
  })

  it('takes the values of anybody only where that is asked for, and says so', () => {
    const {code, out} = imported(at('unsigned.corim'), '--unverified')
    expect(code).toBe(0)
    expect(out).toContain('NOBODY VOUCHES FOR THESE VALUES BUT YOU')
  })
})

describe('reference learn', () => {
  it('learns from a device that was accepted here, and from no other evidence', async () => {
    const directory = await guestDirectory()
    const host = `sim:${directory}`
    const run = (...args: readonly string[]) => tsmctl(args, {host})
    expect(run('lock', GOOD).code).toBe(0)
    expect(run('evidence', GOOD, '--out', at('gpu.tsmb.json')).code).toBe(0)
    expect(run('reference', 'learn', GOOD)).toMatchObject({code: 3, out: ''})
    expect(run('reference', 'learn', at('gpu.tsmb.json'))).toMatchObject({code: 4, out: ''})
    expect(run('reference', 'learn', 'somewhere')).toMatchObject({code: 2, out: ''})
    expect(run('admit', GOOD, '--policy', join(directory, 'policy.yaml')).code).toBe(0)
    const {code, json} = tsmctlJson(['reference', 'learn', GOOD, '--out', at('golden.yaml')], {host})
    expect([code, json.data.file]).toEqual([0, at('golden.yaml')])
    expect(statSync(at('golden.yaml')).isFile()).toBe(true)
    expect(parse(readFileSync(at('golden.yaml'), 'utf8'))).toEqual(parse(json.data.yaml))
  })
})

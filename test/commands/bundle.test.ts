/** The `bundle` commands on evidence of a simulated guest: every form, every way out, every refusal explained. */
import {execFileSync} from 'node:child_process'
import {generateKeyPairSync} from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {beforeAll, describe, expect, it} from 'vitest'
import {GOOD, guestDirectory} from '../support/guest.js'
import {tsmctl, tsmctlJson} from './run.js'

const scratch = mkdtempSync(join(tmpdir(), 'tsmctl-bundle-'))
const at = (name: string): string => join(scratch, name)
let host: string
let D: string
let policy: string

const data = (...args: readonly string[]) => {
  const {code, json} = tsmctlJson(args, {host})
  expect([code, json.error]).toEqual([0, null])
  return json.data
}

beforeAll(async () => {
  const directory = await guestDirectory()
  host = `sim:${directory}`
  policy = join(directory, 'policy.yaml')
  data('lock', GOOD)
  D = data('evidence', GOOD, '--out', at('gpu.tsmb.json')).digest
})

describe('bundle show', () => {
  it('says what is there, what it could prove, and that nothing was verified', () => {
    const {check, objects, device} = data('bundle', 'show', at('gpu.tsmb.json'))
    expect(check).toMatchObject({form: 'json', digest: D, findings: []})
    expect(device.bdf).toBe(GOOD)
    expect(objects.map(({label}: {label: string}) => label)).toContain('measurements')
    const {out} = tsmctl(['bundle', 'show', at('gpu.tsmb.json')])
    expect(out).toContain('report: ')
    expect(out).toContain('Nothing here was verified')
    expect(out).not.toMatch(/\b(?:valid|OK|trusted)\b/)
  })

  it('masks with --redact what identifies the device', () => {
    const {out} = tsmctl(['bundle', 'show', at('gpu.tsmb.json'), '--redact'])
    expect(out).toMatch(/\[redacted nonce 1\]/)
  })
})

describe('bundle convert', () => {
  it('keeps D from JSON over a directory and CBOR back to the same file', () => {
    expect(data('bundle', 'convert', at('gpu.tsmb.json'), at('gpu'))).toMatchObject({
      from: 'json',
      to: 'directory',
      digest: D,
    })
    expect(readdirSync(at('gpu'))).toContain('manifest.json')
    expect(statSync(at('gpu/report')).mode & 0o777).toBe(0o600)
    expect(data('bundle', 'convert', at('gpu'), at('gpu.cbor'), '--to', 'cbor')).toMatchObject({to: 'cbor', digest: D})
    expect(data('bundle', 'convert', at('gpu.cbor'), at('back.json'))).toMatchObject({
      from: 'cbor',
      to: 'json',
      digest: D,
    })
    expect(readFileSync(at('back.json'))).toEqual(readFileSync(at('gpu.tsmb.json')))
  })

  it('overwrites nothing unasked, and no directory at all', () => {
    expect(tsmctl(['bundle', 'convert', at('gpu.cbor'), at('back.json')]).code).toBe(2)
    expect(tsmctl(['bundle', 'convert', at('gpu.cbor'), at('back.json'), '--force']).code).toBe(0)
    expect(tsmctl(['bundle', 'convert', at('gpu.tsmb.json'), at('gpu'), '--force']).code).toBe(2)
    expect(readdirSync(scratch).filter(name => name.startsWith('.'))).toEqual([])
  })
})

describe('bundle check', () => {
  it('lists all that is wrong, and ends with 5', () => {
    data('bundle', 'convert', at('gpu.tsmb.json'), at('broken'))
    writeFileSync(at('broken/report'), 'x')
    writeFileSync(at('broken/notes'), 'x')
    const {code, json} = tsmctlJson(['bundle', 'check', at('broken')], {host})
    expect([code, json.data.findings.length]).toEqual([5, 2])
    expect(json.data.findings.join('\n')).toMatch(/unknown label "notes"[^]*report: 1 bytes/)
    expect(tsmctl(['bundle', 'convert', at('broken'), at('never.json')]).code).toBe(5)
    expect(existsSync(at('never.json'))).toBe(false)
  })

  it('reads no file that a directory of others points to, and waits for nobody', () => {
    data('bundle', 'convert', at('gpu.tsmb.json'), at('linked'))
    symlinkSync('/etc/passwd', at('linked/platform'))
    const {code, err} = tsmctl(['bundle', 'check', at('linked')])
    expect([code, err]).toEqual([2, expect.stringContaining('it is a symbolic link')])
    data('bundle', 'convert', at('gpu.tsmb.json'), at('piped'))
    execFileSync('mkfifo', [at('piped/platform')])
    expect(tsmctl(['bundle', 'check', at('piped')])).toMatchObject({
      code: 2,
      err: expect.stringContaining('not a regular file'),
    })
  })
})

const verdict = (file: string) => tsmctl(['verify', file, '--policy', policy], {host}).code

describe('bundle redact', () => {
  it('makes another bundle, which verifies and says where it is from', () => {
    const made = data('bundle', 'redact', at('gpu.tsmb.json'), at('public.json'), '--drop', 'dsn', '--drop', 'platform')
    expect(made).toMatchObject({redactedFrom: D, dropped: ['dsn', 'platform']})
    expect(made.digest).not.toBe(D)
    const shown = data('bundle', 'show', at('public.json'))
    expect(shown).toMatchObject({redactedFrom: D, host: {bootId: null}})
    expect(verdict(at('public.json'))).toBe(verdict(at('gpu.tsmb.json')))
  })
})

describe('bundle bind', () => {
  it('prints the value, and has the platform report it beside the bundle', () => {
    const printed = data('bundle', 'bind', at('gpu.tsmb.json'), '--nonce', 'ABCD')
    expect(printed).toMatchObject({digest: D, relyingPartyNonce: 'abcd', report: null})
    expect(printed.value).toMatch(/^[0-9a-f]{128}$/)
    const bound = data('bundle', 'bind', at('gpu.tsmb.json'), '--nonce', 'abcd', '--report', at('bound.json'))
    expect(bound).toMatchObject({value: printed.value, report: {provider: 'tdx_guest', carriesBinding: true}})
    expect(data('bundle', 'check', at('bound.json'))).toMatchObject({
      form: 'bound',
      digest: D,
      reportCarriesBinding: true,
    })
    const {code, err} = tsmctl(['bundle', 'convert', at('bound.json'), at('alone.json')])
    expect([code, err]).toEqual([0, expect.stringContaining("left out: the platform's report")])
    expect(readFileSync(at('alone.json'))).toEqual(readFileSync(at('gpu.tsmb.json')))
    expect(data('bundle', 'show', at('bound.json')).platform).toMatchObject({provider: 'tdx_guest', nonce: 'abcd'})
    expect(tsmctl(['verify', at('bound.json'), '--policy', policy], {host}).code).toBe(
      tsmctl(['verify', at('gpu.tsmb.json'), '--policy', policy], {host}).code,
    )
  })

  it('refuses what is no nonce', () => {
    const {code, err} = tsmctl(['bundle', 'bind', at('gpu.tsmb.json'), '--nonce', 'abc'])
    expect([code, err]).toEqual([2, expect.stringContaining('1 to 64 bytes')])
  })
})

describe('bundle export', () => {
  it('says what a token leaves out, and signs on demand', () => {
    const {out, err} = tsmctl(['bundle', 'export', at('gpu.tsmb.json'), '--format', 'eat-da', '--out', at('gpu.eat')])
    expect(out).toMatch(/^spdm:/)
    expect(err).toContain('left out: manifest')
    writeFileSync(at('key.pem'), generateKeyPairSync('ed25519').privateKey.export({type: 'pkcs8', format: 'pem'}))
    const signed = data(
      'bundle',
      'export',
      at('gpu'),
      '--format',
      'cmw-cbor',
      '--key',
      at('key.pem'),
      '--out',
      at('x.cose'),
    )
    expect(signed).toMatchObject({signed: true, digest: D, leftOut: [], submodule: null})
    expect(readFileSync(at('x.cose'))[0]).toBe(0xd2)
    data('bundle', 'export', at('gpu'), '--format', 'cmw-json', '--out', at('x.json'))
    expect(readFileSync(at('x.json'))).toEqual(readFileSync(at('gpu.tsmb.json')))
    expect(lstatSync(at('x.json')).mode & 0o777).toBe(0o600)
  })
})

describe('bundle import', () => {
  it('takes several devices apart, and verify wants to know which', () => {
    const root = readFileSync(join(policy, '../vendor-root.der')).toString('base64')
    const certificate = Buffer.from(`-----BEGIN CERTIFICATE-----\n${root}\n-----END CERTIFICATE-----\n`).toString(
      'base64',
    )
    writeFileSync(at('two.json'), JSON.stringify([1, 2].map(() => ({evidence: 'EeA=', certificate}))))
    const {code, err} = tsmctl(['verify', at('two.json'), '--policy', policy], {host})
    expect([code, err]).toEqual([2, expect.stringContaining('--item')])
    const {items} = data('bundle', 'import', at('two.json'), '--out', at('two'))
    expect([items.length, readdirSync(at('two'))]).toEqual([2, ['1.tsmb.json', '2.tsmb.json']])
    expect(data('bundle', 'import', at('two.json'), '--out', at('one.json'), '--item', '2').items[0].name).toBe('2')
    expect(data('bundle', 'check', at('one.json')).objects).toBe(2)
  })

  it('refuses what is no evidence', () => {
    writeFileSync(at('hello'), 'hello')
    const {code, err} = tsmctl(['bundle', 'import', at('hello'), '--out', at('never')], {host})
    expect([code, err]).toEqual([5, expect.stringContaining('of no known form')])
    const nonce = tsmctl(['bundle', 'import', at('hello'), '--out', at('never'), '--nonce', 'ab'], {host})
    expect([nonce.code, nonce.err]).toEqual([2, expect.stringContaining('not 32 bytes')])
  })
})

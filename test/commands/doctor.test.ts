/** `doctor` as scripts run it: exit codes, JSON under its schema, text on the right stream. */
import {existsSync, mkdtempSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, describe, expect, it} from 'vitest'
import {root, tsmctl, tsmctlJson} from './run.js'

const scratch = mkdtempSync(join(tmpdir(), 'tsmctl-doctor-'))
afterAll(() => rmSync(scratch, {recursive: true, force: true}))
const machine = join(scratch, 'guest')
const sim = `sim:${machine}`
const replay = `replay:${join(root, 'fixtures/captures/host-connected.json')}`

describe.skipIf(!existsSync(join(root, 'dist')))('doctor (needs a build)', () => {
  it('finds nothing missing in a recorded host: 0, although much is unknown', () => {
    const {code, json} = tsmctlJson(['doctor'], {host: replay})
    expect(code).toBe(0)
    expect(json.data).toMatchObject({for: 'host', counts: {FAIL: 0}})
    expect(json.data.counts.UNKNOWN).toBeGreaterThan(0)
  })

  it('finds the simulated guest ready', () => {
    expect(tsmctlJson(['sim', 'create', machine]).code).toBe(0)
    const {code, json} = tsmctlJson(['doctor'], {host: sim})
    expect(json.data).toMatchObject({for: 'guest', counts: {FAIL: 0}})
    expect(code).toBe(0)
  })

  it('gives a simulated AMD host this diagnosis', () => {
    const directory = join(scratch, 'gpu-host')
    expect(tsmctlJson(['sim', 'create', directory, '--scenario', 'gpu-host']).code).toBe(0)
    const {code, json} = tsmctlJson(['doctor'], {host: `sim:${directory}`})
    expect(code).toBe(0)
    const ids = (wanted: string): string[] =>
      json.data.checks.flatMap(({id, status}: {id: string; status: string}) => (status === wanted ? [id] : []))
    expect(json.data).toMatchObject({for: 'host', counts: {FAIL: 0, UNKNOWN: 0, PASS: 32, SKIP: 9}})
    expect(ids('SKIP').filter(id => !id.startsWith('intel.'))).toEqual(['topology.dsm-distance'])
    expect(json.data.checks.at(-1)).toEqual({
      id: 'topology.streams',
      group: 'topology',
      title: 'IDE streams',
      status: 'PASS',
      passes: expect.stringContaining('both ends'),
      reason: '0 streams',
      items: [],
      remedy: null,
      waitsFor: null,
    })
  })

  it('ends with 7 where something is missing, and still gives the whole diagnosis', () => {
    const {code, json} = tsmctlJson(['doctor', '--for', 'host'], {host: sim})
    expect(code).toBe(7)
    expect(json.error).toMatchObject({kind: 'unsupported', exit: 7})
    const failed = json.data.checks.filter(({status}: {status: string}) => status === 'FAIL')
    expect(failed.length).toBe(json.data.counts.FAIL)
    for (const {remedy} of failed) expect(remedy).toMatch(/\w/)
  })

  it('prints the tree on standard output and the summary beside it', () => {
    const {code, out, err} = tsmctl(['doctor', '--verbose'], {host: replay})
    expect(code).toBe(0)
    expect(out).toMatch(/^privilege\n {2}UNKNOWN {2}CAP_SYS_ADMIN: /)
    expect(out).toContain('tsm.registered passes when ')
    expect(err).toMatch(/as a TDISP host \(functions have tsm\/connect\): 0 FAIL, \d+ UNKNOWN, \d+ PASS, \d+ SKIP\n$/)
  })

  it('refuses a use it does not know', () => {
    expect(tsmctl(['doctor', '--for', 'toaster'], {host: replay}).code).toBe(2)
  })
})

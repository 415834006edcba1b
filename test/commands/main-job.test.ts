/** The main job as scripts run it: separate commands, exit codes, JSON under its schema. */
import {existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, describe, expect, it} from 'vitest'
import {root as repository, tsmctl, tsmctlJson} from './run.js'

const scratch = mkdtempSync(join(tmpdir(), 'tsmctl-commands-'))
afterAll(() => rmSync(scratch, {recursive: true, force: true}))
const machine = join(scratch, 'guest')
const policy = join(machine, 'policy.yaml')
const host = `sim:${machine}`
const bundle = join(scratch, 'gpu.tsmb.json')
const GOOD = '0000:01:00.0'

describe.skipIf(!existsSync(join(repository, 'dist')))('the main job, step by step (needs a build)', () => {
  let digest = ''

  it('creates a machine with its policy', () => {
    const root = join(machine, 'vendor-root.der')
    const {json} = tsmctlJson(['sim', 'create', machine])
    expect(json.data).toEqual({directory: machine, scenario: 'guest', policy, root})
    expect(existsSync(root)).toBe(true)
    expect(tsmctlJson(['sim', 'create', machine]).code).toBe(2)
  })

  it('lists three TDIs, unlocked', () => {
    const {json} = tsmctlJson(['list'], {host})
    expect(json.host).toEqual({kind: 'sim', label: machine})
    expect(json.data.devices.filter((row: {state: string | null}) => row.state === 'CONFIG_UNLOCKED')).toHaveLength(3)
    expect(json.data.tsms).toEqual([expect.objectContaining({name: 'tsm0', mode: 'devsec'})])
  })

  it('shows one of them', () => {
    const {json} = tsmctlJson(['show', '01:00.0'], {host})
    expect(json.data.devices[0]).toMatchObject({bdf: GOOD, driver: 'acmegpu', state: 'CONFIG_UNLOCKED', unreadable: []})
    expect(json.data.devices[0].config).toMatchObject({length: 4096, teeIo: true})
  })

  it('refuses evidence before the lock', () => {
    expect(tsmctlJson(['evidence', GOOD], {host})).toMatchObject({code: 12, json: {error: {kind: 'transition'}}})
  })

  it('locks, and says so again without doing it again', () => {
    expect(tsmctlJson(['lock', GOOD, '--dry-run'], {host}).json.data.devices[0].result.writes).toHaveLength(3)
    expect(tsmctlJson(['lock', GOOD], {host}).json.data.devices[0].result).toMatchObject({changed: true})
    expect(tsmctlJson(['lock', GOOD], {host}).json.data.devices[0].result).toMatchObject({changed: false})
  })

  it('collects evidence into a bundle', () => {
    const {json} = tsmctlJson(['evidence', GOOD, '--out', bundle], {host})
    expect(json.data.objects.map((object: {label: string}) => object.label)).toEqual(
      expect.arrayContaining(['cert0', 'vca', 'measurements', 'report', 'tsm', 'pci', 'collection']),
    )
    digest = json.data.digest
    expect(tsmctl(['evidence', GOOD, '--out', bundle], {host}).code).toBe(2)
  })

  it('verifies the bundle: accept under its policy, deny under none', () => {
    const accepted = tsmctlJson(['verify', bundle, '--policy', policy], {host})
    expect(accepted.json.data.appraisal.results.length).toBeGreaterThan(100)
    const denied = tsmctlJson(['verify', bundle], {host})
    expect(denied).toMatchObject({code: 11, json: {data: {appraisal: {decision: 'deny'}}}})
    const kept = tsmctl(['verify', digest, '--all'], {host, env: {TSMCTL_POLICY: policy}})
    expect(kept.out).toContain('spdm.meas.signature')
    // the words a review never says, but for the ids of checks
    expect(kept.out.replaceAll(/[a-z]+(?:\.[a-z0-9-]+)+/g, '')).not.toMatch(/\b(secure|trusted|safe)\b/i)
  })

  it('refuses an altered bundle', () => {
    const altered = join(scratch, 'altered.tsmb.json')
    writeFileSync(
      altered,
      readFileSync(bundle, 'utf8').replace(
        /("report": \["[^"]+",")(.)/,
        (_, head, c) => head + (c === 'A' ? 'B' : 'A'),
      ),
    )
    expect(tsmctl(['verify', altered, '--policy', policy], {host})).toMatchObject({code: 5, out: ''})
  })

  it('accepts on the digest, and only on the right one', () => {
    const wrong = `sha384:${'0'.repeat(96)}`
    expect(tsmctlJson(['accept', GOOD, '--evidence-digest', wrong, '--policy', policy], {host}).code).toBe(3)
    expect(tsmctlJson(['accept', GOOD, '--evidence-digest', digest], {host}).code).toBe(11)
    const {json} = tsmctlJson(['accept', GOOD, '--evidence-digest', digest], {host, env: {TSMCTL_POLICY: policy}})
    expect(json.data.devices[0].result).toMatchObject({changed: true, after: {state: 'RUN', driver: 'acmegpu'}})
  })

  it('writes the verdict on one device that was refused, and none on several', () => {
    const file = join(scratch, 'refused.json')
    const admitted = (...bdfs: readonly string[]) =>
      tsmctlJson(['admit', ...bdfs, '--policy', policy, '--ear', file], {host}).code
    expect(admitted('02:00.0', '03:00.0')).toBe(2)
    expect(existsSync(file)).toBe(false)
    expect(admitted('02:00.0')).toBe(4)
    expect(readFileSync(file, 'utf8')).toContain('"ear.status": "contraindicated"')
  })

  it('admits several, and ends with the first refusal', () => {
    const {code, json} = tsmctlJson(['admit', '02:00.0', '03:00.0', '--policy', policy], {host})
    expect(code).toBe(4)
    expect(
      json.data.devices.map((entry: {ok: boolean; error: {kind: string}}) => [entry.ok, entry.error.kind]),
    ).toEqual([
      [false, 'denied'],
      [false, 'denied'],
    ])
    expect(json.error.message).toContain('2 of 2 failed')
  })

  it('has recorded it all, and notices a changed record', () => {
    expect(tsmctlJson(['audit', 'show'], {host}).json.data.records.length).toBeGreaterThan(10)
    expect(tsmctlJson(['audit', 'verify'], {host}).code).toBe(0)
    expect(tsmctlJson(['audit', 'verify', '--head', 'sha384:00'], {host}).code).toBe(2)
    const log = join(machine, 'tsmctl/audit.jsonl')
    writeFileSync(log, readFileSync(log, 'utf8').replace('"decision":"deny"', '"decision":"none"'))
    expect(tsmctlJson(['audit', 'verify'], {host}).code).toBe(5)
  })

  it('gives the running device up again', () => {
    expect(tsmctlJson(['unlock', GOOD], {host}).code).toBe(8)
    expect(tsmctlJson(['unlock', GOOD, '--force', '--rebind'], {host}).json.data.devices[0].result).toMatchObject({
      after: {state: 'CONFIG_UNLOCKED', driver: 'acmegpu'},
    })
  })

  it('records the machine, and the recording lists the same', () => {
    const capture = join(scratch, 'machine.json')
    expect(tsmctlJson(['record', capture], {host}).json.data).toMatchObject({functions: 7, anonymised: false})
    const replayed = tsmctlJson(['list'], {host: `replay:${capture}`}).json.data
    expect(replayed).toEqual(tsmctlJson(['list'], {host}).json.data)
    expect(tsmctlJson(['lock', GOOD], {host: `replay:${capture}`}).code).toBe(6)
  })

  it('knows its scenarios, faults and reset', () => {
    expect(tsmctlJson(['sim', 'list']).json.data.scenarios.length).toBeGreaterThan(2)
    expect(tsmctlJson(['sim', 'explain', 'guest']).json.data.text).toContain('0000:01:00.0')
    expect(tsmctlJson(['sim', 'explain', 'nonsense']).code).toBe(3)
    const fault = ['sim', 'inject', GOOD, '--machine', machine, '--at', 'lock', '--do', 'errno', '--errno', 'EIO']
    expect(tsmctlJson(fault).code).toBe(0)
    expect(tsmctlJson(['sim', 'status', machine]).json.data.faults).toHaveLength(1)
    expect(tsmctlJson(['lock', GOOD], {host}).code).toBe(12)
    expect(tsmctlJson(['sim', 'reset', machine]).code).toBe(0)
  })
})

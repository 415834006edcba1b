/** `list`, `show` and `decode config-space` as a user runs them. */
import {existsSync} from 'node:fs'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {GOOD, guest} from '../support/guest.js'
import {root, tsmctl, tsmctlJson} from './run.js'

const host = 'replay:fixtures/captures/host-connected.json'
const list = (...args: string[]) => tsmctl(['list', ...args], {host})

describe.skipIf(!existsSync(join(root, 'dist')))('list (needs a build)', () => {
  it.each([
    [['-o', 'bdf,tsm'], 'BDF           TSM\n'],
    [['-no', 'bdf,tsm'], '0000:00:03.0  -\n'],
    [['-nr', '-o', 'bdf,tsm'], '0000:00:03.0 -\n'],
    [['-o', '+role'], 'BDF           ID         CLASS            DRIVER    TSM   STATE      ROLE\n'],
    [['-n', '-o', 'bdf,tsm', '-x', 'tsm'], '0000:01:00.0  tsm0\n'],
  ])('%j', (args, beginning) => {
    const {code, out} = list(...args)
    expect([code, out.slice(0, beginning.length)]).toEqual([0, beginning])
  })

  it.each([[['-o', 'speed']], [['-x', 'speed']], [['--tree', '-x', 'bdf']], [['--tree', '-r']]])(
    '%j is a usage error',
    args => expect(tsmctlJson(['list', ...args], {host})).toMatchObject({code: 2, json: {error: {kind: 'usage'}}}),
  )

  it('explains its columns', () => {
    const {json} = tsmctlJson(['list', '--list-columns'], {host})
    expect(json.data.columns).toContainEqual({name: 'bdf', field: 'bdf', type: 'text', help: 'PCI function'})
    const {out} = list('--list-columns')
    for (const {name} of json.data.columns) expect(out).toContain(`\n${name.toUpperCase()} `)
  })

  it('-J is --json, also of an error', () => {
    expect(list('-J', '-o', '+tee').out).toBe(list('--json', '-o', '+tee').out)
    expect(list('-J', '-o', 'speed').out).toBe(list('--json', '-o', 'speed').out)
    expect(JSON.parse(list('-J').out)).toMatchObject({ok: true})
  })

  it('every column has its member under --json', () => {
    const names = tsmctlJson(['list', '--list-columns'], {host}).json.data.columns
    const {json} = tsmctlJson(['list', '-o', names.map(({name}: {name: string}) => name).join(',')], {host})
    for (const {field} of names) for (const device of json.data.devices) expect(device).toHaveProperty(field)
  })
})

describe.skipIf(!existsSync(join(root, 'dist')))('show and decode (need a build)', () => {
  it('shows every function', () => {
    const {json} = tsmctlJson(['show', '--all'], {host})
    expect(json.data.devices).toHaveLength(4)
    expect(tsmctlJson(['show'], {host}).code).toBe(2)
  })

  it('decodes one function of a capture', () => {
    const capture = 'fixtures/captures/host-connected.json'
    expect(tsmctlJson(['decode', 'config-space', capture]).json.data.devices).toHaveLength(4)
    const {json} = tsmctlJson(['decode', 'config-space', capture, '--device', '1:00.0'])
    expect(json.data.devices).toMatchObject([{bdf: '0000:01:00.0', size: 4096, unreadable: null}])
    expect(tsmctlJson(['decode', 'config-space', capture, '--device', '9:00.0']).code).toBe(3)
    expect(tsmctlJson(['decode', 'config-space', '--hex', '00', '--device', '9:00.0']).code).toBe(2)
  })
})

describe.skipIf(!existsSync(join(root, 'dist')))('--redact (needs a build)', () => {
  it('masks the same serial number in list and the identity in evidence, in text and in JSON', async () => {
    const {directory} = await guest()
    const sim = {host: `sim:${directory}`}
    expect(tsmctl(['lock', GOOD], sim).code).toBe(0)

    const plain = tsmctlJson(['show', GOOD], sim).json
    const serial = /"serialNumber":"(0x[0-9a-f]+)"/.exec(JSON.stringify(plain))![1]!
    const shown = tsmctl(['show', GOOD, '--redact'], sim)
    expect(shown.out).toContain('serialNumber  [redacted serial 1]')
    expect(shown.err).toContain('redacted: 1 identifying value')
    expect(JSON.stringify(tsmctlJson(['show', GOOD, '--redact'], sim).json)).not.toContain(serial)

    const file = join(directory, 'bundle.json')
    expect(tsmctl(['evidence', GOOD, '--out', file], sim).code).toBe(0)
    const args = ['verify', file, '--policy', join(directory, 'policy.yaml')]
    const {certificate, name} = tsmctlJson(args, sim).json.data.appraisal.subject
    const redacted = tsmctlJson([...args, '--redact'], sim).json
    expect(redacted.data.appraisal.subject.certificate).toMatch(/^\[redacted certificate \d+\]$/)
    expect(redacted.warnings).toContainEqual(expect.objectContaining({code: 'redacted'}))
    for (const text of [JSON.stringify(redacted), tsmctl([...args, '--redact'], sim).out])
      for (const identity of [certificate, name]) expect([identity, text.includes(identity)]).toEqual([identity, false])

    const evidence = tsmctlJson(['evidence', GOOD, '--redact'], sim).json.data
    expect(evidence.nonce).toMatch(/^\[redacted nonce \d+\]$/)
  })
})

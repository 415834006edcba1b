/** What people get wrong: each gives a message of one line and a hint, the documented exit code, and nothing else. */
import {spawnSync} from 'node:child_process'
import {existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, describe, expect, it} from 'vitest'
import {root, start, tsmctl, tsmctlJson} from './run.js'

const scratch = mkdtempSync(join(tmpdir(), 'tsmctl-bad-'))
afterAll(() => rmSync(scratch, {recursive: true, force: true}))
const capture = join(root, 'fixtures/captures/host-connected.json')
const file = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(scratch, name), content)
  return join(scratch, name)
}
const dump = (length: number, bdf = '01:00.0'): string =>
  [`${bdf} Test device`]
    .concat(
      Array.from(
        {length: length / 16},
        (_, i) => `${(i * 16).toString(16).padStart(2, '0')}: ${'86 80 72 15 '.repeat(4)}`,
      ),
    )
    .join('\n')
    .concat('\n')

describe.skipIf(!existsSync(join(root, 'dist')))('bad input (needs a build)', () => {
  it.each([
    ['show', 'nonsense', 2],
    ['show', '0000:01:20.0', 2],
    ['show', '0000:01:00.8', 2],
    ['show', '100000000:01:00.0', 2],
    ['show', '0000:77:00.0', 3],
    ['show', '10000:01:00.0', 3],
    ['lock', '0000:77:00.0', 3],
    ['decode', 'nonsense', 2],
    ['decode', 'tdisp-interface-report', 5],
    ['verify', '/nowhere', 3],
    ['verify', root, 11],
    ['accept', '0000:01:00.0', 2],
    ['sim', 'explain', 3],
  ])('%s %s ends with %i', (verb, argument, code) => {
    const args = argument === 'explain' ? [verb, argument, 'no-such'] : [verb, argument]
    const {code: got, out, err} = tsmctl(args)
    expect([got, out]).toEqual([code, ''])
    expect(err).toMatch(/^tsmctl: cannot [^\n]+\n( {2}[^\n]+\n)?$/)
    expect(err).not.toMatch(/\bat .*:\d+:\d+/)
    expect(tsmctlJson(args).json.error).toMatchObject({exit: code})
  })

  it.each([
    [['lock', '--flag-\x1b[31m\u202e']],
    [['list', '\x1b[31m\u202e']],
    [['sim', 'explain', '__proto__']],
    [['decode', 'spdm-version', '--hex', '00', '--context', 'constructor=1']],
  ])('%j: hostile words are refused and escaped', args => {
    const {code, out, err} = tsmctl(args)
    expect([code === 2 || code === 3, out]).toEqual([true, ''])
    expect(err).toMatch(/^tsmctl: cannot [\x20-\x7e]+\n( {2}[\x20-\x7e]+\n)?$/)
  })

  it('a machine in a directory with a hostile name is made and booted without repeating the name raw', () => {
    const directory = join(scratch, 'm\x1b[31m')
    for (const args of [
      ['sim', 'create', directory],
      ['sim', 'reset', directory],
    ]) {
      const {code, out, err} = tsmctl(args)
      expect([code, err]).toEqual([0, ''])
      expect(out).toMatch(/^[\x20-\x7e\n]+$/)
    }
  })

  it.each([['list'], ['decode --list']])('%s into a full device says so and ends with 7', command => {
    const run = spawnSync('/bin/sh', ['-c', `'${process.execPath}' bin/tsmctl.cjs ${command} >/dev/full`], {
      cwd: root,
      env: {...process.env, TSMCTL_HOST: `replay:${capture}`},
      encoding: 'utf8',
    })
    expect([run.status, run.stderr]).toEqual([
      7,
      expect.stringMatching(/tsmctl: cannot write standard output: ENOSPC \(.*\)\n$/),
    ])
  })

  it.each([
    ['a truncated capture', readFileSync(capture, 'utf8').slice(0, 2000), 5],
    ['an empty file', '', 5],
    ['text that is none of the formats', 'hello\n', 5],
    ['binary noise', new Uint8Array(Array.from({length: 64}, (_, i) => i)), 5],
    ['a capture without a tree', '{"format":"tsmctl-capture-1"}', 5],
  ])('%s is refused as a replay', (name, content, code) => {
    const {code: got, out, err} = tsmctl(['list'], {host: `replay:${file(name.replaceAll(' ', '-'), content)}`})
    expect([got, out]).toEqual([code, ''])
    expect(err).toMatch(/^tsmctl: cannot /)
  })

  it('a capture with a missing node says what it does not know', () => {
    const holed = readFileSync(capture, 'utf8')
      .split('\n')
      .filter(line => !line.includes('0000:01:00.0/uevent"') && !line.includes('0000:01:00.0/resource"'))
      .join('\n')
    const host = `replay:${file('holed.json', holed)}`
    const {json} = tsmctlJson(['show', '01:00.0'], {host})
    expect(json.data.devices[0].unreadable.map((entry: {field: string}) => entry.field)).toContain('bars')
    expect(tsmctlJson(['list'], {host}).code).toBe(0)
  })

  it.each([64, 256, 4096])('a configuration space of %i bytes: the rest is unknown, not absent', length => {
    const {json} = tsmctlJson(['show', '01:00.0'], {host: `replay:${file(`dump-${length}`, dump(length))}`})
    const {config} = json.data.devices[0]
    expect(config.length).toBe(length)
    if (length === 64) expect(config.capabilities).toMatchObject({known: false})
  })

  it('a 5-digit domain is a domain', () => {
    const {json} = tsmctlJson(['show', '10000:01:00.0'], {host: `replay:${file('vmd', dump(64, '10000:01:00.0'))}`})
    expect(json.data.devices[0].bdf).toBe('10000:01:00.0')
  })

  it('a machine without any TSM names the simulator', () => {
    const {code, err} = tsmctl(['list'], {host: 'live'})
    if (code === 0) expect(err).toMatch(/TSM tsm|--host sim/)
    else expect(code).toBe(3)
  })

  it('a policy that is none denies with the reason', () => {
    const machine = join(scratch, 'guest')
    const host = `sim:${machine}`
    expect(tsmctl(['sim', 'create', machine]).code).toBe(0)
    for (const [name, text] of [
      ['not-yaml', 'rules: [\n'],
      ['unknown-key', 'tsmctlPolicy: 1\nname: x\nrules: []\nruels: []\n'],
      ['alias', 'tsmctlPolicy: &a 1\nname: x\nrules: []\n'],
    ]) {
      const {code, json} = tsmctlJson(['admit', '01:00.0', '--policy', file(name!, text!)], {host})
      expect([code, json.error.exit]).toEqual([11, 11])
    }
    expect(tsmctlJson(['admit', '01:00.0', '--policy', '/nowhere'], {host}).code).toBe(11)
    expect(tsmctlJson(['list'], {host}).json.data.devices[4].state).toBe('CONFIG_UNLOCKED')
  })

  it('creating a machine replaces no file that is not of one', () => {
    const directory = mkdtempSync(join(scratch, 'mine-'))
    writeFileSync(join(directory, 'policy.yaml'), 'mine')
    const {code, err} = tsmctl(['sim', 'create', directory, '--replace'])
    expect([code, err]).toEqual([2, expect.stringContaining('policy.yaml would be overwritten')])
    expect(readdirSync(directory)).toEqual(['policy.yaml'])
    expect(readFileSync(join(directory, 'policy.yaml'), 'utf8')).toBe('mine')
  })

  it.each([
    ['show --all zz', '--all and a BDF exclude each other'],
    ['sim create SCRATCH/none --scenario __proto__', 'cannot use scenario "__proto__": there is no such scenario'],
    ['sim create SCRATCH/none --scenario toString', 'cannot use scenario "toString": there is no such scenario'],
  ])('%s is a usage error', (line, expected) => {
    const {code, err} = tsmctl(line.replace('SCRATCH', scratch).split(' '), {host: `replay:${capture}`})
    expect([code, err]).toEqual([2, expect.stringContaining(expected)])
  })

  it('a machine where nothing can be made is refused, and does not hang', () => {
    // the loop that this is about is deaf to SIGTERM
    const run = spawnSync(process.execPath, ['bin/tsmctl.cjs', 'list', '--host', 'sim:/proc/none'], {
      cwd: root,
      encoding: 'utf8',
      timeout: 20_000,
      killSignal: 'SIGKILL',
    })
    expect([run.status, run.stderr]).toEqual([3, expect.stringContaining('cannot create /proc/none')])
  })

  it('no terminal: the cockpit says so', () => {
    expect(tsmctl(['tui'], {host: `sim:${join(scratch, 'guest')}`})).toMatchObject({code: 2, out: ''})
  })

  it('standard output closed early ends quietly', async () => {
    const child = start(['decode', '--list'])
    child.stdout.destroy()
    let err = ''
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
    const code = await new Promise(resolve => child.on('close', resolve))
    expect([code, err]).toEqual([0, ''])
  })
})

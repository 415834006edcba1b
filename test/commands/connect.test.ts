/** connect and disconnect as scripts run them: exit codes, JSON under its schema, several devices, signals. */
import {existsSync, mkdtempSync, rmSync} from 'node:fs'
import {once} from 'node:events'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {root, start, tsmctl, tsmctlJson} from './run.js'

const scratch = mkdtempSync(join(tmpdir(), 'tsmctl-connect-'))
afterAll(() => rmSync(scratch, {recursive: true, force: true}))
const machine = join(scratch, 'host')
const host = `sim:${machine}`
const [GPU, SECOND, PLAIN] = ['0000:01:00.0', '0000:41:00.0', '0000:02:00.0']

const inject = (...fault: string[]): number | null =>
  tsmctl(['sim', 'inject', GPU, '--machine', machine, ...fault]).code

describe.skipIf(!existsSync(join(root, 'dist')))('connecting, step by step (needs a build)', () => {
  beforeAll(() => {
    tsmctl(['sim', 'create', machine, '--scenario', 'gpu-host'])
  })

  it('predicts, and shows the writes', () => {
    const {code, json} = tsmctlJson(['connect', GPU, '--dry-run'], {host})
    expect(code).toBe(0)
    expect(json.data.devices[0].result).toMatchObject({
      dryRun: true,
      changed: false,
      preflight: {verdict: {outcome: 'will-succeed'}},
    })
    expect(tsmctl(['connect', GPU, '--dry-run'], {host}).out).toMatch(/should succeed.*\n(?:.*\n)*would write\n/)
  })

  it('says once that there is nothing to write to', () => {
    const {code, out} = tsmctl(['connect', '0000:00:01.1', '--dry-run'], {host})
    expect([code, out.split('\n').filter(line => line.startsWith('  -'))]).toEqual([
      7,
      ['  -     14 more checks: there is no tsm/connect to ask'],
    ])
  })

  it('does not send who disconnects a port to another function', () => {
    expect(tsmctl(['disconnect', '0000:00:01.1'], {host}).err).toMatch(/tsmctl list says which functions are connected/)
  })

  it('connects several, each with its result, and one exit code', () => {
    const {code, json} = tsmctlJson(['connect', GPU, PLAIN, SECOND], {host})
    expect(code).toBe(7)
    const results = json.data.devices.map((entry: {ok: boolean; result: {changed: boolean}}) => [
      entry.ok,
      entry.result.changed,
    ])
    expect(results).toEqual([
      [true, true],
      [false, false],
      [true, true],
    ])
    expect(json.error.message).toContain('1 of 3 failed')
  })

  it('finds them connected, and disconnects one', () => {
    expect(tsmctlJson(['connect', GPU], {host}).json.data.devices[0].result).toMatchObject({changed: false})
    expect(tsmctlJson(['disconnect', GPU], {host}).json.data.devices[0].result).toMatchObject({
      changed: true,
      leftovers: [],
      after: {tsm: null, streams: []},
    })
    expect(tsmctl(['disconnect', GPU], {host})).toMatchObject({code: 0, out: `${GPU}: unchanged, not connected\n`})
  })

  it('ends with 12 when the stream is not secure, and says which end', () => {
    expect(inject('--at', 'connect', '--do', 'insecure', '--end', 'endpoint')).toBe(0)
    const {code, err} = tsmctl(['connect', GPU], {host})
    expect(code).toBe(12)
    expect(err).toMatch(/device 0000:01:00.0 block 0: enabled, Stream ID 0, state insecure/)
  })

  it.each([
    [['connect'], 2],
    [['connect', GPU, '--timeout', '0'], 2],
    [['connect', GPU, '--tsm', 'tsm0x'], 3],
    [['connect', '0000:01:00.5'], 3],
    [['disconnect', PLAIN], 7],
  ])('%j ends with %i', (args, code) => {
    expect(tsmctl(args, {host}).code).toBe(code)
  })

  /** Starts a connect that takes a minute, and waits until the kernel has begun. */
  async function slow(...flags: string[]) {
    expect(inject('--at', 'connect', '--do', 'delay', '--ms', '60000')).toBe(0)
    const child = start(['connect', GPU, ...flags], {host})
    const told: string[] = []
    const ended = once(child, 'close')
    const said = async (text: string): Promise<void> => {
      while (!told.join('').includes(text))
        if ((await Promise.race([once(child.stderr, 'data'), ended.then(() => 'ended')])) === 'ended')
          throw new Error(`ended without saying ${text}: ${told.join('')}`)
    }
    child.stderr.on('data', (chunk: Buffer) => told.push(chunk.toString()))
    await said('tsm/connect')
    return {child, ended, said, text: () => told.join('')}
  }

  it('one Ctrl-C waits, another abandons, and neither claims to know the outcome', async () => {
    const {child, ended, said, text} = await slow()
    child.kill('SIGINT')
    await said('too late to stop')
    child.kill('SIGINT')
    expect((await ended)[0]).toBe(130)
    expect(text()).toMatch(/may yet complete it.*left unknown/)
    expect(tsmctl(['disconnect', GPU], {host}).code).toBe(0)
  })

  it('a terminal that closes is told like one Ctrl-C, however often it says so', async () => {
    const {child, ended, said, text} = await slow()
    child.kill('SIGHUP')
    await said('too late to stop')
    child.kill('SIGHUP')
    child.kill('SIGTERM')
    expect((await ended)[0]).toBe(130)
    expect(text()).toContain('may yet complete it')
    expect(tsmctl(['disconnect', GPU], {host}).code).toBe(0)
  })

  it('says how many devices an interruption left alone', async () => {
    const {child, ended, said, text} = await slow(SECOND)
    child.kill('SIGINT')
    await said('too late to stop')
    child.kill('SIGINT')
    expect((await ended)[0]).toBe(130)
    expect(text()).toMatch(/1 of 2 failed, the first: 0000:01:00.0; 1 not begun/)
    tsmctl(['disconnect', GPU], {host})
  })

  it('--timeout abandons too, with its own exit code', async () => {
    // long enough for a busy machine to get as far as the write
    const {ended, text} = await slow('--timeout', '2')
    expect((await ended)[0]).toBe(9)
    expect(text()).toContain('may yet complete it')
  })
})

/** A simulated host from the shell: made, broken, looked behind. */
import {existsSync, mkdtempSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, describe, expect, it} from 'vitest'
import {root, tsmctl, tsmctlJson} from './run.js'

const scratch = mkdtempSync(join(tmpdir(), 'tsmctl-sim-host-'))
afterAll(() => rmSync(scratch, {recursive: true, force: true}))

describe.skipIf(!existsSync(join(root, 'dist')))('a simulated host (needs a build)', () => {
  it('is made without a policy, takes events, and says what is really connected', () => {
    const machine = join(scratch, 'host')
    const inject = (...words: string[]) => tsmctl(['sim', 'inject', '0000:01:00.0', '--machine', machine, ...words])
    expect(tsmctlJson(['sim', 'create', machine, '--scenario', 'gpu-host'])).toMatchObject({
      json: {data: {root: `${machine}/vendor-root.der`, policy: null}},
    })
    expect(inject('--at', 'now', '--do', 'rival').code).toBe(0)
    expect(inject('--at', 'now', '--do', 'insecure', '--end', 'endpoint').code).toBe(0)
    expect(inject('--at', 'connect', '--do', 'stream-id').err).toContain('id is missing')
    const {data} = tsmctlJson(['sim', 'status', machine]).json as {readonly data: unknown}
    expect(data).toMatchObject({
      tsm: 'link',
      host: {
        connected: [{bdf: '0000:01:00.0', tsm: 'tsm0'}],
        streams: [{name: 'stream0.0.0', streamId: 0, rootPortState: 'secure', endpointState: 'insecure'}],
      },
    })
    const {out} = tsmctl(['sim', 'status', machine])
    expect(out).toMatch(/pci0000:00\/stream0\.0\.0 +0 +0000:00:01\.1 +secure +0000:01:00\.0 +insecure/)
  })

  it('is the one that --host names, and no other host will do', () => {
    const machine = join(scratch, 'named')
    const host = ['--host', `sim:${machine}`]
    expect(tsmctlJson(['sim', 'create', '--scenario', 'gpu-host', ...host])).toMatchObject({
      json: {data: {directory: machine}},
    })
    expect(
      tsmctl(['sim', 'inject', '01:00.0', '--at', 'connect', '--do', 'errno', '--errno', 'EIO', ...host]).code,
    ).toBe(0)
    expect(tsmctl(['sim', 'status', ...host]).out).toContain('"errno":"EIO"')
    expect(tsmctl(['sim', 'reset', ...host]).code).toBe(0)
    expect(tsmctl(['sim', 'status', machine, '--host', 'live']).out).not.toContain('EIO')
    expect(tsmctl(['sim', 'status', '--host', 'replay:/x'])).toMatchObject({code: 2})
  })
})

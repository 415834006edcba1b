/** A full disk in the guest: tsmctl says so, and connects nothing it could not answer for. */
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs'
import {spawnSync} from 'node:child_process'
import {expect, it} from 'vitest'
import {ENDPOINTS, deviceOf, insmod, modelHardware, tsmName} from '../../guest/machine.js'

it('is told in words', () => {
  modelHardware()
  insmod('tsmtest_link')
  const full = '/run/full'
  mkdirSync(full)
  expect(spawnSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=4k', 'none', full]).status).toBe(0)
  writeFileSync(`${full}/rest`, '')
  expect(() => writeFileSync(`${full}/rest`, Buffer.alloc(8192))).toThrow(/ENOSPC/)
  const {status, stderr} = spawnSync(
    process.execPath,
    ['/repo/bin/tsmctl.cjs', 'connect', ENDPOINTS[0], '--tsm', tsmName()],
    {
      encoding: 'utf8',
      env: {...process.env, TSMCTL_STATE_DIR: `${full}/state`},
    },
  )
  expect({status, stderr}).toEqual({status: expect.any(Number), stderr: expect.stringMatching(/\S/)})
  expect(readFileSync(`${deviceOf(ENDPOINTS[0])}/tsm/connect`, 'utf8')).toMatch(/^(tsm\d+)?\n$/)
})

/** A host of this kernel, from the first look to a connected device. */
import {readFileSync} from 'node:fs'
import {expect, it} from 'vitest'
import {ENDPOINTS, insmod, modelHardware, tsmName} from '../../guest/machine.js'
import {tsmctl} from '../../guest/program.js'

it('connects a device', () => {
  expect(readFileSync('/proc/sys/kernel/osrelease', 'utf8')).toMatch(/^7\./)
  modelHardware()
  insmod('tsmtest_link')
  const {code, out, err} = tsmctl(['connect', ENDPOINTS[0], '--tsm', tsmName()])
  expect({code, err}).toEqual({code: 0, err: expect.any(String)})
  expect(out).toContain('connected')
  console.log(tsmctl(['list']).out)
})

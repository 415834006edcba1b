/** What `tsmctl record` keeps of a real guest is that guest, for who lists it and looks at its locks. */
import {writeFileSync} from 'node:fs'
import {afterAll, beforeAll, expect, it} from 'vitest'
import {type Kernel, parseCapture, replayKernel} from '../../../../../src/kernel/index.js'
import {readTdi} from '../../../../../src/tsm/index.js'
import {READ_VERBS} from '../../../../support/read-verbs.js'
import {deviceOf, ENDPOINTS, ROOT_PORTS, tsmName} from '../../guest/machine.js'
import {recordAs} from '../../guest/record.js'
import {bindDriver, openKernel, prepareGuest} from '../../guest/trusted.js'

const [RUNNING, LOCKED] = ENDPOINTS

let kernel: Kernel

beforeAll(async () => {
  kernel = openKernel()
  await prepareGuest(kernel, [RUNNING, LOCKED], {})
  for (const bdf of [RUNNING, LOCKED]) writeFileSync(`${deviceOf(bdf)}/tsm/lock`, tsmName())
  writeFileSync(`${deviceOf(RUNNING)}/tsm/accept`, '1')
  for (const bdf of [...ROOT_PORTS, RUNNING]) bindDriver(bdf)
})
afterAll(() => kernel.close())

it('one device in RUN with its driver, one locked without', async () => {
  const replay = replayKernel(parseCapture(await recordAs('kernel-guest-run', kernel)))
  expect(await READ_VERBS['list']!(replay)).toEqual(await READ_VERBS['list']!(kernel))
  for (const [bdf, state] of [
    [RUNNING, 'RUN'],
    [LOCKED, 'CONFIG_LOCKED'],
  ] as const) {
    expect(await readTdi(replay, bdf)).toMatchObject({state, lockedBy: tsmName()})
  }
})

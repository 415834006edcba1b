/** What `tsmctl record` keeps of a machine without TSM core is that machine, for who lists it. */
import {expect, it} from 'vitest'
import {liveKernel, parseCapture, replayKernel} from '../../../../../src/kernel/index.js'
import {READ_VERBS} from '../../../../support/read-verbs.js'
import {recordAs} from '../../guest/record.js'

it('a capture replays to the same list', async () => {
  const kernel = liveKernel({stateDirectory: '/run/record'})
  try {
    const replay = replayKernel(parseCapture(await recordAs('kernel-without-tsm', kernel)))
    expect(await READ_VERBS['list']!(replay)).toEqual(await READ_VERBS['list']!(kernel))
  } finally {
    kernel.close()
  }
})

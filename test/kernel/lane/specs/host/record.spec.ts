/** What `tsmctl record` keeps of a real host is that host, for the read verbs. */
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {attributeBytes, liveKernel, parseCapture, replayKernel} from '../../../../../src/kernel/index.js'
import {READ_VERBS} from '../../../../support/read-verbs.js'
import {deviceOf, ENDPOINTS, insmod, modelHardware} from '../../guest/machine.js'
import {recordAs} from '../../guest/record.js'
import {poke, statusOf} from '../../guest/registers.js'

const [SRIOV, WITHOUT_IDE, WITHOUT_TEE] = ENDPOINTS
/** IDE fail message received, state Insecure. */
const FAILED = 0x8000_0000
/** The others cost more processor time here than they prove: the ordinary suite compares all of them. */
const COMPARED = ['list', 'ide list']

describe('a recorded host', () => {
  const kernel = liveKernel({stateDirectory: '/run/record'})

  beforeAll(async () => {
    modelHardware({pool: 2, notee: WITHOUT_TEE, noide: WITHOUT_IDE})
    insmod('tsmtest_link')
    await kernel.write(`${deviceOf(SRIOV)}/sriov_numvfs`, attributeBytes('2'))
    for (const bdf of ENDPOINTS)
      // the kernel connects one at a time
      // oxlint-disable-next-line no-await-in-loop
      await kernel.write(`${deviceOf(bdf)}/tsm/connect`, attributeBytes('tsm0'))
  })
  afterAll(() => kernel.close())

  it('answers as the host does: four connected devices, virtual functions, no stream left', async () => {
    const replay = replayKernel(parseCapture(await recordAs('kernel-host-connected', kernel)))
    for (const verb of COMPARED)
      // one after the other: they read attributes that wait for each other
      // oxlint-disable-next-line no-await-in-loop
      expect({[verb]: await READ_VERBS[verb]!(replay)}).toEqual({[verb]: await READ_VERBS[verb]!(kernel)})
  })

  it('has the stream that went insecure, which only registers tell', async () => {
    for (const bdf of ENDPOINTS.slice(1))
      // the kernel disconnects one at a time
      // oxlint-disable-next-line no-await-in-loop
      await kernel.write(`${deviceOf(bdf)}/tsm/disconnect`, attributeBytes('tsm0'))
    poke(SRIOV, statusOf(0), FAILED)
    expect(kernel.readlink('/sys/devices/pci0000:00/stream0.0.0')).toContain(SRIOV)
    const {text} = (await READ_VERBS['ide list']!(
      replayKernel(parseCapture(await recordAs('kernel-host-insecure', kernel))),
    )) as {
      text: string
    }
    expect(text).toContain('error stream-fail-received')
    expect(text).toContain(`stream0.0.0 ID 0 insecure`)
  })
})

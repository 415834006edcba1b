/** A host-side and a guest-side TSM in one kernel. */
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {connect} from '../../../../../src/operations/connect.js'
import {failureOf, kernel, useHost} from '../../guest/host.js'
import {attribute, ENDPOINTS, insmod, linkTsm, modelHardware, unload} from '../../guest/machine.js'

const [DEVICE, , TDI] = ENDPOINTS

useHost()

describe.each([
  ['P2', 'says which TSM is which'],
  ['G1n', 'does not say which TSM is which'],
])('a kernel of generation %s, which %s', abi => {
  beforeAll(() => {
    modelHardware({notee: ['0000:41:00.0']})
    linkTsm({spdm: 0})
    insmod('tsmtest_devsec', {funcs: [TDI], abi})
  })
  afterAll(() => unload('tsmtest_devsec'))

  it('shows each side its attributes', () => {
    expect([attribute(DEVICE, 'tsm/connect'), attribute(DEVICE, 'tsm/lock')]).toEqual(['', null])
    expect(attribute(TDI, 'tsm/lock')).toBe('')
  })

  it('connects with the host-side TSM, and with no other', async () => {
    const named = abi === 'P2' ? {} : {tsm: 'tsm0'}
    if (abi === 'G1n') {
      const error = await failureOf(connect(kernel, DEVICE))
      expect(error).toMatchObject({exitCode: 2, hint: 'Name one with --tsm.'})
    }
    const refused = await failureOf(connect(kernel, DEVICE, {tsm: 'tsm1'}))
    expect(refused).toMatchObject(
      abi === 'P2' ? {details: {check: 'tsm', predicted: true}} : {details: {errno: 'ENXIO', key: 'stream-refused'}},
    )
    expect(refused.message).toContain('tsm1 is not a host-side TSM')
    expect(await connect(kernel, DEVICE, named)).toMatchObject({changed: true, tsm: 'tsm0', failure: null})
  })
})

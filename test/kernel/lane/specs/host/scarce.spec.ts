/** One stream for a host bridge, one block for each function, and a device without IDE. */
import {beforeAll, expect, it} from 'vitest'
import {connect} from '../../../../../src/operations/connect.js'
import {planIde} from '../../../../../src/operations/ide-plan.js'
import {listIde} from '../../../../../src/operations/ide-list.js'
import {connectPlainly, failureOf, kernel, useHost} from '../../guest/host.js'
import {attribute, BRIDGES, ENDPOINTS, freeStreams, linkTsm, modelHardware} from '../../guest/machine.js'

const [DEVICE, NO_IDE, BEHIND_SWITCH, ELSEWHERE] = ENDPOINTS

beforeAll(() => {
  modelHardware({noide: [NO_IDE], streams: 1, pool: 1})
  linkTsm({spdm: 0})
})
useHost({pool: 1})

it('a device without IDE is connected without a stream, and that is said', async () => {
  const {after, notes, failure, preflight} = await connect(kernel, NO_IDE)
  expect({streams: after.streams, failure, verdict: preflight.verdict.outcome}).toEqual({
    streams: [],
    failure: null,
    verdict: 'unknown',
  })
  expect(notes.join()).toContain('made no IDE stream: nothing here protects the link')
  expect([attribute(NO_IDE, 'tsm/connect'), attribute(NO_IDE, 'tsm/bound')]).toEqual(['tsm0', ''])
  expect(attribute('0000:02:00.1', 'tsm/dsm')).toBe(NO_IDE)
  expect(BRIDGES.map(freeStreams)).toEqual([1, 1])
})

it('a second device finds no slot: foretold before the write, and the kernel agrees', async () => {
  expect((await planIde(kernel, {rule: 'slot', pools: [], bdfs: [DEVICE, BEHIND_SWITCH, ELSEWHERE]})).fits).toBe(false)
  connectPlainly(DEVICE)
  expect(BRIDGES.map(freeStreams)).toEqual([0, 1])
  const {list} = await listIde(kernel)
  expect(list.findings.map(({code}) => code)).toContain('pool-exhausted')
  const foretold = await failureOf(connect(kernel, BEHIND_SWITCH))
  expect(foretold).toMatchObject({kind: 'busy', details: {check: 'slot', predicted: true}})
  const forced = await failureOf(connect(kernel, BEHIND_SWITCH, {force: true}))
  expect(forced).toMatchObject({details: {errno: 'ENOSPC'}})
  expect(forced.message).toContain('no stream slot is free on pci0000:00 (1 in use)')
  expect(attribute(BEHIND_SWITCH, 'tsm/connect')).toBe('')
  expect(await connect(kernel, ELSEWHERE)).toMatchObject({changed: true, failure: null})
})

/** What the kernel refuses, in its own words and ours, and that nothing of it stays. */
import {writeFileSync} from 'node:fs'
import {afterEach, beforeAll, describe, expect, it} from 'vitest'
import {connect} from '../../../../../src/operations/connect.js'
import {disconnect} from '../../../../../src/operations/disconnect.js'
import {counting} from '../../../../support/counting-kernel.js'
import {connectPlainly, failureOf, kernel, useHost} from '../../guest/host.js'
import {
  attribute,
  deviceOf,
  ENDPOINTS,
  linkTsm,
  modelHardware,
  setParameter,
  streamLinks,
  tsmName,
} from '../../guest/machine.js'
import {blockOf} from '../../guest/registers.js'

const [DEVICE, SECOND] = ENDPOINTS
const BRIDGE = 'pci0000:00'

beforeAll(() => modelHardware({notee: ['0000:41:00.0']}))
useHost()
afterEach(() => linkTsm({spdm: 0}))

/** errno, its name, exit code, key of the explanation. Without EINTR: Node repeats a write that ends with it. */
const ERRNOS = [
  [5, 'EIO', 12, 'spdm-or-firmware-failure'],
  [14, 'EFAULT', 7, 'no-secured-cma-or-no-stream'],
  [16, 'EBUSY', 8, 'platform-busy'],
  [19, 'ENODEV', 3, 'attribute-gone'],
  [110, 'ETIMEDOUT', 9, 'platform-timeout'],
] as const

it.each(ERRNOS)('a TSM that fails with errno %i (%s)', async (fail, name, exitCode, key) => {
  linkTsm({spdm: 0, fail})
  const error = await failureOf(connect(kernel, DEVICE))
  expect(error).toMatchObject({exitCode, details: {key, errno: name}})
  expect(error.message).toContain(name)
  expect(error.message).toContain('The device was left not connected')
  expect(error.hint).toBeTruthy()
})

it('names that the kernel would take for another never reach it', async () => {
  linkTsm({spdm: 0})
  const {kernel: watched, calls} = counting(kernel)
  for (const tsm of ['tsm0junk', 'tsm9'])
    expect({tsm, ...(await failureOf(connect(watched, DEVICE, {tsm, force: true})))}).toMatchObject({kind: 'not-found'})
  expect(calls.filter(call => call.startsWith('write'))).toEqual([])
  // the kernel does take one of them
  writeFileSync(`${deviceOf(DEVICE)}/tsm/connect`, 'tsm0junk')
  expect(attribute(DEVICE, 'tsm/connect')).toBe(tsmName())
  expect(await failureOf(disconnect(watched, DEVICE, {tsm: 'tsm0junk'}))).toMatchObject({kind: 'busy'})
  expect(await disconnect(kernel, DEVICE, {tsm: tsmName()})).toMatchObject({changed: true})
})

it.each([
  ['0000:00:03.0', 7],
  ['0000:02:00.1', 7],
  ['0000:01:00.1', 3],
])('%s cannot be connected, and nothing is written', async (bdf, exitCode) => {
  linkTsm({spdm: 0})
  const {kernel: watched, calls} = counting(kernel)
  expect(await failureOf(connect(watched, bdf, {force: true}))).toMatchObject({exitCode})
  expect(calls.filter(call => call.startsWith('write'))).toEqual([])
})

describe('a Stream ID', () => {
  it.each([
    ['that Linux reserves', 255, 8, 'EBUSY'],
    ['that does not exist', 300, 12, 'ENXIO'],
  ])('%s', async (_, stream_id, exitCode, name) => {
    linkTsm({spdm: 0, stream_id})
    const error = await failureOf(connect(kernel, DEVICE))
    expect(error).toMatchObject({exitCode, details: {errno: name}})
  })

  it('that is in use, where the slot has its number: foretold, and explained', async () => {
    linkTsm({spdm: 0, stream_id: 1})
    connectPlainly(SECOND)
    expect([blockOf(SECOND).streamId, streamLinks(BRIDGE)]).toEqual([1, ['stream0.0.0']])
    linkTsm({spdm: 0})
    const {preflight} = await connect(kernel, DEVICE, {dryRun: true})
    expect(preflight.checks.find(({id}) => id === 'stream-id')).toMatchObject({result: 'warn', errno: 'EBUSY'})
    const error = await failureOf(connect(kernel, DEVICE))
    expect(error).toMatchObject({kind: 'busy', details: {key: 'stream-id-in-use', errno: 'EBUSY'}})
    expect(error.message).toContain(SECOND)
    expect([streamLinks(BRIDGE), blockOf(DEVICE).enabled]).toEqual([['stream0.0.0'], false])
  })

  it('that is in use, chosen by the TSM', async () => {
    linkTsm({spdm: 0, stream_id: 7})
    connectPlainly(SECOND)
    const error = await failureOf(connect(kernel, DEVICE))
    expect(error).toMatchObject({kind: 'busy', details: {errno: 'EBUSY'}})
    expect([attribute(DEVICE, 'tsm/connect'), blockOf(DEVICE).enabled]).toEqual(['', false])
  })
})

it('a stream that does not become secure', async () => {
  linkTsm({spdm: 0})
  setParameter('tsmtest_hw', 'insecure', 1)
  try {
    const error = await failureOf(connect(kernel, DEVICE))
    expect(error).toMatchObject({exitCode: 12, details: {key: 'stream-refused', errno: 'ENXIO'}})
    expect(error.message).toContain('did not become secure')
  } finally {
    setParameter('tsmtest_hw', 'insecure', 0)
  }
})

/** What goes while a device is connected or connecting: its stream, the device, the TSM. */
import {existsSync, readdirSync, readlinkSync, writeFileSync} from 'node:fs'
import {basename} from 'node:path'
import {afterEach, beforeAll, describe, expect, it} from 'vitest'
import {attributeBytes} from '../../../../../src/kernel/index.js'
import {connect} from '../../../../../src/operations/connect.js'
import {disconnect} from '../../../../../src/operations/disconnect.js'
import {listIde} from '../../../../../src/operations/ide-list.js'
import {listDevices} from '../../../../../src/operations/list.js'
import {connectPlainly, failureOf, kernel, useHost} from '../../guest/host.js'
import {
  attribute,
  deviceOf,
  ENDPOINTS,
  freeStreams,
  linkTsm,
  modelHardware,
  POOL,
  remove,
  rescan,
  rmmod,
  ROOT_PORTS,
  streamLinks,
  unload,
} from '../../guest/machine.js'
import {blockOf, poke, statusOf} from '../../guest/registers.js'

const [DEVICE, , , ELSEWHERE] = ENDPOINTS
const [PORT] = ROOT_PORTS
const BRIDGE = 'pci0000:00'

beforeAll(() => modelHardware({notee: [ELSEWHERE]}))
useHost()
afterEach(() => linkTsm({spdm: 0}))

const errorsOf = async (): Promise<readonly string[]> =>
  (await listIde(kernel)).list.findings.filter(({severity}) => severity === 'error').map(({code}) => code)

describe('the stream, of which sysfs tells nothing', () => {
  it.each([
    [
      DEVICE,
      0x8000_0000,
      'stream-half-secure',
      /0000:01:00\.0 block 0: enabled, Stream ID 0, state insecure, IDE fail/,
    ],
    [PORT, 0, 'stream-half-secure', /root port 0000:00:03\.0 block 0: enabled, Stream ID 0, state insecure/],
  ] as const)('%s is insecure', async (bdf, status, code, words) => {
    linkTsm({spdm: 0})
    connectPlainly(DEVICE)
    poke(bdf, statusOf(0), status)
    expect([attribute(DEVICE, 'tsm/connect'), streamLinks(BRIDGE)]).toEqual(['tsm0', ['stream0.0.0']])
    expect(await errorsOf()).toContain(code)
    const {failure, changed} = await connect(kernel, DEVICE)
    expect({changed, failure}).toMatchObject({changed: false, failure: {exitCode: 12}})
    expect(failure!.message).toMatch(words)
    poke(bdf, statusOf(0), 0)
  })

  it('a fail message is told, which may be old', async () => {
    linkTsm({spdm: 0})
    connectPlainly(DEVICE)
    poke(DEVICE, statusOf(0), 0x8000_0002)
    const {failure, notes} = await connect(kernel, DEVICE)
    expect({failure, notes}).toEqual({
      failure: null,
      notes: [`Selective block 0 of ${DEVICE} received an IDE fail message, now or earlier`],
    })
    poke(DEVICE, statusOf(0), 0)
  })
})

describe('the device', () => {
  afterEach(() => {
    if (!existsSync(deviceOf(DEVICE))) rescan()
  })

  it('removed while connected, takes its stream with it and comes back unconnected', async () => {
    linkTsm({spdm: 0})
    connectPlainly(DEVICE)
    remove(DEVICE)
    expect([streamLinks(BRIDGE), freeStreams(BRIDGE), blockOf(PORT).enabled]).toEqual([[], POOL, false])
    expect((await listDevices(kernel)).devices.map(({bdf}) => bdf)).not.toContain(DEVICE)
    expect(await failureOf(disconnect(kernel, DEVICE))).toMatchObject({exitCode: 3})
    rescan()
    expect(await connect(kernel, DEVICE)).toMatchObject({before: {tsm: null}, changed: true, failure: null})
  })

  it('removed while it connects, is gone when the kernel is done', async () => {
    linkTsm({spdm: 0, delay_ms: 400})
    const removed = {
      ...kernel,
      async write(path: string, bytes: Uint8Array, signal?: AbortSignal) {
        const written = kernel.write(path, bytes, signal)
        if (path.endsWith('/tsm/connect')) {
          // the removal waits for the connect, as both take the kernel's lock
          await kernel.sleep(200)
          remove(DEVICE)
        }
        await written
      },
    }
    expect(await failureOf(connect(removed, DEVICE))).toMatchObject({exitCode: 3, details: {key: 'device-gone'}})
    expect([streamLinks(BRIDGE), freeStreams(BRIDGE)]).toEqual([[], POOL])
  })
})

describe('the TSM', () => {
  it('unloaded while a device is connected, takes connection and attributes with it', async () => {
    linkTsm({spdm: 0})
    connectPlainly(DEVICE)
    rmmod('tsmtest_link')
    expect([streamLinks(BRIDGE), freeStreams(BRIDGE), blockOf(DEVICE).enabled]).toEqual([[], POOL, false])
    expect(existsSync(`${deviceOf(DEVICE)}/tsm`)).toBe(false)
    const error = await failureOf(disconnect(kernel, DEVICE))
    expect(error).toMatchObject({exitCode: 7})
    const {devices, tsms} = await listDevices(kernel)
    expect([tsms, devices.find(({bdf}) => bdf === DEVICE)?.tsm ?? null]).toEqual([[], null])
  })

  it('unloaded while a device connects, is said to be gone', async () => {
    linkTsm({spdm: 0, delay_ms: 400})
    const unloaded = {
      ...kernel,
      async write(path: string, bytes: Uint8Array, signal?: AbortSignal) {
        const written = kernel.write(path, bytes, signal)
        if (path.endsWith('/tsm/connect')) {
          await kernel.sleep(200)
          rmmod('tsmtest_link')
        }
        await written
      },
    }
    expect(await failureOf(connect(unloaded, DEVICE))).toMatchObject({exitCode: 3, details: {key: 'tsm-gone'}})
  })

  it('loaded later, is found', async () => {
    unload('tsmtest_link')
    expect(readdirSync('/sys/class/tsm')).toEqual([])
    const error = await failureOf(connect(kernel, DEVICE))
    expect(error).toMatchObject({exitCode: 7})
    expect(error.message).toContain('nobody has registered')
    linkTsm({spdm: 0})
    expect(await connect(kernel, DEVICE)).toMatchObject({changed: true, tsm: 'tsm0'})
  })
})

it('a driver that binds meanwhile does not matter', async () => {
  linkTsm({spdm: 0, delay_ms: 300})
  const driver = (): string | null =>
    existsSync(`${deviceOf(ELSEWHERE)}/driver`) ? basename(readlinkSync(`${deviceOf(ELSEWHERE)}/driver`)) : null
  if (driver() !== null) writeFileSync(`${deviceOf(ELSEWHERE)}/driver/unbind`, ELSEWHERE)
  expect(driver()).toBeNull()
  const connecting = connect(kernel, ELSEWHERE)
  await kernel.write('/sys/bus/pci/drivers/nvme/bind', attributeBytes(ELSEWHERE))
  expect(await connecting).toMatchObject({changed: true, failure: null, after: {streams: [{state: 'secure'}]}})
  expect(driver()).toBe('nvme')
})

/** Devices of every kind and place, connected and disconnected, as sysfs and the IDE registers show them. */
import {readFileSync, readlinkSync} from 'node:fs'
import {beforeAll, describe, expect, it} from 'vitest'
import {connect} from '../../../../../src/operations/connect.js'
import {disconnect} from '../../../../../src/operations/disconnect.js'
import {listIde} from '../../../../../src/operations/ide-list.js'
import {ridOf} from '../../../../../src/pci/index.js'
import {kernel, useHost} from '../../guest/host.js'
import {attribute, deviceOf, freeStreams, linkTsm, modelHardware, POOL, streamLinks} from '../../guest/machine.js'
import {blockOf} from '../../guest/registers.js'

const NO_TEE = '0000:41:00.0'

/** Memory windows of a bridge in MiB, as the kernel assigned them. */
const windowsOf = (bridge: string): readonly (readonly [number, number])[] =>
  readFileSync(`${deviceOf(bridge)}/resource`, 'utf8')
    .trim()
    .split('\n')
    .map(line => line.split(' ').map(Number) as [number, number, number])
    .filter(([, last, flags], index) => index >= 7 && last > 0 && (flags & 0x200) !== 0)
    .map(([first, last]) => [first / 2 ** 20, Math.floor(last / 2 ** 20)] as const)

/** Function, its root port and host bridge, the bridge whose windows its stream serves, who depends on it. */
const PLACES = [
  ['below a root port', '0000:01:00.0', '0000:00:03.0', 'pci0000:00', '0000:00:03.0', []],
  ['with a second function', '0000:02:00.0', '0000:00:04.0', 'pci0000:00', '0000:00:04.0', ['0000:02:00.1']],
  ['behind a switch', '0000:05:00.0', '0000:00:05.0', 'pci0000:00', '0000:04:00.0', []],
  ['below another host bridge, without TEE', NO_TEE, '0000:40:00.0', 'pci0000:40', '0000:40:00.0', []],
] as const

beforeAll(() => {
  modelHardware({notee: [NO_TEE]})
  linkTsm()
})
useHost()

describe.each(PLACES)('a device %s', (_, bdf, rootPort, bridge, windows, dependants) => {
  it('connects with a stream between both ends, and disconnects without remains', async () => {
    const {after, changed, preflight, failure} = await connect(kernel, bdf)
    expect({changed, failure, verdict: preflight.verdict.outcome}).toEqual({
      changed: true,
      failure: null,
      verdict: 'will-succeed',
    })
    expect([attribute(bdf, 'tsm/connect'), attribute(bdf, 'tsm/dsm'), attribute(bdf, 'authenticated')]).toEqual([
      'tsm0',
      bdf,
      'tsm0',
    ])
    expect(attribute(bdf, 'tsm/bound')).toBe(bdf === NO_TEE ? null : '')

    expect(streamLinks(bridge)).toEqual(['stream0.0.0'])
    expect(readlinkSync(`/sys/devices/${bridge}/stream0.0.0`)).toMatch(new RegExp(`^${rootPort}/.*${bdf}$`))
    expect(freeStreams(bridge)).toBe(POOL - 1)
    const common = {enabled: true, streamId: 0, secure: true, failReceived: false}
    const [port, end] = [ridOf(rootPort), ridOf(bdf)]
    expect(blockOf(bdf)).toEqual({...common, rids: [port, port], megabytes: []})
    const megabytes = windowsOf(windows)
    expect(megabytes.length).toBeGreaterThan(0)
    expect(blockOf(rootPort)).toEqual({...common, rids: [end, end], megabytes})

    expect(after.streams).toMatchObject([{name: 'stream0.0.0', bridge, streamId: 0, state: 'secure'}])
    expect(after.pool).toEqual({bridge, available: POOL - 1, size: POOL})
    expect(after.subfunctions.map(other => other.bdf)).toEqual(dependants)
    for (const other of dependants)
      expect([attribute(other, 'tsm/dsm'), attribute(other, 'tsm/bound'), attribute(other, 'tsm/connect')]).toEqual([
        bdf,
        '',
        null,
      ])

    const {list} = await listIde(kernel)
    expect(list.streams).toMatchObject([
      {name: 'stream0.0.0', bridge, streamId: 0, state: 'secure', near: {bdf: rootPort}, far: {bdf}},
    ])
    expect(list.findings.filter(({severity}) => severity !== 'hint')).toEqual([])

    expect(await connect(kernel, bdf)).toMatchObject({changed: false, failure: null, writes: []})
    expect(await disconnect(kernel, bdf)).toMatchObject({changed: true, leftovers: [], failure: null})
    expect([attribute(bdf, 'tsm/connect'), attribute(bdf, 'authenticated')]).toEqual(['', ''])
    for (const other of dependants) expect(attribute(other, 'tsm/dsm')).toBeNull()
    expect(blockOf(bdf)).toMatchObject({enabled: false, streamId: 0})
    expect(await disconnect(kernel, bdf)).toMatchObject({changed: false, failure: null})
  })
})

/** Accounts of running kernels, against what their logs and descriptions say. */
import {existsSync, readFileSync} from 'node:fs'
import {fileURLToPath} from 'node:url'
import {describe, expect, it} from 'vitest'
import {accountOf, type IdeAccount} from '../../src/ide/index.js'
import {openReplay} from '../../src/kernel/index.js'
import {valueOf} from '../../src/known.js'
import {listIde, readFabric, showIde} from '../../src/operations/index.js'

const DATA = new URL('../../../shared/data/', import.meta.url)
const MISSING = existsSync(DATA) ? '' : ' (skipped: no ../shared/data)'

const accountIn = async (file: string): Promise<IdeAccount> =>
  accountOf(await readFabric(openReplay(fileURLToPath(new URL(file, DATA)))))

const bridgesOf = ({bridges}: IdeAccount) =>
  bridges.map(({name, available, pool, slots, heldIds, unread}) => ({
    name,
    available: available.present ? valueOf(available.value) : null,
    pool: valueOf(pool),
    slots,
    heldIds,
    unread,
  }))

const streamsOf = ({streams}: IdeAccount) =>
  streams.map(({bridge, name, streamId, state, rootPort, endpoint}) => [
    `${bridge}/${name}`,
    streamId,
    state,
    rootPort?.known && rootPort.value.bdf,
    endpoint?.known && endpoint.value.bdf,
  ])

const codes = ({findings}: IdeAccount) => findings.map(({code, subject}) => `${code} ${subject}`)

const IDE = ['00:03.0', '00:04.0', '00:05.0', '01:00.0', '05:00.0', '40:00.0', '41:00.0'].map(bdf => `0000:${bdf}`)
const CONNECTED = new Set([
  '0000:00:03.0',
  '0000:00:05.0',
  '0000:01:00.0',
  '0000:05:00.0',
  '0000:40:00.0',
  '0000:41:00.0',
])
const SWITCH_HINTS = ['cve-2025-9612', 'cve-2025-9613', 'cve-2025-9614'].map(code => `${code} pci0000:00/stream1.0.0`)

const bridge = (name: string, available: number | null, pool: number | undefined, slots: number[] = []) => ({
  name,
  available,
  pool,
  slots,
  heldIds: [],
  unread: [],
})

/** Selective blocks and the IDs of enabled ones, from the text of an independent decoder. */
const decodedByLspci = (text: string) =>
  text.split(/\n(?=[0-9a-f]{4}:)/).flatMap(device => {
    const capability = /IDECap: .*\bSel=(\d+)/.exec(device)?.[1]
    if (capability === undefined) return []
    const live = [...device.matchAll(/SelectiveIDE#\d+ Ctl: En\+.* ID(\d+)$/gm)].map(([, id]) => Number(id))
    return [{bdf: device.slice(0, device.indexOf(' ')), capability: Number(capability), live}]
  })

describe.skipIf(MISSING !== '')(`IDE accounts of running kernels${MISSING}`, () => {
  it.each(['3-connected', '4-bound'])('%s: three streams, and one pool exhausted', async name => {
    const account = await accountIn(`sysfs/${name}.json`)
    expect(bridgesOf(account)).toEqual([bridge('pci0000:00', 0, 2, [0, 1]), bridge('pci0000:40', 1, 2, [0])])
    expect(streamsOf(account)).toEqual([
      ['pci0000:00/stream0.0.0', 0, 'secure', '0000:00:03.0', '0000:01:00.0'],
      ['pci0000:00/stream1.0.0', 1, 'secure', '0000:00:05.0', '0000:05:00.0'],
      ['pci0000:40/stream0.0.0', 0, 'secure', '0000:40:00.0', '0000:41:00.0'],
    ])
    expect(account.ports.map(({bdf}) => bdf)).toEqual(IDE)
    for (const {bdf, numbers, free, ignored} of account.ports) {
      const used = CONNECTED.has(bdf)
      expect(valueOf(numbers)).toEqual({capability: 4, usable: 4, inUse: Number(used)})
      expect(valueOf(free)).toEqual(used ? [1, 2, 3] : [0, 1, 2, 3])
      expect(ignored).toBeNull()
    }
    expect(codes(account)).toEqual(['pool-exhausted pci0000:00', ...SWITCH_HINTS])
  })

  it('live Stream IDs are per host bridge', async () => {
    const {bridges} = await accountIn('sysfs/3-connected.json')
    expect(bridges.map(({liveIds}) => [...liveIds])).toEqual([
      [
        [0, ['0000:00:03.0', '0000:01:00.0']],
        [1, ['0000:00:05.0', '0000:05:00.0']],
      ],
      [[0, ['0000:40:00.0', '0000:41:00.0']]],
    ])
  })

  it.each([
    ['1-no-tsm', 2],
    ['2-tsm-loaded', 2],
    ['5-disconnected', 2],
    ['6-devsec-loaded', 2],
    ['9-tvm', 2],
  ])('%s: nothing is connected, everything is free, and nothing is wrong', async (name, pool) => {
    const account = await accountIn(`sysfs/${name}.json`)
    expect(bridgesOf(account)).toEqual([bridge('pci0000:00', pool, pool), bridge('pci0000:40', pool, pool)])
    expect(account.ports.map(({bdf}) => bdf)).toEqual(IDE)
    for (const {numbers, free} of account.ports)
      expect([valueOf(numbers), valueOf(free)]).toEqual([{capability: 4, usable: 4, inUse: 0}, [0, 1, 2, 3]])
    expect([account.streams, account.findings]).toEqual([[], []])
  })

  it.each(['0-stock', '1-no-tsm', '3-connected'])('%s: the numbers that lspci gives', async name => {
    const {ports, bridges} = await accountIn(`sysfs/${name}.json`)
    const said = decodedByLspci(readFileSync(new URL(`sysfs/lspci/${name}.txt`, DATA), 'utf8'))
    const counted = ports.map(({bdf, numbers}) => [bdf, valueOf(numbers)!.capability, valueOf(numbers)!.inUse])
    expect(counted).toEqual(said.map(({bdf, capability, live}) => [bdf, capability, live.length]))
    for (const {bdf, live} of said)
      for (const id of live) expect(bridges.some(({liveIds}) => liveIds.get(id)?.includes(bdf))).toBe(true)
  })

  it('a kernel with the IDE core on hardware without IDE offers slots and has no ports', async () => {
    const account = await accountIn('sysfs/0-stock.json')
    expect(bridgesOf(account)).toEqual([bridge('pci0000:00', 256, 256), bridge('pci0000:40', 256, 256)])
    expect([account.ports, account.findings]).toEqual([[], []])
  })

  it('a kernel without the IDE core has no pool, which is not an empty one', async () => {
    const account = await accountIn('sysfs/stock-6.12.json')
    expect(bridgesOf(account)).toEqual([bridge('pci0000:00', null, undefined), bridge('pci0000:40', null, undefined)])
  })

  it('a dump of one endpoint: its registers, and nothing about what Linux makes of them', async () => {
    const {ports, streams, findings} = await accountIn('pci/ide-disabled.dump')
    expect(ports).toMatchObject([{bdf: '0000:e1:00.0', role: 'endpoint', ignored: null}])
    expect(ports[0]).toMatchObject({numbers: {known: false}, free: {known: false}})
    expect(valueOf(ports[0]!.ide)!.promised.selective).toBe(1)
    expect([streams, codes({findings} as IdeAccount)]).toEqual([[], ['registers-unread pci0000:e1']])
  })

  it.each(['bridge', 'cxl-dvsec', 'doe-two', 'exp-dev2'])('%s has no IDE', async name => {
    expect((await accountIn(`pci/${name}.dump`)).ports).toEqual([])
  })

  it.each(['sysfs/3-connected.json', 'sysfs/5-disconnected.json', 'sysfs/stock-6.12.json', 'pci/ide-disabled.dump'])(
    '%s: everything can be shown, in plain characters',
    async file => {
      const kernel = openReplay(fileURLToPath(new URL(file, DATA)))
      const {list, text} = await listIde(kernel)
      const names = [...list.bridges.map(({name}) => name), ...list.ports.map(({bdf}) => bdf)]
      const shown = await showIde(kernel, names)
      expect(shown.error).toBeUndefined()
      expect(shown.subjects.map(({subject}) => subject)).toEqual(names)
      expect(text + shown.text).toMatch(/^[\x20-\x7e\n]*$/)
    },
  )
})

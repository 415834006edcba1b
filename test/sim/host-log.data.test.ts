/** The log of a real host kernel, line by line: a simulated machine of the same shape gives the same answers. */
import {existsSync, readFileSync} from 'node:fs'
import {fileURLToPath} from 'node:url'
import {beforeAll, describe, expect, it} from 'vitest'
import {openReplay} from '../../src/kernel/index.js'
import {type Fault, injectFault} from '../../src/sim/index.js'
import {ideOf, type Shell, shell} from './host-machines.js'
import {machines, type TestMachine} from './machines.js'

const LOG = new URL('../../../shared/data/sysfs/abi-pci.log', import.meta.url)
const MISSING = existsSync(LOG) ? '' : ' (skipped: no ../shared/data/sysfs)'

/** One in each window of the bridge above. */
const BARS = 'bars: [{bar: 0, size: 16 KiB}, {bar: 2, size: 16 KiB, prefetchable: true}]'
/** As in the captures: 05:00.0 without TEE, 02:00.0 without IDE, pools of two. */
const SCENARIO = `
title: The shape of the captures
bridges: [{at: "0000:00", pool: 2}, {at: "0000:40", pool: 2}]
ports:
  - {at: "0000:00:03.0", bus: 1, ide: {selective: 4}}
  - {at: "0000:00:04.0", bus: 2, ide: {selective: 4}}
  - {at: "0000:00:05.0", bus: 3, ide: {selective: 4}}
  - {at: "0000:03:00.0", bus: 4}
  - {at: "0000:04:00.0", bus: 5}
  - {at: "0000:04:01.0", bus: 6}
  - {at: "0000:40:00.0", bus: 0x41, ide: {selective: 4}}
devices:
  - {at: "0000:01:00.0", ${BARS}, kind: nvme, totalVfs: 4, ide: {selective: 4}}
  - {at: "0000:02:00.0", kind: nvme, ide: {selective: 0}}
  - {at: "0000:02:00.1", kind: virtio-net}
  - {at: "0000:05:00.0", ${BARS}, kind: nvme, tee: false, ide: {selective: 4}, doe: [["0001:01", "0001:02"]]}
  - {at: "0000:06:00.0", kind: virtio-net}
  - {at: "0000:41:00.0", ${BARS}, kind: nvme, ide: {selective: 4}}
`

const WRITE = /^write (\S+) "(.*)" -> (\w+)$/
const READ = /^read {2}(\S+) -> "(.*)"$/
const LIST = /^ls {4}(\S+) -> (.*)$/
const BRIDGE = /^hb {4}\/sys\/devices\/(\S+) -> available_secure_streams (.*)$/

const WITH_IDE = [
  '0000:00:03.0',
  '0000:00:04.0',
  '0000:00:05.0',
  '0000:01:00.0',
  '0000:05:00.0',
  '0000:40:00.0',
  '0000:41:00.0',
]

/** Selective blocks as the kernel programmed them; addresses lie where each machine's firmware put them. */
const streamsOf = (machine: Pick<TestMachine, 'kernel'>, bdf: string) =>
  ideOf(machine, bdf)!.selectiveStreams.map(stream => ({
    bdf,
    enabled: stream.enabled,
    streamId: stream.streamId,
    secure: stream.secure,
    rid: stream.rid,
    defaultStream: stream.defaultStream,
    teeLimited: stream.teeLimited,
    configRequests: stream.configRequests,
    addresses: stream.addresses.map(({valid}) => valid),
  }))

/** What the test module was told to do wrong, by the line that shows it. */
const EIO: Partial<Fault> = {at: 'connect', do: 'errno', errno: 'EIO'}
const TROUBLE: Readonly<Record<string, readonly Partial<Fault>[]>> = {
  '# connect: injected failure, insecure stream, reserved Stream ID': [
    EIO,
    {at: 'connect', do: 'insecure'},
    {at: 'connect', do: 'stream-id', id: 255},
    {at: 'connect', do: 'stream-id', id: 256},
  ],
  '# Stream ID collision and an exhausted pool (pool is 2 per host bridge)': [
    {device: '0000:05:00.0', at: 'connect', do: 'stream-id', id: 0},
  ],
  '$ rmmod tsmtest_link -> 0': [{at: 'now', do: 'tsm-gone'}],
}

const unescape = (text: string): string => text.replaceAll(String.raw`\n`, '\n')

const lines = MISSING === '' ? readFileSync(LOG, 'utf8').split('\n') : []
const from = lines.findIndex(line => line.includes('snap 2-tsm-loaded'))
const to = lines.findIndex(line => line.startsWith('# guest side'))
/** Whole listings of a device, debugfs of the test module, and what its own bind command did. */
const foreign = (line: string): boolean =>
  line.includes('/sys/kernel/debug') ||
  line.startsWith('bind of') ||
  line === 'read  0000:01:00.0/tsm/bound -> "tsm0\\n"'

async function answer(
  line: string,
  {write, read, list, bridge}: Shell,
): Promise<{got: string; wanted: string} | undefined> {
  const [, target, text, errno] = WRITE.exec(line) ?? []
  if (target !== undefined) return {got: await write(target, unescape(text!)), wanted: errno!}
  const [, place, content] = READ.exec(line) ?? []
  if (place !== undefined) return {got: read(place), wanted: unescape(content!).replace(/\n$/, '')}
  const [, directory, names] = LIST.exec(line) ?? []
  if (directory !== undefined) return {got: list(directory), wanted: names!}
  const [, name, streams] = BRIDGE.exec(line) ?? []
  return name === undefined ? undefined : {got: bridge(name), wanted: streams!}
}

describe.skipIf(MISSING !== '')(`the log of a Linux 7.3.4 host${MISSING}`, () => {
  const make = machines()
  let registers: unknown
  const answers: {line: string; got: string; wanted: string}[] = []

  beforeAll(async () => {
    const machine = await make({name: 'captures', text: SCENARIO})
    const ask = shell(machine)
    for (const line of lines.slice(from, to)) {
      for (const trouble of TROUBLE[line] ?? [])
        await injectFault(machine.directory, {device: '0000:01:00.0', ...trouble} as Fault)
      if (line.includes('snap 3-connected')) registers = WITH_IDE.map(bdf => streamsOf(machine, bdf))
      if (foreign(line)) continue
      // a TSM's own device shows what every device shows
      const said = await answer(line, ask)
      if (said !== undefined) answers.push({line, ...said})
    }
  })

  it('has the same registers when all are connected', () => {
    const captured = openReplay(fileURLToPath(new URL('3-connected.json', LOG)))
    expect(registers).toEqual(WITH_IDE.map(bdf => streamsOf({kernel: captured}, bdf)))
  })

  it('has the same answer to everything', () => {
    const SPECIAL = 'ls    /sys/class/tsm/tsm0'
    const differing = answers.filter(({line, got, wanted}) => got !== wanted && !line.startsWith(SPECIAL))
    expect(differing).toEqual([])
    expect(answers.length).toBeGreaterThan(80)
  })
})

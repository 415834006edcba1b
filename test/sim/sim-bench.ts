/** The simulator as a bench for the scripts of `test/kernel/lane/script`: what happens are faults. */
import {clearFaults, type Fault, injectFault} from '../../src/sim/index.js'
import type {Bench, Happening, Shape} from '../kernel/lane/script/index.js'
import type {machines, TestMachine} from './machines.js'

/** One in each window of the bridge above. */
const BARS = 'bars: [{bar: 0, size: 16 KiB}, {bar: 2, size: 16 KiB, prefetchable: true}]'

interface Hardware {
  /** Streams per host bridge. */
  readonly pool: number
  /** Entries of a function, by address. */
  readonly ports: Readonly<Record<string, string>>
  readonly devices: Readonly<Record<string, string>>
}

const IDE = 'ide: {selective: 4}'
const ROOT_PORTS = {'0000:00:03.0': IDE, '0000:00:04.0': IDE, '0000:00:05.0': IDE, '0000:40:00.0': IDE}
const ENDPOINTS = {'0000:01:00.0': IDE, '0000:02:00.0': IDE, '0000:05:00.0': IDE, '0000:41:00.0': IDE}
const NO_IDE = 'ide: {selective: 0}'
const MAILBOX = 'doe: [["0001:01", "0001:02"]]'
const PLAIN = `tee: false, ${NO_IDE}, ${MAILBOX}`

const SHAPES: Readonly<Record<Exclude<Shape, 'guest'>, Hardware>> = {
  plain: {
    pool: 256,
    ports: {},
    devices: {'0000:01:00.0': PLAIN, '0000:02:00.0': PLAIN, '0000:05:00.0': PLAIN, '0000:41:00.0': PLAIN},
  },
  modelled: {
    pool: 2,
    ports: ROOT_PORTS,
    devices: {...ENDPOINTS, '0000:02:00.0': NO_IDE, '0000:05:00.0': `${IDE}, tee: false, ${MAILBOX}`},
  },
  'firmware-streams': {
    pool: 256,
    ports: {
      ...ROOT_PORTS,
      '0000:00:03.0': 'ide: {selective: 4, streams: [{block: 0, id: 5}]}',
      '0000:00:05.0': 'ide: {selective: 4, streams: [{block: 1, id: 0}]}',
    },
    devices: {...ENDPOINTS, '0000:01:00.0': 'ide: {selective: 4, streams: [{block: 0, id: 5}]}'},
  },
}

/** The machine that `test/kernel/lane/host/machine.ts` draws. */
function scenario({pool, ports, devices}: Hardware): string {
  const port = (at: string, bus: number): string =>
    `  - {${[`at: "${at}"`, `bus: ${bus}`, ports[at]].filter(text => text !== undefined).join(', ')}}\n`
  const nvme = (at: string, more = ''): string => `  - {at: "${at}", ${BARS}, kind: nvme, ${devices[at]!}${more}}\n`
  return `
title: The emulated machine
provider: {registered: false, spdm: none}
bridges: [{at: "0000:00", pool: ${pool}}, {at: "0000:40", pool: ${pool}}]
ports:
${port('0000:00:03.0', 1)}${port('0000:00:04.0', 2)}${port('0000:00:05.0', 3)}${port('0000:03:00.0', 4)}${port('0000:04:00.0', 5)}${port('0000:04:01.0', 6)}${port('0000:40:00.0', 0x41)}
devices:
${nvme('0000:01:00.0', ', totalVfs: 4')}${nvme('0000:02:00.0')}  - {at: "0000:02:00.1", kind: virtio-net}
${nvme('0000:05:00.0')}  - {at: "0000:06:00.0", kind: virtio-net}
${nvme('0000:41:00.0')}`
}

/** The first device is all that is asked. */
const GUEST = `
title: The guest's side
abi: P2
devices: [{at: "0000:01:00.0", kind: nvme}]
`

/** Faults of `happening`; what is to happen to the next connect waits for it. */
function faultOf(happening: Happening): Fault {
  switch (happening.what) {
    case 'tsm-appears':
      return {device: '0000:01:00.0', at: 'now', do: 'tsm-back'}
    case 'tsm-unloaded':
      return {device: '0000:01:00.0', at: 'now', do: 'tsm-gone'}
    case 'connect-fails':
      return {device: happening.device, at: 'connect', do: 'errno', errno: happening.errno}
    case 'stream-insecure':
      return {device: happening.device, at: 'connect', do: 'insecure'}
    case 'stream-id':
      return {device: happening.device, at: 'connect', do: 'stream-id', id: happening.id}
    case 'fail-received':
      return {device: happening.device, at: 'now', do: 'ide-fail', block: 0}
    case 'security-lost':
      return {device: happening.device, at: 'now', do: 'insecure', end: 'endpoint'}
  }
}

export function simBench(make: ReturnType<typeof machines>): Bench {
  let machine: TestMachine | undefined
  return {
    async machine(shape) {
      machine = await make({name: shape, text: shape === 'guest' ? GUEST : scenario(SHAPES[shape])})
      return {kernel: machine.kernel, nobody: machine.open({privileged: false})}
    },
    happen: happening => injectFault(machine!.directory, faultOf(happening)),
    async calm() {
      clearFaults(machine!.directory)
    },
  }
}

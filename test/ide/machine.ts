/**
 * A machine for accounting, built by hand. Host bridge pci0000:00 has two root ports: 00:01.0 with an endpoint 01:00.0
 * and its two VFs, 00:02.0 with a switch (02:00.0, 03:00.0, 03:01.0) and endpoints 04:00.0 and 05:00.0 behind it.
 * Stream 0 connects 00:01.0 and 01:00.0. Nothing is wrong with it; tests change one thing at a time.
 */
import {
  decodeIde,
  type EncodableIde,
  encodeIde,
  type Fabric,
  type FabricBridge,
  type FabricFunction,
  type FabricLink,
  type Ide,
} from '../../src/ide/index.js'
import {known, unknown} from '../../src/known.js'
import {parseBdf, ridOf} from '../../src/pci/index.js'

export type SelectiveBlock = NonNullable<EncodableIde['selective']>[number]
export type LinkBlock = NonNullable<EncodableIde['link']>[number]

const OFFSET = 0x100
const CONFIG_LENGTH = 4096

export function ide(selective: readonly SelectiveBlock[], link: readonly LinkBlock[] = [], last?: number): Ide {
  const config = new Uint8Array(CONFIG_LENGTH)
  const capability = last === undefined ? {} : {lastSelective: last}
  config.set(encodeIde({capability, ...(selective.length > 0 && {selective}), ...(link.length > 0 && {link})}), OFFSET)
  return decodeIde(config, OFFSET)
}

export const IDLE: SelectiveBlock = {streamId: 255, associations: [{}]}

export const rid = (bdf: string): number => ridOf(parseBdf(bdf))

/** An enabled, secure block whose association covers `from` to `to`. */
export const live = (streamId: number, from: string, to = from, more: SelectiveBlock = {}): SelectiveBlock => ({
  enable: true,
  state: 2,
  streamId,
  ridValid: true,
  ridBase: rid(from),
  ridLimit: rid(to),
  associations: [{}],
  ...more,
})

const TYPE = {endpoint: 0, root: 4, up: 5, down: 6} as const

export function fn(bdf: string, ports: readonly string[], more: Partial<FabricFunction> = {}): FabricFunction {
  const full = parseBdf(bdf)
  return {
    bdf: full,
    domain: 0,
    rid: rid(bdf),
    bridge: 'pci0000:00',
    ports: ports.map(parseBdf),
    portType: known(TYPE.endpoint),
    teeIo: known(true),
    physfn: null,
    buses: undefined,
    ide: known(undefined),
    ...more,
  }
}

const port = (bdf: string, ports: readonly string[], type: number, first: number, last: number, more: object = {}) =>
  fn(bdf, ports, {portType: known(type), buses: {first, last}, ...more})

export const link = (name: string, endpoint: string): FabricLink => {
  const [slot, rootPortBlock, endpointBlock] = name.slice('stream'.length).split('.').map(Number) as [
    number,
    number,
    number,
  ]
  return {name, slot, rootPortBlock, endpointBlock, endpoint: known(parseBdf(endpoint))}
}

export interface Parts {
  readonly available: FabricBridge['available']
  readonly links: readonly FabricLink[]
  readonly functions: Readonly<Record<string, FabricFunction>>
}

const BEHIND_SWITCH = ['00:02.0', '02:00.0']
export const WINDOW = {base: 0x1000_0000n, limit: 0x1fff_ffffn}

export const HEALTHY: Parts = {
  available: {present: true, value: known(3)},
  links: [link('stream0.0.0', '01:00.0')],
  functions: {
    '00:01.0': port('00:01.0', [], TYPE.root, 1, 1, {
      ide: known(ide([live(0, '01:00.0', '01:00.2'), IDLE])),
      windows: [WINDOW],
    }),
    '00:02.0': port('00:02.0', [], TYPE.root, 2, 5, {ide: known(ide([IDLE, IDLE]))}),
    '01:00.0': fn('01:00.0', ['00:01.0'], {ide: known(ide([live(0, '00:01.0'), IDLE]))}),
    '01:00.1': fn('01:00.1', ['00:01.0'], {physfn: '0000:01:00.0'}),
    '01:00.2': fn('01:00.2', ['00:01.0'], {physfn: '0000:01:00.0'}),
    '02:00.0': port('02:00.0', ['00:02.0'], TYPE.up, 3, 5),
    '03:00.0': port('03:00.0', BEHIND_SWITCH, TYPE.down, 4, 4),
    '03:01.0': port('03:01.0', BEHIND_SWITCH, TYPE.down, 5, 5),
    '04:00.0': fn('04:00.0', [...BEHIND_SWITCH, '03:00.0'], {ide: known(ide([IDLE, IDLE]))}),
    '05:00.0': fn('05:00.0', [...BEHIND_SWITCH, '03:01.0'], {ide: known(ide([IDLE, IDLE]))}),
  },
}

/** The healthy machine with other registers in some functions, other links, other everything. */
export function machine(
  registers: Readonly<Record<string, Ide | undefined>> = {},
  {functions = {}, ...parts}: Partial<Parts> = {},
): Fabric {
  const all = {...HEALTHY.functions, ...functions}
  for (const [bdf, value] of Object.entries(registers)) all[bdf] = {...all[bdf]!, ide: known(value)}
  const {available, links} = {...HEALTHY, ...parts}
  return {
    bridges: [{name: 'pci0000:00', available, links: known(links)}],
    functions: Object.keys(all)
      .sort()
      .map(bdf => all[bdf]!),
  }
}

/** The function, but for its registers, which cannot be read. */
export const unread = (bdf: string): FabricFunction => ({...HEALTHY.functions[bdf]!, ide: unknown('64 bytes')})

/** Functions of a host from its scenario. There are no keys: what a TSM does with a device is beyond the kernel's view. */
import {toHex} from '../../bits/index.js'
import {bdfParts, compareBdf, formatBdf} from '../../pci/index.js'
import {type Kind, kindNamed, PORT_IDS} from '../kinds.js'
import {type SimFunction, toBase64} from '../machine.js'
import {msixIn, withoutUndefined} from '../parts.js'
import {bridgeResourceLines, type PlacedBar, resourceLines, type Window} from '../resources.js'
import {type BuiltConfig, hostBridgeConfig, hostEndpointConfig} from './config.js'
import {providerOf} from './provider.js'
import type {HostScenario, IdeSpec} from './schema.js'
import {type PlacedDevice, type PlacedPort, placeHost, type RefuseScenario} from './topology.js'
import type {HostFunction, HostPlatform, IdeHardware, WindowText} from './types.js'

type Random = (length: number) => Uint8Array

const DEFAULT_MAILBOX = [['0001:01', '0001:02']]
const DEFAULT_IDE: IdeSpec = {selective: 1, link: 0, associations: 2, tee: true, config: true, streams: []}

function ideOf(spec: IdeSpec | undefined, where: string, refuse: RefuseScenario): Omit<IdeHardware, 'at'> | null {
  if (spec === undefined || spec.selective + spec.link === 0) return null
  const {selective, link, associations, tee, config, streams} = spec
  const counts = typeof associations === 'number' ? Array<number>(selective).fill(associations) : associations
  if (counts.length !== selective) refuse(`${where}.ide.associations: ${counts.length} numbers for ${selective} blocks`)
  for (const [i, stream] of streams.entries())
    if (stream.block >= (stream.link ? link : selective))
      refuse(`${where}.ide.streams[${i}].block: there are only ${stream.link ? link : selective}`)
  return {link, associations: counts, teeLimited: tee, config, streams}
}

const windowOf = (text: WindowText | null): Window | undefined => {
  if (text === null) return undefined
  const [base, limit] = text.map(value => BigInt(`0x${value}`)) as [bigint, bigint]
  return {base, size: limit - base + 1n}
}

const features = (mailboxes: readonly (readonly string[])[]): string[] =>
  mailboxes.length === 0 ? [] : [...new Set(mailboxes.flat()), 'doe_discovery'].sort()

/** Directory of a function below `above`. */
const pathOf = (bridge: string, above: readonly PlacedPort[], at: string): string =>
  ['/sys/devices', bridge, ...above.map(port => port.at), at].join('/')

function built(config: BuiltConfig | undefined, where: string, refuse: RefuseScenario): BuiltConfig {
  return config ?? refuse(`${where}: its capabilities do not fit into configuration space`)
}

const placed = (ide: Omit<IdeHardware, 'at'> | null, at: number | null): IdeHardware | null =>
  ide === null || at === null ? null : {...ide, at}

interface Context {
  readonly refuse: RefuseScenario
  readonly random: Random
  readonly numa: number
  /** Slots with more than one function. */
  readonly multi: ReadonlySet<string>
}

const slotOf = (at: string): string => at.slice(0, -2)

function portFunction(port: PlacedPort, where: string, {refuse, numa, multi}: Context): SimFunction {
  const {at, bridge, above, portType, spec, buses, memory, prefetchable} = port
  const ide = ideOf(spec.ide, where, refuse)
  const {bytes, ide: ideAt} = built(
    hostBridgeConfig({
      ids: PORT_IDS,
      portType,
      teeIo: spec.tee,
      multiFunction: multi.has(slotOf(at)),
      serialNumber: null,
      sriov: null,
      mailboxes: spec.doe.length,
      ide,
      primary: bdfParts(at).bus,
      buses,
      memory,
      prefetchable,
    }),
    where,
    refuse,
  )
  return {
    bdf: at,
    path: pathOf(bridge, above, at),
    ids: PORT_IDS,
    config: toBase64(bytes),
    resources: bridgeResourceLines(windowOf(prefetchable), windowOf(memory)),
    isBridge: true,
    iommuGroup: null,
    driver: 'pcieport',
    bound: true,
    totalVfs: 0,
    vfDevice: 0,
    doeFeatures: features(spec.doe),
    serialNumber: null,
    dsm: null,
    host: {
      bridge,
      portType,
      teeIo: spec.tee,
      upstream: above.at(-1)?.at ?? null,
      rootPort: above[0]?.at ?? null,
      vf: null,
      sriov: null,
      ide: placed(ide, ideAt),
      memory,
      prefetchable,
      mailboxes: spec.doe,
      power: 'D0',
      numaNode: numa,
    },
  }
}

/** A device and, behind it, its virtual functions, which nobody sees before they are made. */
function deviceFunctions(device: PlacedDevice, where: string, context: Context): SimFunction[] {
  const {refuse, random, multi} = context
  const {at, bridge, above, portType, spec, bars, vfs} = device
  const kind: Kind = kindNamed(spec.kind)
  const ids = {...kind.ids, ...withoutUndefined(spec.ids)}
  const teeIo = spec.tee ?? kind.model !== null
  const ide = ideOf(spec.ide ?? (kind.ide ? DEFAULT_IDE : undefined), where, refuse)
  const mailboxes = spec.doe ?? (teeIo ? DEFAULT_MAILBOX : [])
  const serial = teeIo ? toHex(random(8)) : null
  const vfDevice = kind.vfDevice === 0 ? ids.device : kind.vfDevice
  const {vfOffset: offset, vfStride: stride} = spec
  const sriov = vfs.length === 0 ? null : {totalVfs: vfs.length, vfDevice, offset, stride}
  const common = {ids, portType, teeIo, multiFunction: multi.has(slotOf(at))}
  const config = built(
    hostEndpointConfig({
      ...common,
      serialNumber: serial === null ? null : BigInt(`0x${serial}`),
      sriov,
      mailboxes: mailboxes.length,
      ide,
      bars,
      msix: msixIn(bars, kind.msix),
      vf: false,
    }),
    where,
    refuse,
  )
  const path = pathOf(bridge, above, at)
  const host: HostFunction = {
    bridge,
    portType,
    teeIo,
    upstream: above.at(-1)?.at ?? null,
    rootPort: above[0]?.at ?? null,
    vf: null,
    sriov: config.sriov === null ? null : {...config.sriov, offset, stride},
    ide: placed(ide, config.ide),
    memory: null,
    prefetchable: null,
    mailboxes,
    power: spec.power,
    numaNode: spec.numa ?? context.numa,
  }
  const physical: SimFunction = {
    bdf: at,
    path,
    ids,
    config: toBase64(config.bytes),
    resources: resourceLines(bars),
    isBridge: false,
    iommuGroup: 0,
    driver: spec.driver ?? kind.driver,
    bound: spec.bound,
    totalVfs: vfs.length,
    vfDevice,
    doeFeatures: features(mailboxes),
    serialNumber: serial?.match(/../g)!.join('-') ?? null,
    dsm: null,
    host,
  }
  const vfConfig = (): Uint8Array =>
    hostEndpointConfig({
      ...common,
      multiFunction: false,
      serialNumber: null,
      sriov: null,
      mailboxes: 0,
      ide: null,
      bars: [],
      msix: undefined,
      vf: true,
    })!.bytes
  const noBars: readonly PlacedBar[] = []
  const virtual = vfs.map((bdf, index): SimFunction => ({
    ...physical,
    bdf,
    path: pathOf(bridge, above, bdf),
    ids: {...ids, device: vfDevice},
    config: toBase64(vfConfig()),
    resources: resourceLines(noBars),
    bound: false,
    totalVfs: 0,
    doeFeatures: [],
    serialNumber: null,
    host: {...host, vf: {physfn: at, index}, sriov: null, ide: null, mailboxes: []},
  }))
  return [physical, ...virtual]
}

/** Throws through `refuse` what no machine can look like. */
export function makeHost(
  scenario: HostScenario,
  random: Random,
  refuse: RefuseScenario,
): {functions: SimFunction[]; host: HostPlatform; devices: readonly PlacedDevice[]} {
  const {ports, devices} = placeHost(scenario, refuse)
  const slots = [...scenario.ports, ...scenario.devices].filter(({at}) => bdfParts(at).fn > 0)
  const multi = new Set(slots.map(({at}) => slotOf(formatBdf({...bdfParts(at), fn: 0}))))
  const names = scenario.bridges.map(({at}) => `pci${at}`)
  const context = (bridge: string): Context => ({refuse, random, numa: names.indexOf(bridge), multi})
  const functions = [
    ...ports.map(port => portFunction(port, `port ${port.at}`, context(port.bridge))),
    ...devices.flatMap(device => deviceFunctions(device, `device ${device.at}`, context(device.bridge))),
  ].sort((a, b) => compareBdf(a.bdf, b.bdf))
  return {
    devices,
    // every function behind an IOMMU of its own group, ports aside
    functions: functions.map((fn, i) => (fn.isBridge ? fn : {...fn, iommuGroup: i})),
    host: {
      bridges: scenario.bridges.map(({at, pool}) => ({name: `pci${at}`, pool})),
      provider: providerOf(scenario, new Set(functions.map(({bdf}) => bdf)), refuse),
    },
  }
}

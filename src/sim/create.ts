/** Makes a machine from a scenario: places, configuration spaces, keys, certificates, measurements, reports. */
import {generateKeyPairSync} from 'node:crypto'
import {toHex} from '../bits/index.js'
import {environment} from '../kernel/index.js'
import {endpointConfig, rootPortConfig} from './config-space.js'
import {type Kind, kindNamed, type MsixSpec, PORT_IDS} from './kinds.js'
import {bootHost} from './host/link-tsm.js'
import type {HostScenario} from './host/schema.js'
import type {PlacedDevice, RefuseScenario} from './host/topology.js'
import {
  booted,
  type Dsm,
  FIRST_INTERFACE,
  FIRST_TSM,
  FORMAT,
  type Machine,
  type MachineState,
  SECOND_TSM,
  type SimFunction,
  toBase64,
} from './machine.js'
import {measurementRecord, referenceValues} from './measured.js'
import {msixIn, withoutUndefined} from './parts.js'
import type {DevicePki} from './pki.js'
import {buildReport, reportingOffset} from './report.js'
import {allocator, bridgeResourceLines, type PlacedBar, resourceLines, windowOf} from './resources.js'
import {certificateChain, negotiation} from './responder.js'
import {readScenario, type ScenarioSource} from './scenario.js'
import type {DeviceSpec, DsmSpec, Scenario} from './scenario-schema.js'
import {checkVacant, saveNewMachine} from './store.js'

export interface CreateOptions {
  /** Replace a machine that is there already. */
  readonly replace?: boolean
  /** When the certificates are issued; now unless given. */
  readonly now?: Date
}

const {random} = environment

/** A random number in the form of RFC 9562 §5.4. */
export function newUuid(): string {
  const digits = toHex(random(16))
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-a${digits.slice(17, 20)}-${digits.slice(20)}`
}

const domainOf = (bdf: string): string => bdf.split(':')[0]!
const busOf = (bdf: string): number => Number.parseInt(bdf.split(':')[1]!, 16)
const hostBridge = (bdf: string): string => `/sys/devices/pci${domainOf(bdf)}:00`
const portOf = (bdf: string): string => `${domainOf(bdf)}:00:${busOf(bdf).toString(16).padStart(2, '0')}.0`

const NO_EXTRAS = {totalVfs: 0, vfDevice: 0, doeFeatures: [], serialNumber: null, dsm: null, host: null}

function rootPort(bdf: string): SimFunction {
  const bus = busOf(bdf)
  const port = portOf(bdf)
  return {
    bdf: port,
    path: `${hostBridge(bdf)}/${port}`,
    ids: PORT_IDS,
    config: toBase64(rootPortConfig(PORT_IDS, bus, windowOf(bus))),
    resources: bridgeResourceLines(windowOf(bus)),
    isBridge: true,
    iommuGroup: null,
    driver: 'pcieport',
    bound: true,
    ...NO_EXTRAS,
  }
}

/** Whoever issues certificates to devices. */
interface Vendor {
  readonly manufacturer: string
  readonly pki: DevicePki
  /** Other keys under the same names. */
  impostor(): Promise<DevicePki>
}

interface Parts {
  readonly bars: readonly PlacedBar[]
  readonly msix: MsixSpec | undefined
  readonly model: string
  readonly serial: string
  readonly name: string
  readonly interfaceId: number
}

async function makeDsm(spec: DsmSpec, parts: Parts, vendor: Vendor): Promise<Dsm> {
  const {bars, msix, model, serial, name, interfaceId} = parts
  const {manufacturer} = vendor
  const pki = spec.root === 'impostor' ? await vendor.impostor() : vendor.pki
  const identity = `${manufacturer}:${model}:${spec.serial ?? serial}`
  const {privateKey, publicKey} = generateKeyPairSync('ec', {
    namedCurve: 'P-384',
    publicKeyEncoding: {type: 'spki', format: 'der'},
    privateKeyEncoding: {type: 'pkcs8', format: 'der'},
  })
  const certificate = await pki.leaf(identity, new Uint8Array(publicKey))
  const offset = reportingOffset(bars, BigInt(1 + random(1)[0]!))
  return {
    name,
    interfaceId,
    mmioReportingOffset: String(offset),
    model,
    identity,
    key: toBase64(privateKey),
    slot: spec.slot,
    hash: spec.hash,
    chain: toBase64(certificateChain([pki.root, pki.intermediate, certificate], spec.hash)),
    vca: toBase64(negotiation(spec.hash)),
    measurements: toBase64(measurementRecord(manufacturer, model, spec)),
    report: toBase64(buildReport({bars, msix, ranges: spec.ranges, flags: spec.report, offset})),
  }
}

function placeOf(at: string): string {
  return busOf(at) === 0 ? `${hostBridge(at)}/${at}` : `${hostBridge(at)}/${portOf(at)}/${at}`
}

const FUNCTIONS_PER_BUS = 256
const FUNCTIONS_PER_DEVICE = 8

type DsmPlace = Pick<Parts, 'name' | 'interfaceId'>

/** The DSM of every device, and the interface it is there. Each DSM has device numbers of its own. */
function dsmPlaces(devices: readonly Pick<DeviceSpec, 'at' | 'dsm'>[]): DsmPlace[] {
  const names = devices.map(({dsm, at}) => dsm ?? at)
  const next = new Map<string, number>()
  let free = FIRST_INTERFACE
  for (const name of new Set(names)) {
    next.set(name, free)
    const functions = names.filter(one => one === name).length
    free += Math.ceil(functions / FUNCTIONS_PER_DEVICE) * FUNCTIONS_PER_DEVICE
  }
  return names.map(name => {
    const interfaceId = next.get(name)!
    next.set(name, interfaceId + 1)
    return {name, interfaceId}
  })
}

async function makeFunction(
  spec: DeviceSpec,
  group: number,
  dsmPlace: DsmPlace,
  place: ReturnType<typeof allocator>,
  vendor: Vendor | undefined,
): Promise<SimFunction> {
  const kind: Kind = kindNamed(spec.kind)
  const ids = {...kind.ids, ...withoutUndefined(spec.ids)}
  const bars = place(busOf(spec.at), spec.bars ?? kind.bars)
  const msix = msixIn(bars, kind.msix)
  const totalVfs = spec.totalVfs ?? kind.totalVfs
  const model = spec.model ?? kind.model
  const serial = toHex(random(8))
  const teeIo = model !== null
  const config = endpointConfig({
    ids,
    bars,
    msix,
    integrated: busOf(spec.at) === 0,
    teeIo,
    totalVfs,
    vfDevice: kind.vfDevice,
    serialNumber: teeIo ? BigInt(`0x${serial}`) : undefined,
    ide: kind.ide,
  })
  return {
    bdf: spec.at,
    path: placeOf(spec.at),
    ids,
    config: toBase64(config),
    resources: resourceLines(bars),
    isBridge: false,
    iommuGroup: group,
    driver: spec.driver ?? kind.driver,
    bound: spec.bound,
    totalVfs,
    vfDevice: kind.vfDevice,
    doeFeatures: teeIo ? ['0001:01', '0001:02', 'doe_discovery'] : [],
    serialNumber: teeIo ? serial.match(/../g)!.join('-') : null,
    dsm:
      vendor === undefined || model === null
        ? null
        : await makeDsm(spec, {bars, msix, model, serial, ...dsmPlace}, vendor),
    host: null,
  }
}

const byBdf = (a: SimFunction, b: SimFunction): number => (a.bdf < b.bdf ? -1 : 1)

const interfaceOf = ({interfaceId, mmioReportingOffset, report}: Dsm) => ({interfaceId, mmioReportingOffset, report})

/** Functions that another one's DSM answers for get its keys, and keep their interfaces. */
function withSharedDsms(
  functions: readonly SimFunction[],
  devices: readonly Pick<DeviceSpec, 'at' | 'dsm'>[],
): SimFunction[] {
  const owner = new Map(devices.map(({at, dsm}) => [at, functions.find(({bdf}) => bdf === dsm)]))
  return functions.map(fn => {
    const {dsm, serialNumber} = owner.get(fn.bdf) ?? {}
    return fn.dsm === null || !dsm
      ? fn
      : {...fn, serialNumber: serialNumber ?? null, dsm: {...dsm, ...interfaceOf(fn.dsm)}}
  })
}

async function makeFunctions(scenario: Scenario, vendor: Vendor | undefined): Promise<SimFunction[]> {
  const place = allocator()
  const dsms = dsmPlaces(scenario.devices)
  const functions: SimFunction[] = []
  const ports = new Map<string, SimFunction>()
  for (const [i, spec] of scenario.devices.entries()) {
    if (busOf(spec.at) > 0) ports.set(portOf(spec.at), rootPort(spec.at))
    functions.push(await makeFunction(spec, i, dsms[i]!, place, vendor))
  }
  return [...ports.values(), ...withSharedDsms(functions, scenario.devices)].sort(byBdf)
}

type Made = Pick<
  Machine,
  'tsm' | 'devsec' | 'nonce' | 'abi' | 'validate' | 'manufacturer' | 'root' | 'functions' | 'models' | 'host'
>

const modelsOf = ({devices}: Pick<Scenario | HostScenario, 'devices'>): string[] => [
  ...new Set(devices.flatMap(spec => spec.model ?? kindNamed(spec.kind).model ?? [])),
]

const published = (manufacturer: string, models: readonly string[]): Machine['models'] =>
  models.map(model => ({model, reference: referenceValues(manufacturer, model)}))

async function vendorOf({manufacturer}: Pick<Scenario, 'manufacturer'>, now: Date): Promise<Vendor> {
  const {createPki} = await import('./pki.js')
  const make = (): Promise<DevicePki> => createPki(manufacturer, now, random)
  let other: Promise<DevicePki> | undefined
  return {manufacturer, pki: await make(), impostor: () => (other ??= make())}
}

async function makeGuest(scenario: Scenario, now: Date): Promise<Made> {
  const {manufacturer, tsm, nonce, abi, validate} = scenario
  const models = modelsOf(scenario)
  const vendor = models.length === 0 ? undefined : await vendorOf(scenario, now)
  return {
    tsm,
    devsec: tsm === 'devsec' ? FIRST_TSM : null,
    nonce,
    abi,
    validate,
    manufacturer,
    root: vendor === undefined ? null : toBase64(vendor.pki.root),
    functions: await makeFunctions(scenario, vendor),
    models: published(manufacturer, models),
    host: null,
  }
}

/** On a host a function is what it is called. */
function requesterIdOf(bdf: string): number {
  const [device, fn] = bdf.split(':')[2]!.split('.') as [string, string]
  return busOf(bdf) * FUNCTIONS_PER_BUS + Number.parseInt(device, 16) * FUNCTIONS_PER_DEVICE + Number(fn)
}

/** The DSM of a host's device: only a TSM for the guest's side has a use for its keys. */
async function withIdentity(fn: SimFunction, {spec, bars}: PlacedDevice, vendor: Vendor): Promise<SimFunction> {
  const kind: Kind = kindNamed(spec.kind)
  const model = spec.model ?? kind.model
  if (model === null || fn.serialNumber === null) return fn
  const serial = fn.serialNumber.replaceAll('-', '')
  const interfaceId = requesterIdOf(fn.bdf)
  const parts = {bars, msix: msixIn(bars, kind.msix), model, serial, name: fn.bdf, interfaceId}
  return {...fn, dsm: await makeDsm(spec, parts, vendor)}
}

async function makeHostMachine(scenario: HostScenario, now: Date, refuse: RefuseScenario): Promise<Made> {
  const {makeHost} = await import('./host/create.js')
  const {tsm, abi, nonce, manufacturer, devsec} = scenario
  const {devices, functions, host} = makeHost(scenario, random, refuse)
  const common = {tsm, abi, nonce, validate: true, manufacturer, host}
  if (devsec === undefined) return {...common, devsec: null, root: null, models: [], functions}
  const vendor = await vendorOf(scenario, now)
  const placed = new Map(devices.map(device => [device.at, device]))
  const identified = await Promise.all(
    functions.map(fn => {
      const device = placed.get(fn.bdf)
      return device === undefined ? fn : withIdentity(fn, device, vendor)
    }),
  )
  return {
    ...common,
    devsec: devsec === 'first' ? FIRST_TSM : SECOND_TSM,
    root: toBase64(vendor.pki.root),
    models: published(manufacturer, modelsOf(scenario)),
    functions: identified,
  }
}

/** Makes the machine of `source` in `directory`. Throws TsmctlError; `usage` when there is one already. */
export async function createMachine(
  directory: string,
  source: ScenarioSource,
  {replace = false, now = new Date()}: CreateOptions = {},
): Promise<void> {
  checkVacant(directory, replace)
  const read = readScenario(source)
  const made =
    read.guest === null ? await makeHostMachine(read.host, now, read.refuse) : await makeGuest(read.guest, now)
  const machine: Machine = {
    format: FORMAT,
    scenario: read.name,
    title: (read.guest ?? read.host).title,
    created: now.toISOString(),
    machineId: toHex(random(16)),
    drivers: [...new Set(['vfio-pci', ...made.functions.flatMap(({driver}) => driver ?? [])])].sort(),
    faults: read.faults,
    ...made,
  }
  saveNewMachine(directory, machine, bootedMachine(machine, 1, newUuid()), replace)
}

/** The machine directly after boot. */
export function bootedMachine(machine: Machine, revision: number, bootId: string): MachineState {
  const state = booted(machine, revision, bootId)
  bootHost(machine, state)
  return state
}

/** Makes a machine from a scenario: places, configuration spaces, keys, certificates, measurements, reports. */
import {generateKeyPairSync} from 'node:crypto'
import {toHex} from '../bits/index.js'
import {environment} from '../kernel/index.js'
import {endpointConfig, rootPortConfig} from './config-space.js'
import {type Kind, kindNamed, type MsixSpec, PORT_IDS} from './kinds.js'
import {bootHost} from './host/link-tsm.js'
import type {HostScenario} from './host/schema.js'
import type {RefuseScenario} from './host/topology.js'
import {booted, type Dsm, FORMAT, type Machine, type MachineState, type SimFunction, toBase64} from './machine.js'
import {measurementRecord, referenceValues} from './measured.js'
import {msixIn, withoutUndefined} from './parts.js'
import type {DevicePki} from './pki.js'
import {buildReport} from './report.js'
import {allocator, bridgeResourceLines, type PlacedBar, resourceLines, windowOf} from './resources.js'
import {certificateChain, negotiation} from './responder.js'
import {readScenario, type ScenarioSource} from './scenario.js'
import type {DeviceSpec, Scenario} from './scenario-schema.js'
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

interface Parts {
  readonly bars: readonly PlacedBar[]
  readonly msix: MsixSpec | undefined
  readonly model: string
  readonly serial: string
}

async function makeDsm(
  spec: DeviceSpec,
  {bars, msix, model, serial}: Parts,
  pki: DevicePki,
  manufacturer: string,
): Promise<Dsm> {
  const identity = `${manufacturer}:${model}:${serial}`
  const {privateKey, publicKey} = generateKeyPairSync('ec', {
    namedCurve: 'P-384',
    publicKeyEncoding: {type: 'spki', format: 'der'},
    privateKeyEncoding: {type: 'pkcs8', format: 'der'},
  })
  const certificate = await pki.leaf(identity, new Uint8Array(publicKey))
  return {
    model,
    identity,
    key: toBase64(privateKey),
    chain: toBase64(certificateChain([pki.root, pki.intermediate, certificate])),
    vca: toBase64(negotiation()),
    measurements: toBase64(measurementRecord(manufacturer, model, spec)),
    report: toBase64(
      buildReport({bars, msix, ranges: spec.ranges, flags: spec.report, offset: BigInt(1 + random(1)[0]!)}),
    ),
  }
}

function placeOf(at: string): string {
  return busOf(at) === 0 ? `${hostBridge(at)}/${at}` : `${hostBridge(at)}/${portOf(at)}/${at}`
}

async function makeFunction(
  spec: DeviceSpec,
  group: number,
  place: ReturnType<typeof allocator>,
  pki: DevicePki | undefined,
  {manufacturer}: Scenario,
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
      pki === undefined || model === null ? null : await makeDsm(spec, {bars, msix, model, serial}, pki, manufacturer),
    host: null,
  }
}

const byBdf = (a: SimFunction, b: SimFunction): number => (a.bdf < b.bdf ? -1 : 1)

async function makeFunctions(scenario: Scenario, pki: DevicePki | undefined): Promise<SimFunction[]> {
  const place = allocator()
  const functions: SimFunction[] = []
  const ports = new Map<string, SimFunction>()
  for (const [i, spec] of scenario.devices.entries()) {
    if (busOf(spec.at) > 0) ports.set(portOf(spec.at), rootPort(spec.at))
    functions.push(await makeFunction(spec, i, place, pki, scenario))
  }
  return [...ports.values(), ...functions].sort(byBdf)
}

type Made = Pick<
  Machine,
  'tsm' | 'nonce' | 'abi' | 'validate' | 'manufacturer' | 'root' | 'functions' | 'models' | 'host'
>

async function makeGuest(scenario: Scenario, now: Date): Promise<Made> {
  const {manufacturer, tsm, nonce, abi, validate} = scenario
  const models = [...new Set(scenario.devices.flatMap(spec => spec.model ?? kindNamed(spec.kind).model ?? []))]
  const pki = models.length === 0 ? undefined : await (await import('./pki.js')).createPki(manufacturer, now, random)
  return {
    tsm,
    nonce,
    abi,
    validate,
    manufacturer,
    root: pki === undefined ? null : toBase64(pki.root),
    functions: await makeFunctions(scenario, pki),
    models: models.map(model => ({model, reference: referenceValues(manufacturer, model)})),
    host: null,
  }
}

async function makeHostMachine(scenario: HostScenario, refuse: RefuseScenario): Promise<Made> {
  const {makeHost} = await import('./host/create.js')
  const made = makeHost(scenario, random, refuse)
  const {tsm, abi} = scenario
  return {tsm, abi, nonce: 'ignored', validate: true, manufacturer: 'ACME', root: null, models: [], ...made}
}

/** Makes the machine of `source` in `directory`. Throws TsmctlError; `usage` when there is one already. */
export async function createMachine(
  directory: string,
  source: ScenarioSource,
  {replace = false, now = new Date()}: CreateOptions = {},
): Promise<void> {
  checkVacant(directory, replace)
  const read = readScenario(source)
  const made = read.guest === null ? await makeHostMachine(read.host, read.refuse) : await makeGuest(read.guest, now)
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

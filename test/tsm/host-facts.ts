/** A device that can be connected, as facts, for tests that spoil one of them at a time. */
import type {BridgeAccount, Ide, IdeAccount, PortAccount} from '../../src/ide/index.js'
import {ABSENT, known, type Present} from '../../src/known.js'
import {CMA_SPDM, type FunctionFacts, SECURED_CMA_SPDM} from '../../src/pci/index.js'
import type {ConnectFacts, ProbedTsm} from '../../src/tsm/index.js'

export const DEVICE = '0000:01:00.0'
export const ROOT_PORT = '0000:00:01.0'
export const BRIDGE = 'pci0000:00'

export const present = <T>(value: T): Present<T> => ({present: true, value: known(value)})

/** As much of a TSM's attributes as a host shows of an unconnected device. */
export const UNCONNECTED: FunctionFacts['tsm'] = {
  connect: present(''),
  dsm: present(''),
  bound: present(''),
  authenticated: present(''),
  lock: ABSENT,
  accept: ABSENT,
}

/** Configuration space with the one register that the preflight looks at. */
export const expressOf = (portType: number | undefined, more: object = {}): FunctionFacts['config'] =>
  known({
    express: known(portType === undefined ? undefined : {portType}),
    teeIo: known(true),
    ide: known(0x200),
    ...more,
  } as never)

export const device = (changes: Partial<FunctionFacts> = {}): FunctionFacts => ({
  ...({} as FunctionFacts),
  bdf: DEVICE,
  place: known({path: `/sys/devices/${BRIDGE}/${ROOT_PORT}/${DEVICE}`, hostBridge: BRIDGE, ports: [ROOT_PORT]}),
  driver: known(undefined),
  siblings: known([]),
  powerState: present('D0'),
  physfn: ABSENT,
  configBytes: known(new Uint8Array(4096)),
  config: expressOf(0),
  doeFeatures: present([CMA_SPDM, SECURED_CMA_SPDM]),
  tsm: UNCONNECTED,
  ...changes,
})

export const port = (bdf: string, changes: Partial<PortAccount> = {}): PortAccount => ({
  bdf,
  bridge: BRIDGE,
  role: bdf === ROOT_PORT ? 'root port' : 'endpoint',
  rootPort: bdf === ROOT_PORT ? null : ROOT_PORT,
  ide: known({promised: {link: 0, selective: 2}, selectiveStreams: []} as unknown as Ide),
  numbers: known({capability: 2, usable: 2, inUse: 0}),
  free: known([0, 1]),
  ignored: null,
  ...changes,
})

export const bridge = (changes: Partial<BridgeAccount> = {}): BridgeAccount => ({
  name: BRIDGE,
  pool: known(4),
  available: present(4),
  slots: [],
  liveIds: new Map(),
  heldIds: [],
  claimedIds: [],
  unread: [],
  ...changes,
})

export const account = (changes: Partial<IdeAccount> = {}): IdeAccount => ({
  bridges: [bridge()],
  ports: [port(ROOT_PORT), port(DEVICE)],
  streams: [],
  linkStreams: [],
  findings: [],
  ...changes,
})

export const SEV: ProbedTsm = {
  tsm: 'tsm0',
  kind: 'sev-tio',
  words: 'AMD Secure Processor',
  makesStreams: true,
  mode: null,
}
export const OTHER: ProbedTsm = {
  tsm: 'tsm0',
  kind: 'platform',
  words: 'platform device x',
  makesStreams: false,
  mode: null,
}

export const facts = (changes: Partial<ConnectFacts> = {}): ConnectFacts => ({
  device: device(),
  tsm: 'tsm0',
  tsms: [SEV],
  account: account(),
  uid: 0,
  ...changes,
})

/** From the account of a machine to what the planner takes: what is not known stays not known. */
import {describe, expect, it} from 'vitest'
import {
  accountOf,
  decodeIde,
  type EncodableIde,
  encodeIde,
  type Fabric,
  FABRIC_PORT_TYPE,
  type FabricBridge,
  type FabricFunction,
  type Ide,
  planInput,
  planStreams,
  type PlanWish,
} from '../../src/ide/index.js'
import {ABSENT, known, unknown} from '../../src/known.js'

const BRIDGE = 'pci0000:00'
const PORT = '0000:00:01.0'
const DEVICE = '0000:01:00.0'
const OTHER = '0000:01:08.0'
const HELD = {enable: true, state: 2, streamId: 1}

function ide(selective: EncodableIde['selective'] = [{}, {}, {}]): Ide {
  const config = new Uint8Array(4096)
  config.set(encodeIde({capability: {}, selective}), 0x100)
  return decodeIde(config, 0x100)
}

const bridge = (fields: Partial<FabricBridge> = {}): FabricBridge => ({
  name: BRIDGE,
  available: {present: true, value: known(4)},
  links: known([]),
  ...fields,
})

const fn = (bdf: string, rid: number, fields: Partial<FabricFunction> = {}): FabricFunction => ({
  bdf,
  domain: 0,
  rid,
  bridge: BRIDGE,
  ports: [PORT],
  portType: known(FABRIC_PORT_TYPE.endpoint),
  teeIo: known(true),
  physfn: null,
  buses: undefined,
  ide: known(ide()),
  ...fields,
})

const rootPort = (fields: Partial<FabricFunction> = {}): FabricFunction =>
  fn(PORT, 0x0008, {ports: [], portType: known(FABRIC_PORT_TYPE.rootPort), buses: {first: 1, last: 1}, ...fields})

const machine = (functions: readonly FabricFunction[], bridges: readonly FabricBridge[] = [bridge()]): Fabric => ({
  bridges,
  functions,
})

const input = (fabric: Fabric, wish: Partial<PlanWish> = {}) =>
  planInput(fabric, accountOf(fabric), {rule: 'slot', limits: new Map(), wanted: null, ...wish})

const standing = (device: FabricFunction, port = rootPort(), bridges = [bridge()]) =>
  input(machine([port, device], bridges), {wanted: [device.bdf]}).wanted[0]!.standing

describe('can this device have a stream?', () => {
  it('an endpoint with IDE below a root port with IDE', () =>
    expect(standing(fn(DEVICE, 0x100))).toEqual({can: 'yes', rootPort: PORT, free: [0, 1, 2]}))

  it.each([
    ['a virtual function', fn(DEVICE, 0x101, {physfn: '0000:01:00.1', ide: known(undefined)}), 'virtual function'],
    ['another function of a device', fn(DEVICE, 0x101), 'only function 0'],
    ['no IDE', fn(DEVICE, 0x100, {ide: known(undefined)}), 'no IDE capability'],
    ['a switch port', fn(DEVICE, 0x100, {portType: known(FABRIC_PORT_TYPE.upstreamPort)}), 'it is a switch port'],
    ['not an endpoint', fn(DEVICE, 0x100, {portType: known(9)}), 'Linux ignores its IDE capability'],
  ])('%s never can', (_, device, reason) =>
    expect(standing(device)).toEqual({can: 'never', reason: expect.stringContaining(reason)}),
  )

  it('not below a root port without IDE, and not in a kernel without IDE core', () => {
    expect(standing(fn(DEVICE, 0x100), rootPort({ide: known(undefined)}))).toMatchObject({can: 'never'})
    expect(standing(fn(DEVICE, 0x100), rootPort(), [bridge({available: ABSENT})])).toMatchObject({can: 'never'})
  })

  it.each([
    ['its registers', fn(DEVICE, 0x100, {ide: unknown('64 bytes')}), rootPort(), bridge()],
    ['its type', fn(DEVICE, 0x100, {portType: unknown('64 bytes')}), rootPort(), bridge()],
    ['those of its root port', fn(DEVICE, 0x100), rootPort({ide: unknown('64 bytes')}), bridge()],
    ['the stream links', fn(DEVICE, 0x100), rootPort(), bridge({links: unknown('64 bytes')})],
    ['the pool', fn(DEVICE, 0x100), rootPort(), bridge({available: {present: true, value: unknown('64 bytes')}})],
  ])('without %s it is not known', (_, device, port, host) =>
    expect(standing(device, port, [host])).toEqual({can: 'unknown', reason: '64 bytes'}),
  )
})

describe('the host bridge', () => {
  const link = {name: 'stream1.0.0', slot: 1, rootPortBlock: 0, endpointBlock: 0, endpoint: known(OTHER)}
  const connected = [
    rootPort({ide: known(ide([HELD, {}]))}),
    fn(DEVICE, 0x100),
    fn(OTHER, 0x140, {ide: known(ide([HELD]))}),
  ]

  it('has streams in the slots that links name, and the other slots free', () => {
    const {bridges, streams, rootPorts} = input(machine(connected, [bridge({links: known([link])})]), {
      limits: new Map([[BRIDGE, 3]]),
    })
    expect(bridges).toEqual([{name: BRIDGE, freeSlots: known([0, 2, 3, 4]), heldIds: known([]), limit: 3}])
    expect(rootPorts).toEqual([{bdf: PORT, bridge: BRIDGE, free: known([1])}])
    expect(streams).toEqual([
      {device: OTHER, bridge: BRIDGE, rootPort: PORT, slot: 1, rootPortBlock: 0, endpointBlock: 0, streamId: 1},
    ])
  })

  it('holds the IDs of streams that no link names', () =>
    expect(input(machine(connected)).bridges).toMatchObject([{heldIds: known([1]), limit: null}]))

  it('holds an unknown ID where one function could not be read, and then nothing is planned', () => {
    const unread = input(machine([rootPort(), fn(DEVICE, 0x100), fn(OTHER, 0x140, {ide: unknown('EIO')})]))
    expect(unread.bridges).toMatchObject([
      {
        heldIds: {
          known: false,
          reason: `IDE registers of 1 functions below ${BRIDGE} are not known, the first is ${OTHER}`,
        },
      },
    ])
    expect(planStreams(unread)).toMatchObject({allocation: [], unknown: [{bdf: DEVICE}, {bdf: OTHER, reason: 'EIO'}]})
  })

  it('is unknown while a link and the pool contradict each other', () => {
    const {bridges} = input(
      machine(connected, [bridge({links: known([link]), available: {present: true, value: known(0)}})]),
    )
    expect(bridges).toMatchObject([{freeSlots: {known: false, reason: expect.stringContaining('set up or torn down')}}])
  })
})

it('without a wish, everything that could be connected or might be is planned, in BDF order', () => {
  const fabric = machine([
    rootPort(),
    fn(DEVICE, 0x100),
    fn('0000:01:00.1', 0x101),
    fn('0000:01:01.0', 0x108, {ide: known(undefined)}),
    fn(OTHER, 0x140, {ide: unknown('EIO')}),
  ])
  expect(input(fabric).wanted.map(({bdf}) => bdf)).toEqual([DEVICE, OTHER])
})

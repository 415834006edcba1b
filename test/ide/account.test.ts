/** The account itself: numbers, ownership, and which ends belong together. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {accountOf, type Fabric, type Ide, nextSlot} from '../../src/ide/index.js'
import {ABSENT, known, unknown, valueOf} from '../../src/known.js'
import {fn, HEALTHY, ide, IDLE, link, live, machine, type SelectiveBlock, unread} from './machine.js'

const portIn = (fabric: Fabric, bdf: string) => accountOf(fabric).ports.find(port => port.bdf === `0000:${bdf}`)!
const numbersIn = (fabric: Fabric, bdf: string) => {
  const {numbers, free} = portIn(fabric, bdf)
  return [...Object.values(valueOf(numbers) ?? {}), valueOf(free)]
}
const bdfOf = (end: {known: boolean; value?: {bdf: string; block: number}} | null) =>
  end === null ? null : end.known ? `${end.value!.bdf.slice(5)}#${end.value!.block}` : 'unknown'
const joined = (fabric: Fabric) =>
  accountOf(fabric).streams.map(({name, streamId, state, rootPort, endpoint}) => [
    name,
    streamId,
    state,
    bdfOf(rootPort),
    bdfOf(endpoint),
  ])

const CONNECTED = ['stream0.0.0', 0, 'secure', '00:01.0#0', '01:00.0#0']

describe('the three numbers', () => {
  it.each<[string, Ide, unknown[]]>([
    ['all idle', ide([IDLE, IDLE, IDLE]), [3, 3, 0, [0, 1, 2]]],
    ['one in use', ide([IDLE, live(9, '00:02.0')]), [2, 2, 1, [0]]],
    ['blocks behind a change of associations', ide([IDLE, {streamId: 255, associations: []}, IDLE]), [3, 1, 0, [0]]],
    ['Link streams only', ide([], [{enable: false}]), [0, 0, 0, []]],
    ['more promised than there are', ide([IDLE], [], 200), [201, expect.any(Number), 0, expect.any(Array)]],
  ])('of an endpoint with %s', (_, registers, expected) =>
    expect(numbersIn(machine({'04:00.0': registers}), '04:00.0')).toEqual(expected),
  )

  it('a block that a stream link names is in use although it is not enabled', () =>
    expect(numbersIn(machine({'01:00.0': ide([IDLE, IDLE])}), '01:00.0')).toEqual([2, 2, 1, [1]]))

  it('an ignored function has nothing usable, and nothing free', () => {
    const fabric = machine({'00:02.0': undefined})
    expect(portIn(fabric, '04:00.0').ignored).toContain('00:02.0')
    expect(numbersIn(fabric, '04:00.0')).toEqual([2, 0, 0, []])
  })

  it('Linux gives no streams to switch ports and integrated endpoints', () => {
    const functions = {'00:03.0': fn('00:03.0', [], {portType: known(9)})}
    const fabric = machine({'02:00.0': ide([IDLE]), '00:03.0': ide([IDLE])}, {functions})
    expect(portIn(fabric, '02:00.0')).toMatchObject({role: 'switch port', free: known([])})
    expect(portIn(fabric, '00:03.0')).toMatchObject({role: 'endpoint', rootPort: null, free: known([])})
    expect(portIn(fabric, '00:03.0').ignored).toContain('between a root port and an endpoint')
  })

  it.each<[string, Fabric]>([
    ['its own registers', machine({}, {functions: {'04:00.0': unread('04:00.0')}})],
    ['the registers of its root port', machine({}, {functions: {'00:02.0': unread('00:02.0')}})],
    ['its place', machine({}, {functions: {'04:00.0': {...HEALTHY.functions['04:00.0']!, bridge: null, ports: []}}})],
    [
      'where a stream link leads',
      machine({}, {links: [{...link('stream1.0.0', '04:00.0'), endpoint: unknown('EIO')}]}),
    ],
    ['the pool', machine({}, {available: {present: true, value: unknown('EIO')}})],
  ])('are unknown without %s', (_, fabric) => {
    expect(portIn(fabric, '04:00.0')).toMatchObject({numbers: {known: false}, free: {known: false}, ignored: null})
  })
})

describe('host bridges', () => {
  it('count free slots and links', () => {
    const [bridge] = accountOf(machine()).bridges
    expect(bridge).toMatchObject({pool: known(4), slots: [0], heldIds: [], unread: []})
    expect([...bridge!.liveIds]).toEqual([[0, ['0000:00:01.0', '0000:01:00.0']]])
  })

  it('know which IDs no stream link accounts for', () => {
    const registers = {'00:02.0': ide([live(7, '04:00.0'), IDLE], [{enable: true, streamId: 3}])}
    expect(accountOf(machine(registers)).bridges[0]!.heldIds).toEqual([3, 7])
  })

  it.each([
    [[], 0],
    [[0, 1], 2],
    [[1], 0],
    [[0, 2], 1],
  ])('the slot after %j is %i', (slots, next) =>
    expect(nextSlot({available: {present: true, value: known(1)}, slots})).toBe(next),
  )

  it('there is no next slot in an empty pool or without one', () => {
    expect(nextSlot({available: {present: true, value: known(0)}, slots: []})).toBeUndefined()
    expect(nextSlot({available: ABSENT, slots: []})).toBeUndefined()
  })
})

/** An idle Selective block and an enabled Link stream. */
const on = (id: number) => ide([IDLE], [{enable: true, state: 2, streamId: id}])

describe('ends', () => {
  it('of a stream link are joined by the blocks it names', () => expect(joined(machine())).toEqual([CONNECTED]))

  it('of a foreign stream are joined by Stream ID', () => {
    const registers = {'00:02.0': ide([IDLE, live(7, '05:00.0')]), '05:00.0': ide([live(7, '00:02.0'), IDLE])}
    expect(joined(machine(registers))).toEqual([CONNECTED, [null, 7, 'secure', '00:02.0#1', '05:00.0#0']])
  })

  it('with one Stream ID used twice go to the one their association means', () => {
    const registers = {
      '00:02.0': ide([live(7, '05:00.0'), live(7, '04:00.0')]),
      '04:00.0': ide([live(7, '00:02.0'), IDLE]),
      '05:00.0': ide([live(7, '00:02.0'), IDLE]),
    }
    expect(joined(machine(registers)).slice(1)).toEqual([
      [null, 7, 'secure', '00:02.0#1', '04:00.0#0'],
      [null, 7, 'secure', '00:02.0#0', '05:00.0#0'],
    ])
  })

  it.each([
    ['at the endpoint', {'05:00.0': ide([live(7, '00:02.0'), IDLE])}, [null, 7, 'one-sided', null, '05:00.0#0']],
    ['at the root port', {'00:02.0': ide([live(7, '05:00.0'), IDLE])}, [null, 7, 'one-sided', '00:02.0#0', null]],
  ])('of which only the one %s is there', (_, registers, expected) =>
    expect(joined(machine(registers)).slice(1)).toEqual([expected]),
  )

  it('that may be where nothing could be read are unknown, not missing', () => {
    const functions = {'05:00.0': unread('05:00.0')}
    expect(joined(machine({'00:02.0': ide([live(7, '05:00.0'), IDLE])}, {functions})).slice(1)).toEqual([
      [null, 7, 'unknown', '00:02.0#0', 'unknown'],
    ])
  })

  it('of Link streams are those of one link', () => {
    const {linkStreams} = accountOf(machine({'03:00.0': on(8), '04:00.0': on(8), '02:00.0': on(6), '05:00.0': on(5)}))
    expect(linkStreams.map(({streamId, state, upper, lower}) => [streamId, state, bdfOf(upper), bdfOf(lower)])).toEqual(
      [
        [6, 'one-sided', null, '02:00.0#0'],
        [8, 'secure', '03:00.0#0', '04:00.0#0'],
        [5, 'one-sided', null, '05:00.0#0'],
      ],
    )
  })
})

describe('whatever the registers hold', () => {
  const block: fc.Arbitrary<SelectiveBlock> = fc.record({
    enable: fc.boolean(),
    state: fc.constantFrom(0, 1, 2),
    streamId: fc.constantFrom(0, 1, 2, 255),
    ridValid: fc.boolean(),
    ridBase: fc.constantFrom(0, 0x100, 0x400),
    ridLimit: fc.constantFrom(0x100, 0x102, 0xffff),
    associations: fc.constantFrom([{}], [{}], [{}, {}]),
  })
  const registers = fc.tuple(
    fc.array(block, {minLength: 1, maxLength: 4}),
    fc.array(fc.record({enable: fc.boolean(), streamId: fc.constantFrom(0, 7)}), {maxLength: 1}),
  )
  const where = fc.constantFrom('00:01.0', '00:02.0', '01:00.0', '02:00.0', '04:00.0', '05:00.0')
  const links = fc.uniqueArray(fc.constantFrom('stream0.0.0', 'stream1.0.1', 'stream2.3.0'), {maxLength: 3})

  it('the numbers hold together, and every enabled block belongs to one stream', () =>
    fc.assert(
      fc.property(fc.dictionary(where, registers), links, (found, names) => {
        const blocks = Object.fromEntries(
          Object.entries(found).map(([bdf, [selective, at]]) => [bdf, ide(selective, at)]),
        )
        const fabric = machine(blocks, {links: names.map((name, i) => link(name, i % 2 ? '04:00.0' : '01:00.0'))})
        const {ports, bridges, streams, linkStreams} = accountOf(fabric)
        for (const {numbers, free, ide: registersOf} of ports) {
          const {capability, usable, inUse} = valueOf(numbers)!
          expect(usable).toBeLessThanOrEqual(capability)
          expect(inUse).toBeLessThanOrEqual(capability)
          expect(valueOf(free)!.length).toBeLessThanOrEqual(usable)
          for (const index of valueOf(free)!) expect(valueOf(registersOf)!.selectiveStreams[index]!.enabled).toBe(false)
        }
        const [bridge] = bridges
        for (const id of bridge!.heldIds) expect(bridge!.liveIds.has(id)).toBe(true)
        const enabled = ports.flatMap(({bdf, ide: fact}) =>
          [...valueOf(fact)!.selectiveStreams, ...valueOf(fact)!.linkStreams]
            .filter(stream => stream.enabled)
            .map(({kind, index}) => `${kind} ${bdf} ${index}`),
        )
        const ends = [
          ...streams.flatMap(({rootPort, endpoint}) => [rootPort, endpoint]),
          ...linkStreams.flatMap(({upper, lower}) => [upper, lower]),
        ].flatMap(end => (end?.known && end.value.registers.enabled ? [end.value] : []))
        const accounted = ends.map(({bdf, block: index, registers: {kind}}) => `${kind} ${bdf} ${index}`)
        expect(new Set(accounted)).toEqual(new Set(enabled))
      }),
      {numRuns: 200},
    ))
})

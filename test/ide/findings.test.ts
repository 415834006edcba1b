/** Every finding: a machine that shows it, and the nearest one that does not. */
import {expect, it, describe} from 'vitest'
import {accountOf, addressAssociation, type Fabric, type FindingCode, FINDINGS} from '../../src/ide/index.js'
import {ABSENT, known, unknown} from '../../src/known.js'
import {HEALTHY, ide, IDLE, link, live, machine, unread} from './machine.js'

const codesOf = (fabric: Fabric): string[] => accountOf(fabric).findings.map(({code, subject}) => `${code} ${subject}`)

const saying = (fabric: Fabric, wanted: FindingCode): string =>
  accountOf(fabric).findings.find(({code}) => code === wanted)!.message

const NEAR = live(0, '01:00.0', '01:00.2')
const FAR = live(0, '00:01.0')
const STREAM = 'pci0000:00/stream0.0.0'

/** The healthy stream with other blocks at its ends. */
const ends = (near: object, far: object = {}): Fabric =>
  machine({'00:01.0': ide([{...NEAR, ...near}, IDLE]), '01:00.0': ide([{...FAR, ...far}, IDLE])})

const address = (base: bigint, limit: bigint): object => ({associations: [addressAssociation(base, limit)]})

/** A second stream, through the switch, and what else the machine needs for it. */
const SWITCHED = [...HEALTHY.links, link('stream1.0.0', '04:00.0')]
const switched = (id: number, from = '04:00.0', to = from): Fabric =>
  machine(
    {'00:02.0': ide([live(id, from, to), IDLE]), '04:00.0': ide([live(id, '00:02.0'), IDLE])},
    {links: SWITCHED, available: {present: true, value: known(2)}},
  )

/** Firmware's stream between 00:02.0 and 05:00.0. */
const firmware = (id: number, more: Record<string, ReturnType<typeof ide>> = {}): Fabric =>
  machine({'00:02.0': ide([live(id, '05:00.0'), IDLE]), '05:00.0': ide([live(id, '00:02.0'), IDLE]), ...more})

/** One idle Selective block, and an enabled Link stream. */
const linked = (id: number) => ide([IDLE], [{enable: true, state: 2, streamId: id}])

type Case = readonly [code: FindingCode, subject: string, shows: Fabric, near: Fabric]

const disabled = {enable: false, state: 0}
const odd = {streamId: 255, associations: [{}, {}]}

const CASES: readonly Case[] = [
  ['stream-one-sided', STREAM, ends({}, disabled), ends(disabled, disabled)],
  ['stream-half-secure', STREAM, ends({state: 0}), ends({state: 0}, {state: 0})],
  ['stream-insecure', STREAM, ends({state: 0}, {state: 0}), ends({}, {state: 0})],
  ['stream-mismatch', STREAM, ends({trafficClass: 1}), ends({trafficClass: 1}, {trafficClass: 1})],
  ['stream-mismatch', STREAM, ends({streamId: 9}), ends({streamId: 9}, {streamId: 9})],
  ['stream-mismatch', STREAM, ends({pcrcEnable: true}), ends({teeLimited: true})],
  ['stream-fail-received', '0000:01:00.0', ends({}, {failReceived: true}), ends({})],
  ['stream-foreign', '0000:05:00.0', firmware(7), switched(1)],
  ['link-disabled', STREAM, ends(disabled, disabled), ends({}, disabled)],
  [
    'link-no-block',
    'pci0000:00/stream0.0.4',
    machine({}, {links: [link('stream0.0.4', '01:00.0')]}),
    machine({}, {links: [link('stream0.0.1', '01:00.0')]}),
  ],
  [
    'link-no-block',
    'pci0000:00/stream0.0.1',
    machine({'01:00.0': ide([IDLE, {...FAR, associations: []}])}, {links: [link('stream0.0.1', '01:00.0')]}),
    machine({'01:00.0': ide([IDLE, FAR])}, {links: [link('stream0.0.1', '01:00.0')]}),
  ],
  ['id-duplicate', 'pci0000:00', switched(0), switched(1)],
  ['id-duplicate', 'pci0000:00', firmware(0), firmware(7)],
  ['id-blocks-slot', 'pci0000:00', firmware(1), firmware(2)],
  ['id-blocks-slot', 'pci0000:00', ends({streamId: 1}, {streamId: 1}), ends({streamId: 0}, {streamId: 0})],
  [
    'id-overlooked',
    'pci0000:00',
    machine({'00:02.0': undefined, '04:00.0': ide([live(1, '00:02.0')])}),
    machine({'00:02.0': undefined, '04:00.0': ide([live(2, '00:02.0')])}),
  ],
  ['capability-ignored', '0000:05:00.0', firmware(7), machine({'00:02.0': ide([live(7, '05:00.0'), IDLE])})],
  [
    'capability-ignored',
    '0000:00:02.0',
    machine({'00:02.0': ide([live(255, '05:00.0'), IDLE])}),
    machine({'00:02.0': ide([IDLE, {streamId: 0, associations: [{}]}])}),
  ],
  [
    'capability-ignored',
    '0000:04:00.0',
    machine({'03:00.0': linked(8), '04:00.0': linked(8)}),
    machine({'03:00.0': linked(8), '04:00.0': linked(9)}),
  ],
  ['capability-unpaired', '0000:04:00.0', machine({'00:02.0': undefined}), machine({'04:00.0': undefined})],
  ['blocks-dropped', '0000:04:00.0', machine({'04:00.0': ide([IDLE, odd])}), machine({'04:00.0': ide([odd, odd])})],
  [
    'blocks-outside',
    '0000:04:00.0',
    machine({'04:00.0': ide([IDLE], [], 200)}),
    machine({'04:00.0': ide([IDLE], [], 3)}),
  ],
  ['rid-invalid', STREAM, ends({ridValid: false}), ends({ridValid: false, defaultStream: true})],
  ['rid-invalid', STREAM, ends({ridBase: 2, ridLimit: 1}), ends({ridBase: 0, ridLimit: 0xffff})],
  ['rid-invalid', STREAM, ends({ridBase: 0x200, ridLimit: 0x300}), ends({ridBase: 0, ridLimit: 0x300})],
  ['rid-foreign', 'pci0000:00/stream1.0.0', switched(1, '04:00.0', '05:00.0'), switched(1, '03:00.0', '04:00.0')],
  ['rid-misses-vfs', STREAM, ends({ridLimit: 0x101}), ends({ridLimit: 0x102})],
  ['address-outside', STREAM, ends(address(0x1ff0_0000n, 0x200f_ffffn)), ends(address(0x1000_0000n, 0x1fff_ffffn))],
  [
    'address-invalid',
    STREAM,
    ends({associations: [{valid: true, baseLower: 2, limitLower: 1, limitUpper: 0, baseUpper: 0}]}),
    ends({associations: [{valid: false, baseLower: 2, limitLower: 1, limitUpper: 0, baseUpper: 0}]}),
  ],
  [
    'pool-exhausted',
    'pci0000:00',
    machine({}, {available: {present: true, value: known(0)}}),
    machine({}, {available: {present: true, value: known(1)}}),
  ],
  [
    'pool-inconsistent',
    'pci0000:00',
    machine({}, {links: [link('stream4.0.0', '01:00.0')]}),
    machine({}, {links: [link('stream3.0.0', '01:00.0')]}),
  ],
  [
    'pool-inconsistent',
    'pci0000:00',
    machine({}, {links: [link('stream0.0.0', '01:00.0'), link('stream0.0.0', '04:00.0')]}),
    machine({}, {links: [link('stream0.0.0', '01:00.0'), link('stream1.0.0', '04:00.0')]}),
  ],
  [
    'pool-inconsistent',
    'pci0000:00',
    machine({}, {available: {present: true, value: known(256)}}),
    machine({}, {available: {present: true, value: known(255)}}),
  ],
  [
    'registers-unread',
    'pci0000:00',
    machine({}, {functions: {'04:00.0': unread('04:00.0')}}),
    machine({'04:00.0': undefined}),
  ],
  [
    'registers-unread',
    'pci0000:00',
    machine({}, {links: [{...link('stream0.0.0', '01:00.0'), endpoint: unknown('no such link')}]}),
    machine(),
  ],
  ...(['cve-2025-9612', 'cve-2025-9613', 'cve-2025-9614'] as const).map((code): Case => [
    code,
    'pci0000:00/stream1.0.0',
    switched(1),
    machine({'04:00.0': ide([IDLE])}),
  ]),
]

describe('findings', () => {
  it('a healthy machine has none: neither idle blocks of either kind nor a stream without a switch', () => {
    expect(accountOf(machine()).findings).toEqual([])
    expect(accountOf(machine({'04:00.0': ide([{...IDLE, streamId: 0}, IDLE])})).findings).toEqual([])
  })

  it.each(CASES)('%s about %s', (code, subject, shows, near) => {
    expect(codesOf(shows)).toContain(`${code} ${subject}`)
    expect(codesOf(near).filter(found => found.startsWith(`${code} `))).toEqual([])
  })

  it('tells a block that a link names in vain from an end that was searched for in vain', () => {
    const alone = machine({'00:02.0': ide([live(7, '05:00.0'), IDLE])})
    expect(saying(alone, 'stream-one-sided')).toMatch(/block 0 Stream ID 7 secure; no other end found$/)
    const inVain = machine({}, {links: [link('stream0.0.4', '01:00.0')]})
    expect(saying(inVain, 'link-no-block')).toMatch(/no such block/)
  })

  it('every code has a machine that shows it', () => {
    expect(new Set(CASES.map(([code]) => code))).toEqual(new Set(Object.keys(FINDINGS)))
  })

  it('errors come first, hints last, and each says what to do', () => {
    const {findings} = accountOf(switched(0, '04:00.0', '05:00.0'))
    const severities = findings.map(({severity}) => severity)
    expect(severities).toEqual([...severities].sort((a, b) => 'ewh'.indexOf(a[0]!) - 'ewh'.indexOf(b[0]!)))
    expect(new Set(severities)).toEqual(new Set(['error', 'warning', 'hint']))
    for (const {remedy, message} of findings) expect([remedy, message]).not.toContain('')
  })

  it('a kernel without IDE streams ignores every capability, and that is no finding', () => {
    const {ports, findings} = accountOf(
      machine({'00:01.0': ide([IDLE]), '01:00.0': ide([IDLE])}, {available: ABSENT, links: []}),
    )
    expect(ports.every(({ignored}) => ignored?.includes('available_secure_streams'))).toBe(true)
    expect(findings).toEqual([])
  })
})

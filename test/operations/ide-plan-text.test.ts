/** What an operator reads of a plan that does not work out. */
import {expect, it} from 'vitest'
import {type ConflictRow, type IdePlan, idePlanText, planFailure} from '../../src/operations/index.js'

const bdf = (bus: number): string => `0000:${bus.toString(16).padStart(2, '0')}:00.0`
const conflict = (fields: Partial<ConflictRow>): ConflictRow => ({
  resource: 'pool',
  of: 'pci0000:00',
  streamId: null,
  holders: [],
  size: 1,
  among: [bdf(1)],
  leftOut: [bdf(2)],
  heldBy: [],
  ...fields,
})
const plan = (fields: Partial<IdePlan> = {}): IdePlan => ({
  rule: 'slot',
  limits: [],
  fits: false,
  allocation: [],
  conflicts: [],
  never: [],
  aside: [],
  unknown: [],
  unread: [],
  disconnects: [],
  room: null,
  ...fields,
})
const row = {bridge: 'pci0000:00', rootPort: '0000:00:01.0', rootPortBlock: 0, endpointBlock: 0}

it('the whole story, in order', () => {
  const many = Array.from({length: 9}, (_, i) => bdf(16 + i))
  const text = idePlanText(
    plan({
      allocation: [
        {bdf: bdf(1), slot: 2, streamId: 2, keeps: false, ...row},
        {bdf: bdf(3), slot: 0, streamId: 0, keeps: true, ...row},
      ],
      conflicts: [conflict({size: 2, among: [bdf(1), bdf(3)], leftOut: many, heldBy: [bdf(4)]})],
      never: [{bdf: bdf(5), reason: 'it has no IDE capability'}],
      unknown: [{bdf: bdf(6), reason: 'registers \u001b[31m'}],
      disconnects: [{bdf: bdf(4), frees: bdf(16), others: 8}],
      room: {disconnect: [bdf(4)], admits: [bdf(16)], conflicts: [conflict({leftOut: many.slice(1)})]},
    }),
  )
  expect(text).toBe(`       DEVICE        HOST BRIDGE  SLOT  ROOT PORT     BLOCK  DEVICE BLOCK  STREAM ID
1.     0000:01:00.0  pci0000:00   2     0000:00:01.0  0      0             2
keeps  0000:03:00.0  pci0000:00   0     0000:00:01.0  0      0             0

does not fit: 0000:10:00.0, 0000:11:00.0, 0000:12:00.0, 0000:13:00.0, 0000:14:00.0, 0000:15:00.0 and 3 more
  host bridge pci0000:00 has 2 stream slots for them
  competes with 0000:01:00.0, 0000:03:00.0: without any one of these, one more fits
  part of it is held by 0000:04:00.0, connected and not asked for

can never: 0000:05:00.0: it has no IDE capability

not known: 0000:06:00.0: registers \\x1b[31m

disconnect 0000:04:00.0: frees 0000:10:00.0, or one of 8 more
fewest disconnects: 0000:04:00.0 for 0000:10:00.0; 8 still do not fit
`)
})

it.each([
  [{resource: 'limit'}, 'the given limit leaves 1 stream below host bridge pci0000:00 for them'],
  [{resource: 'ids'}, 'host bridge pci0000:00 has 1 Stream ID for them'],
  [{resource: 'root-port', of: bdf(8), size: 3}, 'root port 0000:08:00.0 has 3 stream blocks for them'],
  [{resource: 'endpoint', of: bdf(2), size: 0, among: []}, 'all its own stream blocks are taken'],
  [
    {resource: 'held-id', streamId: 3, holders: [bdf(9)]},
    'host bridge pci0000:00 has 1 stream slot for them; the next takes slot 3 and with it Stream ID 3, which is held by ' +
      '0000:09:00.0: every connect there fails with EBUSY',
  ],
  [{resource: 'held-id', streamId: 255}, 'Stream ID 255, which is reserved'],
] as const)('%j', (fields, words) => expect(idePlanText(plan({conflicts: [conflict(fields)]}))).toContain(words))

it.each([
  ['busy', {conflicts: [conflict({})], never: [{bdf: bdf(1), reason: 'no'}]}],
  ['unsupported', {never: [{bdf: bdf(1), reason: 'no'}], unknown: [{bdf: bdf(2), reason: 'why'}]}],
  ['not-permitted', {unknown: [{bdf: bdf(2), reason: 'why'}], unread: [bdf(2)]}],
  ['unsupported', {unknown: [{bdf: bdf(2), reason: 'why'}]}],
  [undefined, {fits: true}],
] as const)('ends as %s', (kind, fields) => expect(planFailure(plan(fields))?.kind).toBe(kind))

/** What connect and disconnect print about one device. */
import * as v from 'valibot'
import {bdf, maybe, text} from './atoms.js'

const write = v.strictObject({path: text, value: text, why: text})

const streamEnd = v.strictObject({
  bdf: maybe(bdf),
  block: maybe(v.number()),
  enabled: maybe(v.boolean()),
  streamId: maybe(v.number()),
  state: maybe(text),
  unknown: maybe(text),
})

/** A device as the host side sees it. */
const hostConnection = v.strictObject({
  bdf,
  tsm: maybe(text),
  dsm: maybe(text),
  streams: maybe(
    v.array(
      v.strictObject({
        name: text,
        bridge: text,
        slot: v.number(),
        streamId: maybe(v.number()),
        state: v.picklist(['secure', 'insecure', 'one-sided', 'mismatch', 'unknown']),
        rootPort: streamEnd,
        endpoint: streamEnd,
      }),
    ),
  ),
  pool: maybe(v.strictObject({bridge: text, available: maybe(v.number()), size: maybe(v.number())})),
  subfunctions: v.array(v.strictObject({bdf, bound: maybe(text), unknown: maybe(text)})),
  unknown: v.array(text),
})

const preflight = v.strictObject({
  bdf,
  tsm: text,
  checks: v.array(
    v.strictObject({
      id: text,
      title: text,
      result: v.picklist(['pass', 'fail', 'warn', 'unknown', 'not-applicable']),
      errno: maybe(text),
      reason: text,
      remedy: maybe(text),
    }),
  ),
  verdict: v.strictObject({
    outcome: v.picklist(['will-succeed', 'will-fail', 'unknown']),
    check: maybe(text),
    errno: maybe(text),
    kind: maybe(text),
    firm: v.boolean(),
  }),
})

export const CONNECT = v.strictObject({
  bdf,
  tsm: text,
  changed: v.boolean(),
  dryRun: v.boolean(),
  preflight,
  before: hostConnection,
  after: hostConnection,
  writes: v.array(write),
  notes: v.array(text),
})

export const DISCONNECT = v.strictObject({
  bdf,
  tsm: maybe(text),
  changed: v.boolean(),
  dryRun: v.boolean(),
  before: hostConnection,
  after: hostConnection,
  writes: v.array(write),
  notes: v.array(text),
  leftovers: v.array(text),
})

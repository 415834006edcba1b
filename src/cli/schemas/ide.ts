/** What `ide list`, `ide show` and `ide plan` print as data. */
import * as v from 'valibot'
import {bdf, hexText, maybe, text} from './atoms.js'

const idePlanConflict = v.strictObject({
  resource: v.picklist(['pool', 'held-id', 'ids', 'limit', 'root-port', 'endpoint']),
  of: text,
  streamId: maybe(v.number()),
  holders: v.array(bdf),
  size: v.number(),
  among: v.array(bdf),
  leftOut: v.array(bdf),
  heldBy: v.array(bdf),
})

const idePlanRefusal = v.strictObject({bdf, reason: text})

export const IDE_PLAN = v.strictObject({
  rule: v.picklist(['slot', 'any']),
  limits: v.array(v.strictObject({bridge: text, streams: v.number()})),
  fits: v.boolean(),
  allocation: v.array(
    v.strictObject({
      bdf,
      bridge: text,
      slot: v.number(),
      rootPort: maybe(bdf),
      rootPortBlock: v.number(),
      endpointBlock: v.number(),
      streamId: maybe(v.number()),
      keeps: v.boolean(),
    }),
  ),
  conflicts: v.array(idePlanConflict),
  never: v.array(idePlanRefusal),
  aside: v.array(idePlanRefusal),
  unknown: v.array(idePlanRefusal),
  unread: v.array(bdf),
  disconnects: v.array(v.strictObject({bdf, frees: bdf, others: v.number()})),
  room: maybe(v.strictObject({disconnect: v.array(bdf), admits: v.array(bdf), conflicts: v.array(idePlanConflict)})),
})

const ideFinding = v.strictObject({
  code: text,
  severity: v.picklist(['error', 'warning', 'hint']),
  subject: text,
  message: text,
  remedy: text,
})

const ideBridge = v.strictObject({
  name: text,
  hasPool: v.boolean(),
  pool: maybe(v.number()),
  available: maybe(v.number()),
  slots: v.array(v.number()),
  liveIds: v.array(v.strictObject({streamId: v.number(), functions: v.array(bdf)})),
  heldIds: v.array(v.number()),
  unread: v.array(bdf),
  unknown: maybe(text),
})

const idePort = v.strictObject({
  bdf,
  bridge: maybe(text),
  role: v.picklist(['root port', 'switch port', 'endpoint']),
  rootPort: maybe(bdf),
  capability: maybe(v.number()),
  usable: maybe(v.number()),
  inUse: maybe(v.number()),
  free: maybe(v.array(v.number())),
  ignored: maybe(text),
  unknown: maybe(text),
})

const ideEnd = maybe(v.strictObject({bdf, block: v.number()}))

const ideStream = {
  kind: v.picklist(['selective', 'link']),
  bridge: maybe(text),
  name: maybe(text),
  slot: maybe(v.number()),
  streamId: maybe(v.number()),
  state: v.picklist(['secure', 'insecure', 'one-sided', 'mismatch', 'unknown']),
  near: ideEnd,
  far: ideEnd,
  unknown: maybe(text),
}

const ideBlock = v.strictObject({
  kind: v.picklist(['selective', 'link']),
  block: v.number(),
  offset: hexText,
  enabled: v.boolean(),
  streamId: v.number(),
  state: text,
  idle: maybe(v.picklist(['enumerated', 'cleared', 'disabled'])),
  owner: maybe(text),
  usableByLinux: v.boolean(),
  trafficClass: v.number(),
  algorithm: text,
  pcrc: v.boolean(),
  aggregation: v.strictObject({npr: text, pr: text, cpl: text}),
  headerEncryption: text,
  failReceived: v.boolean(),
  defaultStream: maybe(v.boolean()),
  teeLimited: maybe(v.boolean()),
  configRequests: maybe(v.boolean()),
  rid: maybe(v.strictObject({valid: v.boolean(), base: bdf, limit: bdf, segment: v.number()})),
  addresses: v.array(v.strictObject({index: v.number(), valid: v.boolean(), base: hexText, limit: hexText})),
})

export const IDE_LIST = v.strictObject({
  bridges: v.array(ideBridge),
  ports: v.array(idePort),
  streams: v.array(v.strictObject(ideStream)),
  findings: v.array(ideFinding),
})

export const IDE_SHOW = v.strictObject({
  subjects: v.array(
    v.strictObject({
      subject: text,
      kind: v.picklist(['function', 'bridge', 'stream']),
      bridge: maybe(ideBridge),
      port: maybe(idePort),
      note: maybe(text),
      supports: maybe(v.array(text)),
      blocks: v.array(ideBlock),
      streams: v.array(v.strictObject({...ideStream, nearBlock: maybe(ideBlock), farBlock: maybe(ideBlock)})),
      remarks: v.array(text),
      findings: v.array(ideFinding),
    }),
  ),
})

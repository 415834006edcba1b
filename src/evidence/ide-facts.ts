/** The `ide` object: what registers, links and tree of a machine say about the streams of one device. */
import * as v from 'valibot'
import {bdf, ERRATA, streamId, trafficClass} from './tsm-statements.js'

const text = v.pipe(v.string(), v.maxLength(256))
const address = v.pipe(v.string(), v.regex(/^0x[0-9a-f]{1,16}$/))
const MOST = 4096

/** Both inclusive. */
const RID_RANGE = v.strictObject({first: bdf, last: bdf})

/** One end of a stream: an enabled Selective IDE Stream block (PCIe r6.2 §7.9.26.5). */
const END = v.strictObject({
  bdf,
  block: v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(255)),
  enabled: v.boolean(),
  streamId,
  /** Name of the state, `secure`; `0x…` for reserved ones. */
  state: text,
  failReceived: v.boolean(),
  defaultStream: v.boolean(),
  teeLimited: v.boolean(),
  trafficClass,
  /** Requester IDs of the partner; null where none are associated. */
  requesters: v.nullable(RID_RANGE),
  addresses: v.pipe(v.array(v.strictObject({base: address, limit: address})), v.maxLength(MOST)),
})

const STREAM = v.strictObject({
  /** The kernel's name, `stream0.0.0`; null for a stream that the kernel does not know of. */
  name: v.nullable(text),
  /** Null where an end is missing or could not be read. */
  rootPort: v.nullable(END),
  endpoint: v.nullable(END),
  /** The Stream ID is carried by something else below the same host bridge as well. */
  idShared: v.boolean(),
})

export const IDE_FACTS = v.strictObject({
  /** Function whose blocks these are: the device's own, or the one its DSM is at. */
  bdf,
  /** `pciDDDD:BB`. */
  hostBridge: v.nullable(text),
  /** Null where there is none: the device is integrated into the root complex. */
  rootPort: v.nullable(bdf),
  integrated: v.boolean(),
  /** Has the function an IDE capability? Null when that could not be read. */
  capable: v.nullable(v.boolean()),
  /** Ports between root port and device; null when the place of the device is not known. */
  switches: v.nullable(v.pipe(v.array(bdf), v.maxLength(MOST))),
  /** Requester IDs of the device: all its functions, virtual ones included. */
  functions: RID_RANGE,
  streams: v.pipe(v.array(STREAM), v.maxLength(MOST)),
  /** What of all this could not be read, and why. */
  unread: v.pipe(v.array(text), v.maxLength(MOST)),
  errata: v.nullable(ERRATA),
})

export type IdeFacts = Readonly<v.InferOutput<typeof IDE_FACTS>>
export type IdeStreamFacts = IdeFacts['streams'][number]
export type IdeEndFacts = NonNullable<IdeStreamFacts['endpoint']>

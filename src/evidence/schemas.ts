/** Strict schemas of a bundle's JSON parts: an unknown member is a refusal, not something to ignore. */
import * as v from 'valibot'
import {bdf, TSM_STATEMENTS} from './tsm-statements.js'
import {LABELS, PROVIDER_KINDS} from './types.js'

const text = v.pipe(v.string(), v.maxLength(256))
const nullableText = v.nullable(text)
const hexBytes = v.pipe(v.string(), v.regex(/^([0-9a-f]{2})*$/), v.maxLength(1024))
const register = v.pipe(v.string(), v.regex(/^0x[0-9a-f]{1,16}$/))
const nullableRegister = v.nullable(register)
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
export const sha384Name = v.pipe(v.string(), v.regex(/^sha384:[0-9a-f]{96}$/))
const label = v.picklist(LABELS)
const tdiState = v.picklist(['CONFIG_UNLOCKED', 'CONFIG_LOCKED', 'RUN', 'ERROR', 'unknown'])

const identity = {
  vendor: nullableRegister,
  device: nullableRegister,
  subsystem: v.nullable(v.pipe(v.string(), v.regex(/^0x[0-9a-f]{4}:0x[0-9a-f]{4}$/))),
  class: nullableRegister,
  revision: nullableRegister,
  dsn: v.optional(text),
}

const tsmDigest = v.strictObject({alg: text, value: hexBytes})

export const MANIFEST = v.strictObject({
  version: v.literal(1),
  bundleId: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
  collectedAt: v.pipe(v.string(), v.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/)),
  clock: v.picklist(['trusted', 'untrusted']),
  host: v.strictObject({
    machineIdHash: nullableText,
    bootId: nullableText,
    kernel: nullableText,
    tool: text,
    toolDigest: nullableText,
  }),
  device: v.strictObject({bdf: v.nullable(bdf), ...identity}),
  provider: v.strictObject({
    kind: v.picklist(PROVIDER_KINDS),
    abi: text,
    tsm: nullableText,
    generation: v.nullable(count),
  }),
  nonce: v.nullable(
    v.strictObject({
      value: hexBytes,
      derivation: v.picklist(['random', 'relying-party', 'external']),
      relyingPartyNonce: v.optional(hexBytes),
      localRandom: v.optional(hexBytes),
    }),
  ),
  lockEpoch: v.strictObject({
    kind: v.picklist(['lock-nonce', 'report-counter', 'generation', 'none']),
    value: nullableText,
  }),
  tdiState,
  spdm: v.optional(v.strictObject({hash: text, asym: text, slot: v.pipe(count, v.maxValue(7))})),
  redactedFrom: v.optional(sha384Name),
  objects: v.array(
    v.strictObject({
      label,
      mediaType: text,
      length: count,
      sha384: sha384Name,
      tsmDigest: v.optional(tsmDigest),
      source: text,
    }),
  ),
})

export const PCI_FACTS = v.strictObject({
  bdf,
  ...identity,
  headerType: v.nullable(count),
  bars: v.pipe(
    v.array(
      v.strictObject({
        index: v.pipe(count, v.maxValue(5)),
        size: register,
        address: register,
        kind: v.picklist(['memory32', 'memory64', 'io', 'upper-half', 'none']),
        prefetchable: v.boolean(),
      }),
    ),
    v.maxLength(6),
  ),
  msix: v.nullable(
    v.union([
      v.literal('unknown'),
      v.strictObject({
        tableBar: v.pipe(count, v.maxValue(7)),
        tableOffset: register,
        pbaBar: v.pipe(count, v.maxValue(7)),
        pbaOffset: register,
        tableSize: v.pipe(count, v.minValue(1), v.maxValue(2048)),
        control: nullableRegister,
      }),
    ]),
  ),
  command: nullableRegister,
  driver: nullableText,
  iommuGroup: nullableText,
  bootId: nullableText,
  sriovVfs: v.nullable(count),
  siblings: v.array(v.strictObject({bdf, driver: nullableText})),
})

export const TSM_FACTS = v.strictObject({
  name: nullableText,
  state: tdiState,
  digestAlgorithm: nullableText,
  digests: v.record(label, hexBytes),
  ...TSM_STATEMENTS,
})

export const COLLECTION_FACTS = v.strictObject({
  before: PCI_FACTS,
  unknownAttributes: v.array(count),
  generations: v.nullable(v.array(count)),
  driverOverride: nullableText,
  driversAutoprobe: v.nullable(v.boolean()),
  lockdown: v.optional(nullableText),
  devMem: v.optional(v.boolean()),
  systemRam: v.optional(v.nullable(v.array(v.strictObject({first: register, last: register})))),
  sriov: v.optional(v.strictObject({physicalFunction: bdf, atConnect: v.nullable(count), now: v.nullable(count)})),
})

/**
 * What every command prints under `--json`, as valibot schemas. `scripts/docs.mjs` turns them into the JSON Schemas that
 * ship in `schema/`; tests hold every command's output against them. No command loads this file.
 */
import * as v from 'valibot'

const text = v.string()
const maybe = <S extends v.GenericSchema>(schema: S) => v.nullable(schema)
const hexText = v.pipe(v.string(), v.regex(/^0x[0-9a-f]+$/))
const bdf = v.pipe(v.string(), v.regex(/^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/))
const digest = v.pipe(v.string(), v.regex(/^sha384:[0-9a-f]{96}$/))
const time = v.pipe(v.string(), v.isoTimestamp())
const anything = v.unknown()

const finding = v.strictObject({path: text, offset: v.number(), message: text})

const deviceRow = {
  bdf,
  id: maybe(text),
  class: maybe(text),
  className: maybe(text),
  driver: maybe(text),
  hostBridge: maybe(text),
  ports: v.array(bdf),
  tsm: maybe(text),
  state: maybe(text),
  unknown: maybe(text),
}

const tdi = v.strictObject({
  bdf,
  state: v.picklist(['CONFIG_UNLOCKED', 'CONFIG_LOCKED', 'RUN']),
  lockedBy: maybe(text),
  driver: maybe(text),
  driverOverride: maybe(text),
})

const error = v.strictObject({
  kind: text,
  exit: v.number(),
  message: text,
  hint: maybe(text),
  subject: maybe(text),
  path: maybe(text),
  details: anything,
})

const transition = v.strictObject({
  bdf,
  changed: v.boolean(),
  dryRun: v.boolean(),
  before: tdi,
  after: tdi,
  writes: v.array(v.strictObject({path: text, value: text, why: text})),
})

const perDevice = <S extends v.GenericSchema>(result: S) =>
  v.strictObject({
    devices: v.array(v.strictObject({bdf, ok: v.boolean(), result: maybe(result), error: maybe(error)})),
  })

/** Data of each command, by the name in its `schema` field; `error` is what no command could be found for. */
export const DATA = {
  error: v.null(),
  list: v.strictObject({
    devices: v.array(v.strictObject(deviceRow)),
    tsms: v.array(v.strictObject({name: text, mode: maybe(text), parent: maybe(text)})),
    tsmCore: v.boolean(),
    vanished: v.array(bdf),
  }),
  show: v.strictObject({
    devices: v.array(
      v.strictObject({
        ...deviceRow,
        revision: maybe(hexText),
        subsystem: maybe(text),
        iommuGroup: maybe(text),
        numaNode: maybe(v.number()),
        powerState: maybe(text),
        driverOverride: maybe(text),
        physfn: maybe(bdf),
        virtfns: v.array(bdf),
        siblings: v.array(bdf),
        doeFeatures: maybe(v.array(text)),
        bars: v.array(
          v.strictObject({
            index: v.number(),
            kind: text,
            size: maybe(hexText),
            address: maybe(hexText),
            prefetchable: v.boolean(),
          }),
        ),
        dsm: maybe(text),
        bound: maybe(text),
        authenticated: maybe(text),
        config: anything,
        findings: v.array(finding),
        unreadable: v.array(v.strictObject({field: text, reason: text})),
      }),
    ),
  }),
  decode: v.union([
    v.strictObject({
      kinds: v.array(v.strictObject({kind: text, name: text, spec: text, context: v.record(text, v.number())})),
    }),
    v.strictObject({
      kind: text,
      name: text,
      spec: text,
      size: v.number(),
      context: v.record(text, v.number()),
      fields: anything,
      findings: v.array(finding),
    }),
  ]),
  lock: perDevice(transition),
  unlock: perDevice(transition),
  record: v.strictObject({file: text, functions: v.number(), nodes: v.number(), anonymised: v.boolean()}),
} as const

/** The envelope around `data`. */
export const envelopeOf = <S extends v.GenericSchema>(command: string, data: S) =>
  v.strictObject({
    schema: v.literal(`tsmctl.${command}/1`),
    tool: v.strictObject({name: v.literal('tsmctl'), version: text}),
    host: maybe(v.strictObject({kind: v.picklist(['live', 'sim', 'replay']), label: text})),
    ok: v.boolean(),
    data: maybe(data),
    warnings: v.array(v.strictObject({code: text, message: text, subject: maybe(text)})),
    error: maybe(error),
  })

export {bdf, digest, maybe, text, time}

/** Small schemas that those of all commands are made of. */
import * as v from 'valibot'

export const text = v.string()
export const maybe = <S extends v.GenericSchema>(schema: S) => v.nullable(schema)
export const hexText = v.pipe(v.string(), v.regex(/^0x[0-9a-f]+$/))
export const bdf = v.pipe(v.string(), v.regex(/^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/))
export const digest = v.pipe(v.string(), v.regex(/^sha384:[0-9a-f]{96}$/))
/** What --redact leaves of a value. */
export const masked = v.pipe(v.string(), v.regex(/^\[redacted [a-z]+ \d+\]$/))
export const identifyingDigest = v.union([digest, masked])
export const time = v.pipe(v.string(), v.isoTimestamp())
export const anything = v.unknown()

export const finding = v.strictObject({path: text, offset: v.number(), message: text})
export const unreadable = v.array(v.strictObject({field: text, reason: text}))

/** Why a command, or one of its devices, failed. */
export const error = v.strictObject({
  kind: text,
  exit: v.number(),
  message: text,
  hint: maybe(text),
  subject: maybe(text),
  path: maybe(text),
  details: anything,
})

/** A pin as a file: canonical JSON with the digest of itself, so that damage is noticed and never taken for a pin. */
import * as v from 'valibot'
import {TsmctlError} from '../../errors.js'
import {issueText, jcsBytes, nameOfJson, strictJson} from '../../evidence/index.js'
import type {Pin} from './types.js'

const text = v.pipe(v.string(), v.maxLength(4096))
const digest = v.pipe(v.string(), v.regex(/^sha384:[0-9a-f]{96}$/))
const decimal = v.pipe(v.string(), v.regex(/^(0|[1-9][0-9]{0,19})$/))
const hexText = v.pipe(v.string(), v.regex(/^0x[0-9a-f]{1,16}$/))
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const time = v.pipe(v.string(), v.isoTimestamp())
const orNull = <S extends v.GenericSchema>(schema: S) => v.nullable(schema)

const acceptance = {D: digest, P: digest, at: time, by: text, tool: text}

const PIN = v.strictObject({
  version: v.literal(1),
  pinId: digest,
  certificate: digest,
  leaf: digest,
  san: orNull(text),
  model: orNull(text),
  anchor: text,
  slot: count,
  spdm: v.strictObject({version: text, hash: text, asym: text}),
  platform: v.strictObject({abi: text, digestAlgorithm: orNull(text), digests: v.array(text)}),
  measurements: v.array(
    v.strictObject({
      index: count,
      type: text,
      valueType: v.picklist(['digest', 'raw']),
      value: v.pipe(v.string(), v.regex(/^(sha384:)?([0-9a-f]{2})*$/)),
      group: v.optional(text),
    }),
  ),
  dice: v.array(v.strictObject({layer: v.number(), fwids: v.array(text), svn: orNull(decimal), flags: v.array(text)})),
  reportNormalForm: orNull(digest),
  deviceSpecific: orNull(digest),
  ranges: v.array(
    v.strictObject({
      bar: count,
      firstPage: hexText,
      pages: count,
      tee: v.boolean(),
      msix: v.boolean(),
      updatable: v.boolean(),
    }),
  ),
  bars: v.array(v.strictObject({bar: count, size: hexText})),
  lockFlags: v.array(text),
  debug: v.picklist(['off', 'on', 'absent', 'not proven']),
  maxSvn: orNull(decimal),
  bdf: v.pipe(v.string(), v.regex(/^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/)),
  firstSeen: time,
  lastAccepted: v.strictObject(acceptance),
  mode: v.picklist(['auto', 'manual']),
  floor: v.strictObject({
    measurements: v.array(v.strictObject({index: count, svn: decimal})),
    dice: v.array(v.strictObject({layer: v.number(), svn: decimal})),
  }),
  history: v.pipe(
    v.array(v.strictObject({event: v.picklist(['enrolled', 'accepted']), ...acceptance})),
    v.minLength(1),
    v.maxLength(256),
  ),
})

/** Larger ones were not written by us. */
export const PIN_LIMIT = 4 * 1024 * 1024

export const encodePin = (pin: Pin): Uint8Array =>
  new Uint8Array(Buffer.concat([jcsBytes({pin, sha384: nameOfJson(pin)}), Buffer.from('\n')]))

const FILE = v.strictObject({pin: PIN, sha384: digest})

/** Throws TsmctlError `malformed` for anything that is not exactly a whole pin of `pinId`. */
export function decodePin(bytes: Uint8Array, pinId: string): Pin {
  const refuse = (got: string): TsmctlError =>
    new TsmctlError({kind: 'malformed', attempted: `read pin ${pinId.slice(0, 19)}`, got})
  if (bytes.length > PIN_LIMIT) throw refuse(`it is larger than ${PIN_LIMIT} bytes`)
  const parsed = v.safeParse(FILE, jsonOf(bytes, refuse))
  if (!parsed.success) {
    const {path, message} = issueText(parsed.issues)
    throw refuse(`${path}: ${message}`)
  }
  const {pin, sha384} = parsed.output
  if (nameOfJson(pin) !== sha384) throw refuse('its content is not what its digest says')
  if (pin.pinId !== pinId) throw refuse(`it is the pin of ${pin.pinId.slice(0, 19)}`)
  return pin
}

function jsonOf(bytes: Uint8Array, refuse: (got: string) => TsmctlError): unknown {
  try {
    return strictJson(bytes, 'pin')
  } catch (error) {
    if (error instanceof TsmctlError) throw refuse(error.got ?? error.message)
    throw error
  }
}

export {DecodeError, type DecodeFailure} from './decode-error.js'
export {
  array,
  type AnyLayout,
  bit,
  bits,
  bytes,
  type Context,
  type Fields,
  nested,
  NEXT,
  reserved,
  REST,
  type Seen,
  u16,
  u24,
  u32,
  u64,
  u8,
} from './field.js'
export {concat, equal, fromHex, hex, isZero, join, toHex} from './hex.js'
export {type Json, nameOf} from './json.js'
export {type Encodable, layout, type Layout, type View} from './layout.js'
export {get, mask, prep} from './mask.js'
export {describe, type Finding, findings, markdown} from './print.js'

/** Netlink attributes (`struct nlattr`): u16 length including the 4-byte header, u16 type, payload, padded to 4. */
import {concat, DecodeError, layout, u16} from '../bits/index.js'

/** Linux `include/uapi/linux/netlink.h`, struct nlattr. */
export const NLATTR = layout(
  {id: 'netlink-attribute', name: 'nlattr', spec: 'Linux uapi linux/netlink.h'},
  {length: u16(0, 'bytes including this header, without padding'), type: u16(2, 'attribute type and flags')},
)

export interface Attribute {
  readonly type: number
  readonly value: Uint8Array
}

const HEADER = 4
/** Places in a message where something begins lie at multiples of 4. */
export const align = (length: number): number => Math.ceil(length / 4) * 4

export function encodeAttributes(attributes: readonly Attribute[]): Uint8Array {
  return concat(
    ...attributes.flatMap(({type, value}) => [
      NLATTR.encode({length: HEADER + value.length, type}),
      value,
      new Uint8Array(align(value.length) - value.length),
    ]),
  )
}

/** Attributes of one message, in order. Throws DecodeError for a length that does not fit. */
export function decodeAttributes(message: Uint8Array): Attribute[] {
  const data = new DataView(message.buffer, message.byteOffset, message.byteLength)
  const out: Attribute[] = []
  for (let at = 0; at < message.length;) {
    const {length, type} = NLATTR.read(data, at, message.length).value
    if (length < HEADER || at + length > message.length)
      throw new DecodeError({
        structure: 'nlattr',
        path: `[${out.length}].length`,
        offset: at,
        expected: `4 to ${message.length - at}`,
        got: String(length),
      })
    out.push({type, value: message.slice(at + HEADER, at + length)})
    at += align(length)
  }
  return out
}

export const u32Attribute = (type: number, value: number): Attribute => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value, true)
  return {type, value: bytes}
}

/** NUL-terminated string attribute. */
export const stringAttribute = (type: number, value: string): Attribute => ({
  type,
  value: new Uint8Array(Buffer.from(`${value}\0`, 'latin1')),
})

/** Value of a u32 attribute. Throws DecodeError when it is not four bytes. */
export function u32Of({type, value}: Attribute): number {
  if (value.length !== 4)
    throw new DecodeError({
      structure: 'nlattr',
      path: `type ${type}`,
      offset: 0,
      expected: '4 bytes',
      got: `${value.length}`,
    })
  return new DataView(value.buffer, value.byteOffset, 4).getUint32(0, true)
}

/** Text of a string attribute, without its terminating NUL. */
export const stringOf = ({value}: Attribute): string => Buffer.from(value).toString('latin1').replace(/\0+$/, '')

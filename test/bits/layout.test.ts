import {describe, expect, it} from 'vitest'
import {
  array,
  bit,
  bits,
  bytes,
  DecodeError,
  describe as print,
  findings,
  fromHex,
  layout,
  markdown,
  nested,
  NEXT,
  reserved,
  REST,
  toHex,
  u16,
  u24,
  u32,
  u64,
  u8,
} from '../../src/bits/index.js'

const BYTE = layout({id: 'byte', name: 'BYTE', spec: 'test §2'}, {value: u8(0, 'value')})
const ITEM = layout(
  {id: 'item', name: 'ITEM', spec: 'test §1'},
  {
    kind: u8(0, 'kind', {names: {1: 'one', 2: 'two'}}),
    low: bits(1, 1, 3, 0, 'low nibble'),
    flag: bit(1, 1, 4, 'flag'),
    rest: reserved(1, 1, 7, 5),
  },
)
const BOX = layout(
  {id: 'box', name: 'BOX', spec: 'test §2', contexts: [{wide: 0}, {wide: 1}]},
  {
    magic: u16(0, 'constant', {is: 0xbeef}),
    count: u8(2, 'number of items'),
    items: array(ITEM, 'count', 'items'),
    extra: u64(NEXT, 'only when wide', {when: (_, context) => context['wide'] === 1}),
    length: u24(NEXT, 'bytes of the note'),
    note: bytes(NEXT, 'length', 'note'),
  },
)
const CONSTANT = layout({id: 'c', name: 'C', spec: '-'}, {magic: u8(0, 'constant', {is: 1})})
const narrow = {wide: 0}

const failure = (act: () => unknown) => {
  try {
    act()
  } catch (error) {
    if (error instanceof DecodeError) return error.where
    throw error
  }
  return undefined
}

describe('a layout', () => {
  it('decodes and encodes fixed fields, bits, counted arrays and lengths from one table', () => {
    const wire = fromHex('efbe 02 01 1a 02 05 030000 616263')
    const box = BOX.decode(wire, narrow)
    expect(box.items.map(item => [item.kind, item.low, item.flag])).toEqual([
      [1, 10, true],
      [2, 5, false],
    ])
    expect(box.extra).toBeUndefined()
    expect(Buffer.from(box.note).toString()).toBe('abc')
    expect(BOX.encode(box, narrow)).toEqual(wire)
  })

  it('fills in counts, lengths and constants when encoding', () => {
    const wire = BOX.encode({items: [{kind: 7}], extra: 0x0102030405060708n, note: new Uint8Array([9])}, {wide: 1})
    expect(toHex(wire)).toBe('efbe010700080706050403020101000009')
  })

  it('keeps 32-bit fields unsigned and reads every width little-endian', () => {
    const W = layout(
      {id: 'w', name: 'W', spec: '-'},
      {a: u32(0, ''), b: bits(4, 4, 31, 24, ''), c: bits(4, 4, 23, 0, '')},
    )
    const value = W.decode(fromHex('ffffffff 563412f0'))
    expect([value.a, value.b, value.c]).toEqual([0xffffffff, 0xf0, 0x123456])
    expect(toHex(W.encode({a: 0x80000000, b: 0xff}))).toBe('00000080000000ff')
  })

  it('owns a private copy of its input', () => {
    const wire = fromHex('0100')
    const item = ITEM.decode(wire)
    wire[0] = 2
    expect(item.kind).toBe(1)
  })

  it.each([
    ['too short', 'efbe', '', 0, 'at least 3 bytes'],
    ['wrong constant', 'efbf 00 000000', 'magic', 0, '0xbeef'],
    ['count beyond the buffer', 'efbe ff 0100', 'items', 3, '510 bytes'],
    ['length beyond the buffer', 'efbe 00 050000 41', 'note', 6, '5 bytes'],
    ['trailing bytes', 'efbe 00 000000 00', '', 6, '6 bytes'],
  ])('says where and why: %s', (_, wire, path, offset, expected) => {
    expect(failure(() => BOX.decode(fromHex(wire), narrow))).toMatchObject({structure: 'BOX', path, offset, expected})
  })

  it('encodes what it decoded, but not a spread or a rest of it, which have lost the fields', () => {
    const whole = ITEM.encode({kind: 2, low: 3, flag: true})
    const value = ITEM.decode(whole)
    const {low: _, ...rest} = value
    expect(ITEM.encode(value)).toEqual(whole)
    expect(() => ITEM.encode({...value, low: 4})).toThrow('ITEM: spread from a decoded structure')
    expect(() => ITEM.encode(rest)).toThrow('ITEM: spread from a decoded structure')
  })

  it('names the path through nested structures', () => {
    const OUTER = layout({id: 'o', name: 'OUTER', spec: '-'}, {id: u8(0, ''), box: nested(NEXT, BOX, 'inner')})
    const where = failure(() => OUTER.decode(fromHex('00 efbe 00 0a0000'), narrow))
    expect(where).toMatchObject({structure: 'OUTER', path: 'box.note', offset: 7})
    const LIST = layout({id: 'l', name: 'LIST', spec: '-'}, {boxes: array(BOX, REST, 'all')})
    expect(failure(() => LIST.decode(fromHex('efbe00000000 efbe00'), narrow))).toMatchObject({
      structure: 'LIST',
      path: 'boxes[1].length',
      offset: 9,
    })
  })

  it('bounds a list by its stated span', () => {
    const L = layout(
      {id: 's', name: 'S', spec: '-'},
      {n: u8(0, ''), size: u8(1, ''), items: array(ITEM, 'n', '', {span: 'size'})},
    )
    expect(toHex(L.encode({items: [{kind: 1}, {kind: 2}]}))).toBe('020401000200')
    expect(failure(() => L.decode(fromHex('0105 0100 0000 00')))).toMatchObject({
      path: 'items',
      got: '3 bytes left over',
    })
    expect(failure(() => L.decode(fromHex('0301 0100 0000 00')))).toMatchObject({path: 'items', offset: 2})
  })

  it.each([
    ['overlap', {a: u16(0, ''), b: bit(0, 2, 3, '')}, /overlaps/],
    ['hole', {a: u8(0, ''), b: u8(2, '')}, /not described/],
    ['bit outside its word', {a: bits(0, 1, 8, 0, '')}, /outside/],
    ['constants that nobody would check', {a: nested(0, CONSTANT, '')}, /place it NEXT/],
    ['fixed after variable', {a: bytes(NEXT, REST, ''), b: u8(0, '')}, /before the variable tail/],
  ])('refuses a table with %s when the module loads', (_, fields, message) => {
    expect(() => layout({id: 'x', name: 'X', spec: '-'}, fields)).toThrow(message)
  })

  it.each([
    ['a value too wide', {items: [{low: 16}]}, /low/],
    ['a count that contradicts the content', {count: 3}, /count/],
    ['a constant that is not', {magic: 1}, /magic/],
    ['a field this form does not have', {extra: 1n}, /extra/],
  ])('refuses to encode %s', (_, value, message) => {
    expect(() => BOX.encode(value, narrow)).toThrow(message)
  })
})

describe('what people see', () => {
  it('is printed however many elements there are', () => {
    const LIST = layout({id: 'list', name: 'LIST', spec: 'test §2'}, {items: array(BYTE, REST, 'items')})
    const text = print(LIST, LIST.decode(new Uint8Array(200_000)))
    expect(text.split('\n')).toHaveLength(200_003)
  })

  const box = BOX.encode({items: [{kind: 1, flag: true}, {kind: 9}], note: new Uint8Array([0xab])}, narrow)

  it('JSON names enumerations, keeps unknown values, writes bytes as hex and absence as null', () => {
    expect(JSON.parse(JSON.stringify(BOX.decode(box, narrow)))).toEqual({
      magic: 0xbeef,
      count: 2,
      items: [
        {kind: 'one', low: 0, flag: true},
        {kind: '0x09', low: 0, flag: false},
      ],
      extra: null,
      length: 1,
      note: 'ab',
    })
  })

  it('text shows offsets, bits, paths and values', () => {
    expect(print(BOX, BOX.decode(box, narrow))).toContain('  0x0004  [4]      items[0].flag  1\n')
  })

  it('findings report reserved bits and undefined values with their place', () => {
    const odd = BOX.decode(fromHex('efbe 01 09 e0 000000'), narrow)
    expect(findings(BOX, odd)).toEqual([
      {path: 'items[0].kind', offset: 3, message: 'undefined value 0x9 in items[0].kind'},
      {path: 'items[0].rest', offset: 4, message: 'reserved bits set: 0x7 in items[0].rest'},
    ])
  })

  it('Markdown documents every field from the table', () => {
    expect(markdown(BOX)).toContain('| next |  | `note` | bytes[`length`] | note |')
  })
})

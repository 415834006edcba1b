import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {jcs} from '../../src/evidence/index.js'
import {TsmctlError} from '../../src/errors.js'

/** Values written down from RFC 8785 §3.2. */
const VECTORS: readonly (readonly [string, unknown, string])[] = [
  ['members are sorted', {b: 1, a: 2}, '{"a":2,"b":1}'],
  ['by UTF-16 code units, not code points', {'\u{1f600}': 1, '\ufb33': 2}, '{"\u{1f600}":1,"\ufb33":2}'],
  [
    'the order of RFC 8785 §3.2.3',
    {'\u20ac': 'Euro', '\r': 'CR', '\ufb33': 'Dalet', '1': 'One', '\u0080': 'Control', '\u00f6': 'o', '': 'Empty'},
    '{"":"Empty","\\r":"CR","1":"One","\u0080":"Control","\u00f6":"o","\u20ac":"Euro","\ufb33":"Dalet"}',
  ],
  ['arrays keep their order', [3, 1, 2], '[3,1,2]'],
  ['control characters use the short escapes', '\b\t\n\f\r"\\/', '"\\b\\t\\n\\f\\r\\"\\\\/"'],
  ['other control characters are \\u00xx', '\u0001\u007f', '"\\u0001\u007f"'],
  ['literals', [null, true, false, 0, -5], '[null,true,false,0,-5]'],
  ['undefined members are left out', {a: undefined, b: null}, '{"b":null}'],
  ['nesting is sorted inside too', {z: {y: [], x: {}}, a: []}, '{"a":[],"z":{"x":{},"y":[]}}'],
]

const REFUSED: readonly (readonly [string, unknown])[] = [
  ['not a number', Number.NaN],
  ['infinity', Number.POSITIVE_INFINITY],
  ['a fraction', 0.5],
  ['an integer doubles cannot hold', 2 ** 53],
  ['negative zero', -0],
  ['a bigint', 1n],
  ['half a surrogate pair', '\ud800'],
  ['half a surrogate pair as member name', {'\udc00': 1}],
  ['undefined in an array', [undefined]],
  ['a date', new Date(0)],
  ['a map', new Map()],
]

const reversed = (item: unknown): unknown => {
  if (Array.isArray(item)) return item.map(reversed)
  if (typeof item !== 'object' || item === null) return item
  const members = Object.entries(item).toReversed()
  return Object.fromEntries(members.map(([name, member]) => [name, reversed(member)]))
}

describe('canonical JSON', () => {
  it.each(VECTORS)('%s', (_, value, text) => expect(jcs(value)).toBe(text))
  it.each(REFUSED)('refuses %s', (_, value) => expect(() => jcs(value)).toThrow(TsmctlError))

  it('is a fixed point of parsing, and blind to member order', () => {
    const value = fc.letrec(tie => ({
      value: fc.oneof(
        {depthSize: 'small'},
        fc.constant(null),
        fc.boolean(),
        fc.maxSafeInteger().filter(number => !Object.is(number, -0)),
        fc.string({unit: 'grapheme'}),
        fc.array(tie('value'), {maxLength: 4}),
        fc.dictionary(fc.string({unit: 'grapheme'}), tie('value'), {maxKeys: 4, noNullPrototype: true}),
      ),
    })).value
    fc.assert(
      fc.property(value, item => {
        const text = jcs(item)
        expect(JSON.parse(text)).toEqual(item)
        expect(jcs(JSON.parse(text))).toBe(text)
        expect(jcs(reversed(item))).toBe(text)
      }),
    )
  })
})

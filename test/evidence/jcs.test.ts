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

/** IEEE 754 doubles and their canonical text, RFC 8785 Appendix B; null where there is none. */
const NUMBERS: readonly (readonly [string, string | null])[] = [
  ['0000000000000000', '0'],
  ['8000000000000000', '0'],
  ['0000000000000001', '5e-324'],
  ['8000000000000001', '-5e-324'],
  ['7fefffffffffffff', '1.7976931348623157e+308'],
  ['ffefffffffffffff', '-1.7976931348623157e+308'],
  ['4340000000000000', '9007199254740992'],
  ['c340000000000000', '-9007199254740992'],
  ['4430000000000000', '295147905179352830000'],
  ['7fffffffffffffff', null],
  ['7ff0000000000000', null],
  ['44b52d02c7e14af5', '9.999999999999997e+22'],
  ['44b52d02c7e14af6', '1e+23'],
  ['44b52d02c7e14af7', '1.0000000000000001e+23'],
  ['444b1ae4d6e2ef4e', '999999999999999700000'],
  ['444b1ae4d6e2ef4f', '999999999999999900000'],
  ['444b1ae4d6e2ef50', '1e+21'],
  ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
  ['3eb0c6f7a0b5ed8d', '0.000001'],
  ['41b3de4355555553', '333333333.3333332'],
  ['41b3de4355555554', '333333333.33333325'],
  ['41b3de4355555555', '333333333.3333333'],
  ['41b3de4355555556', '333333333.3333334'],
  ['41b3de4355555557', '333333333.33333343'],
  ['becbf647612f3696', '-0.0000033333333333333333'],
  ['43143ff3c1cb0959', '1424953923781206.2'],
]

const canonicalOrNothing = (value: unknown): string | null => {
  try {
    return jcs(value)
  } catch (error) {
    if (error instanceof TsmctlError) return null
    throw error
  }
}

const reversed = (item: unknown): unknown => {
  if (Array.isArray(item)) return item.map(reversed)
  if (typeof item !== 'object' || item === null) return item
  const members = Object.entries(item).toReversed()
  return Object.fromEntries(members.map(([name, member]) => [name, reversed(member)]))
}

describe('canonical JSON', () => {
  it.each(VECTORS)('%s', (_, value, text) => expect(jcs(value)).toBe(text))
  it.each(REFUSED)('refuses %s', (_, value) => expect(() => jcs(value)).toThrow(TsmctlError))

  it('prints the numbers of RFC 8785 Appendix B as they stand there, or refuses them', () => {
    const printed = NUMBERS.filter(([bits, text]) => {
      const own = canonicalOrNothing(Buffer.from(bits, 'hex').readDoubleBE())
      if (own !== null) expect([bits, own]).toEqual([bits, text])
      return own !== null
    })
    // whole numbers that every implementation holds; the rest of the subset is tried below
    expect(printed.map(([bits]) => bits)).toEqual(['0000000000000000'])
  })

  it('writes every whole number up to 2^53 as RFC 8785 does, which is as ECMAScript prints it', () =>
    fc.assert(
      fc.property(fc.maxSafeInteger(), number => {
        expect(jcs(number + 0)).toBe(JSON.stringify(number + 0))
      }),
    ))

  it('writes the example of RFC 8785 §3.2.2, but for its fractions', () => {
    const given =
      '{"string": "\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/", "literals": [null, true, false]}'
    expect(jcs(JSON.parse(given))).toBe(
      '{"literals":[null,true,false],"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    )
  })

  it('sorts as RFC 8785 §3.2.3 does, where code points and code units differ', () => {
    const members = ['\u20ac', '\r', '\ufb33', '1', '\u{1f600}', '\u0080', '\u00f6']
    const sorted = ['\r', '1', '\u0080', '\u00f6', '\u20ac', '\u{1f600}', '\ufb33']
    const text = jcs(Object.fromEntries(members.map(name => [name, 0])))
    expect(text).toBe(`{${sorted.map(name => `${JSON.stringify(name)}:0`).join(',')}}`)
  })

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

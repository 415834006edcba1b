import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {DecodeError} from '../../src/bits/index.js'
import {type Attribute, encodeAttributes, EVIDENCE_TYPES, PCI_TSM, u32Attribute} from '../../src/kernel/index.js'
import {assemble as assembleAny} from '../../src/tsm/evidence/index.js'

const {attribute, allTypes} = PCI_TSM
const assemble = (messages: readonly Uint8Array[], mask: number) => assembleAny(messages, mask, attribute)
const type = (number: number): Attribute => u32Attribute(attribute.type, number)
const value = (...bytes: number[]): Attribute => ({type: attribute.value, value: new Uint8Array(bytes)})
const message = (...attributes: Attribute[]): Uint8Array => encodeAttributes(attributes)

describe('assembling a pci-tsm dump', () => {
  it('joins fragments: the first message names the type, the following ones only carry bytes', () => {
    const {objects} = assemble(
      [message(type(0), value(1, 2)), message(value(3)), message(type(10), value(9))],
      allTypes,
    )
    expect([...objects]).toEqual([
      ['cert0', new Uint8Array([1, 2, 3])],
      ['report', new Uint8Array([9])],
    ])
  })

  it('takes an empty object as absent', () => {
    expect(assemble([message(type(8), value())], allTypes).objects.size).toBe(0)
  })

  it('reports attributes this family does not define', () => {
    const dump = assemble([message(type(9), value(1), {type: 42, value: new Uint8Array()})], allTypes)
    expect([...dump.unknownAttributes]).toEqual([42])
  })

  it.each([
    ['bytes before any type', [message(value(1))], allTypes],
    ['a type that does not exist', [message(type(11))], allTypes],
    ['an object twice', [message(type(0), value(1)), message(type(0), value(2))], allTypes],
    ['an object nobody asked for', [message(type(3), value(1))], 0b11],
    ['a type of three bytes', [message({type: attribute.type, value: new Uint8Array(3)})], allTypes],
  ])('refuses %s', (_, messages, mask) => {
    expect(() => assemble(messages, mask)).toThrow(DecodeError)
  })

  it('gives back what was fragmented, however it was cut', () => {
    const objects = fc.uniqueArray(
      fc.record({label: fc.nat({max: EVIDENCE_TYPES.length - 1}), bytes: fc.uint8Array({minLength: 1, maxLength: 64})}),
      {selector: ({label}) => label},
    )
    fc.assert(
      fc.property(objects, fc.integer({min: 1, max: 16}), (items, size) => {
        const messages = items.flatMap(({label, bytes}) => {
          const chunks = Array.from({length: Math.ceil(bytes.length / size)}, (__, i) =>
            value(...bytes.subarray(i * size, (i + 1) * size)),
          )
          return [message(type(label), chunks[0]!), ...chunks.slice(1).map(chunk => message(chunk))]
        })
        const found = assemble(messages, allTypes).objects
        expect([...found]).toEqual(items.map(({label, bytes}) => [EVIDENCE_TYPES[label], bytes]))
      }),
    )
  })

  it('answers random bytes with objects or a DecodeError, never with anything else', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({maxLength: 40}), {maxLength: 5}), messages => {
        try {
          expect(assemble(messages, allTypes).objects).toBeInstanceOf(Map)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
    )
  })
})

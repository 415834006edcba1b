/** Objects from messages, for both families: whole and distinct ones or a DecodeError. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {DecodeError} from '../../src/bits/index.js'
import {
  type Attribute,
  DEVICE_EVIDENCE,
  encodeAttributes,
  EVIDENCE_TYPES,
  type EvidenceLabel,
  PCI_TSM,
  u32Attribute,
} from '../../src/kernel/index.js'
import {assemble, LARGEST_OBJECT, type ReplyAttributes} from '../../src/tsm/evidence/index.js'
import {g2Messages, heading, type Objects, p2Messages} from './evidence-messages.js'

const {allTypes} = PCI_TSM
const G2: ReplyAttributes = {type: PCI_TSM.attribute.type, value: PCI_TSM.attribute.value}
const {generation, length, count} = DEVICE_EVIDENCE.attribute
const P2: ReplyAttributes = {
  type: DEVICE_EVIDENCE.attribute.type,
  value: DEVICE_EVIDENCE.attribute.value,
  announced: {generation, length, count},
}

const message = (...attributes: Attribute[]): Uint8Array => encodeAttributes(attributes)
const type = (number: number): Attribute => u32Attribute(1, number)
const g2Value = (...bytes: number[]): Attribute => ({type: G2.value, value: new Uint8Array(bytes)})
const p2Value = (...bytes: number[]): Attribute => ({type: P2.value, value: new Uint8Array(bytes)})
const u64 = (value: number, bytes = 8): Attribute => ({
  type: count,
  value: Uint8Array.from({length: bytes}, () => value),
})

const someObjects = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...EVIDENCE_TYPES), fc.uint8Array({minLength: 1, maxLength: 64})), {
    selector: ([label]) => label,
  })
  .map((entries): Objects => new Map(entries))

const FAMILIES: readonly (readonly [string, ReplyAttributes, (objects: Objects, size: number) => Uint8Array[]])[] = [
  ['pci-tsm', G2, g2Messages],
  ['device-evidence', P2, (objects, size) => p2Messages(objects, size, 7)],
]

describe.each(FAMILIES)('a dump of %s', (_, family, messagesOf) => {
  it('gives the same objects however they were cut', () => {
    fc.assert(
      fc.property(someObjects, fc.integer({min: 1, max: 70}), (objects, size) => {
        const found = assemble(messagesOf(objects, size), allTypes, family)
        expect([...found.objects]).toEqual([...objects])
        expect(found.unknownAttributes).toEqual([])
      }),
    )
  })

  it('takes an empty object as absent', () => {
    const empty: Objects = new Map([['vca' as EvidenceLabel, new Uint8Array()]])
    expect(assemble(messagesOf(empty, 8), allTypes, family).objects.size).toBe(0)
  })

  it('belongs to whoever asked: what happens to the messages later changes nothing', () => {
    const messages = messagesOf(new Map([['report', Uint8Array.of(1, 2, 3)]]), 2)
    const {objects} = assemble(messages, allTypes, family)
    for (const bytes of messages) bytes.fill(0xff)
    expect(objects.get('report')).toEqual(Uint8Array.of(1, 2, 3))
  })

  it('is objects or a DecodeError, whatever bytes came', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({maxLength: 40}), {maxLength: 5}), messages => {
        try {
          expect(assemble(messages, allTypes, family).objects).toBeInstanceOf(Map)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
    )
  })

  it.each([
    ['NLA_F_NESTED', 0x8000],
    ['NLA_F_NET_BYTEORDER', 0x4000],
  ])('does not take an attribute with %s for the one it knows', (__, flag) => {
    const other = {type: family.value + flag, value: Uint8Array.of(1)}
    const messages = [...messagesOf(new Map([['vca', Uint8Array.of(5)]]), 8), message(other)]
    const found = assemble(messages, allTypes, family)
    expect(found.unknownAttributes).toEqual([other.type])
    expect(found.objects.get('vca')).toEqual(Uint8Array.of(5))
  })

  it('reports attributes the family does not define', () => {
    const messages = [
      ...messagesOf(new Map([['vca', Uint8Array.of(5)]]), 8),
      message({type: 42, value: new Uint8Array()}),
    ]
    expect(assemble(messages, allTypes, family).unknownAttributes).toEqual([42])
  })

  it('refuses an object twice, an unrequested one, and one that does not exist', () => {
    const [once] = messagesOf(new Map([['cert3', Uint8Array.of(1)]]), 8)
    expect(() => assemble([once!, once!], allTypes, family)).toThrow(/cert3 twice/)
    expect(() => assemble([once!], 0b111, family)).toThrow(/a requested object/)
    expect(() => assemble([message(type(11))], allTypes, family)).toThrow(DecodeError)
    expect(() => assemble([message({type: family.type, value: new Uint8Array(3)})], allTypes, family)).toThrow(
      DecodeError,
    )
  })

  it('refuses bytes before any type', () => {
    const value = {type: family.value, value: Uint8Array.of(1)}
    expect(() => assemble([message(value)], allTypes, family)).toThrow(/type before value bytes/)
  })
})

describe('what device-evidence announces', () => {
  it('is every generation that was seen, and the highest count', () => {
    const messages = [
      message(...heading('cert0', 7, 1), u64(1), p2Value(1)),
      message(...heading('vca', 8, 1), u64(2), p2Value(1)),
    ]
    expect(assemble(messages, allTypes, P2)).toMatchObject({generations: [7, 8], count: 0x0202020202020202n})
  })

  it('shows every missing message: what is left is refused, or whole objects are absent', () => {
    fc.assert(
      fc.property(someObjects, fc.integer({min: 1, max: 20}), fc.nat(), (objects, size, at) => {
        const messages = p2Messages(objects, size, 7)
        fc.pre(messages.length > 0)
        const cut = messages.toSpliced(at % messages.length, 1)
        let left: Objects
        try {
          left = assemble(cut, allTypes, P2).objects
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
          return
        }
        for (const [label, bytes] of left) expect(bytes).toEqual(objects.get(label))
      }),
    )
  })

  it.each<[string, Uint8Array[], RegExp]>([
    ['fewer bytes', [message(...heading('report', 7, 4), p2Value(1, 2, 3))], /4 bytes of report/],
    [
      'fewer bytes, noticed at the next object',
      [message(...heading('vca', 7, 4), p2Value(1)), message(...heading('report', 7, 1), p2Value(1))],
      /4 bytes of vca/,
    ],
    ['more bytes', [message(...heading('report', 7, 2), p2Value(1, 2)), message(p2Value(3))], /at most 2 bytes/],
    ['no generation', [message(type(10), u32Attribute(length, 1), p2Value(1))], /a generation of report/],
    ['no length', [message(type(10), u32Attribute(generation, 1), p2Value(1))], /length of report before/],
    [
      'a length after bytes',
      [message(...heading('report', 7, 2), p2Value(1), u32Attribute(length, 1))],
      /once, before/,
    ],
    [
      'two generations of one object',
      [message(...heading('report', 7, 0), u32Attribute(generation, 8))],
      /once, before/,
    ],
    ['a generation of no object', [message(u32Attribute(generation, 8))], /type before a generation/],
    ['a count of four bytes', [message(...heading('report', 7, 0), u64(1, 4))], /8 bytes/],
    [
      'a length beyond 16 MiB, before any byte came',
      [message(...heading('measurements', 7, LARGEST_OBJECT + 1))],
      /at most 16777216/,
    ],
  ])('is refused with %s', (_, messages, reason) => {
    expect(() => assemble(messages, allTypes, P2)).toThrow(reason)
  })
})

const fragments = (total: number): Uint8Array[] => {
  const part = message({type: G2.value, value: new Uint8Array(32 * 1024)})
  return [message(type(9)), ...Array.from({length: Math.floor(total / 32768)}, () => part)]
}

describe('an object of pci-tsm', () => {
  it('may have 16 MiB, and not one byte more', () => {
    const whole = fragments(LARGEST_OBJECT)
    expect(assemble(whole, allTypes, G2).objects.get('measurements')).toHaveLength(LARGEST_OBJECT)
    expect(() => assemble([...whole, message(g2Value(0))], allTypes, G2)).toThrow(/at most 16777216 bytes/)
  })
})

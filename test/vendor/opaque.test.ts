/** Opaque data of NVIDIA: fields to facts, and what strangers' bytes can do. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {concat, DecodeError} from '../../src/bits/index.js'
import {NVIDIA_FIELDS, NVIDIA_OPAQUE_FIELD, opaqueReaderOf} from '../../src/vendor/index.js'

const read = opaqueReaderOf('NVIDIA')!
const field = (type: number, value: Uint8Array): Uint8Array => NVIDIA_OPAQUE_FIELD.encode({type, value})
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('opaque data', () => {
  it.each<[string, number, Uint8Array, string]>([
    ['driver-version', 3, ascii('545.00\0'), '545.00'],
    ['vbios-version', 6, Uint8Array.of(0, 0x5e, 0, 0x96, 1, 0, 0, 0), '96.00.5E.00.01'],
    ['vbios-version', 6, ascii('96.10.55.00.01'), '96.10.55.00.01'],
    ['nvdec0', 11, Uint8Array.of(0xaa), 'enabled'],
    ['nvdec0', 11, Uint8Array.of(0x55), 'disabled'],
    ['board-id', 14, Uint8Array.of(0xb1, 3, 0, 0), '945'],
    ['fwid', 20, Uint8Array.of(1, 2), '0102'],
  ])('gives %s', (name, type, value, wanted) => {
    expect([...read(field(type, value)).facts]).toEqual([[`opaque.${name}`, wanted]])
  })

  it('gives no fact for what is not known, and says so', () => {
    const {facts, unknown} = read(
      concat(field(11, Uint8Array.of(0x54)), field(999, ascii('x')), field(14, new Uint8Array())),
    )
    expect([...facts.keys()]).toEqual([])
    expect(unknown).toEqual(['nvdec0', 'field 999', 'board-id'])
  })

  it.each<[string, Uint8Array]>([
    ['a field twice', concat(field(3, ascii('1')), field(3, ascii('2')))],
    ['a field cut short', field(3, ascii('123')).subarray(0, 6)],
    ['a byte behind the last field', concat(field(3, ascii('1')), Uint8Array.of(0))],
  ])('with %s is malformed', (_, data) => {
    expect(() => read(data)).toThrow(DecodeError)
  })

  it('is read by the reader of its manufacturer only', () => {
    for (const name of [undefined, 'ACME', 'nvidia', 'constructor', '__proto__'])
      expect(opaqueReaderOf(name)).toBeUndefined()
  })

  it('is read or malformed, whatever the bytes are', () => {
    const types = Object.keys(NVIDIA_FIELDS).map(Number)
    const some = fc.array(fc.tuple(fc.constantFrom(...types, 77), fc.uint8Array({maxLength: 12})), {maxLength: 6})
    const encoded = some.map(list => concat(...list.map(([type, value]) => field(type, value))))
    fc.assert(
      fc.property(fc.oneof(encoded, fc.uint8Array()), data => {
        try {
          const {facts, unknown} = read(data)
          expect(facts.size + unknown.length).toBeLessThanOrEqual(data.length)
        } catch (error) {
          if (!(error instanceof DecodeError)) throw error
        }
      }),
      {numRuns: 100},
    )
  })
})

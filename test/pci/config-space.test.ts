import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {
  capabilityOf,
  CAPABILITY_HEADER,
  decodeConfigSpace,
  DOE,
  EXPRESS,
  EXTENDED_HEADER,
  MSIX,
  SERIAL_NUMBER,
  SRIOV,
  TYPE0_HEADER,
  TYPE1_HEADER,
} from '../../src/pci/index.js'

/** A configuration space from pieces at offsets. */
function space(pieces: Readonly<Record<number, Uint8Array>>, length = 4096): Uint8Array {
  const bytes = new Uint8Array(length)
  for (const [offset, piece] of Object.entries(pieces)) bytes.set(piece, Number(offset))
  return bytes
}

const HEADER = TYPE0_HEADER.encode({
  vendorId: 0x1b36,
  deviceId: 0x0010,
  capabilitiesList: true,
  capabilitiesPointer: 0x40,
  baseClass: 1,
  subClass: 8,
})
const ENDPOINT = EXPRESS.encode({version: 2, teeIo: true, next: 0x80})
const DEVICE = space({
  0: HEADER,
  0x40: ENDPOINT,
  0x80: MSIX.encode({lastVector: 7}),
  0x100: SERIAL_NUMBER.encode({version: 1, next: 0x140, serialNumber: 5n}),
  0x140: DOE.encode({version: 1, next: 0x160}),
  0x160: DOE.encode({version: 2, next: 0x400, ready: true}),
  0x400: EXTENDED_HEADER.encode({id: 0x30, version: 1}),
})

describe('a TDISP endpoint read by root', () => {
  const facts = decodeConfigSpace(DEVICE, 4096)

  it('lists both kinds of capability in list order', () => {
    expect(facts.capabilities).toMatchObject({
      value: [
        {id: 0x10, name: 'PCI Express', offset: 0x40},
        {id: 0x11, name: 'MSI-X', offset: 0x80, value: {lastVector: 7}},
      ],
    })
    expect(facts.extendedCapabilities).toMatchObject({
      value: [
        {id: 3, offset: 0x100, version: 1},
        {id: 0x2e, offset: 0x140, version: 1},
        {id: 0x2e, offset: 0x160, version: 2},
        {id: 0x30, name: 'Integrity and Data Encryption', offset: 0x400},
      ],
    })
    expect(facts.findings).toEqual([])
  })

  it('knows TEE-IO, the mailboxes and where IDE is', () => {
    expect(facts.teeIo).toEqual({known: true, value: true})
    expect(facts.doe).toMatchObject({
      value: [
        {offset: 0x140, registers: {ready: false}},
        {offset: 0x160, version: 2, registers: {ready: true}},
      ],
    })
    expect(facts.ide).toEqual({known: true, value: 0x400})
  })

  it('finds any capability by its layout', () => {
    expect(capabilityOf(facts, SERIAL_NUMBER)).toMatchObject({known: true, value: {serialNumber: 5n}})
    expect(capabilityOf(facts, MSIX)).toMatchObject({known: true, value: {lastVector: 7}})
    expect(capabilityOf(facts, SRIOV)).toEqual({known: true, value: undefined})
  })
})

describe('what was not read is unknown', () => {
  it.each([
    [64, 4096, 'CAP_SYS_ADMIN'],
    [128, 4096, 'CAP_SYS_ADMIN'],
    [64, undefined, 'CAP_SYS_ADMIN'],
  ])('%i bytes of %s: every capability, because of %s', (length, size, why) => {
    const facts = decodeConfigSpace(DEVICE.subarray(0, length), size)
    expect(facts.header).toMatchObject({known: true, value: {type: 'endpoint', fields: {vendorId: 0x1b36}}})
    const {extendedCapabilities, teeIo, doe, ide} = facts
    for (const fact of [extendedCapabilities, doe, ide]) {
      expect(fact.known).toBe(false)
      if (length === 64) expect(fact).toMatchObject({reason: expect.stringContaining(why)})
    }
    if (length === 64) expect(teeIo).toMatchObject({known: false, reason: expect.stringContaining(why)})
  })

  it('256 bytes of 4096: the extended capabilities', () => {
    const facts = decodeConfigSpace(DEVICE.subarray(0, 256), 4096)
    expect(facts.teeIo).toEqual({known: true, value: true})
    expect(facts.ide).toEqual({known: false, reason: 'only 256 bytes of configuration space at hand'})
    expect(capabilityOf(facts, SRIOV).known).toBe(false)
    expect(capabilityOf(facts, MSIX).known).toBe(true)
  })

  it('256 bytes of a space that has no more: nothing', () => {
    const facts = decodeConfigSpace(DEVICE.subarray(0, 256), 256)
    expect(facts.ide).toEqual({known: true, value: undefined})
    expect(facts.doe).toEqual({known: true, value: []})
  })

  it('fewer than 64 bytes: everything', () => {
    const facts = decodeConfigSpace(DEVICE.subarray(0, 63))
    expect(facts).toMatchObject({length: 63, gone: false, header: {known: false}, teeIo: {known: false}})
  })

  it('all ones: everything, because the device is gone', () => {
    const facts = decodeConfigSpace(new Uint8Array(4096).fill(0xff))
    expect(facts.gone).toBe(true)
    expect(facts.teeIo).toMatchObject({known: false, reason: expect.stringContaining('does not answer')})
  })

  it('a VF answers although its IDs read all ones', () => {
    const vf = DEVICE.slice()
    vf.fill(0xff, 0, 4)
    expect(decodeConfigSpace(vf)).toMatchObject({gone: false, teeIo: {known: true, value: true}})
  })

  it('TEE-IO and mailboxes, when their registers reach beyond the space', () => {
    const header = TYPE0_HEADER.encode({capabilitiesList: true, capabilitiesPointer: 0xf0})
    const facts = decodeConfigSpace(
      space({0: header, 0xf0: ENDPOINT, 0x100: DOE.encode({next: 0xff0}), 0xff0: DOE.encode({}).subarray(0, 16)}),
    )
    expect(facts.teeIo.known).toBe(false)
    expect(facts.doe.known).toBe(false)
    expect(facts.findings.length).toBeGreaterThan(0)
  })
})

describe('what is known to be absent', () => {
  it('a conventional PCI function has no extended capabilities', () => {
    const header = TYPE0_HEADER.encode({vendorId: 1})
    expect(decodeConfigSpace(space({0: header, 0x100: DOE.encode({})}))).toMatchObject({
      capabilities: {known: true, value: []},
      teeIo: {known: true, value: false},
      doe: {known: true, value: []},
      express: {known: true, value: undefined},
    })
  })

  it('even 64 bytes tell that there is no capability list', () =>
    expect(decodeConfigSpace(HEADER.map((byte, i) => (i === 6 ? 0 : byte)))).toMatchObject({
      teeIo: {known: true, value: false},
    }))

  it('an empty extended list', () => {
    for (const empty of [new Uint8Array(4), new Uint8Array(4).fill(0xff)])
      expect(decodeConfigSpace(space({0: HEADER, 0x40: EXPRESS.encode({version: 2}), 0x100: empty}))).toMatchObject({
        extendedCapabilities: {known: true, value: []},
        findings: [],
      })
  })
})

it('a bridge has buses and windows', () => {
  const header = TYPE1_HEADER.encode({secondaryBus: 1, subordinateBus: 3, memoryBase: 0x400, memoryLimit: 0x401})
  expect(decodeConfigSpace(space({0: header}))).toMatchObject({
    header: {value: {type: 'bridge', fields: {secondaryBus: 1, memoryBase: 0x400}}},
  })
})

it('a CardBus bridge is named and not guessed at', () => {
  const header = HEADER.slice()
  header[0x0e] = 2
  expect(decodeConfigSpace(space({0: header}))).toMatchObject({
    header: {value: {type: 'other'}},
    capabilities: {known: false, reason: 'header type 2 is not decoded'},
  })
})

const cap = (id: number, next: number) => CAPABILITY_HEADER.encode({id, next})
const ecap = (id: number, next: number) => EXTENDED_HEADER.encode({id, version: 1, next})

describe('hostile lists', () => {
  it.each([
    ['a capability that points to itself', {0x40: cap(1, 0x40)}, 1, 'loops back to 0x40'],
    ['two capabilities in a ring', {0x40: cap(1, 0x50), 0x50: cap(5, 0x40)}, 2, 'loops back to 0x40'],
    ['a pointer into the header', {0x40: cap(1, 0x10)}, 1, 'points into the header'],
    ['a list that runs into all ones', {0x40: cap(1, 0x50), 0x50: Uint8Array.of(0xff, 0xff)}, 1, 'runs into 0xff'],
    [
      'capabilities on top of each other',
      {0x40: EXPRESS.encode({version: 2, next: 0x44}), 0x44: cap(0, 0)},
      2,
      'lies inside PCI Express',
    ],
  ])('%s', (_, pieces, count, message) => {
    const facts = decodeConfigSpace(space({0: HEADER, ...pieces}))
    expect(facts.capabilities).toMatchObject({known: true, value: {length: count}})
    expect(facts.findings.map(finding => finding.message).join('\n')).toContain(message)
  })

  it.each([
    ['an extended capability that points to itself', {0x100: ecap(0xb, 0x100)}, 1, 'loops back to 0x100'],
    ['a ring', {0x100: ecap(0xb, 0x200), 0x200: ecap(0xb, 0x100)}, 2, 'loops back to 0x100'],
    ['a pointer below 100h', {0x100: ecap(0xb, 0x40)}, 1, 'points below 0x100'],
    ['a list that runs into zeros', {0x100: ecap(0xb, 0x200)}, 1, 'runs into 0x0'],
    ['capabilities on top of each other', {0x100: SRIOV.encode({version: 1, next: 0x110})}, 1, 'runs into 0x0'],
    [
      'a capability inside another',
      {0x100: SRIOV.encode({version: 1, next: 0x120}), 0x120: ecap(0xb, 0)},
      2,
      'lies inside',
    ],
  ])('%s', (_, pieces, count, message) => {
    const facts = decodeConfigSpace(space({0: HEADER, 0x40: EXPRESS.encode({version: 2}), ...pieces}))
    expect(facts.extendedCapabilities).toMatchObject({known: true, value: {length: count}})
    expect(facts.findings.map(finding => finding.message).join('\n')).toContain(message)
  })

  it('the longest possible list is walked to its end', () => {
    const pieces: Record<number, Uint8Array> = {}
    for (let at = 0x100; at < 0x1000; at += 4) pieces[at] = ecap(0xb, at + 4 === 0x1000 ? 0 : at + 4)
    const facts = decodeConfigSpace(space({0: HEADER, 0x40: EXPRESS.encode({version: 2}), ...pieces}))
    expect(facts.extendedCapabilities).toMatchObject({known: true, value: {length: 960}})
  })
})

it('returns facts for any bytes of any length, in bounded size', () => {
  const bytes = fc.oneof(
    fc.uint8Array({maxLength: 4096, size: 'max'}),
    // mostly valid spaces with random damage reach deeper
    fc.array(fc.tuple(fc.nat({max: 4095}), fc.nat({max: 255})), {maxLength: 60}).map(edits => {
      const copy = DEVICE.slice()
      for (const [at, byte] of edits) copy[at] = byte
      return copy
    }),
  )
  const size = fc.constantFrom(undefined, 64, 256, 4096)
  fc.assert(
    fc.property(bytes, size, (input, fileSize) => {
      const facts = decodeConfigSpace(input, fileSize)
      expect(facts.length).toBe(input.length)
      if (facts.capabilities.known) expect(facts.capabilities.value.length).toBeLessThanOrEqual(48 + 1)
      if (facts.extendedCapabilities.known) expect(facts.extendedCapabilities.value.length).toBeLessThanOrEqual(960)
      expect(() => JSON.stringify(facts)).not.toThrow()
    }),
    {numRuns: 500},
  )
})

it('copies its input', () => {
  const bytes = Buffer.from(DEVICE)
  const facts = decodeConfigSpace(bytes)
  bytes.fill(0)
  expect(facts.header).toMatchObject({value: {fields: {vendorId: 0x1b36}}})
})

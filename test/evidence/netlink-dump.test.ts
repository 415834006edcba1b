/** Recorded netlink messages become a bundle when they are whole dumps of one collection, and are refused otherwise. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {concat} from '../../src/bits/index.js'
import {decodeTsmFacts, importNetlink, integrityFindings} from '../../src/evidence/index.js'
import {TsmctlError} from '../../src/errors.js'
import {
  type Attribute,
  DEVICE_EVIDENCE,
  encodeAttributes,
  looksRecorded,
  PCI_TSM,
  u32Attribute,
} from '../../src/kernel/index.js'

const FACTS = {
  hash: 'sha384',
  asym: 'ecdsa-p384',
  collectedAt: '2026-11-21T12:00:00Z',
  bundleId: '0f'.repeat(16),
  tool: 'test',
  source: 'nl.bin',
}
const FAMILY = 0x1c
const [REQUEST, MULTI, INTERRUPTED, DUMP] = [1, 2, 0x10, 0x300]
const DONE = 3

interface Sent {
  readonly type?: number
  readonly flags?: number
  readonly sequence?: number
  readonly command?: number | null
  readonly body?: Uint8Array
}
/** struct nlmsghdr, and struct genlmsghdr where there is a command. */
function message({type = FAMILY, flags = MULTI, sequence = 1, command = 1, body = new Uint8Array()}: Sent): Uint8Array {
  const payload = command === null ? body : concat(Uint8Array.of(command, 1, 0, 0), body)
  const head = new Uint8Array(16)
  const view = new DataView(head.buffer)
  view.setUint32(0, 16 + payload.length, true)
  view.setUint16(4, type, true)
  view.setUint16(6, flags, true)
  view.setUint32(8, sequence, true)
  return concat(head, payload, new Uint8Array((4 - (payload.length % 4)) % 4))
}
const done = (sequence = 1, error = 0): Uint8Array => {
  const body = new Uint8Array(4)
  new DataView(body.buffer).setInt32(0, error, true)
  return message({type: DONE, sequence, command: null, body})
}

const P2 = DEVICE_EVIDENCE.attribute
const value = (bytes: Uint8Array, type: number = P2.value): Attribute => ({type, value: bytes})
const object = (type: number, bytes: Uint8Array, generation = 7): Uint8Array =>
  encodeAttributes([
    u32Attribute(P2.type, type),
    u32Attribute(P2.generation, generation),
    u32Attribute(P2.length, bytes.length),
    value(bytes),
  ])
const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte)
const [CERT0, VCA, MEASUREMENTS, REPORT] = [0, 8, 9, 10]

const objects = (sequence = 1, generation = 7): Uint8Array[] => [
  message({sequence, body: object(CERT0, filled(40, 1), generation)}),
  message({sequence, body: object(MEASUREMENTS, filled(30, 2), generation)}),
  message({sequence, body: object(REPORT, filled(20, 3), generation)}),
  done(sequence),
]
const digests = (sequence = 2, generation = 7): Uint8Array[] => [
  message({sequence, body: object(CERT0, filled(48, 4), generation)}),
  message({sequence, body: object(REPORT, filled(48, 5), generation)}),
  done(sequence),
]
const request = (sequence: number, flags: number, nonce?: Uint8Array): Uint8Array =>
  message({
    sequence,
    flags: REQUEST + DUMP,
    body: encodeAttributes([u32Attribute(P2.flags, flags), ...(nonce ? [value(nonce, P2.nonce)] : [])]),
  })
const nonce = filled(32, 9)
const imported = (...messages: readonly Uint8Array[]) => importNetlink(concat(...messages), FACTS)

describe('recorded netlink messages', () => {
  it('are a bundle with the objects and what the TSM stated of them', () => {
    const {bundle, statedNonce} = imported(...objects(), ...digests())
    expect(integrityFindings(bundle)).toEqual([])
    expect([...bundle.objects.keys()]).toEqual(['cert0', 'measurements', 'report', 'tsm'])
    expect(bundle.objects.get('report')).toEqual(filled(20, 3))
    expect(bundle.manifest).toMatchObject({
      provider: {kind: 'file', abi: 'netlink:device-evidence', generation: 7},
      nonce: null,
      tdiState: 'unknown',
    })
    expect(decodeTsmFacts(bundle.objects.get('tsm')!).digests).toEqual({
      cert0: '04'.repeat(48),
      report: '05'.repeat(48),
    })
    expect(statedNonce).toBeUndefined()
  })

  it('tell by their requests which dump is which, and which nonce was sent', () => {
    const {bundle, statedNonce} = imported(request(2, 1), ...digests(), request(1, 0, nonce), ...objects())
    expect(bundle.objects.get('report')).toEqual(filled(20, 3))
    expect(statedNonce).toBe('09'.repeat(32))
    expect(bundle.manifest.nonce).toBeNull()
  })

  it('may be of the older family, whose objects come in pieces', () => {
    const {attribute} = PCI_TSM
    const first = encodeAttributes([u32Attribute(attribute.type, VCA), value(filled(3, 1), attribute.value)])
    const second = encodeAttributes([value(filled(2, 2), attribute.value)])
    const {bundle} = imported(message({body: first}), message({body: second}), done())
    expect(bundle.objects.get('vca')).toEqual(Uint8Array.of(1, 1, 1, 2, 2))
    expect(bundle.manifest.provider).toMatchObject({abi: 'netlink:pci-tsm', generation: null})
  })

  it.each<[string, readonly Uint8Array[], RegExp]>([
    ['nothing', [], /no dump of evidence/],
    ['other families only', [message({body: encodeAttributes([value(filled(4, 1), 77)])}), done()], /no dump of evid/],
    ['no end', objects().slice(0, -1), /NLMSG_DONE at the end/],
    ['an end with an error', [...objects().slice(0, -1), done(1, -5)], /errno 5/],
    ['a dump that was interrupted', [message({flags: MULTI + INTERRUPTED}), done()], /interrupted/],
    ['a receiver that was overrun', [message({type: 4, command: null, body: filled(4, 0)})], /overrun/],
    [
      'an error of the kernel',
      [message({type: 2, command: null, body: Uint8Array.of(0xff, 255, 255, 255)})],
      /errno 1/,
    ],
    ['three collections', [...objects(), ...digests(), ...objects(3)], /3 dumps/],
    ['digests alone', [request(2, 1), ...digests()], /not one dump of objects/],
    ['two dumps of objects', [request(1, 0), ...objects(), request(3, 0), ...objects(3)], /not one dump of objects/],
    ['two generations', [...objects(1, 7), ...digests(2, 8)], /generations 7, 8/],
    ['an object twice', [objects()[0]!, ...objects()], /cert0 twice/],
    ['objects where digests should be', [...objects(), ...objects(3)], /not one dump of objects/],
    [
      'fewer bytes than announced',
      [
        message({
          body: encodeAttributes([
            u32Attribute(P2.type, VCA),
            u32Attribute(P2.generation, 1),
            u32Attribute(P2.length, 9),
          ]),
        }),
        done(),
      ],
      /9 bytes of vca/,
    ],
    [
      'an attribute nobody knows',
      [message({body: concat(object(VCA, filled(1, 1)), encodeAttributes([value(filled(1, 1), 99)]))}), done()],
      /attribute types 99/,
    ],
    ['a message without its header', [message({command: null, body: filled(2, 1)})], /genlmsghdr/],
    ['a length beyond the file', [objects()[0]!.slice(0, 20)], /length/],
    ['a length of nothing', [filled(16, 0)], /length/],
  ])('are refused: %s', (_, messages, why) => {
    expect(() => imported(...messages)).toThrow(why)
    expect(() => imported(...messages)).toThrow(expect.objectContaining({kind: 'malformed'}))
  })

  it('are told from other files by their first header', () => {
    expect(looksRecorded(concat(...objects()))).toBe(true)
    for (const other of [new Uint8Array(), filled(64, 0), filled(64, 0xff), Uint8Array.of(0x11, 0xe0, 1, 0xff, 9)])
      expect(looksRecorded(other)).toBe(false)
  })

  it('damaged in any way are a bundle or an explained refusal, quickly', () => {
    const whole = concat(request(1, 0, nonce), ...objects(), request(2, 1), ...digests())
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({max: whole.length - 1}), fc.nat({max: 255})), {maxLength: 4}),
        fc.nat({max: whole.length}),
        (edits, end) => {
          const bytes = whole.slice(0, end)
          for (const [at, byte] of edits) if (at < end) bytes[at] = byte
          try {
            expect(integrityFindings(importNetlink(bytes, FACTS).bundle)).toEqual([])
          } catch (error) {
            expect(error).toBeInstanceOf(TsmctlError)
          }
        },
      ),
      {numRuns: 200},
    )
  })

  it('of more messages than any collection has are refused without being kept', () => {
    const one = message({body: new Uint8Array()})
    const flood = new Uint8Array(one.length * 100_001)
    for (let at = 0; at < flood.length; at += one.length) flood.set(one, at)
    expect(() => importNetlink(flood, FACTS)).toThrow(/at most 100000 messages/)
  })
})

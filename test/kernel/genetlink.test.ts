/** The generic-netlink codecs, against datagrams of a running kernel and against hostile ones. */
import {readFileSync} from 'node:fs'
import {join} from 'node:path'
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {concat, DecodeError, fromHex, toHex} from '../../src/bits/index.js'
import {ErrnoError} from '../../src/errors.js'
import {decodeFamily, decodeFamilyNamed, decodePolicies} from '../../src/kernel/genetlink/control.js'
import {encodeRequest, messagesOf, NLMSGHDR, SOCKADDR_NL} from '../../src/kernel/genetlink/message.js'
import {Reply} from '../../src/kernel/genetlink/reply.js'
import {type Attribute, encodeAttributes, parseUevent, stringAttribute, u32Attribute} from '../../src/kernel/index.js'
import {isFromKernel} from '../../src/kernel/native/socket.js'

interface Recorded {
  readonly name: string
  readonly isDump: boolean
  readonly request: string
  readonly datagrams: readonly string[]
}
const recorded = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../fixtures/netlink/running-kernel.json'), 'utf8'),
) as {answers: readonly Recorded[]; uevent: string}

const answerOf = (name: string): Recorded => recorded.answers.find(one => one.name === name)!
const SUBJECT = 'the generic-netlink family x'

/** Everything a recorded answer holds. */
function replay({isDump, datagrams}: Recorded): readonly Uint8Array[] {
  const reply = new Reply({type: 16, sequence: 7, isDump, subject: SUBJECT})
  const done = datagrams.map(datagram => reply.take(fromHex(datagram)))
  expect(done).toEqual(done.map((_, i) => i === done.length - 1))
  return reply.payloads
}

describe('datagrams of a running kernel', () => {
  it('are what was asked for in our own encoding', () => {
    for (const {request, isDump} of recorded.answers) {
      const bytes = fromHex(request)
      const again = encodeRequest({
        type: 16,
        command: bytes[16]!,
        version: bytes[17]!,
        attributes: bytes.subarray(20),
        sequence: 7,
        isDump,
      })
      expect(toHex(again)).toBe(request)
    }
  })

  it('describe a family', () => {
    const family = decodeFamilyNamed('nlctrl', replay(answerOf('family nlctrl')))
    expect(family).toEqual({id: 16, name: 'nlctrl', version: 2, maxAttribute: 0, commands: new Set([3, 10])})
    expect(() => decodeFamilyNamed('nlctrl2', replay(answerOf('family nlctrl')))).toThrow('expected "nlctrl2"')
  })

  it('list all families, in any number of datagrams', () => {
    const names = replay(answerOf('all families')).map(payload => decodeFamily(payload).name)
    expect(names[0]).toBe('nlctrl')
    expect(new Set(names).size).toBe(names.length)
    expect(answerOf('all families').datagrams.length).toBeGreaterThan(1)
  })

  it('tell the longest payload of each attribute', () => {
    expect(decodePolicies(replay(answerOf('policy of nlctrl')))).toEqual(
      new Map([
        [1, 2],
        [2, 16],
        [10, 4],
      ]),
    )
    expect(decodePolicies(replay(answerOf('policy of TASKSTATS')))).toEqual(
      new Map([
        [1, 4],
        [2, 4],
        [3, null],
        [4, null],
      ]),
    )
  })

  it.each([
    ['family that is not there', 'ENOENT', ''],
    ['policy of a family that is not there', 'ENOENT', ''],
    ['unknown command', 'EOPNOTSUPP', ''],
    ['family name that is too long', 'EINVAL', '"Attribute failed policy validation", at byte 20 of the request'],
    ['dump with a wrong attribute', 'EINVAL', '"Unsupported attribute", at byte 20 of the request'],
  ])('refuse: %s', (name, errno, words) => {
    try {
      replay(answerOf(name))
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(ErrnoError)
      expect((error as ErrnoError).errno).toBe(errno)
      expect((error as ErrnoError).message).toMatch(/^cannot ask the generic-netlink family x: E/)
      if (words !== '') expect((error as ErrnoError).got).toMatch(new RegExp(`, the kernel says: ${words}$`))
      else expect((error as ErrnoError).got).not.toContain('says')
    }
  })

  it('announce an event', () => {
    const {action, devpath, properties} = parseUevent(fromHex(recorded.uevent))
    expect([action, devpath]).toEqual(['change', '/devices/virtual/net/lo'])
    expect(properties.get('SYNTH_ARG_SOURCE')).toBe('tsmctl')
  })

  it('with flipped bits, or cut, are read or refused', () => {
    for (const answer of recorded.answers)
      for (const datagram of answer.datagrams) {
        const bytes = fromHex(datagram)
        const look = (changed: Uint8Array): void => {
          const reply = new Reply({type: 16, sequence: 7, isDump: answer.isDump, subject: SUBJECT})
          try {
            reply.take(changed)
            decodePolicies(reply.payloads)
            for (const payload of reply.payloads) expect(decodeFamily(payload).name.length).toBeLessThan(1000)
          } catch (error) {
            expect(error instanceof DecodeError || error instanceof ErrnoError).toBe(true)
            expect((error as Error).message).toMatch(/^[\x20-\x7e]*$/)
          }
        }
        for (let at = 0; at < bytes.length; at += 7) {
          look(bytes.subarray(0, at))
          const flipped = bytes.slice()
          flipped[at]! ^= 2 ** (at % 8)
          look(flipped)
        }
      }
  })
})

const TYPE = 30
const [MULTI, INTERRUPTED, CAPPED, TLVS] = [2, 0x10, 0x100, 0x200]
const i32 = (value: number): Uint8Array => u32Attribute(0, value < 0 ? value + 2 ** 32 : value).value
const message = (type: number, payload: Uint8Array, flags = MULTI, sequence = 1): Uint8Array =>
  concat(
    NLMSGHDR.encode({length: 16 + payload.length, type, flags, sequence}),
    payload,
    new Uint8Array((4 - (payload.length % 4)) % 4),
  )
const data = (payload: Uint8Array, flags?: number, sequence?: number): Uint8Array =>
  message(TYPE, concat(new Uint8Array(4), payload), flags, sequence)
const done = (errno = 0, attributes: readonly Attribute[] = []): Uint8Array =>
  message(3, concat(i32(errno), encodeAttributes(attributes)), MULTI + (attributes.length > 0 ? TLVS : 0))
const refused = (errno: number, attributes: Uint8Array, flags = CAPPED + TLVS, echo = new Uint8Array(0)): Uint8Array =>
  message(2, concat(i32(errno), NLMSGHDR.encode({length: 16 + echo.length}), echo, attributes), flags)

const dump = (limits: {largestReply?: number; mostMessages?: number} = {}): Reply =>
  new Reply({type: TYPE, sequence: 1, isDump: true, subject: SUBJECT, ...limits})
const single = (): Reply => new Reply({type: TYPE, sequence: 1, isDump: false, subject: SUBJECT})

/** The refusal of a datagram. */
function refusalOf(reply: Reply, ...datagrams: readonly Uint8Array[]): ErrnoError {
  try {
    for (const datagram of datagrams) reply.take(datagram)
  } catch (error) {
    if (error instanceof ErrnoError) return error
    throw error
  }
  return expect.unreachable('nothing was refused')
}

describe('an answer', () => {
  it('has the payloads of all datagrams in order', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.uint8Array({maxLength: 30}), {minLength: 1, maxLength: 4})), groups => {
        const reply = dump()
        for (const group of groups) expect(reply.take(concat(...group.map(one => data(one))))).toBe(false)
        expect(reply.take(done())).toBe(true)
        expect(reply.payloads).toEqual(groups.flat())
      }),
    )
  })

  it('to a single request ends with the acknowledgement', () => {
    const reply = single()
    expect(reply.take(data(Uint8Array.of(1)))).toBe(false)
    expect(reply.take(refused(0, new Uint8Array(0), CAPPED))).toBe(true)
    expect(reply.payloads).toEqual([Uint8Array.of(1)])
  })

  it('is not made of what answers another request', () => {
    const reply = dump()
    expect(reply.take(concat(data(Uint8Array.of(9), MULTI, 2), message(3, i32(-5), MULTI, 2)))).toBe(false)
    expect(reply.take(concat(data(Uint8Array.of(1)), message(1, new Uint8Array(0)), done()))).toBe(true)
    expect(reply.payloads).toEqual([Uint8Array.of(1)])
  })

  it.each([
    [-11, 'EAGAIN', 'busy'],
    [-116, 'ESTALE', 'busy'],
    [-105, 'ENOBUFS', 'unsupported'],
    [-2, 'ENOENT', 'not-found'],
    [-999, 'errno 999', 'unsupported'],
  ])('that ends with %i is refused as %s', (number, errno, kind) => {
    for (const end of [done(number), refused(number, new Uint8Array(0))])
      expect(refusalOf(dump(), data(new Uint8Array(4)), end)).toMatchObject({errno, kind})
  })

  it('whose list changed meanwhile is worthless: try again', () => {
    for (const flagged of [
      [data(new Uint8Array(1), MULTI + INTERRUPTED), data(new Uint8Array(1)), done()],
      [data(new Uint8Array(1)), message(3, i32(0), MULTI + INTERRUPTED)],
    ])
      expect(refusalOf(dump(), ...flagged)).toMatchObject({errno: 'EINTR', kind: 'busy', hint: 'try again'})
  })

  it('that was overrun is refused', () => {
    expect(refusalOf(dump(), message(4, new Uint8Array(0))).errno).toBe('ENOBUFS')
  })

  it.each([
    ['a length of zero', fromHex('00000000 1e000200 01000000 00000000')],
    ['a length below the header', fromHex('0f000000 1e000200 01000000 00000000')],
    ['a length beyond the datagram', fromHex('15000000 1e000200 01000000 00000000 00000000')],
    ['a length of four gigabytes', fromHex('ffffffff 1e000200 01000000 00000000 00000000')],
    ['half a header', fromHex('10000000 1e00')],
    ['a second message cut off', concat(data(new Uint8Array(4)), fromHex('14000000 1e000200 01000000'))],
    ['no room for the generic header', message(TYPE, new Uint8Array(3))],
    ['another family', message(TYPE + 1, new Uint8Array(8))],
    ['an end without errno', message(3, new Uint8Array(2))],
    ['an acknowledgement in place of the end', refused(0, new Uint8Array(0), CAPPED)],
  ])('with %s is malformed', (_, datagram) => {
    expect(() => dump().take(datagram)).toThrow(DecodeError)
  })

  it('may not be larger than it ever is', () => {
    const reply = dump({largestReply: 100, mostMessages: 10})
    expect(() => {
      for (let i = 0; i < 4; i++) reply.take(data(new Uint8Array(40)))
    }).toThrow('expected at most 100 bytes')
    const many = dump({mostMessages: 10})
    expect(() => many.take(concat(...Array.from({length: 11}, () => data(new Uint8Array(0)))))).toThrow('at most 10')
  })

  it('takes eleven objects of 16 MiB and their overhead, and not one more', () => {
    const reply = dump()
    const piece = data(new Uint8Array(32_000))
    const pieces = Math.ceil((11 * 16 * 1024 * 1024) / 32_000)
    for (let i = 0; i < pieces; i++) reply.take(piece)
    expect(reply.payloads).toHaveLength(pieces)
    expect(() => {
      for (let i = 0; i < pieces; i++) reply.take(piece)
    }).toThrow(DecodeError)
  })
})

const text = (value: string | Uint8Array): Uint8Array =>
  encodeAttributes([{type: 1, value: typeof value === 'string' ? stringAttribute(1, value).value : value}])

describe('the words of the kernel', () => {
  it('are shown, behind a request that is repeated or not', () => {
    const words = text('no such device')
    for (const datagram of [
      refused(-19, words),
      refused(-19, words, TLVS, new Uint8Array(20)),
      refused(-19, words, TLVS, new Uint8Array(8)),
      done(-19, [{type: 1, value: Buffer.from('no such device\0')}]),
    ])
      expect(refusalOf(dump(), datagram).got).toBe('ENODEV (no such device), the kernel says: "no such device"')
  })

  it('name a missing attribute', () => {
    const words = encodeAttributes([u32Attribute(5, 6), u32Attribute(2, 24)])
    expect(refusalOf(single(), refused(-22, words)).got).toMatch(/attribute 6 is missing, at byte 24 of the request$/)
  })

  it('cannot drive a terminal, and cannot fill it', () => {
    const {got} = refusalOf(single(), refused(-22, text('\x1b[2J\x1b]0;gone\x07\r\n\x9b"\\')))
    expect(got).toContain('says: "\\x1b[2J\\x1b]0;gone\\x07\\x0d\\x0a\\x9b\\x22\\x5c"')
    const long = refusalOf(single(), refused(-22, text('x'.repeat(60_000))))
    expect(long.message.length).toBeLessThan(400)
    const huge = message(2, concat(i32(-22), NLMSGHDR.encode({length: 16}), new Uint8Array(1_000_000).fill(0x1b)), TLVS)
    expect(refusalOf(single(), huge).message.length).toBeLessThan(400)
  })

  it.each([
    ['a length that lies', fromHex('ff000100 41414141')],
    ['a length of zero', fromHex('00000100')],
    ['half an attribute', fromHex('0800')],
    ['numbers of another size', encodeAttributes([{type: 2, value: new Uint8Array(2)}])],
    [
      'thousands of attributes',
      encodeAttributes(Array.from({length: 8000}, () => ({type: 9, value: new Uint8Array(0)}))),
    ],
  ])('with %s leave the errno', (_, words) => {
    expect(refusalOf(single(), refused(-22, words))).toMatchObject({errno: 'EINVAL', got: 'EINVAL (invalid argument)'})
  })

  it('behind a request of a length that lies are not looked for', () => {
    const lying = message(2, concat(i32(-22), NLMSGHDR.encode({length: 0xffff_fff0}), text('x')), TLVS)
    expect(refusalOf(single(), lying).got).toBe('EINVAL (invalid argument)')
    expect(refusalOf(single(), message(2, concat(i32(-22), new Uint8Array(4)), TLVS)).errno).toBe('EINVAL')
  })
})

const u16 = (value: number): Uint8Array => Uint8Array.of(value % 256, Math.floor(value / 256))

describe('the description of a family', () => {
  const good: readonly Attribute[] = [
    {type: 1, value: u16(31)},
    stringAttribute(2, 'pci-tsm'),
    u32Attribute(3, 1),
    u32Attribute(5, 10),
    {type: 0x8006, value: encodeAttributes([{type: 0x8001, value: encodeAttributes([u32Attribute(1, 2)])}])},
  ]

  it('has flags in its attribute types', () => {
    expect(decodeFamily(encodeAttributes(good))).toEqual({
      id: 31,
      name: 'pci-tsm',
      version: 1,
      maxAttribute: 10,
      commands: new Set([2]),
    })
  })

  it.each([
    ['no number', good.slice(1)],
    ['no name', good.toSpliced(1, 1)],
    ['two names', [...good, good[1]!]],
    ['a number of four bytes', [u32Attribute(1, 31), ...good.slice(1)]],
    ['a version of two bytes', good.toSpliced(2, 1, {type: 3, value: u16(1)})],
    [
      'an operation without number',
      good.toSpliced(4, 1, {type: 6, value: encodeAttributes([{type: 1, value: u16(0)}])}),
    ],
    ['operations that are cut', good.toSpliced(4, 1, {type: 6, value: Uint8Array.of(9, 0, 1, 0)})],
  ])('with %s is malformed', (_, attributes) => {
    expect(() => decodeFamily(encodeAttributes(attributes))).toThrow(DecodeError)
  })

  it('comes once', () => {
    const payload = encodeAttributes(good)
    expect(() => decodeFamilyNamed('pci-tsm', [])).toThrow('expected one answer')
    expect(() => decodeFamilyNamed('pci-tsm', [payload, payload])).toThrow('expected one answer')
  })
})

const nest = (type: number, ...inner: readonly Attribute[]): Attribute => ({type, value: encodeAttributes(inner)})
const entry = (index: number, type: number, ...limits: readonly Attribute[]): Uint8Array =>
  encodeAttributes([nest(8, nest(index, nest(type, ...limits)))])
const kind = (number: number): Attribute => u32Attribute(1, number)
const longest = (bytes: number): Attribute => u32Attribute(7, bytes)
const operation = (command: number, index: number): Uint8Array =>
  encodeAttributes([nest(9, nest(command, u32Attribute(1, index)))])

describe('a policy', () => {
  it.each([
    ['a flag', [kind(1)], 0],
    ['u8', [kind(2)], 1],
    ['u64', [kind(5)], 8],
    ['s16', [kind(7)], 2],
    ['bytes', [kind(10), longest(32)], 32],
    ['bytes without limit', [kind(10)], null],
    ['a string, which has a NUL besides', [kind(12), longest(15)], 16],
    ['something nested', [kind(13)], null],
    ['a type from the future', [kind(99)], null],
  ])('of %s', (_, limits, expected) => {
    expect(decodePolicies([entry(0, 6, ...limits)])).toEqual(new Map([[6, expected]]))
  })

  it('is the most generous of all operations, without those of nested attributes', () => {
    const payloads = [
      operation(1, 1),
      operation(2, 2),
      entry(1, 6, kind(10), longest(32)),
      entry(2, 6, kind(10), longest(64)),
      entry(1, 7, kind(10), longest(8)),
      entry(2, 7, kind(10)),
      entry(3, 9, kind(4)),
    ]
    const expected = new Map([
      [6, 64],
      [7, null],
    ])
    expect(decodePolicies(payloads)).toEqual(expected)
    expect(decodePolicies(payloads.toReversed())).toEqual(expected)
  })

  it('without a type is malformed', () => {
    expect(() => decodePolicies([entry(0, 6, longest(1))])).toThrow(DecodeError)
  })

  it('is read no deeper than it is deep', () => {
    let deep: Attribute = {type: 8, value: new Uint8Array(0)}
    for (let i = 0; i < 5000; i++) deep = nest(8, deep)
    expect(() => decodePolicies([encodeAttributes([deep])])).toThrow(DecodeError)
  })
})

it('a datagram that is not from the kernel is known by its port', () => {
  expect(isFromKernel(SOCKADDR_NL.encode({family: 16, port: 0, groups: 1}))).toBe(true)
  expect(isFromKernel(SOCKADDR_NL.encode({family: 16, port: 4711}))).toBe(false)
  expect(isFromKernel(SOCKADDR_NL.encode({family: 1, port: 0}))).toBe(false)
  expect(isFromKernel(new Uint8Array(8))).toBe(false)
})

it('any bytes are messages or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({maxLength: 200}), bytes => {
      try {
        expect(messagesOf(bytes).length).toBeLessThanOrEqual(Math.ceil(bytes.length / 16))
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
      }
    }),
  )
})

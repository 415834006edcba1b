/** Key schedule and records of a session (DSP0274 1.3 §12; DSP0277 1.2). */
import {createDecipheriv, createHmac, hkdfSync} from 'node:crypto'
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {concat, toHex} from '../../src/bits/index.js'
import {
  AEAD,
  APPLICATION_DATA,
  type AeadAlgorithm,
  BASE_HASH,
  binConcat,
  type Connection,
  expand,
  handshakeSecretOf,
  hashNamed,
  rowNamed,
  DOE_RECORDS,
  MCTP_RECORDS,
  MCTP_SECURED_MESSAGE,
  type RecordForm,
  SECURED_MESSAGE,
  SecureSession,
  sessionIdOf,
  unsupportedSession,
} from '../../src/spdm/index.js'
import {RecordKey} from '../../src/spdm/session/record-key.js'
import {flipped} from './support.js'

const ID = 0xfffe_0001
const HASHES = BASE_HASH.filter(({name}) => name !== 'sm3-256')
const CIPHERS = AEAD.filter(({name}) => name !== 'sm4-gcm')
const sha384 = hashNamed('sha384')!
const aes256 = rowNamed(AEAD, 'aes-256-gcm')
const secret = new Uint8Array(48).fill(7)
const th1 = new Uint8Array(48).fill(1)
const th2 = new Uint8Array(48).fill(2)
const message = Uint8Array.of(0x12, 0xe8, 0, 0)

interface Given {
  readonly version?: number
  readonly hash?: typeof sha384
  readonly aead?: AeadAlgorithm
  readonly encrypted?: boolean
  readonly kind?: 'exchange' | 'psk'
  readonly form?: RecordForm
}

/** The parts of a connection that a session depends on. */
const connection = ({version = 0x12, hash = sha384, aead = aes256, encrypted = true}: Given): Connection =>
  ({version, hash, aead, encrypted}) as Connection

interface Pair {
  readonly requester: SecureSession
  readonly responder: SecureSession
}

function pairOf(given: Given = {}, phase: 'new' | 'handshake' | 'application' = 'application'): Pair {
  const {kind = 'exchange', form} = given
  const of = (role: 'requester' | 'responder'): SecureSession => {
    const session = new SecureSession({connection: connection(given), id: ID, role, secret, kind, form})
    if (phase !== 'new') session.enterHandshake(th1)
    if (phase === 'application') session.enterApplication(th2)
    return session
  }
  return {requester: of('requester'), responder: of('responder')}
}

/** The failure of `what`: its kind, or what it returned. */
function failure(what: () => unknown): unknown {
  try {
    return what()
  } catch (error) {
    return (error as {kind?: string}).kind
  }
}

const random = (size: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({minLength: 0, maxLength: size})

describe('key schedule', () => {
  it.each(HASHES)('$name: HKDF-Expand is the one of RFC 5869, at any size', hash => {
    const schedule = {version: 0x12, hash}
    fc.assert(
      fc.property(random(64), random(80), random(80), fc.integer({min: 1, max: 300}), (salt, ikm, info, size) => {
        const extracted = new Uint8Array(createHmac(hash.name, salt).update(ikm).digest())
        const expected = new Uint8Array(hkdfSync(hash.name, ikm, salt, info, size))
        expect(toHex(expand(schedule, extracted, info, size))).toBe(toHex(expected))
      }),
      {numRuns: 20},
    )
  })

  it('labels carry size and version', () => {
    const info = binConcat({version: 0x13, hash: sha384}, 48, 'req hs data', Uint8Array.of(0xaa))
    expect(toHex(info)).toBe(`3000${toHex(new TextEncoder().encode('spdm1.3 req hs data'))}aa`)
  })

  it.each([
    [0x11, 'exchange', 0],
    [0x14, 'exchange', 0],
    [0x12, 'psk', 0],
    [0x13, 'psk', 0xff],
    [0x14, 'psk', 0xff],
  ] as const)('version %i, %s: the first salt is made of %i', (version, kind, fill) => {
    const salt = new Uint8Array(48).fill(fill)
    const expected = createHmac('sha384', salt).update(secret).digest()
    expect(toHex(handshakeSecretOf({version, hash: sha384}, secret, kind))).toBe(toHex(expected))
  })

  it('verify data differ by side and transcript, and compare in full', () => {
    const {requester, responder} = pairOf({}, 'handshake')
    const data = requester.verifyData('requester', th1)
    expect(data).toHaveLength(48)
    expect(responder.isVerifyData('requester', th1, data)).toBe(true)
    expect(responder.isVerifyData('responder', th1, data)).toBe(false)
    expect(responder.isVerifyData('requester', th2, data)).toBe(false)
    expect(responder.isVerifyData('requester', th1, data.subarray(1))).toBe(false)
    expect(responder.isVerifyData('requester', th1, flipped(data, 383))).toBe(false)
  })
})

const PROTECTIONS = CIPHERS.flatMap(aead => [true, false].map(encrypted => ({aead, encrypted, name: aead.name})))

describe.each(PROTECTIONS)('records: $name, encrypted: $encrypted', given => {
  it('carry any message, in both directions and phases', () => {
    fc.assert(
      fc.property(fc.array(random(600), {minLength: 1, maxLength: 4}), messages => {
        const {requester, responder} = pairOf(given, 'handshake')
        const exchange = () => {
          for (const one of messages) {
            const record = requester.seal(one)
            expect(record).toHaveLength(6 + (given.encrypted ? 2 : 0) + one.length + 16)
            expect(sessionIdOf(record)).toBe(ID)
            expect(toHex(responder.open(record))).toBe(toHex(one))
            expect(toHex(requester.open(responder.seal(one)))).toBe(toHex(one))
          }
        }
        exchange()
        for (const session of [requester, responder]) session.enterApplication(th2)
        exchange()
      }),
      {numRuns: 5},
    )
  })

  it('an inverted bit anywhere is refused and ends the session', () => {
    const record = pairOf(given).requester.seal(message)
    for (let bit = 0; bit < record.length * 8; bit += 3) {
      const {responder} = pairOf(given)
      expect(
        failure(() => responder.open(flipped(record, bit))),
        `bit ${bit}`,
      ).toBe('malformed')
      expect(responder.phase).toBe('ended')
      expect(failure(() => responder.open(record))).toBe('busy')
    }
  })

  it('a shorter record is refused at every length', () => {
    const record = pairOf(given).requester.seal(message)
    for (let length = 0; length < record.length; length++)
      expect(failure(() => pairOf(given).responder.open(record.subarray(0, length)))).toBe('malformed')
  })

  it('a repeated, skipped or reflected record is refused', () => {
    const {requester, responder} = pairOf(given)
    const [first, second] = [requester.seal(message), requester.seal(message)]
    expect(toHex(first)).not.toBe(toHex(second))
    responder.open(first)
    expect(failure(() => responder.open(first))).toBe('malformed')
    expect(failure(() => pairOf(given).responder.open(second))).toBe('malformed')
    expect(failure(() => requester.open(first))).toBe('malformed')
  })

  it('padding of the transport is ignored', () => {
    const {requester, responder} = pairOf(given)
    const record = requester.seal(message)
    const padded = new Uint8Array(record.length + 3)
    padded.set(record)
    expect(toHex(responder.open(padded))).toBe(toHex(message))
  })

  it('a record of the handshake is no record of the application phase', () => {
    const record = pairOf(given, 'handshake').requester.seal(message)
    expect(failure(() => pairOf(given).responder.open(record))).toBe('malformed')
  })

  it('the largest message fits, and one byte more is refused', () => {
    const {requester, responder} = pairOf(given)
    const size = 0xffff - 16 - (given.encrypted ? 2 : 0)
    expect(responder.open(requester.seal(new Uint8Array(size)))).toHaveLength(size)
    expect(failure(() => requester.seal(new Uint8Array(size + 1)))).toBe('unsupported')
  })
})

describe('records', () => {
  it('only with ENCRYPT_CAP hide the message', () => {
    const clear = toHex(pairOf({encrypted: false}).requester.seal(message))
    expect(clear).toContain(toHex(message))
    expect(toHex(pairOf().requester.seal(message))).not.toContain(toHex(message))
  })

  it('of another session are refused', () => {
    const record = pairOf().requester.seal(message)
    record[0]!++
    expect(failure(() => pairOf().responder.open(record))).toBe('malformed')
  })

  it('are framed as DSP0277 draws them', () => {
    const record = pairOf().requester.seal(message)
    expect(SECURED_MESSAGE.decode(record)).toMatchObject({sessionId: ID, length: 22})
    const plain = APPLICATION_DATA.decode(Uint8Array.of(2, 0, 8, 9, 1, 2, 3))
    expect(plain).toMatchObject({applicationData: Uint8Array.of(8, 9), randomData: Uint8Array.of(1, 2, 3)})
  })

  it('of whatever bytes are refused', () => {
    fc.assert(
      fc.property(random(80), bytes => {
        expect(failure(() => pairOf().responder.open(bytes))).toBe('malformed')
      }),
      {numRuns: 50},
    )
  })

  it('too short to name a session name none', () => {
    expect(sessionIdOf(Uint8Array.of(1, 2, 3))).toBeUndefined()
  })
})

const mctpPair = (given: Given = {}): Pair => pairOf({...given, form: MCTP_RECORDS})

describe('records on MCTP (DSP0276)', () => {
  it.each([true, false])('carry half the sequence number and the message type, encrypted: %s', encrypted => {
    const {requester, responder} = mctpPair({encrypted})
    for (const number of [0, 1, 2]) {
      const record = requester.seal(message)
      const inside = encrypted ? 2 + 1 + message.length : 1 + message.length
      expect(MCTP_SECURED_MESSAGE.decode(record)).toMatchObject({
        sessionId: ID,
        sequenceNumber: number,
        length: inside + 16,
      })
      if (!encrypted) expect(toHex(record.subarray(8, -16))).toBe(`05${toHex(message)}`)
      expect(responder.open(record)).toEqual(message)
      // nothing says that a record ends where its datagram does
      expect(requester.open(concat(responder.seal(message), new Uint8Array(3)))).toEqual(message)
    }
  })

  it('authenticate their header, and each byte of it', () => {
    for (let at = 0; at < 8; at++)
      expect(failure(() => mctpPair().responder.open(flipped(mctpPair().requester.seal(message), 8 * at)))).toBe(
        'malformed',
      )
  })

  it('that are missing or come twice end the session', () => {
    const {requester, responder} = mctpPair()
    const [first, second] = [requester.seal(message), requester.seal(message)]
    expect(failure(() => mctpPair().responder.open(second))).toBe('malformed')
    responder.open(first)
    expect(failure(() => responder.open(first))).toBe('malformed')
  })

  it('with a message of another protocol are refused', () => {
    const {requester} = pairOf({form: {...MCTP_RECORDS, prefix: Uint8Array.of(1)}})
    expect(failure(() => mctpPair().responder.open(requester.seal(message)))).toBe('malformed')
  })
})

describe('sequence numbers', () => {
  const iv = Uint8Array.from({length: 12}, (_, i) => 0xa0 + i)
  const keyAt = (next: number): RecordKey =>
    new RecordKey(
      {aead: aes256, encrypted: true, form: DOE_RECORDS},
      {key: new Uint8Array(32).fill(3), iv: iv.slice()},
      next,
    )

  it.each([0, 1, 0xff, 0xffff_ffff, 2 ** 32, 2 ** 40 + 5])('%i: 64 bits little-endian in the first of the nonce', n => {
    const nonce = iv.slice()
    const counter = new Uint8Array(8)
    new DataView(counter.buffer).setBigUint64(0, BigInt(n), true)
    counter.forEach((byte, i) => (nonce[i]! ^= byte))
    const record = keyAt(n).seal(ID, message)
    const decipher = createDecipheriv('aes-256-gcm', new Uint8Array(32).fill(3), nonce)
    decipher.setAAD(record.subarray(0, 6)).setAuthTag(record.subarray(-16))
    const plain = Buffer.concat([decipher.update(record.subarray(6, -16)), decipher.final()])
    expect(toHex(plain)).toBe(`0400${toHex(message)}`)
  })

  it('are never used twice: at the end of their range the key is', () => {
    const key = keyAt(Number.MAX_SAFE_INTEGER - 1)
    key.seal(ID, message)
    expect(failure(() => key.seal(ID, message))).toBe('busy')
  })
})

describe('key update', () => {
  const ping = (from: SecureSession, to: SecureSession): string => toHex(to.open(from.seal(message)))
  const said = toHex(message)

  it('UpdateKey: the acknowledgement comes under the unchanged key, then the sender changes its own', () => {
    const {requester, responder} = pairOf()
    for (const [from, to] of [
      [requester, responder],
      [responder, requester],
    ] as const) {
      expect(ping(from, to)).toBe(said)
      expect(ping(to, from)).toBe(said)
      for (const session of [from, to]) session.update(from.role)
      expect(ping(from, to)).toBe(said)
      expect(ping(to, from)).toBe(said)
    }
  })

  it('UpdateAllKeys: the acknowledgement comes under the new key already', () => {
    const {requester, responder} = pairOf()
    expect(ping(requester, responder)).toBe(said)
    for (const session of [requester, responder]) session.update('responder')
    expect(ping(responder, requester)).toBe(said)
    for (const session of [requester, responder]) session.update('requester')
    for (let n = 0; n < 3; n++) {
      expect(ping(requester, responder)).toBe(said)
      expect(ping(responder, requester)).toBe(said)
    }
  })

  it('a responder that refuses stays with its key, and the requester with it', () => {
    const {requester, responder} = pairOf()
    expect(ping(responder, requester)).toBe(said)
    requester.update('responder')
    for (let n = 0; n < 3; n++) expect(ping(responder, requester)).toBe(said)
  })

  it('once the new key was used the old one is gone', () => {
    const {requester, responder} = pairOf()
    const late = pairOf().responder
    const old = [late.seal(message), late.seal(message)]
    requester.open(old[0]!)
    responder.seal(message)
    for (const session of [requester, responder]) session.update('responder')
    expect(ping(responder, requester)).toBe(said)
    expect(failure(() => requester.open(old[1]!))).toBe('malformed')
  })

  it('sequence numbers start again, under another key', () => {
    const {requester, responder} = pairOf()
    const before = requester.seal(message)
    responder.open(before)
    for (const session of [requester, responder]) session.update('requester')
    const after = requester.seal(message)
    expect(toHex(after)).not.toBe(toHex(before))
    expect(toHex(responder.open(after))).toBe(said)
  })
})

describe('phases', () => {
  it('follow one another', () => {
    const {requester} = pairOf({}, 'new')
    expect(requester.phase).toBe('handshake')
    expect(failure(() => requester.seal(message))).toBe('bug')
    expect(failure(() => requester.verifyData('requester', th1))).toBe('bug')
    expect(failure(() => requester.enterApplication(th2))).toBe('bug')
    requester.enterHandshake(th1)
    expect(failure(() => requester.enterHandshake(th1))).toBe('bug')
    expect(failure(() => requester.update('requester'))).toBe('bug')
    requester.enterApplication(th2)
    expect(requester.phase).toBe('application')
    expect(failure(() => requester.verifyData('requester', th1))).toBe('bug')
    expect(failure(() => requester.enterApplication(th2))).toBe('bug')
  })

  it('after the end nothing is possible', () => {
    const {requester} = pairOf()
    requester.end()
    requester.end()
    expect(requester.phase).toBe('ended')
    const attempts = [
      () => requester.seal(message),
      () => requester.open(new Uint8Array(22)),
      () => requester.update('requester'),
      () => requester.enterHandshake(th1),
      () => requester.enterApplication(th2),
      () => requester.verifyData('requester', th1),
    ]
    for (const attempt of attempts) expect(failure(attempt)).toBe('busy')
  })

  it('after a record that cannot be read one last message can be sent', () => {
    const {requester, responder} = pairOf()
    expect(failure(() => responder.open(new Uint8Array(40)))).toBe('malformed')
    expect(toHex(requester.open(responder.seal(message)))).toBe(toHex(message))
    expect(failure(() => responder.seal(message))).toBe('busy')
  })
})

describe('what cannot be kept is refused by name', () => {
  it.each([
    [{aead: rowNamed(AEAD, 'sm4-gcm')}, 'sm4-gcm is not supported'],
    [{hash: hashNamed('sm3-256')!}, 'sm3-256 is not supported'],
  ])('%j', (given, why) => {
    expect(unsupportedSession(connection(given))).toBe(why)
    expect(() => pairOf(given)).toThrow(why)
  })

  it('and so is a connection without hash or cipher', () => {
    expect(unsupportedSession({hash: undefined, aead: aes256})).toContain('hash')
    expect(unsupportedSession({hash: sha384, aead: undefined})).toContain('AEAD')
  })
})

describe('a session that is put down and taken up again', () => {
  it('goes on in both directions, whatever was said before', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), {maxLength: 6}), fc.boolean(), (said, isUpdated) => {
        let {requester, responder} = pairOf({}, 'application')
        const speak = (isRequest: boolean): void => {
          const [from, to] = isRequest ? [requester, responder] : [responder, requester]
          expect(to.open(from.seal(message))).toEqual(message)
        }
        for (const isRequest of said) speak(isRequest)
        if (isUpdated) {
          for (const one of [requester, responder]) one.update('requester')
          speak(true)
        }
        const [a, b] = [requester.memory(), responder.memory()]
        requester = SecureSession.recall(connection({}), a)
        responder = SecureSession.recall(connection({}), b)
        expect([requester.id, requester.role, requester.phase]).toEqual([ID, 'requester', 'application'])
        speak(true)
        speak(false)
        // what was taken out belongs to who took it: the sessions have not used it up
        expect(SecureSession.recall(connection({}), a).memory()).toEqual(a)
      }),
      {numRuns: 20},
    )
  })

  it('does not take a record twice', () => {
    const {requester, responder} = pairOf({}, 'application')
    const record = requester.seal(message)
    const before = responder.memory()
    expect(responder.open(record)).toEqual(message)
    const after = SecureSession.recall(connection({}), responder.memory())
    expect(failure(() => after.open(record))).toBe('malformed')
    expect(SecureSession.recall(connection({}), before).open(record)).toEqual(message)
  })

  it('is open and settled: no handshake, no end, no update under way', () => {
    const {requester} = pairOf({}, 'handshake')
    expect(failure(() => requester.memory())).toBe('bug')
    const open = pairOf({}, 'application')
    open.responder.update('requester')
    expect(failure(() => open.responder.memory())).toBe('bug')
    open.requester.end()
    expect(failure(() => open.requester.memory())).toBe('busy')
  })
})

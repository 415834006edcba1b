/** Sessions on MCTP: records with a sequence number in the header and a message type inside (DSP0275, DSP0276). */
import {createCipheriv} from 'node:crypto'
import {describe, expect, it} from 'vitest'
import {concat, toHex} from '../../src/bits/index.js'
import {tally} from '../../src/operations/spdm-conversation.js'
import {
  dataSecretsOf,
  handshakeSecretOf,
  handshakeSecretsOf,
  masterSecretOf,
  Observer,
  type Side,
  type SpdmEvent,
  trafficKeyOf,
  updatedSecretOf,
} from '../../src/spdm/index.js'
import {conversation, HASH, SECRET, SESSION_ID, VERSION_1_2} from './conversation.js'

const SCHEDULE = {version: VERSION_1_2, hash: HASH}
const SPDM_TYPE = 5
const PLDM_TYPE = 1
const little = (size: number, value: number): Uint8Array =>
  Uint8Array.from({length: size}, (_, i) => Math.floor(value / 256 ** i) % 256)

/** A record with random data behind the message, as MCTP allows. */
function seal(secret: Uint8Array, sequence: number, message: Uint8Array, type = SPDM_TYPE): Uint8Array {
  const {key, iv} = trafficKeyOf(SCHEDULE, secret, 32)
  const nonce = iv.map((byte, i) => byte ^ (little(12, sequence)[i] ?? 0))
  const inside = concat(little(2, message.length + 1), Uint8Array.of(type), message, new Uint8Array(5).fill(0xdd))
  const header = concat(little(4, SESSION_ID), little(2, sequence), little(2, inside.length + 16))
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(header)
  return concat(header, cipher.update(inside), cipher.final(), cipher.getAuthTag())
}

interface Keys {
  secret: Uint8Array
  next: number
}

const fresh = (secrets: Readonly<Record<Side, Uint8Array>>): Record<Side, Keys> => ({
  requester: {secret: secrets.requester, next: 0},
  responder: {secret: secrets.responder, next: 0},
})

function observed(options: {readonly without?: number; readonly foreignAt?: number} = {}) {
  const given = conversation()
  const known = new Observer({secrets: {exchange: [SECRET]}})
  const doe = given.flatMap(datagram => known.observe({...datagram, maxPadding: 0}))
  const digestOf = (name: string): Uint8Array =>
    doe.flatMap(({points}) => points).find(one => one.name === name)!.digest!

  const handshakeSecret = handshakeSecretOf(SCHEDULE, SECRET, 'exchange')
  let keys = fresh(handshakeSecretsOf(SCHEDULE, handshakeSecret, digestOf('TH1')))
  const update = (side: Side): void => {
    keys[side] = {secret: updatedSecretOf(SCHEDULE, keys[side].secret), next: 0}
  }

  const observer = new Observer({secrets: {exchange: [SECRET]}})
  const mctp: SpdmEvent[] = []
  for (const [i, {name, bytes, direction, secured, value}] of doe.entries()) {
    const side = direction === 'request' ? 'requester' : 'responder'
    const isUpdate = value?.keyOperation === 2
    if (name === 'KEY_UPDATE_ACK' && isUpdate) update('responder')
    if (i === options.foreignAt) {
      const foreign = seal(keys.requester.secret, keys.requester.next++, Uint8Array.of(0x80, 2), PLDM_TYPE)
      mctp.push(...observer.observe({secured: true, payload: foreign, maxPadding: 0, framing: 'mctp'}))
    }
    const payload = secured ? seal(keys[side].secret, keys[side].next++, bytes) : bytes
    if (i !== options.without) mctp.push(...observer.observe({secured, payload, maxPadding: 0, framing: 'mctp'}))
    if (name === 'FINISH_RSP')
      keys = fresh(dataSecretsOf(SCHEDULE, masterSecretOf(SCHEDULE, handshakeSecret), digestOf('TH2')))
    if (name === 'KEY_UPDATE_ACK' && isUpdate) update('requester')
  }
  return {doe, mctp}
}

describe('records on MCTP', () => {
  it('are opened to the same messages as on DOE', () => {
    const {doe, mctp} = observed()
    expect(mctp.map(({bytes}) => toHex(bytes))).toEqual(doe.map(({bytes}) => toHex(bytes)))
    expect(mctp.map(({session, direction}) => [session, direction])).toEqual(
      doe.map(({session, direction}) => [session, direction]),
    )
  })

  it('of another protocol in the session are not taken for SPDM', () => {
    const {doe} = observed()
    const foreignAt = doe.findIndex(({name}) => name === 'VENDOR_DEFINED_REQUEST')
    const {mctp} = observed({foreignAt})
    expect(mctp[foreignAt]).toMatchObject({
      form: 'application',
      bytes: Uint8Array.of(PLDM_TYPE, 0x80, 2),
      name: undefined,
      secured: true,
      session: SESSION_ID,
      direction: 'request',
      undecoded: 'a message of another protocol in the session',
    })
    expect(tally(mctp)).toMatchObject({undecoded: 0, encrypted: 0})
    // and the session goes on
    const rest = mctp.toSpliced(foreignAt, 1)
    expect(rest.map(({bytes}) => toHex(bytes))).toEqual(doe.map(({bytes}) => toHex(bytes)))
    expect(rest.flatMap(({findings}) => findings)).toEqual(doe.flatMap(({findings}) => findings))
  })

  it('say themselves how many of them a capture lacks', () => {
    const {doe} = observed()
    const without = doe.findIndex(({name}) => name === 'VENDOR_DEFINED_REQUEST')
    const {mctp} = observed({without})
    expect(mctp.filter(({undecoded}) => undecoded !== undefined)).toEqual([])
    expect(mctp).toHaveLength(doe.length - 1)
  })
})

/**
 * Whole captures of the DMTF emulator through transcripts, key schedule and records: every digest, secret, key and MAC it
 * printed is computed again, every record is made and read again, and every signature of the responder is verified.
 */
import {beforeAll, describe, expect, it} from 'vitest'
import {concat, equal, fromHex, toHex} from '../../src/bits/index.js'
import {
  CHALLENGE,
  type Connection,
  connectionOf,
  contextOf,
  dataSecretsOf,
  digestOf,
  exportMasterSecretOf,
  finishedKeyOf,
  GET_MEASUREMENTS,
  handshakeSecretOf,
  handshakeSecretsOf,
  KEY_EXCHANGE,
  KEY_UPDATE,
  type KeySchedule,
  loadCrypto,
  masterSecretOf,
  parseVca,
  PQC_ASYM,
  PSK_EXCHANGE,
  SecureSession,
  sessionIdOf,
  type SignatureContext,
  type Sides,
  type SpdmMessageName,
  trafficKeyOf,
  type Transcript,
  Transcripts,
  updatedSecretOf,
  verifySignature,
} from '../../src/spdm/index.js'
import {
  type CaptureFacts,
  captures,
  type Exchange,
  exchangesOf,
  hasCaptures,
  linesOf,
  payloadsOf,
  slotOf,
  valuesOf,
} from './emulator-log.js'

const SIDES = ['requester', 'responder'] as const

/** Plays a log through our side of the protocol and keeps what we computed, by the names the emulator prints. */
class Replay {
  readonly computed = new Map<string, string[]>()
  readonly verdicts: string[] = []
  /** Records that came out as the emulator's. */
  records = 0
  readonly #facts: CaptureFacts
  readonly #printed: Map<string, string[]>
  readonly #payloads: readonly Uint8Array[]
  #vca: Uint8Array[] = []
  #connection!: Connection
  #transcripts!: Transcripts
  readonly #sessions = new Map<string, {sides: Record<(typeof SIDES)[number], SecureSession>; secrets: Sides}>()

  constructor(name: string) {
    this.#facts = captures[name]!
    const lines = linesOf(name)
    this.#printed = valuesOf(lines)
    this.#payloads = payloadsOf(name)
    let handshake: ((exchange: Exchange) => void) | undefined
    for (const exchange of exchangesOf(lines)) handshake = this.#exchange(exchange, handshake) ?? handshake
  }

  get #schedule(): KeySchedule {
    return {version: this.#connection.version, hash: this.#connection.hash!}
  }

  #note(name: string, value: Uint8Array): void {
    this.computed.set(name, [...(this.computed.get(name) ?? []), toHex(value)])
  }

  #noteKey(secret: Uint8Array): void {
    const {key, iv} = trafficKeyOf(this.#schedule, secret, this.#connection.aead!.keySize)
    this.#note('key', key)
    this.#note('iv', iv)
  }

  #sign(context: SignatureContext, slot: number, transcript: Transcript, signature: Uint8Array): void {
    const {version, hash, asym} = this.#connection
    const {spki} = slotOf(this.#facts, slot, hash!.size)
    const question = {version, context, hash: hash!, asym: asym!, transcript}
    this.verdicts.push(verifySignature(question, spki, signature).status)
  }

  /** What both sides make of a record must be the record, and what they make of it again the message. */
  #record({bytes, session, secured, rec}: Exchange['request'], from: (typeof SIDES)[number]): void {
    if (!secured) return
    const payload = this.#payloads[rec!]!
    const {sides} = this.#sessions.get(session!)!
    const [sender, receiver] =
      from === 'requester' ? [sides.requester, sides.responder] : [sides.responder, sides.requester]
    const record = sender.seal(bytes)
    const isSame =
      equal(payload.subarray(0, record.length), record) &&
      payload.length - record.length < 4 &&
      sessionIdOf(payload) === Number(session) &&
      equal(receiver.open(payload), bytes)
    if (isSame) this.records++
  }

  #exchange(exchange: Exchange, finish: ((exchange: Exchange) => void) | undefined) {
    const {request, response} = exchange
    const name = request.name as SpdmMessageName
    const scope = request.session === null ? ('clear' as const) : Number(request.session)
    this.#record(request, 'requester')
    if (name !== 'FINISH' && name !== 'PSK_FINISH' && name !== 'KEY_UPDATE') this.#record(response, 'responder')
    if (['GET_VERSION', 'GET_CAPABILITIES', 'NEGOTIATE_ALGORITHMS'].includes(name)) {
      if (name === 'GET_VERSION') this.#vca = []
      this.#vca.push(request.bytes, response.bytes)
      if (name !== 'NEGOTIATE_ALGORITHMS') return undefined
      this.#connection = connectionOf(parseVca(concat(...this.#vca)))
      this.#transcripts = new Transcripts(this.#connection)
      return undefined
    }
    this.#transcripts.begin(name, scope)
    if (response.name === 'ERROR') this.#transcripts.failed(scope)
    const {version, asym} = this.#connection
    const unsigned = response.bytes.subarray(0, -asym!.signatureSize)
    const signature = response.bytes.subarray(-asym!.signatureSize)
    switch (name) {
      case 'GET_DIGESTS':
      case 'GET_CERTIFICATE':
        this.#transcripts.identity(request.bytes, response.bytes, scope)
        if (name === 'GET_DIGESTS' && scope === 'clear') this.#transcripts.digests(response.bytes)
        return undefined
      case 'CHALLENGE': {
        const m = this.#transcripts.challenge(request.bytes, unsigned)
        this.#note('m1m2 hash', m.digest())
        const {slotId} = CHALLENGE.decode(request.bytes, {version})
        this.#sign('responder-challenge_auth signing', slotId, m, signature)
        return undefined
      }
      case 'GET_MEASUREMENTS': {
        const {signatureRequested, slotIdParam} = GET_MEASUREMENTS.decode(request.bytes, {version})
        if (response.name === 'ERROR') return undefined
        const body = signatureRequested ? unsigned : response.bytes
        const l = this.#transcripts.measurements(request.bytes, body, signatureRequested, scope)
        if (!signatureRequested) return undefined
        this.#note('l1l2 hash', l.digest())
        this.#sign('responder-measurements signing', slotIdParam ?? 0, l, signature)
        return undefined
      }
      case 'KEY_EXCHANGE':
        return this.#keyExchange(exchange)
      case 'PSK_EXCHANGE':
        return this.#pskExchange(exchange)
      case 'FINISH':
      case 'PSK_FINISH':
        finish!(exchange)
        return undefined
      case 'KEY_UPDATE':
        this.#keyUpdate(exchange)
        return undefined
      case 'END_SESSION':
        for (const side of SIDES) this.#sessions.get(request.session!)!.sides[side].end()
        this.#sessions.delete(request.session!)
        return undefined
      default:
        return undefined
    }
  }

  #keyExchange({request, response}: Exchange) {
    const {hash, asym, clearHandshake} = this.#connection
    const {slotId, reqSessionId} = KEY_EXCHANGE.decode(request.bytes, contextOf(this.#connection))
    const {chain} = slotOf(this.#facts, slotId, hash!.size)
    const th = this.#transcripts.handshake(digestOf(hash!, chain))
    const verifySize = clearHandshake ? 0 : hash!.size
    const end = response.bytes.length - verifySize
    th.append(request.bytes, response.bytes.subarray(0, end - asym!.signatureSize))
    this.#note('th_curr hash', th.digest())
    const signature = response.bytes.subarray(end - asym!.signatureSize, end)
    this.#note('signature', signature)
    this.#sign('responder-key_exchange_rsp signing', slotId, th, signature)
    th.append(signature)
    const secret = this.#printed.get('DHE Secret')?.shift() ?? this.#printed.get('KEM Secret')!.shift()!
    return this.#session(th, fromHex(secret), 'exchange', {reqSessionId, response, verifySize})
  }

  #pskExchange({request, response}: Exchange) {
    const {hash} = this.#connection
    const {reqSessionId} = PSK_EXCHANGE.decode(request.bytes, contextOf(this.#connection))
    const th = this.#transcripts.handshake()
    th.append(request.bytes, response.bytes.subarray(0, -hash!.size))
    const [secret] = this.#printed.get('PSK')!.splice(0, 2)
    return this.#session(th, fromHex(secret!), 'psk', {reqSessionId, response, verifySize: hash!.size})
  }

  #session(
    th: Transcript,
    secret: Uint8Array,
    kind: 'exchange' | 'psk',
    {reqSessionId, response, verifySize}: {reqSessionId: number; response: Exchange['response']; verifySize: number},
  ) {
    const {hash} = this.#connection
    const id = reqSessionId + new DataView(response.bytes.buffer).getUint16(4, true) * 0x10000
    const th1 = th.digest()
    this.#note('th1 hash', th1)
    const schedule = this.#schedule
    const handshakeSecret = handshakeSecretOf(schedule, secret, kind)
    const handshake = handshakeSecretsOf(schedule, handshakeSecret, th1)
    if (kind === 'exchange') {
      this.#note('handshake_secret', handshakeSecret)
      this.#note('request_handshake_secret', handshake.requester)
      this.#note('response_handshake_secret', handshake.responder)
    }
    for (const side of SIDES) this.#note('finished_key', finishedKeyOf(schedule, handshake[side]))
    for (const side of SIDES) this.#noteKey(handshake[side])
    const of = (role: (typeof SIDES)[number]) =>
      new SecureSession({connection: this.#connection, id, role, secret, kind})
    const sides = {requester: of('requester'), responder: of('responder')}
    const both = (what: (session: SecureSession) => void) => SIDES.forEach(side => what(sides[side]))
    both(session => session.enterHandshake(th1))
    const hmac = (side: (typeof SIDES)[number], data: Uint8Array) => {
      const digest = th.digest()
      this.#note('th_curr hmac', sides.requester.verifyData(side, digest))
      both(session => this.verdicts.push(session.isVerifyData(side, digest, data) ? 'valid' : 'invalid'))
      th.append(data)
    }
    if (verifySize > 0) hmac('responder', response.bytes.subarray(-verifySize))
    const session = {sides, secrets: handshake}
    this.#sessions.set(`0x${id.toString(16)}`, session)

    return (finish: Exchange) => {
      const size = hash!.size
      th.append(finish.request.bytes.subarray(0, -size))
      hmac('requester', finish.request.bytes.subarray(-size))
      if (verifySize > 0) th.append(finish.response.bytes)
      else {
        th.append(finish.response.bytes.subarray(0, -size))
        hmac('responder', finish.response.bytes.subarray(-size))
      }
      this.#record(finish.response, 'responder')
      const th2 = th.digest()
      this.#note('th2 hash', th2)
      const master = masterSecretOf(schedule, handshakeSecret)
      session.secrets = dataSecretsOf(schedule, master, th2)
      if (kind === 'exchange') {
        this.#note('master_secret', master)
        this.#note('request_data_secret', session.secrets.requester)
        this.#note('response_data_secret', session.secrets.responder)
        this.#note('export_master_secret', exportMasterSecretOf(schedule, master, th2))
      }
      for (const side of SIDES) this.#noteKey(session.secrets[side])
      both(one => one.enterApplication(th2))
    }
  }

  #keyUpdate({request, response}: Exchange): void {
    const session = this.#sessions.get(request.session!)!
    const {keyOperation} = KEY_UPDATE.decode(request.bytes)
    const update = (side: (typeof SIDES)[number], name: string) => {
      const secret = updatedSecretOf(this.#schedule, session.secrets[side])
      session.secrets = {...session.secrets, [side]: secret}
      this.#note(name, secret)
      this.#noteKey(secret)
      for (const one of SIDES) session.sides[one].update(side)
    }
    if (keyOperation === 2) update('responder', 'ResponseDataSecretUpdate')
    this.#record(response, 'responder')
    if (keyOperation !== 3) update('requester', 'RequestDataSecretUpdate')
  }
}

const COMPARED = [
  'm1m2 hash',
  'l1l2 hash',
  'th_curr hash',
  'signature',
  'th1 hash',
  'th2 hash',
  'th_curr hmac',
  'handshake_secret',
  'request_handshake_secret',
  'response_handshake_secret',
  'finished_key',
  'key',
  'iv',
  'master_secret',
  'request_data_secret',
  'response_data_secret',
  'export_master_secret',
  'RequestDataSecretUpdate',
  'ResponseDataSecretUpdate',
]

describe.skipIf(!hasCaptures)('sessions of the DMTF emulator (shared test data)', () => {
  beforeAll(() => loadCrypto(...PQC_ASYM))

  it.each(Object.keys(captures))('%s: every value, record and signature', name => {
    const printed = valuesOf(linesOf(name))
    const replay = new Replay(name)
    for (const value of COMPARED) expect([value, replay.computed.get(value)]).toEqual([value, printed.get(value)])
    expect(replay.records).toBe(linesOf(name).filter(({secured}) => secured).length)
    expect(replay.verdicts.length).toBeGreaterThan(1)
    expect(new Set(replay.verdicts)).toEqual(new Set(['valid']))
  })
})

/** Whole conversations with the responder, in every version and with every kind of algorithm. */
import {describe, expect, it} from 'vitest'
import {concat} from '../../../src/bits/index.js'
import {
  CHALLENGE,
  CHALLENGE_AUTH,
  DIGESTS,
  digestOf,
  END_SESSION,
  GET_DIGESTS,
  GET_MEASUREMENTS,
  HEARTBEAT,
  KEY_UPDATE,
  loadCertificateReader,
  MEASUREMENTS,
  parseCertificateChain,
  PCI_SIG_VENDOR,
  type ResponderOptions,
  type SignatureContext,
  VENDOR_DEFINED_REQUEST,
  VENDOR_DEFINED_RESPONSE,
  verifySignature,
} from '../../../src/spdm/index.js'
import {errorName, labOptions, Peer, random, REQUESTER} from './peer.js'

const {certificateFacts} = await loadCertificateReader()

/** Is the end of `response` the leaf's signature over `transcript`? */
function verdict(peer: Peer, context: SignatureContext, transcript: Uint8Array, response: Uint8Array) {
  const {version, hash, asym} = peer.connection
  const leaf = parseCertificateChain(peer.chain(), hash!.size).certificates.at(-1)!
  return verifySignature(
    {version, context, hash: hash!, asym: asym!, transcript},
    certificateFacts(leaf.der).spki,
    response.subarray(response.length - asym!.signatureSize),
  )
}
const unsigned = (peer: Peer, response: Uint8Array): Uint8Array =>
  response.subarray(0, response.length - peer.connection.asym!.signatureSize)

const VERSIONS = [0x10, 0x11, 0x12, 0x13, 0x14]
const SUITES = [
  {asym: 'ecdsa-p256', hash: 'sha256', exchange: 'secp256r1', aead: 'aes-128-gcm'},
  {asym: 'ecdsa-p384', hash: 'sha384', exchange: 'secp384r1', aead: 'aes-256-gcm'},
  {asym: 'ecdsa-p521', hash: 'sha512', exchange: 'secp521r1', aead: 'chacha20-poly1305'},
  {asym: 'rsassa-2048', hash: 'sha3-256', exchange: 'ffdhe2048', aead: 'aes-256-gcm'},
  {asym: 'rsapss-2048', hash: 'sha3-384', exchange: 'secp256r1', aead: 'aes-256-gcm'},
  {asym: 'ed448', hash: 'sha384', exchange: 'secp384r1', aead: 'aes-256-gcm', since: 0x12},
  {asym: 'ml-dsa-65', hash: 'sha384', exchange: 'ml-kem-768', aead: 'aes-256-gcm', since: 0x14},
  {asym: 'ed25519', hash: 'sha3-512', exchange: 'secp384r1', aead: 'aes-256-gcm', since: 0x12},
]

describe.each(SUITES)('$asym, $hash, $exchange, $aead', ({since = 0x10, ...suite}) => {
  const open = async (version: number, more: Partial<ResponderOptions> = {}): Promise<Peer> =>
    new Peer(await labOptions(suite, more)).negotiate({version})

  it.each(VERSIONS.filter(version => version >= since))('proves identity and measurements in %i', async version => {
    const peer = await open(version)
    const spdmVersion = version
    const {transcripts, connection} = peer
    const getDigests = GET_DIGESTS.encode({spdmVersion})
    const digests = peer.ask(getDigests)!
    expect(DIGESTS.decode(digests, peer.context()).digests[0]!.digest).toEqual(digestOf(connection.hash!, peer.chain()))
    // the chain was read in between: what counts starts with GET_DIGESTS
    transcripts.identity(getDigests, peer.ask(getDigests)!, 'clear')
    const request = CHALLENGE.encode({
      spdmVersion,
      nonce: random(32),
      requesterContext: version >= 0x13 ? random(8) : undefined,
    })
    const answer = peer.ask(request)!
    expect(CHALLENGE_AUTH.decode(answer, peer.context()).slotMask).toBe(1)
    const m = transcripts.challenge(request, unsigned(peer, answer)).bytes()
    expect(verdict(peer, 'responder-challenge_auth signing', m, answer)).toEqual({status: 'valid'})

    const count = GET_MEASUREMENTS.encode({spdmVersion, requesterContext: version >= 0x13 ? random(8) : undefined})
    const counted = peer.ask(count)!
    expect(MEASUREMENTS.decode(counted, {version}).totalNumberOfMeasurements).toBe(6)
    transcripts.measurements(count, counted, false, 'clear')
    const all = GET_MEASUREMENTS.encode({
      spdmVersion,
      signatureRequested: true,
      measurementOperation: 0xff,
      nonce: random(32),
      slotIdParam: version >= 0x11 ? 0 : undefined,
      requesterContext: version >= 0x13 ? random(8) : undefined,
    })
    const measured = peer.ask(all)!
    const l = transcripts.measurements(all, unsigned(peer, measured), true, 'clear').bytes()
    expect(verdict(peer, 'responder-measurements signing', l, measured)).toEqual({status: 'valid'})
  })

  it.each(VERSIONS.filter(version => version >= Math.max(since, 0x11)))('keeps a session in %i', async version => {
    const peer = await open(version, {heartbeatPeriod: 5, vendor: payload => concat(payload, payload)})
    const session = peer.exchange().finish()
    const spdmVersion = version
    expect(errorName(session.ask(HEARTBEAT.encode({spdmVersion})))).toBe('HEARTBEAT_ACK')
    const vendorRequest = VENDOR_DEFINED_REQUEST.encode({
      spdmVersion,
      standardId: 3,
      vendorId: PCI_SIG_VENDOR,
      payload: Uint8Array.of(1, 2),
    })
    expect(VENDOR_DEFINED_RESPONSE.decode(session.ask(vendorRequest)!).payload).toEqual(Uint8Array.of(1, 2, 1, 2))
    const update = (keyOperation: number) => KEY_UPDATE.encode({spdmVersion, keyOperation, tag: keyOperation})
    expect(errorName(session.ask(update(1)))).toBe('KEY_UPDATE_ACK')
    session.secure.update('requester')
    expect(errorName(session.ask(update(3)))).toBe('KEY_UPDATE_ACK')
    const record = session.secure.seal(update(2))
    session.secure.update('responder')
    expect(errorName(session.secure.open(peer.responder.respond({secured: true, payload: record})!.payload))).toBe(
      'KEY_UPDATE_ACK',
    )
    session.secure.update('requester')
    expect(errorName(session.ask(update(3)))).toBe('KEY_UPDATE_ACK')
    expect(errorName(session.ask(END_SESSION.encode({spdmVersion})))).toBe('END_SESSION_ACK')
    expect(peer.responder.sessions).toEqual([])
  })
})

describe('both forms of the handshake', () => {
  it.each([0x11, 0x12, 0x13, 0x14])('finishes in the clear in %i', async version => {
    const flags = {...REQUESTER, handshakeInTheClearCap: true}
    const peer = new Peer(await labOptions()).negotiate({version, flags})
    const session = peer.exchange().finish()
    expect(errorName(session.ask(END_SESSION.encode({spdmVersion: version})))).toBe('END_SESSION_ACK')
  })

  it.each([
    [0x11, 2],
    [0x12, 2],
    [0x13, 2],
    [0x14, 2],
    [0x12, 1],
  ])('opens a session with a pre-shared key in %i, PSK_CAP %i', async (version, pskCap) => {
    const key = random(32)
    const options = await labOptions({}, {psk: hint => (hint[0] === 7 ? key : undefined), capabilities: {pskCap}})
    const peer = new Peer(options).negotiate({version})
    const opened = peer.psk(key, Uint8Array.of(7))
    if (pskCap === 2) opened.pskFinish()
    else opened.secure.enterApplication(opened.th.digest())
    expect(errorName(opened.ask(END_SESSION.encode({spdmVersion: version})))).toBe('END_SESSION_ACK')
  })
})

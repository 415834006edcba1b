/** Signatures of every version and algorithm, and what cannot be verified here (DSP0274 1.3 §15). */
import {generateKeyPairSync, type KeyObject} from 'node:crypto'
import {describe, expect, it} from 'vitest'
import {toHex} from '../../src/bits/index.js'
import {
  asymNamed,
  combinedPrefix,
  digestOf,
  hashNamed,
  PQC_ASYM,
  signingInput,
  type SignatureContext,
  signQuestion,
  transcriptHash,
  unsupportedReason,
  verifySignature,
} from '../../src/spdm/index.js'
import {flipped} from './support.js'

const CONTEXTS: readonly SignatureContext[] = [
  'responder-measurements signing',
  'responder-challenge_auth signing',
  'requester-challenge_auth signing',
  'responder-key_exchange_rsp signing',
  'requester-finish signing',
  'responder-endpoint_info signing',
  'requester-endpoint_info signing',
]
const context = CONTEXTS[0]!
const transcript = new TextEncoder().encode('a transcript')
const sha384 = hashNamed('sha384')!

const keyOf = (name: string): {publicKey: KeyObject; privateKey: KeyObject} => {
  const asym = asymNamed(name)!
  if (asym.curve !== undefined) return generateKeyPairSync('ec', {namedCurve: asym.curve})
  if (asym.modulusBits !== undefined) return generateKeyPairSync('rsa', {modulusLength: asym.modulusBits})
  return name === 'ed448' ? generateKeyPairSync('ed448') : generateKeyPairSync('ed25519')
}
const spkiOf = (key: KeyObject): Uint8Array => new Uint8Array(key.export({format: 'der', type: 'spki'}))

describe('the combined prefix', () => {
  it.each(CONTEXTS)('%s: 100 bytes, version four times, context at the end', name => {
    const text = new TextDecoder('latin1').decode(combinedPrefix(0x12, name))
    expect(text).toHaveLength(100)
    expect(text.startsWith('dmtf-spdm-v1.2.*'.repeat(4))).toBe(true)
    expect(text.slice(64)).toBe(name.padStart(36, '\0'))
  })

  it('carries the negotiated version', () => {
    expect(new TextDecoder('latin1').decode(combinedPrefix(0x14, context)).startsWith('dmtf-spdm-v1.4.*')).toBe(true)
  })
})

it('up to 1.1 the transcript is signed, since 1.2 prefix and digest', () => {
  expect(signingInput(0x11, context, sha384, transcript)).toEqual(transcript)
  const input = signingInput(0x12, context, sha384, transcript)
  expect(toHex(input.subarray(100))).toBe(toHex(digestOf(sha384, transcript)))
})

const KINDS = ['ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521', 'rsassa-2048', 'rsapss-2048', 'rsapss-3072', 'ed25519']

describe.each(KINDS)('%s', name => {
  const asym = asymNamed(name)!
  const {publicKey, privateKey} = keyOf(name)
  const spki = spkiOf(publicKey)

  it.each(name === 'ed25519' ? [0x12, 0x13] : [0x10, 0x11, 0x12, 0x13])('version %i signs and verifies', version => {
    const question = {version, context, hash: sha384, asym, transcript}
    const signature = signQuestion(question, privateKey)
    expect(signature).toHaveLength(asym.signatureSize)
    expect(verifySignature(question, spki, signature)).toEqual({status: 'valid'})
    for (let bit = 0; bit < signature.length * 8; bit += 37)
      expect(verifySignature(question, spki, flipped(signature, bit)).status, `bit ${bit}`).toBe('invalid')
    const changed = {...question, transcript: flipped(transcript, 3)}
    expect(verifySignature(changed, spki, signature).status).toBe('invalid')
    const other = {...question, context: CONTEXTS[1]!, version: version < 0x12 ? 0x12 : version}
    expect(verifySignature(other, spki, signature).status).toBe('invalid')
    expect(verifySignature(question, spki, signature.subarray(1)).status).toBe('invalid')
  })

  it('another key is a mismatch or invalid, never valid', () => {
    const question = {version: 0x12, context, hash: sha384, asym, transcript}
    const signature = signQuestion(question, privateKey)
    expect(verifySignature(question, spkiOf(keyOf(name).publicKey), signature).status).toBe('invalid')
    const stranger = name === 'ecdsa-p256' ? 'ecdsa-p384' : 'ecdsa-p256'
    expect(verifySignature(question, spkiOf(keyOf(stranger).publicKey), signature).status).toBe('mismatch')
    expect(verifySignature(question, new Uint8Array(4), signature).status).toBe('mismatch')
  })
})

it('a signature of another version or hash is not valid', () => {
  const asym = asymNamed('ecdsa-p384')!
  const {publicKey, privateKey} = keyOf('ecdsa-p384')
  const question = {version: 0x12, context, hash: sha384, asym, transcript}
  const signature = signQuestion(question, privateKey)
  for (const other of [{version: 0x11}, {version: 0x13}, {hash: hashNamed('sha512')!}])
    expect(verifySignature({...question, ...other}, spkiOf(publicKey), signature).status).toBe('invalid')
})

describe('what nobody here can verify is refused by name', () => {
  it.each(['sm2', ...PQC_ASYM.map(({name}) => name)])('%s', name => {
    const question = {version: 0x12, context, hash: sha384, asym: asymNamed(name)!, transcript}
    expect(verifySignature(question, new Uint8Array(), new Uint8Array())).toEqual({
      status: 'unsupported',
      why: `${name} signatures are not supported`,
    })
  })

  it('SM3, and Edwards curves before 1.2', () => {
    expect(unsupportedReason({version: 0x12, hash: hashNamed('sm3-256')!, asym: asymNamed('ecdsa-p256')!})).toBe(
      'sm3-256 is not supported',
    )
    expect(unsupportedReason({version: 0x11, hash: sha384, asym: asymNamed('ed25519')!})).toBe(
      'SPDM 1.1 does not define ed25519',
    )
  })

  it('Ed448 signs with its context or is refused', () => {
    const question = {version: 0x12, context, hash: sha384, asym: asymNamed('ed448')!, transcript}
    const {publicKey, privateKey} = keyOf('ed448')
    const reason = unsupportedReason(question)
    const status = verifySignature(question, spkiOf(publicKey), signQuestion(question, privateKey)).status
    expect(status).toBe(reason === undefined ? 'valid' : 'unsupported')
  })
})

describe('transcript hashes', () => {
  it('can be forked', () => {
    const whole = digestOf(sha384, Uint8Array.of(1), Uint8Array.of(2))
    const running = transcriptHash(sha384).update(Uint8Array.of(1))
    const fork = running.fork().update(Uint8Array.of(2))
    expect(fork.digest()).toEqual(whole)
    expect(running.digest()).toEqual(digestOf(sha384, Uint8Array.of(1)))
    expect(running.update(Uint8Array.of(2)).digest()).toEqual(whole)
  })

  it('of an empty message are the published ones', () => {
    expect(toHex(digestOf(hashNamed('sha256')!)).slice(0, 16)).toBe('e3b0c44298fc1c14')
    expect(toHex(digestOf(hashNamed('sha3-256')!)).slice(0, 16)).toBe('a7ffc6f8bf1ed766')
  })

  it('SM3 is refused by name', () => {
    expect(() => digestOf(hashNamed('sm3-256')!)).toThrow('sm3-256')
  })
})

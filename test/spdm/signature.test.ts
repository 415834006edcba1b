/** Signatures of every version and algorithm, and what cannot be verified here (DSP0274 1.3 §15). */
import {generateKeyPairSync, type KeyObject} from 'node:crypto'
import {beforeAll, describe, expect, it} from 'vitest'
import {toHex} from '../../src/bits/index.js'
import {
  asymNamed,
  combinedPrefix,
  digestOf,
  generateSigningKey,
  hashNamed,
  librarySchemeOf,
  loadCrypto,
  rawPublicKeyOf,
  signingInput,
  type SignatureContext,
  signQuestion,
  transcriptHash,
  unsupportedReason,
  verifySignature,
} from '../../src/spdm/index.js'
import {freshCrypto} from './fresh.js'
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

const reason = (version: number, hash: string, asym: string) =>
  unsupportedReason({version, hash: hashNamed(hash)!, asym: asymNamed(asym)!})

describe('what nobody here can verify is refused by name', () => {
  it('SM2', () => {
    const question = {version: 0x12, context, hash: sha384, asym: asymNamed('sm2')!, transcript}
    const why = 'sm2 signatures are not supported'
    expect(verifySignature(question, new Uint8Array(), new Uint8Array())).toEqual({status: 'unsupported', why})
    expect(() => generateSigningKey(question.asym)).toThrow('sm2')
  })

  it('SM3, and algorithms before the version that brought them', () => {
    expect(reason(0x12, 'sm3-256', 'ecdsa-p256')).toBe('sm3-256 is not supported')
    expect(reason(0x11, 'sha384', 'ed25519')).toBe('SPDM 1.1 does not define ed25519')
    expect(reason(0x13, 'sha384', 'ml-dsa-65')).toBe('SPDM 1.3 does not define ml-dsa-65')
  })

  it('whatever needs a library, until it is loaded', async () => {
    const crypto = await freshCrypto()
    const question = {version: 0x14, context, hash: sha384, asym: asymNamed('ml-dsa-44')!, transcript}
    const unloaded = {status: 'unsupported', why: 'the library for ml-dsa-44 is not loaded'}
    expect(crypto.verifySignature(question, new Uint8Array(), new Uint8Array())).toEqual(unloaded)
    expect(() => crypto.signQuestion(question, new Uint8Array())).toThrow('not loaded')
    await crypto.loadCrypto(asymNamed('ecdsa-p384'), undefined)
    expect(crypto.unsupportedReason(question)).toBe(unloaded.why)
    await crypto.loadCrypto(question.asym)
    expect(crypto.unsupportedReason(question)).toBeUndefined()
    expect(crypto.unsupportedReason({...question, asym: asymNamed('slh-dsa-sha2-128f')!})).toContain('not loaded')
  })
})

const LIBRARY_KINDS = ['ed448', 'ml-dsa-44', 'ml-dsa-65', 'ml-dsa-87', 'slh-dsa-sha2-128f']

describe.each(LIBRARY_KINDS)('%s', name => {
  const asym = asymNamed(name)!
  const question = {version: 0x14, context, hash: sha384, asym, transcript}
  let spki: Uint8Array
  let signature: Uint8Array
  beforeAll(async () => {
    await loadCrypto(asym)
    const pair = generateSigningKey(asym)
    spki = pair.spki
    signature = signQuestion(question, pair.privateKey)
  })

  it('signs and verifies with prefix and context, and nothing else is valid', () => {
    expect(signature).toHaveLength(asym.signatureSize)
    expect(verifySignature(question, spki, signature)).toEqual({status: 'valid'})
    const bits = signature.length * 8
    for (const bit of [0, 7, Math.floor(bits / 2), bits - 1])
      expect(verifySignature(question, spki, flipped(signature, bit)).status, `bit ${bit}`).toBe('invalid')
    for (const other of [{context: CONTEXTS[1]!}, {version: 0x15}, {transcript: flipped(transcript, 0)}])
      expect(verifySignature({...question, ...other}, spki, signature).status).toBe('invalid')
    expect(verifySignature(question, generateSigningKey(asym).spki, signature).status).toBe('invalid')
    const stranger = spkiOf(keyOf('ecdsa-p256').publicKey)
    expect(verifySignature(question, stranger, signature).status).toBe('mismatch')
    expect(verifySignature(question, spki.subarray(1), signature).status).toBe('mismatch')
  })

  it('the context string is an input of the primitive beside the prefix', () => {
    const scheme = librarySchemeOf(asym)!
    const key = rawPublicKeyOf(spki)!
    expect(key.name).toBe(name)
    const input = signingInput(0x14, context, sha384, transcript)
    const verify = (given: Uint8Array) => scheme.verify(signature, input, key.bytes, given)
    expect(verify(new TextEncoder().encode(context))).toBe(true)
    expect(verify(new Uint8Array())).toBe(false)
  })
})

it('a transcript that keeps its digest signs as its bytes do', () => {
  const {publicKey, privateKey} = keyOf('ecdsa-p256')
  const kept = {bytes: () => transcript, digest: () => digestOf(sha384, transcript)}
  for (const version of [0x11, 0x12]) {
    const question = {version, context, hash: sha384, asym: asymNamed('ecdsa-p256')!, transcript}
    const signature = signQuestion({...question, transcript: kept}, privateKey)
    expect(verifySignature(question, spkiOf(publicKey), signature)).toEqual({status: 'valid'})
    expect(verifySignature({...question, transcript: kept}, spkiOf(publicKey), signature)).toEqual({status: 'valid'})
  }
})

it('a value whose bytes are reversed is not a signature', () => {
  const {publicKey, privateKey} = keyOf('ecdsa-p256')
  for (const version of [0x10, 0x11]) {
    const question = {version, context, hash: sha384, asym: asymNamed('ecdsa-p256')!, transcript}
    const reversed = signQuestion(question, privateKey).toReversed()
    expect(verifySignature(question, spkiOf(publicKey), reversed).status).toBe('invalid')
  }
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

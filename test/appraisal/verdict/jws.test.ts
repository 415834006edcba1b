/** A signed verdict: RFC 7515 compact form, and refused unless it is exactly what this tool makes. */
import {createHash, generateKeyPairSync, type KeyObject, sign} from 'node:crypto'
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {keyId, signingKey, signJws, verificationKey, verifyJws} from '../../../src/appraisal/index.js'
import {errorOf} from '../audit-kernel.js'

const pem = (key: KeyObject, type: 'pkcs8' | 'spki'): Uint8Array => Buffer.from(key.export({type, format: 'pem'}))
const pair = (make: () => {readonly privateKey: KeyObject; readonly publicKey: KeyObject}) => {
  const {privateKey, publicKey} = make()
  return {privatePem: pem(privateKey, 'pkcs8'), publicPem: pem(publicKey, 'spki')}
}
const KEYS = {
  ed25519: pair(() => generateKeyPairSync('ed25519')),
  p384: pair(() => generateKeyPairSync('ec', {namedCurve: 'secp384r1'})),
}
const OTHER = pair(() => generateKeyPairSync('ed25519'))
const PAYLOAD = {eat_profile: 'x', note: 'ünï'}

const part = (token: string, index: number): unknown =>
  JSON.parse(Buffer.from(token.split('.')[index]!, 'base64url').toString())
const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

describe.each([
  ['ed25519', 'EdDSA'],
  ['p384', 'ES384'],
] as const)('a verdict signed with %s', (kind, alg) => {
  const key = signingKey(KEYS[kind].privatePem)
  const known = verificationKey(KEYS[kind].publicPem)
  const token = signJws(PAYLOAD, key)

  it(`is a compact JWS with ${alg} that its public key verifies`, () => {
    expect(part(token, 0)).toEqual({alg, kid: keyId(known), typ: 'eat+jwt'})
    expect(verifyJws(`${token}\n`, known)).toEqual(PAYLOAD)
  })

  it('is refused after any change of a character', () => {
    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.constantFrom('A', 'B', '.', '-', '_', '='), (at, by) => {
        fc.pre(token[at] !== by)
        const changed = token.slice(0, at) + by + token.slice(at + 1)
        expect(['denied', 'malformed']).toContain(errorOf(() => verifyJws(changed, known)).kind)
      }),
      {numRuns: 60},
    )
  })

  it('is refused when cut anywhere', () => {
    fc.assert(
      fc.property(fc.nat(token.length - 1), length => {
        expect(['denied', 'malformed']).toContain(errorOf(() => verifyJws(token.slice(0, length), known)).kind)
      }),
      {numRuns: 30},
    )
  })
})

describe('another signature', () => {
  const key = signingKey(KEYS.ed25519.privatePem)
  const known = verificationKey(KEYS.ed25519.publicPem)
  const forged = (header: object, payload: unknown = PAYLOAD, by: KeyObject | null = key): string => {
    const input = `${encoded(header)}.${encoded(payload)}`
    return `${input}.${by === null ? '' : sign(null, Buffer.from(input), by).toString('base64url')}`
  }
  const header = {alg: 'EdDSA', kid: keyId(known), typ: 'eat+jwt'}

  it.each([
    ['by another key', signJws(PAYLOAD, signingKey(OTHER.privatePem)), 'it names another key'],
    ['by another key under our name', forged(header, PAYLOAD, signingKey(OTHER.privatePem)), 'does not hold'],
    ['of no algorithm', forged({...header, alg: 'none'}, PAYLOAD, null), 'three parts'],
    ['of no algorithm, signed', forged({...header, alg: 'none'}), 'not signed with EdDSA'],
    ['of another algorithm', forged({...header, alg: 'ES384'}), 'not signed with EdDSA'],
    ['with a key inside', forged({...header, jwk: {}}), 'other members'],
    ['with critical members', forged({...header, crit: ['x']}), 'other members'],
    ['without a type', forged({alg: 'EdDSA', kid: keyId(known)}), 'other members'],
    ['of another type', forged({...header, typ: 'JWT'}), 'not of type eat+jwt'],
    ['without parts', 'eyJ9', 'three parts'],
    ['with four parts', `${signJws(PAYLOAD, key)}.AAAA`, 'three parts'],
    ['with a header that is a number', forged(5 as unknown as object), 'other members'],
    ['that is too long', 'A'.repeat(5_000_000), 'too long'],
  ])('%s is refused', (_, token, why) => {
    expect(errorOf(() => verifyJws(token, known)).message).toContain(why)
  })
})

describe('keys', () => {
  it('are named by their JWK thumbprint (RFC 8037 appendix A.3)', () => {
    // the key of RFC 8037 appendix A.1
    const x = Buffer.from('11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo', 'base64url')
    const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), x])
    const armoured = `-----BEGIN PUBLIC KEY-----\n${der.toString('base64')}\n-----END PUBLIC KEY-----\n`
    expect(keyId(verificationKey(Buffer.from(armoured)))).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
  })

  it('of P-384 are named by crv, kty, x and y', () => {
    const key = verificationKey(KEYS.p384.publicPem)
    const {crv, kty, x, y} = key.export({format: 'jwk'})
    expect(keyId(key)).toBe(createHash('sha256').update(JSON.stringify({crv, kty, x, y})).digest('base64url'))
  })

  const rsa = pair(() => generateKeyPairSync('rsa', {modulusLength: 2048}))
  const p256 = pair(() => generateKeyPairSync('ec', {namedCurve: 'prime256v1'}))
  it.each([
    ['no key', () => signingKey(Buffer.from('hello'))],
    ['a public key for signing', () => signingKey(KEYS.ed25519.publicPem)],
    ['an RSA key', () => signingKey(rsa.privatePem)],
    ['a P-256 key', () => verificationKey(p256.publicPem)],
    ['a private key for verifying', () => verificationKey(KEYS.ed25519.privatePem)],
  ])('%s is refused without showing it', (_, act) => {
    const {kind, message} = errorOf(act)
    expect(kind).toBe('usage')
    expect(message.length).toBeLessThan(120)
  })
})

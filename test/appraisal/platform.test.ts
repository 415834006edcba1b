/** The verdict on this machine's own platform: who may have signed it, and what it must say. */
import {generateKeyPairSync, type KeyObject, sign} from 'node:crypto'
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import fc from 'fast-check'
import {afterAll, describe, expect, it} from 'vitest'
import {givenPlatform} from '../../src/cli/platform-flag.js'
import {platformVerdict} from '../../src/appraisal/index.js'
import {TsmctlError} from '../../src/errors.js'
import {toHex} from '../../src/bits/index.js'
import {platformBinding} from '../../src/evidence/index.js'
import {G4} from './bases/index.js'
import {policyFrom} from './forge.js'
import {judge, NOW} from './guest.js'

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const pemOf = (key: KeyObject): Uint8Array => bytes(key.export({type: 'spki', format: 'pem'}) as string)

const ec = (namedCurve: string) => generateKeyPairSync('ec', {namedCurve})
type Kind = readonly [alg: string, hash: string | null, pair: ReturnType<typeof ec>]
const KINDS: readonly Kind[] = [
  ['EdDSA', null, generateKeyPairSync('ed25519')],
  ['ES256', 'sha256', ec('P-256')],
  ['ES384', 'sha384', ec('P-384')],
]
const [, , ed25519] = KINDS[0]!
const BINDING = new Uint8Array(64).fill(7)

const CLAIMS = {
  eat_profile: 'tag:github.com,2023:veraison/ear',
  iat: NOW.getTime() / 1000,
  eat_nonce: Buffer.from(BINDING).toString('base64url'),
  submods: {tdx: {'ear.status': 'affirming', 'ear.trustworthiness-vector': {hardware: 2}}},
}

function token(claims: unknown, header: object = {}, [alg, hash, {privateKey}]: Kind = KINDS[0]!): string {
  const input = `${encoded({alg, typ: 'JWT', ...header})}.${encoded(claims)}`
  return `${input}.${sign(hash, bytes(input), {key: privateKey, dsaEncoding: 'ieee-p1363'}).toString('base64url')}`
}

const read = (text: string, key: KeyObject = ed25519.publicKey) => platformVerdict(bytes(text), pemOf(key))

describe('a verdict on the platform', () => {
  it.each(KINDS)('is read when %s says who signed it', (...kind) => {
    expect(read(token(CLAIMS, {}, kind), kind[2].publicKey)).toMatchObject({
      status: 'affirming',
      bindings: [toHex(BINDING)],
      issuedAt: NOW,
    })
  })

  it('is as bad as the worst part, whatever the parts are called', () => {
    for (const name of ['gpu', 'constructor', 'prototype', '__proto__', 'toString']) {
      const bad = Object.fromEntries([[name, {'ear.status': 'contraindicated'}]])
      expect(read(token({...CLAIMS, submods: Object.assign(Object.create(null), CLAIMS.submods, bad)})).status).toBe(
        'contraindicated',
      )
    }
  })

  it.each([
    ['affirming', 2],
    ['warning', 32],
    ['contraindicated', 96],
    ['none', 0],
  ])('is %s, in words or numbers', (status, number) => {
    for (const said of [status, number])
      expect(read(token({...CLAIMS, submods: {a: {'ear.status': said}}})).status).toBe(status)
  })

  it('is as good as the worst of its parts', () => {
    const submods = {tdx: {'ear.status': 'affirming'}, gpu: {'ear.status': 'warning'}}
    expect(read(token({...CLAIMS, submods})).status).toBe('warning')
  })

  it('may answer several nonces', () =>
    expect(read(token({...CLAIMS, eat_nonce: [CLAIMS.eat_nonce, 'AAAA']})).bindings).toHaveLength(2))

  it.each<[string, string, string, KeyObject?]>([
    ['another key', 'denied', token(CLAIMS), generateKeyPairSync('ed25519').publicKey],
    ['a key of another kind', 'denied', token(CLAIMS), ec('P-384').publicKey],
    ['a key that signs no JWS here', 'usage', token(CLAIMS), ec('secp256k1').publicKey],
    ['alg none', 'denied', token(CLAIMS, {alg: 'none'})],
    ['a critical extension', 'malformed', token(CLAIMS, {crit: ['b64'], b64: false})],
    ['no status', 'malformed', token({...CLAIMS, submods: {a: {}}})],
    ['a status of another scale', 'malformed', token({...CLAIMS, submods: {a: {'ear.status': 3}}})],
    ['no appraisal', 'malformed', token({...CLAIMS, submods: {}})],
    ['no nonce', 'malformed', token({...CLAIMS, eat_nonce: undefined})],
    ['no time', 'malformed', token({...CLAIMS, iat: 'now'})],
    ['two parts', 'malformed', token(CLAIMS).split('.').slice(0, 2).join('.')],
    ['four parts', 'malformed', `${token(CLAIMS)}.AAAA`],
    ['no JSON', 'malformed', `AAAA.${token(CLAIMS).split('.').slice(1).join('.')}`],
    ['too much', 'malformed', 'A'.repeat(2 * 1024 * 1024)],
  ])('is refused: %s', (_, kind, text, key) => {
    expect(() => read(text, key)).toThrow(TsmctlError)
    expect(() => read(text, key)).toThrow(expect.objectContaining({kind}))
  })

  it('is refused with a private key, and with what is no key', () => {
    const secret = bytes(ed25519.privateKey.export({type: 'pkcs8', format: 'pem'}) as string)
    for (const key of [secret, bytes('no key')])
      expect(() => platformVerdict(bytes(token(CLAIMS)), key)).toThrow(expect.objectContaining({kind: 'usage'}))
  })

  it('is nobody else’s after any change of a character', () => {
    const text = token(CLAIMS)
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom('A', 'B', '.', '=', '\n', ' '), (at, char) => {
        fc.pre(text[at] !== char)
        expect(() => read(text.slice(0, at) + char + text.slice(at + 1))).toThrow(TsmctlError)
      }),
    )
  })
})

describe('on the command line', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'tsmctl-platform-'))
  afterAll(() => rmSync(scratch, {recursive: true, force: true}))
  const [verdict, key] = [join(scratch, 'ear.jwt'), join(scratch, 'verifier.pem')]
  writeFileSync(verdict, `${token(CLAIMS)}\n`)
  writeFileSync(key, pemOf(ed25519.publicKey))

  it('verdict and key go together', () => {
    expect(givenPlatform({})).toBeUndefined()
    expect(givenPlatform({'platform-verdict': verdict, 'platform-key': key})).toMatchObject({status: 'affirming'})
    for (const half of [{'platform-verdict': verdict}, {'platform-key': key}])
      expect(() => givenPlatform(half)).toThrow(expect.objectContaining({kind: 'usage'}))
  })
})

describe('the platform of evidence', () => {
  const policy = policyFrom(G4.document)
  const outcome = async (claims: (binding: string) => object | undefined): Promise<string> => {
    const bundle = await G4.forge()
    const binding = Buffer.from(platformBinding(bundle.digest, new Uint8Array())).toString('base64url')
    const said = claims(binding)
    const {results} = await judge(bundle, policy, {platform: said && read(token(said))})
    return results.find(({id}) => id === 'tsm.platform.attested')!.code
  }

  it('is attested by a verdict that is bound to it', async () =>
    expect(await outcome(binding => ({...CLAIMS, eat_nonce: binding}))).toBe('pass'))

  it('is not attested by nobody, or by a verdict on something else', async () => {
    expect(await outcome(() => undefined)).toBe('skip:off')
    expect(await outcome(() => CLAIMS)).toBe('binding')
  })
})

/** Tokens of the profile for device assignment: they keep to its CDDL, and say of everything they leave out that they do. */
import {createPublicKey, generateKeyPairSync, verify} from 'node:crypto'
import {decode, encode} from 'cbor2'
import {describe, expect, it} from 'vitest'
import {loadCoseSigner} from '../../src/corim/index.js'
import {type Bundle, importForeign} from '../../src/evidence/index.js'
import {deviceAssignmentToken} from '../../src/operations/export-eat.js'
import {BLOCKS, type Forgery, GENUINE, RANGES, report, withBlock} from '../appraisal/forge.js'
import {G1} from '../appraisal/bases/index.js'
import {NONCE} from '../appraisal/guest.js'

type Path = string
/** What is wrong with a value, as `path: what`. */
type Shape = (value: unknown, path: Path) => readonly string[]

const wrong = (path: Path, what: string): string[] => [`${path}: ${what}`]
const bytes =
  (least = 0, most = Infinity): Shape =>
  (value, path) =>
    value instanceof Uint8Array && value.length >= least && value.length <= most ? [] : wrong(path, 'bytes')
const text =
  (exact?: string): Shape =>
  (value, path) =>
    typeof value === 'string' && (exact === undefined || value === exact) ? [] : wrong(path, `text ${exact ?? ''}`)
const uint =
  (most = Number.MAX_SAFE_INTEGER): Shape =>
  (value, path) =>
    Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most ? [] : wrong(path, 'uint')
const among =
  (...allowed: readonly number[]): Shape =>
  (value, path) =>
    allowed.includes(value as number) ? [] : wrong(path, `one of ${allowed.join(', ')}`)
/** Bits of a byte string that may be set, from the first. */
const flags =
  (most: number): Shape =>
  (value, path) =>
    value instanceof Uint8Array && Number(BigInt(`0x${Buffer.from(value.toReversed()).toString('hex')}`)) < 2 ** most
      ? []
      : wrong(path, `bits 0 to ${most - 1}`)

interface Member {
  readonly shape: Shape
  readonly required?: boolean
}
/** A map with these members; `rest` says what other keys mean. */
const map =
  (members: ReadonlyMap<unknown, Member>, rest?: (key: unknown) => Shape | undefined): Shape =>
  (value, path) => {
    if (!(value instanceof Map)) return wrong(path, 'a map')
    const missing = [...members].filter(([key, {required}]) => required === true && !value.has(key))
    return [
      ...missing.map(([key]) => `${path}: ${String(key)} is missing`),
      ...[...value].flatMap(([key, item]) => {
        const shape = members.get(key)?.shape ?? rest?.(key)
        return shape === undefined ? wrong(path, `unknown key ${String(key)}`) : shape(item, `${path}.${String(key)}`)
      }),
    ]
  }
const must = (shape: Shape): Member => ({shape, required: true})
const may = (shape: Shape): Member => ({shape})

const DIGEST: Shape = (value, path) => {
  if (!Array.isArray(value) || value.length !== 2) return wrong(path, '[alg, val]')
  const algorithm = typeof value[0] === 'string' ? [] : uint()(value[0], `${path}.alg`)
  return [...algorithm, ...bytes()(value[1], `${path}.val`)]
}
const SIGNATURE = map(
  new Map<unknown, Member>([
    [1, must(uint(7))],
    [2, must(bytes(32, 32))],
    [3, must(bytes(32, 32))],
    [4, must(bytes(100, 100))],
    [5, must(bytes())],
    [6, must(among(0, 2, 4, 8, 16, 32, 64))],
    [7, must(bytes())],
  ]),
)
const MEASUREMENT: Shape = (value, path) => [
  ...map(
    new Map([
      [1, must(uint(10))],
      [2, may(DIGEST)],
      [3, may(bytes())],
    ]),
  )(value, path),
  ...(value instanceof Map && value.has(2) !== value.has(3) ? [] : wrong(path, 'a digest or a raw value')),
]
const isBlock = (key: unknown): boolean => Number.isSafeInteger(key) && (key as number) >= 1 && (key as number) <= 239
const MEASUREMENTS = map(new Map([['signature', may(SIGNATURE)]]), key => (isBlock(key) ? MEASUREMENT : undefined))
const CERTIFICATES = map(
  new Map([0, 1, 2, 3, 4, 5, 6, 7].map(slot => [slot, slot === 0 ? must(bytes()) : may(bytes())])),
)
const RANGE = map(
  new Map([
    [1, must(bytes(8, 8))],
    [2, must(bytes(4, 4))],
    [
      3,
      must(
        map(
          new Map([
            [1, must(flags(4))],
            [2, must(bytes(2, 2))],
          ]),
        ),
      ),
    ],
  ]),
)
const REPORT = map(
  new Map([
    [1, may(flags(6))],
    [2, may(bytes(2, 2))],
    [3, may(bytes(2, 2))],
    [4, may(bytes(4, 4))],
    [5, may(map(new Map([[1, must(RANGE)]])))],
    [6, may(bytes())],
  ]),
)
const DEVICE = map(
  new Map([
    [265, must(text('tag:linaro.org,2025:device-spdm#1.0.0'))],
    [3802, may(MEASUREMENTS)],
    [3803, may(CERTIFICATES)],
    [3804, may(bytes())],
    [3808, may(REPORT)],
  ]),
)
/** da-token.cddl and what it includes. */
const TOKEN = map(
  new Map([
    [265, must(text('tag:linaro.org,2025:device#1.0.0'))],
    [10, must(bytes(8, 64))],
    [266, must(map(new Map(), key => (typeof key === 'string' ? DEVICE : undefined)))],
  ]),
)

type Tree = Map<unknown, unknown>
async function exported(bundle: Bundle) {
  const {token, submodule, leftOut} = await deviceAssignmentToken(bundle)
  const tree = decode<Tree>(token, {preferMap: true, rejectDuplicateKeys: true})
  const device = (tree.get(266) as Tree).get(submodule) as Tree
  return {token, tree, submodule, leftOut, device}
}
const forged = async (forgery: Forgery = {}) => exported(await G1.forge(forgery))
const oneRange = {
  report: report([RANGES[0]!], {msixEnable: false, msixTableSize: 0, deviceSpecificInfo: Uint8Array.of(7)}),
}

describe('a token for device assignment', () => {
  it.each<[string, Forgery]>([
    ['the base', {}],
    ['a report of one range', oneRange],
    ['no report', {without: ['report']}],
    ['no measurements', {without: ['measurements']}],
  ])('keeps to the CDDL of the profile: %s', async (_, forgery) => {
    const {tree, token} = await forged(forgery)
    expect(TOKEN(tree, 'token')).toEqual([])
    expect(encode(tree)).toEqual(token)
  })

  it('carries nonce, name, negotiation, certificates and blocks as they were', async () => {
    const bundle = await G1.forge({})
    const {tree, submodule, device} = await exported(bundle)
    expect(submodule).toBe('spdm:ACME:WIDGET:0001')
    expect(tree.get(10)).toEqual(NONCE)
    expect(device.get(3804)).toEqual(bundle.objects.get('vca'))
    expect((device.get(3803) as Tree).get(0)).toEqual(new Uint8Array(Buffer.concat(GENUINE)))
    const blocks = device.get(3802) as Tree
    expect(blocks.get(1)).toEqual(
      new Map<number, unknown>([
        [1, 0],
        [2, [7, BLOCKS[0]!.value]],
      ]),
    )
    expect(blocks.get(3)).toEqual(
      new Map<number, unknown>([
        [1, 2],
        [3, BLOCKS[2]!.value],
      ]),
    )
    const signature = blocks.get('signature') as Tree
    expect(Buffer.from(signature.get(4) as Uint8Array).toString('latin1')).toMatch(/^(dmtf-spdm-v1\.2\.\*){4}/)
    expect(signature.get(2)).toEqual(NONCE)
  })

  it("takes a relying party's nonce when it is long enough", async () => {
    const nonce = {value: '11'.repeat(32), derivation: 'relying-party', localRandom: '22'.repeat(32)} as const
    const long = await forged({facts: {nonce: {...nonce, relyingPartyNonce: '33'.repeat(8)}}})
    const short = await forged({facts: {nonce: {...nonce, relyingPartyNonce: '33'.repeat(7)}}})
    expect([long.tree.get(10), short.tree.get(10)]).toEqual([
      new Uint8Array(8).fill(0x33),
      new Uint8Array(32).fill(0x11),
    ])
  })

  it('says of everything that it leaves out that it does', async () => {
    const {leftOut, device} = await forged({})
    expect((device.get(3802) as Tree).has(254)).toBe(false)
    expect((device.get(3808) as Tree).has(5)).toBe(false)
    expect(leftOut).toEqual([
      'measurements: block 254: the profile ends with block 239',
      "cert0: the header with the root's digest",
      'report: its 3 memory ranges: the profile has room for one, without reserved bits',
      'tsm: the profile has no claim for it',
      'pci: the profile has no claim for it',
      'collection: the profile has no claim for it',
      'manifest: the profile has no claim for it',
    ])
    const one = await forged(oneRange)
    expect(one.leftOut.filter(what => what.startsWith('report'))).toEqual([])
    const reserved = await forged({report: report(RANGES, {infoReserved: 1})})
    expect(reserved.leftOut).toContain('report: INTERFACE_INFO has reserved bits that are set')
    const strange = await forged({transcript: {blocks: withBlock(5, {index: 240})}})
    expect(strange.leftOut).toContain('measurements: block 240: the profile ends with block 239')
  })

  it('is refused without what the profile requires', async () => {
    const nonceless = await G1.forge({facts: {nonce: null}})
    await expect(deviceAssignmentToken(nonceless)).rejects.toThrow(/requires one/)
    const nameless = importForeign({
      transcript: new Uint8Array([0x11, 0xe0]),
      certificates: '-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n',
      hash: 'sha384',
      asym: 'ecdsa-p384',
      collectedAt: '2026-11-21T12:00:00Z',
      bundleId: '00'.repeat(16),
      tool: 'test',
      source: 'x',
    })
    await expect(deviceAssignmentToken(nameless)).rejects.toThrow(/has no name/)
  })
})

describe('a signature over an export', () => {
  it.each([
    ['P-256', () => generateKeyPairSync('ec', {namedCurve: 'P-256'}), -7, 'sha256'],
    ['P-384', () => generateKeyPairSync('ec', {namedCurve: 'P-384'}), -35, 'sha384'],
    ['P-521', () => generateKeyPairSync('ec', {namedCurve: 'P-521'}), -36, 'sha512'],
    ['Ed25519', () => generateKeyPairSync('ed25519'), -8, null],
  ])('with %s is a COSE_Sign1 that others verify', async (_, make, algorithm, hash) => {
    const {signSign1} = await loadCoseSigner()
    const pair = make()
    const pem = pair.privateKey.export({type: 'pkcs8', format: 'pem'}) as string
    const payload = Uint8Array.of(1, 2, 3)
    const tagged = decode<{tag: number; contents: [Uint8Array, Tree, Uint8Array, Uint8Array]}>(
      signSign1(payload, 'application/eat+cwt', pem),
      {preferMap: true},
    )
    const [head, unprotected, content, signature] = tagged.contents
    expect([Number(tagged.tag), unprotected.size, content]).toEqual([18, 0, payload])
    const header = decode<Tree>(head, {preferMap: true})
    expect([header.get(1), header.get(3)]).toEqual([algorithm, 'application/eat+cwt'])
    const message = encode(['Signature1', head, new Uint8Array(), payload])
    const key = createPublicKey(pair.publicKey.export({type: 'spki', format: 'pem'}))
    expect(verify(hash, message, {key, dsaEncoding: 'ieee-p1363'}, signature)).toBe(true)
    expect(
      verify(
        hash,
        message,
        {key, dsaEncoding: 'ieee-p1363'},
        signature.map(byte => byte ^ 1),
      ),
    ).toBe(false)
  })

  it.each([
    ['no key', 'hello', /no private key/],
    [
      'a public key',
      generateKeyPairSync('ed25519').publicKey.export({type: 'spki', format: 'pem'}) as string,
      /no priv/,
    ],
    [
      'a key of another kind',
      generateKeyPairSync('x25519').privateKey.export({type: 'pkcs8', format: 'pem'}) as string,
      /a kind that is not used/,
    ],
  ])('is refused with %s', async (_, pem, why) => {
    const {signSign1} = await loadCoseSigner()
    expect(() => signSign1(new Uint8Array(), 't', pem)).toThrow(why)
    expect(() => signSign1(new Uint8Array(), 't', pem)).toThrow(expect.objectContaining({kind: 'usage'}))
  })
})

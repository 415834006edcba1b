/** What an attestation says about chains: whose they are, what is wrong with them, what is only weak. */
import {describe, expect, it} from 'vitest'
import {concat, toHex} from '../../src/bits/index.js'
import {environment} from '../../src/kernel/index.js'
import {type ChainView, judgeChain, readRoots} from '../../src/operations/spdm-chain.js'
import {createLabDevice} from '../../src/sim/index.js'
import {
  asymNamed,
  BASE_HASH,
  type Connection,
  type SlotFacts,
  digestOf,
  encodeCertificateChain,
} from '../../src/spdm/index.js'
import {BasicConstraintsExtension, CA, KeyUsageFlags, KeyUsagesExtension, make, SIGNS} from '../spdm/authority.js'

const hash = BASE_HASH[1]!
const DAY = 86_400_000

async function lab(asym = 'ecdsa-p384') {
  const {root, options} = await createLabDevice({random: environment.random, asym})
  const certificates = options.slots[0]!.certificates
  const connection = {
    version: 0x12,
    hash,
    asym: asymNamed(asym),
    responder: {flags: {aliasCertCap: false}},
  } as Connection
  const judge = async (
    bytes: Uint8Array,
    anchors: readonly Uint8Array[] = [],
    now = new Date(),
  ): Promise<ChainView> => {
    const roots = await Promise.all(anchors.map(der => readRoots('root.der', der)))
    return judgeChain(bytes, connection, roots.flat(), now)
  }
  return {
    root,
    certificates,
    judge,
    chainOf: (...ders: Uint8Array[]) => encodeCertificateChain(digestOf(hash, root), ders),
  }
}

describe('judgeChain', () => {
  it('takes a chain with its root, and one that starts below it', async () => {
    const {root, certificates, judge, chainOf} = await lab()
    for (const ders of [certificates, certificates.slice(1)]) {
      const view = await judge(chainOf(...ders), [root])
      expect(view).toMatchObject({problems: [], weaknesses: [], anchor: 'root.der', model: 'device'})
      expect(view.certificates.length).toBe(ders.length)
    }
  })

  it('names what is wrong, and never trusts for it', async () => {
    const {root, certificates, judge, chainOf} = await lab()
    const [, middle, leaf] = certificates
    const other = await lab()
    const whole = chainOf(...certificates)
    const cases: readonly (readonly [Uint8Array, readonly Uint8Array[], Date, RegExp | undefined, string | null])[] = [
      [whole, [], new Date(), undefined, null],
      [whole, [other.root], new Date(), undefined, null],
      [encodeCertificateChain(digestOf(hash, other.root), certificates), [root], new Date(), /RootHash/, 'root.der'],
      [chainOf(root, leaf!), [root], new Date(), /certificate 1: its/, 'root.der'],
      [chainOf(middle!, leaf!), [other.root], new Date(), /certificate 0: its/, null],
      [chainOf(root, middle!), [root], new Date(), /the leaf is a CA/, 'root.der'],
      [whole, [root], new Date(Date.now() + 20 * 366 * DAY), /not valid after/, 'root.der'],
      [whole.subarray(0, 100), [root], new Date(), /Certificate chain/, null],
      [concat(whole, new Uint8Array(1)), [root], new Date(), /Certificate chain/, null],
    ]
    for (const [bytes, anchors, now, problem, anchor] of cases) {
      const view = await judge(bytes, anchors, now)
      expect(view.anchor).toBe(anchor)
      if (problem === undefined) expect(view.problems).toEqual([])
      else expect(view.problems.join('; ')).toMatch(problem)
    }
  })

  const limited = [
    new BasicConstraintsExtension(true, 0, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
  ]
  it.each([
    ['allows no CA below it', {extensions: limited}, /it allows 0/],
    ['is no CA', {extensions: SIGNS}, /not a CA/],
    ['has expired', {extensions: CA, notAfter: '2026-02-01T00:00:00Z'}, /not valid after 2026-02-01/],
    ['is weak', {extensions: CA, rsaBits: 2048, hash: 'SHA-256'}, /RSA key of 2048 bits/],
  ] as const)('a root that %s is no better for being left out of the chain', async (_, shape, why) => {
    const {judge} = await lab('ecdsa-p384')
    const root = await make({subject: 'CN=root', ...shape})
    const middle = await make({subject: 'CN=middle', issuer: root, extensions: CA})
    const below = await make({subject: 'CN=below', issuer: middle, extensions: CA})
    const leaf = await make({subject: 'CN=leaf', issuer: below, extensions: SIGNS})
    const ders = [root, middle, below, leaf].map(({facts}) => facts.der)
    for (const shown of [ders, ders.slice(1)]) {
      const chain = encodeCertificateChain(digestOf(hash, root.facts.der), shown)
      const {problems, weaknesses} = await judge(chain, [root.facts.der])
      expect([...problems, ...weaknesses].join('; ')).toMatch(why)
    }
  })

  it('holds the marks of certificates against the model of their slot', async () => {
    const {root, certificates} = await createLabDevice({random: environment.random, model: 'alias'}).then(made => ({
      root: made.root,
      certificates: made.options.slots[0]!.certificates,
    }))
    const roots = await readRoots('root.der', root)
    const chain = encodeCertificateChain(digestOf(hash, root), certificates)
    const problemsAs = async (version: number, aliasCertCap: boolean, multiKey = false) => {
      const responder = {flags: {aliasCertCap}}
      const connection = {version, hash, asym: asymNamed('ecdsa-p384'), responder, multiKey} as Connection
      const slot: SlotFacts = {slot: 0, digest: digestOf(hash, chain), ...(multiKey && {model: 'device'})}
      return (await judgeChain(chain, connection, roots, new Date(), slot)).problems
    }
    const mutable = [expect.stringMatching(/marked as mutable/)]
    expect(await problemsAs(0x12, true)).toEqual([])
    // nothing is known about models before 1.2
    expect(await problemsAs(0x11, false)).toEqual([])
    expect(await problemsAs(0x12, false)).toEqual(mutable)
    expect(await problemsAs(0x13, true, true)).toEqual(mutable)
  })

  it('tells weak keys from wrong ones', async () => {
    const {root, certificates, judge, chainOf} = await lab('rsassa-2048')
    const view = await judge(chainOf(...certificates), [root])
    expect(view).toMatchObject({problems: [], anchor: 'root.der'})
    expect(view.weaknesses.join()).toMatch(/2048/)
  })
})

it('reads roots in PEM and DER, and refuses what is none', async () => {
  const {root, certificates} = await lab()
  const pem = `-----BEGIN CERTIFICATE-----\n${Buffer.from(root).toString('base64')}\n-----END CERTIFICATE-----\n`
  const two = concat(root, certificates[1]!)
  expect((await readRoots('a.pem', new TextEncoder().encode(pem)))[0]!.facts.der).toEqual(root)
  expect((await readRoots('a.der', two)).map(({facts}) => toHex(facts.der))).toEqual(
    [root, certificates[1]!].map(toHex),
  )
  for (const content of ['', 'nothing', '-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----'])
    await expect(readRoots('a.pem', new TextEncoder().encode(content))).rejects.toMatchObject({
      kind: 'malformed',
      message: expect.stringContaining('a.pem'),
    })
})

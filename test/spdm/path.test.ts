/** Certification paths, leaves and validity: every rule broken once, by name and certificate (RFC 5280 §6.1). */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {DecodeError} from '../../src/bits/index.js'
import {
  asymNamed,
  type CertificateFacts,
  deviceCertificateIndex,
  isSelfSigned,
  leafProblems,
  type PathAnchor,
  pathProblems,
  type ValidityMode,
  validityProblems,
  verifyCertificateSignature,
} from '../../src/spdm/index.js'
import {
  authorityKeyId,
  BasicConstraintsExtension,
  CA,
  dmtfExtension,
  ExtendedKeyUsageExtension,
  extension,
  keyId,
  KeyUsageFlags,
  KeyUsagesExtension,
  type Made,
  make,
  SIGNS,
} from './authority.js'
import {certificateFacts, flipped} from './support.js'

const DMTF = '1.3.6.1.4.1.412.274'
const root = await make({subject: 'CN=root', extensions: [...CA, keyId('01')]})
const other = await make({subject: 'CN=root', extensions: [...CA, keyId('01')]})
const device = await make({subject: 'CN=device', issuer: root, extensions: [...CA, keyId('02'), authorityKeyId('01')]})
const leaf = await make({subject: 'CN=leaf', issuer: device, extensions: [...SIGNS, authorityKeyId('02')]})

const problems = (chain: readonly Made[], anchor?: PathAnchor) =>
  pathProblems(
    chain.map(({facts}) => facts),
    anchor,
  ).map(({kind, certificate}) => `${kind} ${certificate}`)

const under = (extensions: Parameters<typeof make>[0]): Promise<Made> =>
  make({subject: 'CN=device', issuer: root, ...extensions})
const below = (issuer: Made): Promise<Made> => make({subject: 'CN=leaf', issuer, extensions: SIGNS})

describe('paths', () => {
  it('a sound path has no problems, with its root or without', () => {
    expect(problems([root, device, leaf])).toEqual([])
    expect(problems([device, leaf], {spki: root.facts.spki, certificate: root.facts})).toEqual([])
    expect(problems([device, leaf], {spki: root.facts.spki})).toEqual([])
    expect(problems([root, device, leaf], {spki: root.facts.spki, certificate: root.facts})).toEqual([])
  })

  it('an empty chain is one', () => {
    expect(problems([])).toEqual(['no-certificates 0'])
  })

  it('a path below its root has an unverified beginning', () => {
    expect(problems([device, leaf])).toContain('signature 0')
    expect(isSelfSigned(root.facts)).toBe(true)
    expect(isSelfSigned(device.facts)).toBe(false)
  })

  it('a root of the same name and key identifier is not the same root', () => {
    expect(problems([other, device, leaf])).toEqual(['signature 1'])
    expect(problems([device, leaf], {spki: other.facts.spki, certificate: other.facts})).toEqual(['signature 0'])
    expect(problems([root, device, leaf], {spki: other.facts.spki, certificate: other.facts})).toEqual(['signature 0'])
  })

  it('certificates in the wrong order', () => {
    expect(problems([leaf, device, root]).length).toBeGreaterThan(3)
  })

  it.each<[string, () => Promise<readonly Made[]>, string[]]>([
    [
      'an issuer of another name',
      async () => {
        const wrong = await under({issuerName: 'CN=elsewhere', extensions: CA})
        return [root, wrong, await below(wrong)]
      },
      ['issuer-name 1'],
    ],
    [
      'an authority key that is not the one above',
      async () => {
        const wrong = await under({extensions: [...CA, authorityKeyId('ff')]})
        return [root, wrong, await below(wrong)]
      },
      ['key-identifier 1'],
    ],
    [
      'an issuer that is no CA',
      async () => {
        const wrong = await under({extensions: [new BasicConstraintsExtension(false, undefined, true), CA[1]!]})
        return [root, wrong, await below(wrong)]
      },
      ['not-ca 1'],
    ],
    [
      'an issuer without basic constraints',
      async () => {
        const wrong = await under({extensions: [CA[1]!]})
        return [root, wrong, await below(wrong)]
      },
      ['not-ca 1'],
    ],
    [
      'an issuer whose key may not sign certificates',
      async () => {
        const wrong = await under({extensions: [CA[0]!, new KeyUsagesExtension(KeyUsageFlags.cRLSign, true)]})
        return [root, wrong, await below(wrong)]
      },
      ['no-cert-sign 1'],
    ],
    [
      'an issuer without key usage',
      async () => {
        const wrong = await under({extensions: [CA[0]!]})
        return [root, wrong, await below(wrong)]
      },
      ['no-cert-sign 1'],
    ],
    [
      'a root without key usage, which is unrestricted',
      async () => {
        const open = await make({subject: 'CN=open', extensions: [CA[0]!]})
        return [open, await below(open)]
      },
      [],
    ],
    [
      'more CAs than the root allows',
      async () => {
        const short = await make({
          subject: 'CN=short',
          extensions: [new BasicConstraintsExtension(true, 0, true), CA[1]!],
        })
        const ca = await make({subject: 'CN=ca', issuer: short, extensions: CA})
        return [short, ca, await below(ca)]
      },
      ['path-length 0'],
    ],
    [
      'exactly as many',
      async () => {
        const short = await make({
          subject: 'CN=short',
          extensions: [new BasicConstraintsExtension(true, 1, true), CA[1]!],
        })
        const ca = await make({subject: 'CN=ca', issuer: short, extensions: CA})
        return [short, ca, await below(ca)]
      },
      [],
    ],
    [
      'a weak key in the middle',
      async () => {
        const weak = await under({rsaBits: 2048, extensions: CA})
        return [root, weak, await below(weak)]
      },
      ['weak 1'],
    ],
    [
      'a critical extension nobody knows',
      async () => [root, await under({extensions: [...SIGNS, extension('1.2.3.4', Uint8Array.of(5, 0), true)]})],
      ['critical-extension 1'],
    ],
    [
      'an extension twice',
      async () => [root, await under({extensions: [...SIGNS, keyId('01'), keyId('02')]})],
      ['duplicate-extension 1'],
    ],
    [
      'an extension that cannot be read',
      async () => [root, await under({extensions: [...SIGNS, extension('2.5.29.14', Uint8Array.of(0xff))]})],
      ['unreadable-extension 1'],
    ],
  ])('%s', async (_, chain, expected) => {
    expect(problems(await chain())).toEqual(expected)
  })

  it('a flipped bit of a signature is found', () => {
    const end = leaf.facts.der.length * 8
    for (const bit of [end - 3, end - 100, end - 400]) {
      let changed: CertificateFacts
      try {
        changed = certificateFacts(flipped(leaf.facts.der, bit))
      } catch {
        continue
      }
      expect(verifyCertificateSignature(changed.der, device.facts.spki)).toBe(false)
    }
    expect(verifyCertificateSignature(leaf.facts.der, device.facts.spki)).toBe(true)
    expect(verifyCertificateSignature(leaf.facts.der, new Uint8Array(3))).toBe(false)
    expect(verifyCertificateSignature(new Uint8Array(3), device.facts.spki)).toBe(false)
  })
})

it('no bit of a certificate can be changed without breaking the path', () => {
  const chain = [root, device, leaf]
  const sizes = chain.map(({facts}) => facts.der.length * 8)
  const place = fc.nat(2).chain(at => fc.tuple(fc.constant(at), fc.nat(sizes[at]! - 1)))
  fc.assert(
    fc.property(place, ([at, bit]) => {
      const bytes = flipped(chain[at]!.facts.der, bit)
      let changed: CertificateFacts
      try {
        changed = certificateFacts(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
        return
      }
      const facts = chain.map((made, i) => (i === at ? changed : made.facts))
      expect(pathProblems(facts).map(({kind}) => kind)).toContain('signature')
    }),
    {numRuns: 100},
  )
})

const index = (chain: readonly Made[]) => deviceCertificateIndex(chain.map(({facts}) => facts))

describe('the certificate that identifies the device', () => {
  it('is the leaf, the one above an alias, or the one that says so', async () => {
    expect(index([root, device, leaf])).toBe(2)
    const alias = await make({issuer: device, extensions: [dmtfExtension(`${DMTF}.5`)]})
    expect(index([root, device, alias])).toBe(1)
    const identity = await make({issuer: root, extensions: [...CA, dmtfExtension(`${DMTF}.2`)]})
    expect(index([root, identity, alias, alias])).toBe(1)
  })
})

const leafKinds = async (shape: Parameters<typeof make>[0], version = 0x12, name = 'ecdsa-p384') =>
  leafProblems((await make({issuer: device, ...shape})).facts, version, asymNamed(name)).map(({kind}) => kind)
const eku = (...n: number[]) => new ExtendedKeyUsageExtension(n.map(i => `${DMTF}.${i}`))

describe('leaves', () => {
  const notCa = new BasicConstraintsExtension(false, undefined, true)

  it.each<[string, Parameters<typeof make>[0], number, string[]]>([
    ['sound', {extensions: SIGNS}, 0x12, []],
    ['sound in 1.3', {extensions: [...SIGNS, notCa]}, 0x13, []],
    ['without basic constraints in 1.3', {extensions: SIGNS}, 0x13, ['basic-constraints']],
    ['a CA', {extensions: [...SIGNS, CA[0]!]}, 0x12, ['ca']],
    ['without key usage', {extensions: []}, 0x12, ['key-usage']],
    [
      'that may only agree on keys',
      {extensions: [new KeyUsagesExtension(KeyUsageFlags.keyAgreement)]},
      0x12,
      ['key-usage'],
    ],
    ['of a requester', {extensions: [...SIGNS, eku(4)]}, 0x12, ['extended-key-usage']],
    ['of both roles', {extensions: [...SIGNS, eku(3, 4)]}, 0x12, []],
    ['of another curve', {curve: 'P-256', extensions: SIGNS}, 0x12, ['key-algorithm']],
    ['of another family', {rsaBits: 3072, extensions: SIGNS}, 0x12, ['key-algorithm']],
  ])('a leaf %s', async (_, shape, version, expected) => {
    expect(await leafKinds(shape, version)).toEqual(expected)
  })

  it('RSA keys fit by size', async () => {
    expect(await leafKinds({rsaBits: 3072, extensions: SIGNS}, 0x12, 'rsapss-3072')).toEqual([])
    expect(await leafKinds({rsaBits: 2048, extensions: SIGNS}, 0x12, 'rsassa-3072')).toEqual(['key-algorithm'])
  })
})

describe('validity', () => {
  const times = {now: new Date('2026-11-21'), built: new Date('2026-10-01')}
  const found = async (
    mode: ValidityMode,
    [caFrom, caTo]: readonly [string, string],
    [from, to]: readonly [string, string],
    more: object = {},
  ) => {
    const ca = (await make({notBefore: caFrom, notAfter: caTo})).facts
    const end = (await make({notBefore: from, notAfter: to})).facts
    return validityProblems([ca, end], mode, {...times, ...more}).map(({kind, certificate}) => `${kind} ${certificate}`)
  }
  const OK = ['2020-01-01', '2036-01-01'] as const
  const FOREVER = ['2020-01-01', '9999-12-31T23:59:59Z'] as const
  const PAST = ['2020-01-01', '2026-11-01'] as const
  const FUTURE = ['2027-01-01', '2036-01-01'] as const
  const LONG_AGO = ['2019-01-01', '2019-02-01'] as const

  it.each<[ValidityMode, readonly [string, string], readonly [string, string], string[]]>([
    ['strict', OK, OK, []],
    ['strict', OK, FOREVER, []],
    ['strict', PAST, OK, ['expired 0']],
    ['strict', OK, FUTURE, ['not-yet 1']],
    ['device', FOREVER, FOREVER, []],
    ['device', FUTURE, OK, ['not-yet 0']],
    ['device', OK, FUTURE, ['not-yet 1']],
    ['device', OK, PAST, ['expired 1']],
    ['floor-only', PAST, FUTURE, []],
    ['floor-only', OK, LONG_AGO, ['expired 1']],
  ])('%s %j %j', async (mode, ca, end, expected) => {
    expect(await found(mode, ca, end)).toEqual(expected)
  })

  it('a clock before the build does not make a device’s own leaf invalid', async () => {
    const now = new Date('2020-06-01')
    const recent = ['2026-09-01', '2036-01-01'] as const
    expect(await found('device', OK, recent, {now})).toEqual([])
    expect(await found('strict', OK, recent, {now})).toEqual(['not-yet 1'])
  })

  it('the floor counts where it is later than the build', async () => {
    expect(await found('floor-only', OK, PAST, {floor: new Date('2026-11-20')})).toEqual(['expired 1'])
  })
})

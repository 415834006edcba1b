/** Both sides of ours with every algorithm: signatures, hashes, key exchanges and ciphers, in each version that has them. */
import {describe, expect, it} from 'vitest'
import {createLabDevice, type LabDeviceSpec} from '../../../src/sim/lab-device.js'
import {
  AEAD,
  asymNamed,
  BASE_HASH,
  DHE_GROUP,
  generateSigningKey,
  KEM,
  loadCrypto,
  type ResponderOptions,
  type SignatureQuestion,
  signQuestion,
  versionText,
} from '../../../src/spdm/index.js'
import {der, oid} from '../authority.js'
import {bench, DEVICE, random} from './bench.js'

const names = (table: readonly {readonly name: string}[]): string[] =>
  table.map(({name}) => name).filter(name => !name.startsWith('sm'))

const HASHES = names(BASE_HASH)
/** Keys that are quickly made; the other sizes of RSA differ in nothing but their size. */
const CLASSIC = ['ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521', 'rsassa-2048', 'rsapss-2048']
const SINCE_1_2 = ['ed25519', 'ed448']
const SINCE_1_4 = ['ml-dsa-44', 'ml-dsa-65', 'ml-dsa-87', 'slh-dsa-sha2-128f']
const asymOf = (version: number): string[] => [
  ...CLASSIC,
  ...(version >= 0x12 ? SINCE_1_2 : []),
  ...(version >= 0x14 ? SINCE_1_4 : []),
]

const SHA384_ECDSA = der(0x30, oid('1.2.840.10045.4.3.3'))
const commonName = (text: string): Uint8Array => der(0x30, der(0x31, der(0x30, oid('2.5.4.3'), der(0x0c, text))))

/** A leaf for a key that no certificate library here knows. Its own signature is not what is looked at. */
const certificateOf = (spki: Uint8Array): Uint8Array => {
  const validity = der(0x30, der(0x17, '260101000000Z'), der(0x17, '360101000000Z'))
  const serial = der(0x02, Uint8Array.of(1))
  const version = der(0xa0, der(0x02, Uint8Array.of(2)))
  const tbs = der(0x30, version, serial, SHA384_ECDSA, commonName('root'), validity, commonName('device'), spki)
  return der(0x30, tbs, SHA384_ECDSA, der(0x03, new Uint8Array(9)))
}

async function postQuantum(asym: string): Promise<ResponderOptions> {
  const algorithm = asymNamed(asym)!
  await loadCrypto(algorithm)
  const {privateKey, spki} = generateSigningKey(algorithm)
  const sign = (question: SignatureQuestion) => signQuestion(question, privateKey)
  return {
    ...DEVICE,
    algorithms: {...DEVICE.algorithms, asym: [asym]},
    slots: [{slot: 0, certificates: [certificateOf(spki)], sign}],
  }
}

const made = new Map<string, Promise<ResponderOptions>>()
const deviceOf = (spec: Omit<LabDeviceSpec, 'random'>): Promise<ResponderOptions> => {
  const key = JSON.stringify(spec)
  const device = made.get(key) ?? createLabDevice({...spec, random}).then(({options}) => options)
  made.set(key, device)
  return device
}

const VERSIONS = [0x10, 0x11, 0x12, 0x13, 0x14]
/** Every signature algorithm of a version, each with another hash, so that all hashes occur in all versions. */
const PAIRS = VERSIONS.flatMap(version =>
  asymOf(version).map(
    (asym, i) => [versionText(version), asym, HASHES[(i + version) % HASHES.length]!, version] as const,
  ),
)

it('pairs every hash with every version that has enough signature algorithms', () => {
  for (const version of [0x12, 0x13, 0x14])
    expect(new Set(PAIRS.filter(([, , , v]) => v === version).map(([, , hash]) => hash)).size).toBe(HASHES.length)
})

it.each(PAIRS)('version %s, %s, %s', async (_, asym, hash, version) => {
  const options = await (SINCE_1_4.includes(asym) ? postQuantum(asym) : deviceOf({asym}))
  const algorithms = {...options.algorithms, hash: [hash]}
  const {requester} = bench({device: {...options, algorithms, versions: [version]}})
  expect(await requester.negotiate()).toMatchObject({version, hash: {name: hash}, asym: {name: asym}})
  expect((await requester.challenge({summary: 'all'})).signature).toEqual({status: 'valid'})
  expect((await requester.measurements()).signature).toEqual({status: 'valid'})
  if (version < 0x11) return
  const session = await requester.openSession()
  expect((await session.measurements()).signature).toEqual({status: 'valid'})
  await session.end()
})

const echo = (payload: Uint8Array): Uint8Array => payload

const EXCHANGES = [
  ...names(DHE_GROUP).map(name => [name, 0x11] as const),
  ...names(KEM).map(name => [name, 0x14] as const),
]
const CIPHERS = names(AEAD)

describe('sessions', () => {
  it.each(EXCHANGES)('keys exchanged by %s', async (exchange, version) => {
    const options = await deviceOf({asym: 'ecdsa-p256'})
    const algorithms = {...options.algorithms, exchange: [exchange]}
    const {requester} = bench({device: {...options, algorithms, versions: [version]}})
    expect((await requester.negotiate()).exchange?.name).toBe(exchange)
    const session = await requester.openSession({summary: 'tcb'})
    await session.keyUpdate()
    await session.end()
    expect(session.isOpen).toBe(false)
  })

  it.each(CIPHERS.flatMap(aead => [true, false].map(encryptCap => [aead, encryptCap] as const)))(
    'records under %s, encrypted: %s',
    async (aead, encryptCap) => {
      const options = await deviceOf({asym: 'ecdsa-p256'})
      const algorithms = {...options.algorithms, aead: [aead]}
      const capabilities = {...options.capabilities, encryptCap}
      const {requester} = bench({device: {...options, algorithms, capabilities, vendor: echo}})
      expect(await requester.negotiate()).toMatchObject({aead: {name: aead}, encrypted: encryptCap})
      const session = await requester.openSession()
      const payload = random(1000)
      expect(await session.vendorDefined(payload)).toEqual(payload)
      await session.keyUpdate('requester')
      expect(await session.vendorDefined(payload)).toEqual(payload)
      await session.end()
    },
  )
})

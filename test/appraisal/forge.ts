/**
 * Evidence made to measure: own keys and certificates, and every part replaceable, so that one thing can be wrong while
 * everything else is signed and digested as a capable attacker would.
 */
import 'reflect-metadata'
import {createHash, createPrivateKey, type KeyObject, webcrypto} from 'node:crypto'
import * as x509 from '@peculiar/x509'
import {concat, toHex} from '../../src/bits/index.js'
import {CHECK_IDS, loadPolicy, type Policy, type PolicyExtras, REGISTRY, SKIP_NAMES} from '../../src/appraisal/index.js'
import type {Bundle, CollectionFacts, ManifestFacts, PciFacts, TsmFacts} from '../../src/evidence/index.js'
import {
  asymNamed,
  DMTF_MEASUREMENT,
  encodeCertificateChain,
  GET_MEASUREMENTS,
  hashNamed,
  MEASUREMENT_TYPE,
  type MeasurementTypeName,
  MEASUREMENTS,
  type SignatureContext,
  signQuestion,
} from '../../src/spdm/index.js'
import {INTERFACE_REPORT} from '../../src/tdisp/index.js'
import {bundleOf, NONCE, NOW, type Parts} from './guest.js'

const CURVES = {
  'P-384': {name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384'},
  'P-256': {name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-384'},
} as const
type Keys = webcrypto.CryptoKeyPair
export const newKeys = (curve: keyof typeof CURVES = 'P-384'): Promise<Keys> =>
  webcrypto.subtle.generateKey(CURVES[curve], true, ['sign', 'verify']) as Promise<Keys>

x509.cryptoProvider.set('node', webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[1])

export const sha384 = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash('sha384').update(bytes).digest())

export const KEYS = {
  root: await newKeys(),
  otherRoot: await newKeys(),
  ca: await newKeys(),
  leaf: await newKeys(),
  device: await newKeys(),
  otherLeaf: await newKeys(),
  p256: await newKeys('P-256'),
}

export interface CertificateSpec {
  readonly keys?: Keys
  readonly serial?: string
  readonly name?: string
  readonly issuer?: string
  readonly signer?: Keys
  /** Digest of the signature. */
  readonly hash?: string
  readonly notBefore?: Date
  readonly notAfter?: Date
  readonly extensions?: readonly x509.Extension[]
}

const {KeyUsageFlags: Usage} = x509
export const usage = (flags: x509.KeyUsageFlags): x509.Extension => new x509.KeyUsagesExtension(flags, true)
export const basic = (ca: boolean, pathLength?: number): x509.Extension =>
  new x509.BasicConstraintsExtension(ca, pathLength, true)
export const eku = (...oids: readonly string[]): x509.Extension => new x509.ExtendedKeyUsageExtension([...oids])
export const privateCritical = new x509.Extension('1.3.6.1.4.1.99999.1', true, new Uint8Array([5, 0]))
export {Usage}

const tlv = (tag: number, ...content: readonly Uint8Array[]): Uint8Array => {
  const body = concat(...content)
  return concat(Uint8Array.of(tag, ...(body.length < 0x80 ? [body.length] : [0x81, body.length])), body)
}

/** SubjectAltName with DMTF device info of these bytes, once for each. */
export function deviceNames(...names: readonly Uint8Array[]): x509.Extension {
  const oid = Uint8Array.of(0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0x1c, 0x82, 0x12, 0x01)
  const others = names.map(name => tlv(0xa0, oid, tlv(0xa0, tlv(0x0c, name))))
  return new x509.Extension('2.5.29.17', false, tlv(0x30, ...others))
}
/** SubjectAltName with the DMTF device info. */
export const deviceInfo = (text: string): x509.Extension => deviceNames(new TextEncoder().encode(text))

export async function certificate(
  spec: CertificateSpec,
  defaults: Required<Omit<CertificateSpec, 'notBefore' | 'notAfter' | 'serial' | 'hash'>> &
    Pick<CertificateSpec, 'serial'>,
): Promise<Uint8Array> {
  const {keys, serial = '01', name, issuer, signer, extensions, hash = 'SHA-384'} = {...defaults, ...spec}
  const made = await x509.X509CertificateGenerator.create({
    serialNumber: serial,
    subject: `CN=${name}`,
    issuer: `CN=${issuer}`,
    notBefore: spec.notBefore ?? new Date('2026-01-01T00:00:00Z'),
    notAfter: spec.notAfter ?? new Date('2036-01-01T00:00:00Z'),
    publicKey: keys.publicKey,
    signingKey: signer.privateKey,
    signingAlgorithm: {name: signer.privateKey.algorithm.name, hash},
    extensions: [...extensions],
  })
  return new Uint8Array(made.rawData)
}

export const IDENTITY = 'ACME:WIDGET:0001'

export interface ChainSpec {
  readonly root?: CertificateSpec
  readonly ca?: CertificateSpec
  readonly leaf?: CertificateSpec
}

const issuing = [basic(true), usage(Usage.keyCertSign | Usage.cRLSign)]

const makeRoot = ({root = {}}: ChainSpec): Promise<Uint8Array> =>
  certificate(root, {
    keys: KEYS.root,
    serial: '01',
    name: 'Root',
    issuer: 'Root',
    signer: root.keys ?? KEYS.root,
    extensions: issuing,
  })
const makeCa = ({root = {}, ca = {}}: ChainSpec): Promise<Uint8Array> =>
  certificate(ca, {
    keys: KEYS.ca,
    serial: '02',
    name: 'CA',
    issuer: 'Root',
    signer: root.keys ?? KEYS.root,
    extensions: issuing,
  })
const makeLeaf = ({leaf = {}}: ChainSpec): Promise<Uint8Array> =>
  certificate(leaf, {
    keys: KEYS.leaf,
    serial: '03',
    name: 'Leaf',
    issuer: 'CA',
    signer: KEYS.ca,
    extensions: [basic(false), usage(Usage.digitalSignature), deviceInfo(IDENTITY)],
  })

/** Root, CA and leaf of an honest vendor. */
export const GENUINE: readonly Uint8Array[] = [await makeRoot({}), await makeCa({}), await makeLeaf({})]

/** The same, with those certificates made anew that `spec` changes. */
export const certificates = async (spec: ChainSpec): Promise<Uint8Array[]> => [
  spec.root ? await makeRoot(spec) : GENUINE[0]!,
  spec.root || spec.ca ? await makeCa(spec) : GENUINE[1]!,
  spec.leaf ? await makeLeaf(spec) : GENUINE[2]!,
]

export const chainObject = (ders: readonly Uint8Array[], rootHash = sha384(ders[0]!)): Uint8Array =>
  encodeCertificateChain(rootHash, ders)

export interface Block {
  readonly index: number
  readonly type: MeasurementTypeName
  readonly raw?: boolean
  readonly value: Uint8Array
}

const digest = (text: string): Uint8Array => sha384(new TextEncoder().encode(text))
const svn = (value: number): Uint8Array => Uint8Array.of(value, 0, 0, 0, 0, 0, 0, 0)
/** Device mode: capabilities, normal operation, capabilities, no debug. */
export const mode = (operational: number, debug: number, reportable = 0x1f): Uint8Array => {
  const words = new DataView(new ArrayBuffer(16))
  for (const [i, word] of [0x3f, operational, reportable, debug].entries()) words.setUint32(i * 4, word, true)
  return new Uint8Array(words.buffer)
}

export const BLOCKS: readonly Block[] = [
  {index: 1, type: 'rom', value: digest('rom')},
  {index: 2, type: 'firmware', value: digest('firmware')},
  {index: 3, type: 'hw-config', raw: true, value: Uint8Array.of(0x12, 0x34)},
  {index: 4, type: 'fw-config', value: digest('settings')},
  {index: 5, type: 'firmware', value: digest('loader')},
  {index: 16, type: 'svn', raw: true, value: svn(7)},
  {index: 254, type: 'device-mode', raw: true, value: mode(4, 0)},
]

export const withBlock = (index: number, change: Partial<Block>): readonly Block[] =>
  BLOCKS.map(block => (block.index === index ? {...block, ...change} : block))

export const encodeBlock = ({index, type, raw = false, value}: Block) => ({
  index,
  measurementSpecification: 1,
  measurement: DMTF_MEASUREMENT.encode({valueType: MEASUREMENT_TYPE[type], rawBitStream: raw, value}),
})

export const privateKey = async (keys: Keys): Promise<KeyObject> =>
  createPrivateKey({
    key: Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)),
    format: 'der',
    type: 'pkcs8',
  })

/** RequesterContext of every request since SPDM 1.3. */
export const REQUESTER_CONTEXT = Uint8Array.from({length: 8}, (_, i) => 0xc0 + i)

export interface TranscriptSpec {
  /** SPDMVersion; 1.2 unless given. */
  readonly version?: number
  readonly blocks?: readonly Block[]
  /** Instead of `blocks`: what the record really consists of. */
  readonly record?: readonly Partial<ReturnType<typeof encodeBlock>>[]
  readonly nonce?: Uint8Array
  readonly request?: object
  readonly response?: object
  readonly signer?: Keys
  readonly context?: SignatureContext
  /** SPDM version the signature is made for. */
  readonly signedAs?: number
  /** Base hash; SHA-384 unless given. */
  readonly hash?: string
  /** Negotiation the signature covers. */
  readonly signedVca?: Uint8Array
  /** Changes the bytes before they are signed. */
  readonly before?: (bytes: Uint8Array) => Uint8Array
  readonly after?: (bytes: Uint8Array) => Uint8Array
}

const ASYM = asymNamed('ecdsa-p384')!
const same = (bytes: Uint8Array): Uint8Array => bytes

/** GET_MEASUREMENTS and signed MEASUREMENTS over `vca`. */
export async function transcript(vca: Uint8Array, spec: TranscriptSpec = {}): Promise<Uint8Array> {
  const version = spec.version ?? 0x12
  const context = version < 0x13 ? {} : {requesterContext: REQUESTER_CONTEXT}
  const request = GET_MEASUREMENTS.encode({
    ...context,
    spdmVersion: version,
    signatureRequested: true,
    measurementOperation: 0xff,
    nonce: spec.nonce ?? NONCE,
    slotIdParam: 0,
    ...spec.request,
  })
  const response = MEASUREMENTS.encode({
    ...context,
    spdmVersion: version,
    measurementRecord: spec.record ?? (spec.blocks ?? BLOCKS).map(encodeBlock),
    nonce: new Uint8Array(32).fill(9),
    opaqueData: new Uint8Array(),
    ...spec.response,
  })
  const unsigned = (spec.before ?? same)(concat(request, response))
  const signedAs = spec.signedAs ?? version
  const question = {
    version: signedAs,
    context: spec.context ?? ('responder-measurements signing' as const),
    hash: hashNamed(spec.hash ?? 'sha384')!,
    asym: ASYM,
    transcript: signedAs < 0x12 ? unsigned : concat(spec.signedVca ?? vca, unsigned),
  }
  const signature = signQuestion(question, await privateKey(spec.signer ?? KEYS.leaf))
  return (spec.after ?? same)(concat(unsigned, signature))
}

export interface RangeSpec {
  readonly id: number
  readonly first: bigint
  readonly pages: number
  readonly flags?: object
}

/** Two BARs of 4 and 2 pages, and the page of the MSI-X table and PBA; offset 0x1000 pages. */
export const RANGES: readonly RangeSpec[] = [
  {id: 0, first: 0x1000n, pages: 4},
  {id: 2, first: 0x1010n, pages: 2},
  {id: 4, first: 0x1020n, pages: 1, flags: {msixTable: true, msixPba: true}},
]

export const report = (ranges: readonly RangeSpec[] = RANGES, fields: object = {}): Uint8Array =>
  INTERFACE_REPORT.encode({
    noFwUpdate: true,
    dmaWithoutPasid: true,
    msixEnable: true,
    msixTableSize: 3,
    mmioRanges: ranges.map(({id, first, pages, flags}) => ({rangeId: id, firstPage: first, pages, ...flags})),
    deviceSpecificInfo: new Uint8Array(),
    ...fields,
  })

const bar = (index: number, size: string, address: string): PciFacts['bars'][number] => ({
  index,
  size,
  address,
  kind: 'memory64',
  prefetchable: false,
})
const upper = (index: number): PciFacts['bars'][number] => ({
  index,
  size: '0x0',
  address: '0x0',
  kind: 'upper-half',
  prefetchable: false,
})

export const PCI: PciFacts = {
  bdf: '0000:01:00.0',
  vendor: '0x1b36',
  device: '0x0010',
  subsystem: '0x1b36:0x0001',
  class: '0x010802',
  revision: '0x02',
  headerType: 0,
  bars: [
    bar(0, '0x4000', '0x800000000'),
    upper(1),
    bar(2, '0x2000', '0x800010000'),
    upper(3),
    bar(4, '0x1000', '0x800020000'),
    upper(5),
  ],
  msix: {tableBar: 4, tableOffset: '0x0', pbaBar: 4, pbaOffset: '0x800', tableSize: 4, control: '0x8003'},
  command: '0x0006',
  driver: null,
  iommuGroup: null,
  bootId: 'boot',
  sriovVfs: null,
  siblings: [],
}

export interface Forgery {
  readonly vca?: Uint8Array
  readonly chain?: Uint8Array
  readonly transcript?: TranscriptSpec
  /** Instead of one made from `transcript`. */
  readonly measurements?: Uint8Array
  readonly report?: Uint8Array
  readonly pci?: Partial<PciFacts>
  readonly before?: Partial<PciFacts>
  readonly collection?: Partial<CollectionFacts>
  readonly facts?: Partial<ManifestFacts>
  /** What the TSM states, beside its digests. */
  readonly tsm?: Partial<TsmFacts>
  /** Digests the TSM states instead of those of the objects. */
  readonly digests?: Readonly<Record<string, Uint8Array | undefined>>
  readonly without?: readonly string[]
  readonly objects?: Readonly<Record<string, Uint8Array>>
}

/** A bundle that is sound except for what `forgery` replaces; everything is signed and digested accordingly. */
export async function forge(vca: Uint8Array, facts: ManifestFacts, forgery: Forgery = {}): Promise<Bundle> {
  const negotiated = forgery.vca ?? vca
  const objects = new Map<string, Uint8Array>(
    Object.entries({
      cert0: forgery.chain ?? chainObject(GENUINE),
      vca: negotiated,
      measurements: forgery.measurements ?? (await transcript(negotiated, forgery.transcript)),
      report: forgery.report ?? report(),
      ...forgery.objects,
    }),
  )
  for (const label of forgery.without ?? []) objects.delete(label)
  const digests = new Map([...objects].map(([label, bytes]) => [label, sha384(bytes)]))
  for (const [label, stated] of Object.entries(forgery.digests ?? {}))
    if (stated === undefined) digests.delete(label)
    else digests.set(label, stated)
  const pci = {...PCI, ...forgery.pci}
  const parts: Parts = {
    objects,
    digests,
    pci,
    collection: {
      before: {...pci, ...forgery.before},
      unknownAttributes: [],
      generations: null,
      driverOverride: 'tsmctl-hold',
      driversAutoprobe: true,
      ...forgery.collection,
    },
    facts: {
      ...facts,
      device: {
        bdf: pci.bdf,
        vendor: pci.vendor,
        device: pci.device,
        subsystem: pci.subsystem,
        class: pci.class,
        revision: pci.revision,
      },
      ...forgery.facts,
    },
    ...(forgery.tsm && {tsm: forgery.tsm}),
  }
  return bundleOf(parts)
}

const SKIPS: Readonly<Record<string, readonly string[]>> = {
  'no-tsm-support': [
    'spdm.vca.match-session',
    'tsm.digest.fresh',
    'tsm.session.bound',
    'tsm.session.pubkey',
    'tsm.lock.flags',
    'tsm.lock.epoch',
    'tsm.report.counter',
    'ide.stream.secure',
    'ide.stream.default',
    'ide.keys.session',
    'tdisp.interface.id',
  ],
  'absent-in-device': [
    'spdm.chain.revocation',
    'spdm.id.san-cma',
    'spdm.id.pci-match',
    'spdm.dice.parse',
    'spdm.dice.flags',
    'spdm.dice.fwid',
    'spdm.dice.svn',
  ],
  'no-kernel-support': ['ide.topology', 'pci.sriov.stable', 'commit.mmio-validated'],
  offline: ['tsm.platform.attested'],
}

export const ALLOW_SKIP = Object.entries(SKIPS).flatMap(([because, checks]) => checks.map(check => ({check, because})))

export const referenceTo = ({index, type, raw, value}: Block) =>
  type === 'svn'
    ? {index, type, svn: {min: 5}}
    : raw
      ? {index, type, raw: [toHex(value)]}
      : {index, type, digests: [`sha384:${toHex(value)}`]}

export const VALUES: readonly object[] = BLOCKS.map(referenceTo)
export const valuesWith = (index: number, entry: object): readonly object[] =>
  BLOCKS.map(block => (block.index === index ? {...referenceTo(block), ...entry} : referenceTo(block)))

export const RULE = {
  id: 'widget',
  match: {vendor: '0x1b36', device: ['0x0010']},
  decision: 'accept',
  anchors: ['acme'],
  allowSkip: ALLOW_SKIP,
  identity: {mode: 'allowlist', allow: [{san: IDENTITY}]},
  measurements: {source: 'inline', values: VALUES},
  human: 'none',
}

export const DOCUMENT = {
  tsmctlPolicy: 1,
  name: 'forge',
  anchors: {acme: [{label: 'ACME root', certSha384: `sha384:${toHex(sha384(GENUINE[0]!))}`}]},
  approvers: {alice: {key: `ed25519:${'1'.repeat(64)}`}, bob: {key: `ed25519:${'2'.repeat(64)}`}},
  rules: [RULE],
}

const WAIVABLE = CHECK_IDS.filter(id => REGISTRY[id].class === 'W')
const SKIPPABLE = CHECK_IDS.filter(id => REGISTRY[id].class === 'W' || REGISTRY[id].whenKnown)

/** The same policy with everything relaxed that the schema lets anybody relax by waiver or skip. */
export const generous = (document: typeof DOCUMENT): object => supplying(relaxed(document), SUPPLIED.get(document))
const relaxed = (document: typeof DOCUMENT): object => ({
  ...document,
  waivers: WAIVABLE.map((check, i) => ({
    id: `w${i}`,
    check,
    match: {vendor: '0x1b36'},
    reason: 'everything that can be waived is waived here',
    approvedBy: ['alice', 'bob'],
    created: '2026-11-01T00:00:00Z',
    expires: '2026-12-01T00:00:00Z',
  })),
  rules: document.rules.map(rule => ({
    ...rule,
    allowSkip: SKIPPABLE.flatMap(check => Object.values(SKIP_NAMES).map(because => ({check, because}))),
  })),
})

/** What comes with a policy: the files it names, and statements about revocation. */
export interface Supplied extends PolicyExtras {
  readonly files?: ReadonlyMap<string, Uint8Array>
}

const SUPPLIED = new WeakMap<object, Supplied>()

/** A policy document together with what comes with it. */
export function supplying<T extends object>(document: T, supplied: Supplied = {}): T {
  SUPPLIED.set(document, supplied)
  return document
}
export const withFiles = <T extends object>(document: T, files: ReadonlyMap<string, Uint8Array>): T =>
  supplying(document, {files})

export function policyFrom(document: object, supplied: Supplied = SUPPLIED.get(document) ?? {}): Policy {
  const {files = new Map(), ...extras} = supplied
  return loadPolicy([{name: 'forge.yaml', text: JSON.stringify(document)}], files, NOW, extras)
}

export const ruleWith = (change: object): object => ({...DOCUMENT, rules: [{...RULE, ...change}]})

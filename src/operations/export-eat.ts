/**
 * Evidence as an Entity Attestation Token of the profile for device assignment (draft-poirier-rats-eat-da), for remote
 * verifiers. The profile cannot say everything that a bundle can: what it has no word for is named, never dropped in
 * silence, and what it could only say wrongly is not said.
 */
import {equal, fromHex} from '../bits/index.js'
import {type Facts, gatherFacts} from '../appraisal/index.js'
import {loadCbor} from '../corim/index.js'
import type {Bundle, ObjectLabel} from '../evidence/index.js'
import {quoted, TsmctlError} from '../errors.js'
import {type BlockFacts, combinedPrefix, type MeasurementFacts, parseCertificateChain} from '../spdm/index.js'
import type {InterfaceReport} from '../tdisp/index.js'

const PROFILE = 'tag:linaro.org,2025:device#1.0.0'
const SPDM_PROFILE = 'tag:linaro.org,2025:device-spdm#1.0.0'

/** Claims of the token and of the submodule of a device. */
const CLAIM = {
  nonce: 10,
  profile: 265,
  submodules: 266,
  measurements: 3802,
  certificates: 3803,
  vca: 3804,
  interfaceReport: 3808,
} as const
const MEASUREMENT = {type: 1, digest: 2, raw: 3} as const
const SIGNATURE = {
  slot: 1,
  requesterNonce: 2,
  responderNonce: 3,
  prefix: 4,
  transcript: 5,
  hash: 6,
  signature: 7,
} as const
const REPORT = {info: 1, msix: 2, lnr: 3, tph: 4, ranges: 5, deviceSpecific: 6} as const
/** The map of ranges has one key, so that it holds one range. */
const RANGE = {only: 1, firstPage: 1, pages: 2, attributes: 3, bits: 1, rangeId: 2} as const

const LAST_BLOCK = 239
/** Structured measurement manifest. */
const LAST_TYPE = 10
/** Bytes of a token's nonce. */
const NONCE = {least: 8, most: 64} as const
const PREFIX_SINCE = 0x12

/** Digests by IANA's registry of named information; others by name. */
const DIGEST_ALGORITHMS: Readonly<Record<string, number>> = {
  sha256: 1,
  sha384: 7,
  sha512: 8,
  'sha3-256': 10,
  'sha3-384': 11,
  'sha3-512': 12,
}
/** Base hashes as the profile numbers them, which is as SPDM does but for the first. */
const BASE_HASHES: Readonly<Record<string, number>> = {
  sha256: 0,
  sha384: 2,
  sha512: 4,
  'sha3-256': 8,
  'sha3-384': 16,
  'sha3-512': 32,
  'sm3-256': 64,
}

export interface ExportedToken {
  /** CBOR of the claims set. */
  readonly token: Uint8Array
  /** Name of the device's submodule. */
  readonly submodule: string
  /** What the bundle has and the token has not, as `label: why`. */
  readonly leftOut: readonly string[]
}

type Claims = Map<number | string, unknown>

const refused = (got: string, hint?: string): TsmctlError =>
  new TsmctlError({kind: 'unsupported', attempted: 'export the evidence as a token', got, hint})

/** The relying party's nonce where there is one of the profile's size, else the one that was sent to the device. */
function nonceOf({manifest: {nonce}}: Bundle): Uint8Array {
  if (nonce === null)
    throw refused('the bundle has no nonce, and the profile requires one', 'Import it with --nonce, if you know it.')
  const theirs = fromHex(nonce.relyingPartyNonce ?? '')
  const chosen = theirs.length >= NONCE.least ? theirs : fromHex(nonce.value)
  if (chosen.length < NONCE.least || chosen.length > NONCE.most) throw refused(`a nonce of ${chosen.length} bytes`)
  return chosen
}

/** `spdm:` and the DMTF name of the leaf, or its subject where it has none. */
function submoduleOf({certificates}: Facts): string {
  if (certificates.kind !== 'decoded') throw refused('the certificate chain cannot be read, so the device has no name')
  const leaf = certificates.value.at(-1)
  const name = leaf?.deviceInfo?.text ?? leaf?.subject ?? ''
  if (name === '') throw refused('the leaf certificate names nobody')
  return `spdm:${name}`
}

function measurementOf(block: BlockFacts, hash: string): Claims | string {
  if (block.index > LAST_BLOCK) return `the profile ends with block ${LAST_BLOCK}`
  if (block.type === undefined || block.type > LAST_TYPE) return 'it is of a type that the profile does not know'
  if (block.problems.length > 0) return block.problems[0]!
  return new Map<number, unknown>([
    [MEASUREMENT.type, block.type],
    block.raw ? [MEASUREMENT.raw, block.value] : [MEASUREMENT.digest, [DIGEST_ALGORITHMS[hash] ?? hash, block.value]],
  ])
}

function signatureOf(measurements: MeasurementFacts, hash: string): Claims | string {
  const {signed, signature, transcript, version} = measurements
  if (signed?.request.nonce === undefined || signature === undefined) return 'the measurements are not signed'
  if (version < PREFIX_SINCE) return 'signatures of SPDM before 1.2 have no prefix, which the profile requires'
  if (transcript === undefined) return 'without negotiation nobody knows what it covers'
  const algorithm = BASE_HASHES[hash]
  if (algorithm === undefined) return `the profile has no number for ${hash}`
  return new Map<number, unknown>([
    [SIGNATURE.slot, signed.response.slot],
    [SIGNATURE.requesterNonce, signed.request.nonce],
    [SIGNATURE.responderNonce, signed.response.nonce],
    [SIGNATURE.prefix, combinedPrefix(version, 'responder-measurements signing')],
    [SIGNATURE.transcript, transcript],
    [SIGNATURE.hash, algorithm],
    [SIGNATURE.signature, signature],
  ])
}

function measurementsOf({measurements, negotiated}: Facts, leftOut: string[]): Claims | undefined {
  if (measurements.kind !== 'decoded' || negotiated === undefined) {
    if (measurements.kind !== 'absent') leftOut.push('measurements: they cannot be read')
    return undefined
  }
  const claims: Claims = new Map()
  const values = new Map<number, Uint8Array>()
  for (const block of measurements.value.blocks) {
    const before = values.get(block.index)
    if (before !== undefined && !equal(before, block.value))
      throw refused(`block ${block.index} has two values, and the profile has room for one`)
    values.set(block.index, block.value)
    const claim = measurementOf(block, negotiated.measurementHash?.name ?? '')
    if (typeof claim !== 'string') claims.set(block.index, claim)
    else if (before === undefined) leftOut.push(`measurements: block ${block.index}: ${claim}`)
  }
  if (claims.size === 0) {
    leftOut.push('measurements: no block can be expressed')
    return undefined
  }
  const signature = signatureOf(measurements.value, negotiated.hash.name)
  if (typeof signature === 'string') leftOut.push(`measurements: signature: ${signature}`)
  else claims.set('signature', signature)
  return claims
}

function certificatesOf({bundle, negotiated}: Facts, leftOut: string[]): Claims | undefined {
  const chains = [...bundle.objects].filter(([label]) => label.startsWith('cert'))
  const claims: Claims = new Map()
  for (const [label, bytes] of chains) {
    if (negotiated === undefined) {
      leftOut.push(`${label}: it cannot be read without the negotiation`)
      continue
    }
    const {certificates} = parseCertificateChain(bytes, negotiated.hash.size)
    const whole = new Uint8Array(Buffer.concat(certificates.map(({der}) => der)))
    claims.set(Number(label.slice('cert'.length)), whole)
    leftOut.push(`${label}: the header with the root's digest`)
  }
  // the profile requires a chain in the default slot wherever it has chains
  if (claims.size > 0 && !claims.has(0)) {
    leftOut.push('certificates: the profile requires slot 0 among them')
    return undefined
  }
  return claims.size === 0 ? undefined : claims
}

const isClean = ({infoReserved}: InterfaceReport): boolean => infoReserved === 0

function reportOf({report, bundle}: Facts, leftOut: string[]): Claims | undefined {
  const bytes = bundle.objects.get('report')
  if (bytes === undefined) return undefined
  if (report.kind !== 'decoded') {
    leftOut.push('report: it cannot be read')
    return undefined
  }
  const {layout} = report.value
  const claims: Claims = new Map()
  if (isClean(layout)) claims.set(REPORT.info, bytes.slice(0, 2))
  else leftOut.push('report: INTERFACE_INFO has reserved bits that are set')
  claims.set(REPORT.msix, bytes.slice(4, 6))
  claims.set(REPORT.lnr, bytes.slice(6, 8))
  claims.set(REPORT.tph, bytes.slice(8, 12))
  if (layout.mmioRanges.length === 1 && layout.mmioRanges[0]!.reserved === 0)
    claims.set(REPORT.ranges, new Map([[RANGE.only, rangeOf(bytes.subarray(16, 32))]]))
  else if (layout.mmioRanges.length > 0)
    // a part of the ranges would say that the others are not there
    leftOut.push(
      `report: its ${layout.mmioRanges.length} memory ranges: the profile has room for one, without reserved bits`,
    )
  if (layout.deviceSpecificInfo.length > 0) claims.set(REPORT.deviceSpecific, new Uint8Array(layout.deviceSpecificInfo))
  return claims
}

/** Bytes of an MMIO range, in the report's order (PCIe r7.0 §11.3.11). */
const rangeOf = (bytes: Uint8Array): Claims =>
  new Map<number, unknown>([
    [RANGE.firstPage, bytes.slice(0, 8)],
    [RANGE.pages, bytes.slice(8, 12)],
    [
      RANGE.attributes,
      new Map([
        [RANGE.bits, bytes.slice(12, 13)],
        [RANGE.rangeId, bytes.slice(14, 16)],
      ]),
    ],
  ])

/** Objects that the profile has no claim for. */
const NO_CLAIM: readonly ObjectLabel[] = ['tsm', 'ide', 'pci', 'collection', 'platform']

/**
 * The claims set of a bundle. Throws TsmctlError `unsupported` where the profile's required parts cannot be made,
 * `malformed` for objects that cannot be read.
 */
export async function deviceAssignmentToken(bundle: Bundle): Promise<ExportedToken> {
  const facts = await gatherFacts(bundle)
  const leftOut: string[] = []
  const submodule = submoduleOf(facts)
  const [measurements, certificates] = [measurementsOf(facts, leftOut), certificatesOf(facts, leftOut)]
  if (measurements === undefined && certificates === undefined)
    throw refused(`there are neither measurements nor certificates to export (${quoted(leftOut.join('; '), 200)})`)
  const report = reportOf(facts, leftOut)
  const vca = bundle.objects.get('vca')
  const claims: Claims = new Map([[CLAIM.profile, SPDM_PROFILE]])
  if (measurements !== undefined) claims.set(CLAIM.measurements, measurements)
  if (certificates !== undefined) claims.set(CLAIM.certificates, certificates)
  if (vca !== undefined) claims.set(CLAIM.vca, vca)
  if (report !== undefined) claims.set(CLAIM.interfaceReport, report)
  leftOut.push(
    ...NO_CLAIM.filter(label => bundle.objects.has(label)).map(label => `${label}: the profile has no claim for it`),
  )
  leftOut.push('manifest: the profile has no claim for it')
  const {encodeItem} = await loadCbor()
  const token = encodeItem(
    new Map<number, unknown>([
      [CLAIM.profile, PROFILE],
      [CLAIM.nonce, nonceOf(bundle)],
      [CLAIM.submodules, new Map([[submodule, claims]])],
    ]),
  )
  return {token, submodule, leftOut}
}

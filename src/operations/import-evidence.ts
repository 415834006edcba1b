/** Evidence from files: our own bundles, and the raw report and certificates that device vendors' tools write. */
import {type Bundle, bundleFromJson, type EvidenceObject, freeze} from '../evidence/index.js'
import {TsmctlError} from '../errors.js'
import {
  asymNamed,
  certificatesOfPem,
  digestOf,
  encodeCertificateChain,
  hashNamed,
  isSelfSigned,
  loadCertificateReader,
  parseMeasurements,
} from '../spdm/index.js'

export interface RawEvidence {
  /** GET_MEASUREMENTS request and signed MEASUREMENTS response, back to back. */
  readonly measurements: Uint8Array
  /** PEM certificates in either order: leaf first, as most tools write them, or root first. */
  readonly certificates: string
  /** Names of the negotiated algorithms: SPDM 1.1 evidence does not carry them. */
  readonly hash: string
  readonly asym: string
  readonly now: Date
  readonly bundleId: string
}

/** A `*.tsmb.json` bundle. Throws TsmctlError `malformed` naming what is wrong. */
export const readBundle = (bytes: Uint8Array): Bundle => bundleFromJson(bytes)

const usage = (got: string, hint: string): TsmctlError =>
  new TsmctlError({kind: 'usage', attempted: 'import evidence', got, hint})

/** Vendors write the leaf first, SPDM the root: whichever end signed itself is the root. */
async function rootFirst(certificates: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
  const {certificateFacts} = await loadCertificateReader()
  return isSelfSigned(certificateFacts(certificates.at(-1)!)) && !isSelfSigned(certificateFacts(certificates[0]!))
    ? certificates.toReversed()
    : certificates
}

/** Raw evidence as a bundle of provider kind `file`: it can be checked, and can never lead to accept. */
export async function importEvidence(raw: RawEvidence): Promise<Bundle> {
  const hash = hashNamed(raw.hash)
  const asym = asymNamed(raw.asym)
  if (hash === undefined) throw usage(`${raw.hash} is no SPDM hash`, 'For example sha384.')
  if (asym === undefined) throw usage(`${raw.asym} is no SPDM signature algorithm`, 'For example ecdsa-p384.')
  const facts = parseMeasurements(raw.measurements, {asym, measurementHash: hash})
  const certificates = await rootFirst(certificatesOfPem(raw.certificates))
  const rootHash = digestOf(hash, certificates[0]!)
  const objects: EvidenceObject[] = [
    {label: 'cert0', bytes: encodeCertificateChain(rootHash, certificates), source: 'file'},
    {label: 'measurements', bytes: raw.measurements, source: 'file'},
  ]
  return freeze(objects, {
    bundleId: raw.bundleId,
    collectedAt: raw.now.toISOString(),
    clock: 'untrusted',
    host: {machineIdHash: null, bootId: null, kernel: null, tool: 'import', toolDigest: null},
    device: {bdf: null, vendor: null, device: null, subsystem: null, class: null, revision: null},
    provider: {kind: 'file', abi: 'raw', tsm: null, generation: null},
    nonce: null,
    lockEpoch: {kind: 'none', value: null},
    tdiState: 'unknown',
    spdm: {hash: hash.name, asym: asym.name, slot: facts.signed?.response.slot ?? 0},
  })
}

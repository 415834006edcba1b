/**
 * Facts of a bundle: every object decoded once, with its outcome. Checks read facts, never bytes, so that what is
 * checked, compared and shown is the same.
 */
import {DecodeError} from '../bits/index.js'
import {
  type Bundle,
  type CollectionFacts,
  decodeCollectionFacts,
  decodeIdeFacts,
  decodePciFacts,
  decodeTsmFacts,
  type IdeFacts,
  type ObjectLabel,
  type PciFacts,
  type TsmFacts,
} from '../evidence/index.js'
import {type ConciseEvidence, loadConciseEvidenceReader} from '../corim/index.js'
import {
  asymNamed,
  type AsymAlgorithm,
  type BlockFacts,
  type CertificateFacts,
  type ChainFacts,
  type HashAlgorithm,
  hashNamed,
  loadCertificateReader,
  loadCrypto,
  loadCryptoOf,
  MEASUREMENT_INDEX,
  type MeasurementFacts,
  parseCertificateChain,
  parseMeasurements,
  parseVca,
  parseVcaPrefix,
  STRUCTURED_MANIFEST,
  type VcaFacts,
} from '../spdm/index.js'
import {
  INTERFACE_REPORT,
  type InterfaceReport,
  type InterfaceReportFacts,
  interfaceReportFacts,
} from '../tdisp/index.js'
import {type OpaqueFacts, opaqueReaderOf} from '../vendor/index.js'

export type Decoded<T> =
  | {readonly kind: 'decoded'; readonly value: T}
  | {readonly kind: 'malformed'; readonly error: DecodeError}
  | {readonly kind: 'absent'}
  /** Cannot be decoded without something else that is missing. */
  | {readonly kind: 'undecodable'}

/** What both sides agreed on, as far as reading the other objects needs it. */
export interface Negotiated {
  readonly hash: HashAlgorithm
  readonly asym: AsymAlgorithm
  readonly measurementHash: HashAlgorithm | undefined
  /** Imported evidence has no VCA: then whoever imported it named the algorithms. */
  readonly source: 'vca' | 'import'
}

export interface Facts {
  readonly bundle: Bundle
  readonly vca: Decoded<VcaFacts>
  /** The VCA was only found inside the measurement transcript. */
  readonly vcaIsEmbedded: boolean
  readonly negotiated: Negotiated | undefined
  /** Slot of the certificate chain in use. */
  readonly slot: number
  readonly chain: Decoded<ChainFacts>
  /** Certificates of the chain, root first. */
  readonly certificates: Decoded<readonly CertificateFacts[]>
  readonly measurements: Decoded<MeasurementFacts>
  /** Opaque data of the signed response; undecodable where nobody here reads this vendor's. */
  readonly opaque: Decoded<OpaqueFacts>
  /** The measurement manifest; undecodable where it is of a form nobody here reads. */
  readonly manifest: Decoded<ConciseEvidence>
  readonly report: Decoded<{readonly layout: InterfaceReport; readonly facts: InterfaceReportFacts}>
  readonly tsm: Decoded<TsmFacts>
  readonly ide: Decoded<IdeFacts>
  readonly pci: Decoded<PciFacts>
  readonly collection: Decoded<CollectionFacts>
}

const ABSENT = {kind: 'absent'} as const
const UNDECODABLE = {kind: 'undecodable'} as const

/** The value of `outcome` if it was decoded. */
export const known = <T>(outcome: Decoded<T>): T | undefined => (outcome.kind === 'decoded' ? outcome.value : undefined)

function attempt<T>(decode: () => T): Decoded<T> {
  try {
    return {kind: 'decoded', value: decode()}
  } catch (error) {
    if (error instanceof DecodeError) return {kind: 'malformed', error}
    throw error
  }
}

const decodeObject = <T>(bytes: Uint8Array | undefined, decode: (bytes: Uint8Array) => T): Decoded<T> =>
  bytes === undefined ? ABSENT : attempt(() => decode(bytes))

/** The VCA object, or the VCA in front of the transcript where there is no object. */
function vcaOf(objects: Bundle['objects']): Pick<Facts, 'vca' | 'vcaIsEmbedded'> {
  const bytes = objects.get('vca')
  if (bytes !== undefined) return {vca: attempt(() => parseVca(bytes)), vcaIsEmbedded: false}
  const embedded = decodeObject(objects.get('measurements'), parseVcaPrefix)
  return embedded.kind === 'decoded' ? {vca: embedded, vcaIsEmbedded: true} : {vca: ABSENT, vcaIsEmbedded: false}
}

function negotiatedOf({manifest}: Bundle, vca: VcaFacts | undefined): Negotiated | undefined {
  if (vca !== undefined) {
    const {hash, asym, measurementHash} = vca
    return hash && asym && {hash, asym, measurementHash, source: 'vca'}
  }
  // only files may name their algorithms: evidence of a kernel comes with its negotiation
  const {kind} = manifest.provider
  if ((kind !== 'file' && kind !== 'vendor-tool') || manifest.spdm === undefined) return undefined
  const hash = hashNamed(manifest.spdm.hash)
  const asym = asymNamed(manifest.spdm.asym)
  return hash && asym && {hash, asym, measurementHash: hash, source: 'import'}
}

/**
 * Slot of the chain: that of the signed request, where there is one of it; otherwise the first one that has a chain.
 * Whether they are the same is for a check to say.
 */
function slotOf({manifest, objects}: Bundle, measurements: MeasurementFacts | undefined): number {
  const stated = measurements?.signed?.request.slot ?? manifest.spdm?.slot
  const present = [...objects.keys()].filter(label => label.startsWith('cert')).sort()
  if (stated !== undefined && present.includes(certificateLabel(stated))) return stated
  return present[0] === undefined ? (stated ?? 0) : Number(present[0].slice('cert'.length))
}

export const certificateLabel = (slot: number): ObjectLabel => `cert${slot}` as ObjectLabel

async function certificatesOf(chain: Decoded<ChainFacts>): Promise<Facts['certificates']> {
  if (chain.kind !== 'decoded') return UNDECODABLE
  const {certificateFacts} = await loadCertificateReader()
  const certificates = attempt(() => chain.value.certificates.map(({der}) => certificateFacts(der)))
  await loadCryptoOf(known(certificates) ?? [])
  return certificates
}

/** Opaque data of the signed response, by the reader of the manufacturer the leaf names. */
function opaqueOf(measurements: MeasurementFacts | undefined, leaf: CertificateFacts | undefined): Facts['opaque'] {
  const data = measurements?.signed?.response.opaqueData
  if (data === undefined || data.length === 0) return ABSENT
  const read = opaqueReaderOf(leaf?.deviceInfo?.manufacturer)
  return read === undefined ? UNDECODABLE : attempt(() => read(data))
}

/** ID of the registry of CBOR tags (DSP0274 1.3, registry or standards body IDs). */
const CBOR_REGISTRY = 10

/** The manifest as CBOR, if it is that: free-form, or structured and of the registry of CBOR tags. */
function cborManifest(block: BlockFacts): Uint8Array | undefined {
  if (!block.raw) return undefined
  if (block.typeName === 'manifest') return block.value
  if (block.typeName !== 'structured-manifest') return undefined
  const {format, manifest} = STRUCTURED_MANIFEST.decode(block.value)
  return format.registryId === CBOR_REGISTRY ? manifest : undefined
}

async function manifestOf(measurements: MeasurementFacts | undefined): Promise<Facts['manifest']> {
  const block = measurements?.blocks.findLast(({index}) => index === MEASUREMENT_INDEX.manifest)
  if (block === undefined) return ABSENT
  const cbor = attempt(() => cborManifest(block))
  if (cbor.kind !== 'decoded') return cbor
  const {value: bytes} = cbor
  if (bytes === undefined) return UNDECODABLE
  const {readConciseEvidence} = await loadConciseEvidenceReader()
  return attempt(() => readConciseEvidence(bytes))
}

/** Decodes every object of a bundle. Never throws for what is in it. */
export async function gatherFacts(bundle: Bundle): Promise<Facts> {
  const {objects} = bundle
  const {vca, vcaIsEmbedded} = vcaOf(objects)
  const negotiated = negotiatedOf(bundle, known(vca))
  await loadCrypto(negotiated?.asym)
  const transcript = objects.get('measurements')
  const measurements: Facts['measurements'] =
    transcript === undefined
      ? ABSENT
      : negotiated === undefined
        ? UNDECODABLE
        : attempt(() => parseMeasurements(transcript, {...negotiated, vca: vcaIsEmbedded ? undefined : known(vca)}))
  const slot = slotOf(bundle, known(measurements))
  const chainBytes = objects.get(certificateLabel(slot))
  const chain: Facts['chain'] =
    chainBytes === undefined
      ? ABSENT
      : negotiated === undefined
        ? UNDECODABLE
        : attempt(() => parseCertificateChain(chainBytes, negotiated.hash.size))
  const certificates = await certificatesOf(chain)
  return {
    bundle,
    vca,
    vcaIsEmbedded,
    negotiated,
    slot,
    chain,
    certificates,
    measurements,
    opaque: opaqueOf(known(measurements), known(certificates)?.at(-1)),
    manifest: await manifestOf(known(measurements)),
    report: decodeObject(objects.get('report'), bytes => {
      const layout = INTERFACE_REPORT.decode(bytes)
      return {layout, facts: interfaceReportFacts(layout)}
    }),
    tsm: decodeObject(objects.get('tsm'), decodeTsmFacts),
    ide: decodeObject(objects.get('ide'), decodeIdeFacts),
    pci: decodeObject(objects.get('pci'), decodePciFacts),
    collection: decodeObject(objects.get('collection'), decodeCollectionFacts),
  }
}

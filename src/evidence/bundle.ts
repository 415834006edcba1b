/**
 * Freezing evidence. A bundle is a manifest and the objects it names; D = SHA-384 of the manifest's canonical JSON names
 * the evidence in reviews, approvals, the audit log and verdicts.
 */
import {named, nameOfJson} from './digest.js'
import {
  type Bundle,
  type EvidenceObject,
  LABELS,
  type Manifest,
  type ManifestFacts,
  type ManifestObject,
  type ObjectLabel,
} from './types.js'
import {quoted, TsmctlError} from '../errors.js'

/** Bytes. */
export const OBJECT_LIMIT = 16 * 1024 * 1024
export const BUNDLE_LIMIT = 32 * 1024 * 1024

const vendor = (name: string): string => `application/vnd.tsmctl.${name}`

/** Media type of each label; `platform` names its configfs-tsm provider itself. */
export function mediaTypeOf(label: ObjectLabel): string {
  switch (label) {
    case 'vca':
      return vendor('spdm-vca')
    case 'measurements':
      return vendor('spdm-measurement-transcript')
    case 'report':
      return vendor('tdisp-interface-report')
    case 'tsm':
      return vendor('tsm-info+json')
    case 'ide':
      return vendor('ide-facts+json')
    case 'pci':
      return vendor('pci-facts+json')
    case 'collection':
      return vendor('collection-facts+json')
    case 'platform':
      return vendor('configfs-tsm')
    default:
      return vendor('spdm-cert-chain')
  }
}

const describeObject = ({label, bytes, source, tsmDigest, mediaType}: EvidenceObject): ManifestObject => ({
  label,
  mediaType: mediaType ?? mediaTypeOf(label),
  length: bytes.length,
  sha384: named(bytes),
  ...(tsmDigest && {tsmDigest}),
  source,
})

/**
 * The bundle of these objects. Bytes are copied: whoever gave them can no longer change what is appraised. Throws
 * TsmctlError of kind `malformed` for a label given twice or more bytes than a bundle may hold.
 */
export function freeze(objects: readonly EvidenceObject[], facts: ManifestFacts): Bundle {
  const byLabel = new Map(objects.map(item => [item.label, {...item, bytes: item.bytes.slice()}]))
  if (byLabel.size !== objects.length) throw unusable('an object is given twice')
  const present = LABELS.flatMap(label => byLabel.get(label) ?? [])
  const manifest: Manifest = {...facts, version: 1, objects: present.map(describeObject)}
  const bundle: Bundle = {
    manifest,
    objects: new Map(present.map(({label, bytes}) => [label, bytes])),
    digest: nameOfJson(manifest),
  }
  const excess = limitsFinding(bundle.objects)
  if (excess !== undefined) throw unusable(excess)
  return bundle
}

const unusable = (got: string): TsmctlError => new TsmctlError({kind: 'malformed', attempted: 'freeze evidence', got})

function limitsFinding(objects: ReadonlyMap<string, Uint8Array>): string | undefined {
  let total = 0
  for (const [label, bytes] of objects) {
    if (bytes.length > OBJECT_LIMIT) return `${label} has ${bytes.length} bytes, the limit is ${OBJECT_LIMIT}`
    total += bytes.length
  }
  return total > BUNDLE_LIMIT ? `${total} bytes of objects, the limit is ${BUNDLE_LIMIT}` : undefined
}

/**
 * What is wrong with a bundle, as `label: why`; empty when every object is named exactly once by the manifest with its
 * length and digest, and D is the manifest's.
 */
export function integrityFindings({manifest, objects, digest}: Bundle): string[] {
  const found: string[] = []
  const excess = limitsFinding(objects)
  if (excess !== undefined) found.push(excess)
  if (nameOfJson(manifest) !== digest) found.push('manifest: D is not its digest')
  const listed = new Set<string>()
  for (const {label, length, sha384} of manifest.objects) {
    if (listed.has(label)) found.push(`${label}: listed twice`)
    listed.add(label)
    const bytes = objects.get(label)
    if (bytes === undefined) found.push(`${label}: listed, but missing`)
    else if (bytes.length !== length) found.push(`${label}: ${bytes.length} bytes, the manifest says ${length}`)
    else if (named(bytes) !== sha384) found.push(`${label}: its digest is not the one in the manifest`)
  }
  for (const label of objects.keys())
    if (!listed.has(label)) found.push(`${quoted(label, 32)}: not listed in the manifest`)
  return found
}

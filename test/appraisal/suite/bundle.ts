/** Where the evidence is from, and whether it is still what was collected (N010 and N011). */
import {type Bundle, nameOfJson, type ObjectLabel} from '../../../src/evidence/index.js'
import {FACTS} from '../guest.js'
import {alsoSeenBy, flip, row, type Row} from './row.js'

/** The bundle with other objects under the manifest as it was. */
const withObjects = (bundle: Bundle, change: (objects: Map<string, Uint8Array>) => void): Bundle => {
  const objects = new Map<string, Uint8Array>(bundle.objects)
  change(objects)
  return {...bundle, objects: objects as ReadonlyMap<ObjectLabel, Uint8Array>}
}

/** The bundle whose manifest no longer lists `label`, under the digest of what is left. */
function unlisted(bundle: Bundle, label: ObjectLabel): Bundle {
  const manifest = {...bundle.manifest, objects: bundle.manifest.objects.filter(item => item.label !== label)}
  return {...bundle, manifest, digest: nameOfJson(manifest)}
}

const tampered = (name: string, tamper: (bundle: Bundle) => Bundle): Row => ({
  ...row(`N011 ${name}`, 'acq.bundle.integrity'),
  tamper,
})

const from = (provider: object) => ({facts: {provider: {...FACTS.provider, ...provider}}})

export const ROWS: readonly Row[] = [
  row('N010 a file', 'acq.source.live', from({kind: 'file'})),
  row('N010 a tool of the vendor', 'acq.source.live', from({kind: 'vendor-tool', abi: 'nvidia-evidence/1'})),
  alsoSeenBy(
    row('N010 a tool that nobody knows', 'acq.source.live', from({kind: 'vendor-tool', abi: 'vendor/1'})),
    'acq.abi.known',
  ),
  row('N010 a bundle that was redacted', 'acq.source.live', {facts: {redactedFrom: `sha384:${'ab'.repeat(48)}`}}),
  alsoSeenBy(
    tampered('one byte of the report', bundle =>
      withObjects(bundle, objects => objects.set('report', flip(objects.get('report')!, 20))),
    ),
    'tsm.digest.report',
  ),
  tampered('an extra label', bundle => withObjects(bundle, objects => objects.set('x', new Uint8Array([1])))),
  tampered('an object that the manifest does not list', bundle => unlisted(bundle, 'collection')),
  tampered('another manifest under the old digest', bundle => ({
    ...bundle,
    manifest: {...bundle.manifest, bundleId: 'ab'.repeat(16)},
  })),
]

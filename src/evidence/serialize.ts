/**
 * Bundles at rest: one JSON file (`*.tsmb.json`, a CMW collection of `[media type, base64url, indicator]` records), or
 * `manifest.json` with one raw file per label. Both carry the same manifest and so the same D.
 */
import * as v from 'valibot'
import {quoted, TsmctlError} from '../errors.js'
import {isRecord} from '../records.js'
import {fromBase64url, toBase64url} from './base64url.js'
import {BUNDLE_LIMIT, integrityFindings} from './bundle.js'
import {nameOfJson} from './digest.js'
import {issueText} from './fact-objects.js'
import {jcsBytes} from './jcs.js'
import {MANIFEST} from './schemas.js'
import {strictJson} from './strict-json.js'
import {type Bundle, LABELS, type Manifest, type ObjectLabel} from './types.js'

/** CMW collection type of a bundle. */
export const BUNDLE_TYPE = 'tag:github.com,2026:tsmctl/evidence-bundle/1'
const MANIFEST_TYPE = 'application/vnd.tsmctl.manifest+json'
const MANIFEST_FILE = 'manifest.json'
/** CMW indicator: bit 2, evidence. */
const EVIDENCE = 4

const malformed = (got: string, hint?: string): TsmctlError =>
  new TsmctlError({kind: 'malformed', attempted: 'read the evidence bundle', got, hint})

const record = (label: string, mediaType: string, bytes: Uint8Array): string =>
  `${JSON.stringify(label)}: ${JSON.stringify([mediaType, toBase64url(bytes), EVIDENCE])}`

/** The text of a `*.tsmb.json` file, one record per line. */
export function bundleToJson({manifest, objects}: Bundle): string {
  const lines = [
    `"__cmwc_t": ${JSON.stringify(BUNDLE_TYPE)}`,
    record('manifest', MANIFEST_TYPE, jcsBytes(manifest)),
    ...manifest.objects.map(({label, mediaType}) => record(label, mediaType, objects.get(label)!)),
  ]
  return `{${lines.join(',\n ')}}\n`
}

/** The directory form: file name to content. */
export const bundleToFiles = ({manifest, objects}: Bundle): Map<string, Uint8Array> =>
  new Map([[MANIFEST_FILE, jcsBytes(manifest)], ...objects])

function assembled(manifestBytes: Uint8Array, records: ReadonlyMap<string, Uint8Array>): Bundle {
  for (const label of records.keys())
    if (!(LABELS as readonly string[]).includes(label)) throw malformed(`unknown label ${quoted(label, 32)}`)
  const parsed = v.safeParse(MANIFEST, strictJson(manifestBytes, 'the manifest of the evidence bundle'))
  if (!parsed.success) {
    const {path, message} = issueText(parsed.issues)
    throw malformed(`manifest${path === '' ? '' : `.${path}`}: ${message}`)
  }
  const manifest: Manifest = parsed.output
  const bundle: Bundle = {
    manifest,
    objects: records as ReadonlyMap<ObjectLabel, Uint8Array>,
    digest: nameOfJson(manifest),
  }
  const [finding] = integrityFindings(bundle)
  if (finding !== undefined)
    throw malformed(`bundle altered: ${finding}`, 'Collect the evidence again, or fetch the bundle from its source.')
  return bundle
}

function recordOf(label: string, value: unknown): {mediaType: string; bytes: Uint8Array} {
  if (!Array.isArray(value) || value.length !== 3) throw malformed(`record ${quoted(label, 32)} is not a triple`)
  const [mediaType, text, indicator] = value as unknown[]
  if (typeof mediaType !== 'string' || typeof text !== 'string' || indicator !== EVIDENCE)
    throw malformed(`record ${quoted(label, 32)} is not [media type, base64url, ${EVIDENCE}]`)
  const bytes = fromBase64url(text)
  if (bytes === undefined) throw malformed(`record ${quoted(label, 32)} is not strict base64url`)
  return {mediaType, bytes}
}

/**
 * Reads a `*.tsmb.json` file. Throws TsmctlError of kind `malformed` naming the label when it is not JSON, has unknown
 * or missing records, or when any object differs from the manifest.
 */
export function bundleFromJson(input: Uint8Array | string): Bundle {
  // base64 makes 4 of 3; the rest is the manifest
  if (input.length > BUNDLE_LIMIT * 1.5) throw malformed(`${input.length} bytes are more than a bundle can have`)
  const json = strictJson(input, 'the evidence bundle')
  if (!isRecord(json)) throw malformed('not a JSON object')
  const {__cmwc_t: type, manifest, ...rest} = json
  if (type !== BUNDLE_TYPE)
    throw malformed(`its type is ${typeof type === 'string' ? quoted(type) : 'missing'}, not "${BUNDLE_TYPE}"`)
  const head = recordOf('manifest', manifest)
  if (head.mediaType !== MANIFEST_TYPE) throw malformed(`the manifest's media type is ${quoted(head.mediaType)}`)
  const records = Object.entries(rest).map(([label, value]) => [label, recordOf(label, value)] as const)
  const bundle = assembled(head.bytes, new Map(records.map(([label, {bytes}]) => [label, bytes])))
  const listed = new Map<string, string>(bundle.manifest.objects.map(({label, mediaType}) => [label, mediaType]))
  for (const [label, {mediaType}] of records)
    if (listed.get(label) !== mediaType) throw malformed(`bundle altered: ${label}: media type ${quoted(mediaType)}`)
  return bundle
}

/** Reads the directory form. Throws like `bundleFromJson`. */
export function bundleFromFiles(files: ReadonlyMap<string, Uint8Array>): Bundle {
  const manifest = files.get(MANIFEST_FILE)
  if (manifest === undefined) throw malformed(`there is no ${MANIFEST_FILE}`)
  return assembled(manifest, new Map([...files].filter(([name]) => name !== MANIFEST_FILE)))
}

/**
 * Bundles at rest: one JSON file (`*.tsmb.json`, a CMW collection of `[media type, base64url, indicator]` records), or
 * `manifest.json` with one raw file per label. Both carry the same manifest and so the same D.
 */
import * as v from 'valibot'
import {quoted, TsmctlError} from '../errors.js'
import {isRecord} from '../records.js'
import {toBase64url} from './base64url.js'
import {BUNDLE_LIMIT, integrityFindings, OBJECT_LIMIT} from './bundle.js'
import {type CmwRecord, COLLECTION_TYPE, EVIDENCE, jsonRecord, type Room, takeRoom} from './cmw.js'
import {nameOfJson} from './digest.js'
import {issueText} from './fact-objects.js'
import {jcsBytes} from './jcs.js'
import {MANIFEST} from './schemas.js'
import {strictJson} from './strict-json.js'
import {type Bundle, LABELS, type Manifest, type ObjectLabel} from './types.js'

/** CMW collection type of a bundle. */
export const BUNDLE_TYPE = 'tag:github.com,2026:tsmctl/evidence-bundle/1'
export const MANIFEST_TYPE = 'application/vnd.tsmctl.manifest+json'
export const MANIFEST_FILE = 'manifest.json'
/** Bytes: larger than any list of the objects there can be. */
export const MANIFEST_LIMIT = 1024 * 1024
/** Characters of a JSON form: base64 makes 4 of 3; the rest is the manifest. */
const JSON_LIMIT = BUNDLE_LIMIT * 1.5

const malformed = (got: string, hint?: string): TsmctlError =>
  new TsmctlError({kind: 'malformed', attempted: 'read the evidence bundle', got, hint})

/** A bundle as it was found, and what is wrong with it, as `label: why`. */
export interface FoundBundle {
  readonly bundle: Bundle
  readonly findings: readonly string[]
}

const record = (label: string, mediaType: string, bytes: Uint8Array): string =>
  `${JSON.stringify(label)}: ${JSON.stringify([mediaType, toBase64url(bytes), EVIDENCE])}`

/** The text of a `*.tsmb.json` file, one record per line. */
export function bundleToJson({manifest, objects}: Bundle): string {
  const lines = [
    `"${COLLECTION_TYPE}": ${JSON.stringify(BUNDLE_TYPE)}`,
    record('manifest', MANIFEST_TYPE, jcsBytes(manifest)),
    ...manifest.objects.map(({label, mediaType}) => record(label, mediaType, objects.get(label)!)),
  ]
  return `{${lines.join(',\n ')}}\n`
}

/** The directory form: file name to content. */
export const bundleToFiles = ({manifest, objects}: Bundle): Map<string, Uint8Array> =>
  new Map([[MANIFEST_FILE, jcsBytes(manifest)], ...objects])

function manifestOf(bytes: Uint8Array): Manifest {
  if (bytes.length > MANIFEST_LIMIT) throw malformed(`its manifest has ${bytes.length} bytes`)
  const parsed = v.safeParse(MANIFEST, strictJson(bytes, 'the manifest of the evidence bundle'))
  if (parsed.success) return parsed.output
  const {path, message} = issueText(parsed.issues)
  throw malformed(`manifest${path === '' ? '' : `.${path}`}: ${message}`)
}

const isLabel = (label: string): label is ObjectLabel => (LABELS as readonly string[]).includes(label)

/** The bundle of a manifest and its records; `mediaTypes` where the form states them beside the records. */
export function assembleBundle(
  manifestBytes: Uint8Array,
  records: ReadonlyMap<string, Uint8Array>,
  mediaTypes?: ReadonlyMap<string, string>,
): FoundBundle {
  const manifest = manifestOf(manifestBytes)
  const objects = [...records].filter((entry): entry is [ObjectLabel, Uint8Array] => isLabel(entry[0]))
  const bundle: Bundle = {manifest, objects: new Map(objects), digest: nameOfJson(manifest)}
  const listed = new Map<string, string>(manifest.objects.map(({label, mediaType}) => [label, mediaType]))
  return {
    bundle,
    findings: [
      ...[...records.keys()].filter(label => !isLabel(label)).map(label => `unknown label ${quoted(label, 32)}`),
      ...integrityFindings(bundle),
      ...[...(mediaTypes ?? [])]
        .filter(([label, mediaType]) => listed.has(label) && listed.get(label) !== mediaType)
        .map(([label, mediaType]) => `${label}: media type ${quoted(mediaType)}, the manifest has another`),
    ],
  }
}

/** The bundle, if nothing is wrong with it. Throws TsmctlError `malformed` naming what is. */
export function wholeBundle({bundle, findings: [finding]}: FoundBundle): Bundle {
  if (finding !== undefined)
    throw malformed(`bundle altered: ${finding}`, 'Collect the evidence again, or fetch the bundle from its source.')
  return bundle
}

/** Throws TsmctlError `malformed` for a collection of another type. */
export function checkType(type: unknown): void {
  if (type !== BUNDLE_TYPE)
    throw malformed(`its type is ${typeof type === 'string' ? quoted(type) : 'missing'}, not "${BUNDLE_TYPE}"`)
}

/** The bundle in records that were read of a collection. */
export function bundleOfRecords(records: ReadonlyMap<string, CmwRecord>): FoundBundle {
  const head = records.get('manifest')
  if (head === undefined) throw malformed('there is no record "manifest"')
  if (head.mediaType !== MANIFEST_TYPE) throw malformed(`the manifest's media type is ${quoted(head.mediaType)}`)
  for (const [label, {indicator}] of records)
    if (indicator !== EVIDENCE)
      throw malformed(`record ${quoted(label, 32)} is not [media type, value, ${EVIDENCE}]: evidence`)
  const rest = [...records].filter(([label]) => label !== 'manifest')
  return assembleBundle(
    head.bytes,
    new Map(rest.map(([label, {bytes}]) => [label, bytes])),
    new Map(rest.map(([label, {mediaType}]) => [label, mediaType])),
  )
}

/** What may be decoded of one bundle. */
export const bundleRoom = (): Room => ({left: BUNDLE_LIMIT + MANIFEST_LIMIT, perRecord: OBJECT_LIMIT})

/** A parsed JSON value as a bundle. Throws TsmctlError `malformed` where it is none. */
export function findBundle(json: unknown): FoundBundle {
  if (!isRecord(json)) throw malformed('not a JSON object')
  const {[COLLECTION_TYPE]: type, ...rest} = json
  checkType(type)
  const room = bundleRoom()
  const records = Object.entries(rest).map(([label, value]) => [label, jsonRecord(label, value, room)] as const)
  return bundleOfRecords(new Map(records))
}

/** Refuses what is longer than a bundle can be, before it is parsed. */
export function checkJsonSize({length}: Uint8Array | string): void {
  if (length > JSON_LIMIT) throw malformed(`${length} bytes are more than a bundle can have`)
}

/** A `*.tsmb.json` file, with what is wrong with it. Throws TsmctlError `malformed` when it is no bundle at all. */
export function inspectJson(input: Uint8Array | string): FoundBundle {
  checkJsonSize(input)
  return findBundle(strictJson(input, 'the evidence bundle'))
}

/** The directory form, with what is wrong with it. Throws like `inspectJson`. */
export function inspectFiles(files: ReadonlyMap<string, Uint8Array>): FoundBundle {
  const manifest = files.get(MANIFEST_FILE)
  if (manifest === undefined) throw malformed(`there is no ${MANIFEST_FILE}`)
  const room = bundleRoom()
  for (const [name, {length}] of files) takeRoom(room, name, length)
  return assembleBundle(manifest, new Map([...files].filter(([name]) => name !== MANIFEST_FILE)))
}

/**
 * Reads a `*.tsmb.json` file. Throws TsmctlError of kind `malformed` naming the label when it is not JSON, has unknown
 * or missing records, or when any object differs from the manifest.
 */
export const bundleFromJson = (input: Uint8Array | string): Bundle => wholeBundle(inspectJson(input))

/** Reads the directory form. Throws like `bundleFromJson`. */
export const bundleFromFiles = (files: ReadonlyMap<string, Uint8Array>): Bundle => wholeBundle(inspectFiles(files))

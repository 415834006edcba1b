/** Bundles in CBOR: the same CMW collection, its records as arrays with byte strings (draft-ietf-rats-msg-wrap). */
import {loadCbor} from '../corim/index.js'
import {quoted, TsmctlError} from '../errors.js'
import {BUNDLE_LIMIT} from './bundle.js'
import {type CmwRecord, COLLECTION_TYPE, EVIDENCE, type Room, takeRoom} from './cmw.js'
import {jcsBytes} from './jcs.js'
import {
  BUNDLE_TYPE,
  bundleOfRecords,
  bundleRoom,
  checkType,
  type FoundBundle,
  MANIFEST_LIMIT,
  MANIFEST_TYPE,
  wholeBundle,
} from './serialize.js'
import type {Bundle} from './types.js'

const malformed = (got: string): TsmctlError =>
  new TsmctlError({kind: 'malformed', attempted: 'read the evidence bundle', got})

/** Bytes of the collection, type first, then the manifest and the objects in its order. */
export async function bundleToCbor({manifest, objects}: Bundle): Promise<Uint8Array> {
  const {encodeItem} = await loadCbor()
  return encodeItem(
    new Map<string, unknown>([
      [COLLECTION_TYPE, BUNDLE_TYPE],
      ['manifest', [MANIFEST_TYPE, jcsBytes(manifest), EVIDENCE]],
      ...manifest.objects.map(
        ({label, mediaType}) => [label, [mediaType, objects.get(label)!, EVIDENCE]] as [string, unknown],
      ),
    ]),
  )
}

function recordOf(label: unknown, value: unknown, room: Room): [string, CmwRecord] {
  if (typeof label !== 'string') throw malformed('a label that is no text')
  const [mediaType, bytes, indicator] = Array.isArray(value) && value.length === 3 ? (value as unknown[]) : []
  if (typeof mediaType !== 'string' || !(bytes instanceof Uint8Array) || typeof indicator !== 'number')
    throw malformed(`record ${quoted(label, 32)} is not a triple of media type, bytes and indicator`)
  takeRoom(room, label, bytes.length)
  return [label, {mediaType, bytes: new Uint8Array(bytes), indicator}]
}

/** A collection in CBOR, with what is wrong with it. Throws TsmctlError `malformed` when it is no bundle at all. */
export async function inspectCbor(input: Uint8Array): Promise<FoundBundle> {
  const {decodeItem} = await loadCbor()
  // as much again as the manifest for labels and media types
  const item = decodeItem(input, 'evidence bundle', '', BUNDLE_LIMIT + 2 * MANIFEST_LIMIT)
  if (!(item instanceof Map)) throw malformed('not a CBOR map')
  checkType(item.get(COLLECTION_TYPE))
  const room = bundleRoom()
  const records = [...item].filter(([label]) => label !== COLLECTION_TYPE)
  return bundleOfRecords(new Map(records.map(([label, value]) => recordOf(label, value, room))))
}

export const bundleFromCbor = async (input: Uint8Array): Promise<Bundle> => wholeBundle(await inspectCbor(input))

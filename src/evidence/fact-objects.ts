/** The objects of a bundle that tsmctl itself writes: canonical JSON of what was seen around the evidence. */
import * as v from 'valibot'
import {DecodeError, toHex} from '../bits/index.js'
import {printable, TsmctlError} from '../errors.js'
import {jcsBytes} from './jcs.js'
import {IDE_FACTS, type IdeFacts} from './ide-facts.js'
import {COLLECTION_FACTS, PCI_FACTS, TSM_FACTS} from './schemas.js'
import {strictJson} from './strict-json.js'
import {
  type CollectionFacts,
  LABELS,
  type ObjectLabel,
  type PciFacts,
  type TdiStateName,
  type TsmFacts,
} from './types.js'

/** Bytes of a fact object. */
export const encodeFacts = (facts: PciFacts | TsmFacts | CollectionFacts | IdeFacts): Uint8Array => jcsBytes(facts)

/** First thing a schema refuses, as `path: message`. */
export function issueText(issues: readonly v.BaseIssue<unknown>[]): {path: string; message: string} {
  const [issue] = issues
  const path = issue?.path?.map(item => String(item.key)).join('.') ?? ''
  const message = issue?.received === 'undefined' ? 'is missing' : (issue?.message ?? 'not as defined')
  return {path: printable(path, 128), message: printable(message, 200)}
}

function decode<T>(schema: v.GenericSchema<unknown, T>, structure: string, bytes: Uint8Array): T {
  const refuse = (path: string, expected: string, got: string): never => {
    throw new DecodeError({structure, path, offset: 0, expected, got})
  }
  let json: unknown
  try {
    json = strictJson(bytes, structure)
  } catch (error) {
    return refuse('', 'strict JSON', error instanceof TsmctlError ? (error.got ?? '') : 'something else')
  }
  const parsed = v.safeParse(schema, json)
  if (parsed.success) return parsed.output
  const {path, message} = issueText(parsed.issues)
  return refuse(path, 'the defined form', message)
}

/** Throw DecodeError for anything but exactly the defined members. */
export const decodePciFacts = (bytes: Uint8Array): PciFacts => decode(PCI_FACTS, 'pci facts', bytes)
export const decodeTsmFacts = (bytes: Uint8Array): TsmFacts => decode(TSM_FACTS, 'tsm facts', bytes) as TsmFacts
export const decodeIdeFacts = (bytes: Uint8Array): IdeFacts => decode(IDE_FACTS, 'ide facts', bytes)
export const decodeCollectionFacts = (bytes: Uint8Array): CollectionFacts =>
  decode(COLLECTION_FACTS, 'collection facts', bytes)

/** SHA-2 by digest length in bytes: interfaces that give digests do not say which hash they use. */
const BY_LENGTH: Readonly<Record<number, string>> = {32: 'sha256', 48: 'sha384', 64: 'sha512'}

/**
 * The `tsm` object from digests as an interface delivers them. The algorithm is told by the length; where lengths
 * differ or are unusual it is `unknown`, and digest checks fail.
 */
export function tsmFacts(name: string | null, state: TdiStateName, digests: ReadonlyMap<string, Uint8Array>): TsmFacts {
  const known = [...digests].filter(([label]) => (LABELS as readonly string[]).includes(label))
  const lengths = new Set(known.map(([, digest]) => digest.length))
  const [length] = lengths
  const algorithm = lengths.size === 1 ? (BY_LENGTH[length!] ?? 'unknown') : 'unknown'
  return {
    name,
    state,
    digestAlgorithm: known.length === 0 ? null : algorithm,
    digests: Object.fromEntries(known.map(([label, digest]) => [label as ObjectLabel, toHex(digest)])),
  }
}

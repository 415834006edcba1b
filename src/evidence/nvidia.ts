/**
 * Evidence as NVIDIA's attestation tools write it: a JSON list with an entry for each device, bare or below `evidences`,
 * or the newer CMW collection with an item for each. The forms carry what SPDM carried, a request with its response and
 * the certificates; what they say besides is nobody's word.
 */
import * as v from 'valibot'
import {toHex} from '../bits/index.js'
import {printable, quoted, TsmctlError} from '../errors.js'
import {isRecord} from '../records.js'
import {BUNDLE_LIMIT, OBJECT_LIMIT} from './bundle.js'
import {COLLECTION_TYPE, decodedLength, jsonRecord, type Room, takeRoom} from './cmw.js'
import {issueText} from './fact-objects.js'

const INPUT_PROFILE = /^tag:nvidia\.com,2026:verifier-input\//
const ITEM_PROFILE = 'tag:nvidia.com,2026:evidence-item/v1'
/** A machine has sixteen such devices at most, and a cluster is not collected into one file. */
const MOST_ITEMS = 256
/** Characters. */
const LONGEST_NAME = 64

/** Evidence of one device. */
export interface VendorItem {
  /** `1 (HOPPER)`, `gpu_0`: for people, as the file has it. */
  readonly name: string
  /** GET_MEASUREMENTS and MEASUREMENTS. */
  readonly transcript: Uint8Array
  /** PEM. */
  readonly certificates: string
  /** The nonce that the file says was sent, lower-case hexadecimal. It proves nothing. */
  readonly statedNonce: string | undefined
  readonly abi: 'nvidia-evidence/1' | 'nvidia-evidence-item/1'
}

const malformed = (got: string): TsmctlError =>
  new TsmctlError({kind: 'malformed', attempted: 'read evidence of NVIDIA', got})

const LIST_ITEM = v.looseObject({
  arch: v.optional(v.pipe(v.string(), v.maxLength(LONGEST_NAME))),
  evidence: v.string(),
  certificate: v.string(),
  nonce: v.optional(v.pipe(v.string(), v.regex(/^(0x)?[0-9a-fA-F]{64}$/, 'not 32 bytes in hexadecimal'))),
})

/** Strict standard base64 (RFC 4648 §4). */
function base64(label: string, text: string, room: Room): Uint8Array {
  takeRoom(room, label, decodedLength(text))
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') !== text) throw malformed(`${label} is not strict base64`)
  return new Uint8Array(bytes)
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

function listItem(value: unknown, index: number, room: Room): VendorItem {
  const parsed = v.safeParse(LIST_ITEM, value)
  const place = `entry ${index + 1}`
  if (!parsed.success) {
    const {path, message} = issueText(parsed.issues)
    throw malformed(`${place}: ${path}: ${message}`)
  }
  const {arch, evidence, certificate, nonce} = parsed.output
  return {
    name: arch === undefined ? `${index + 1}` : `${index + 1} (${printable(arch)})`,
    transcript: base64(`${place}, evidence`, evidence, room),
    certificates: latin1(base64(`${place}, certificate`, certificate, room)),
    statedNonce: nonce?.replace(/^0x/, '').toLowerCase(),
    abi: 'nvidia-evidence/1',
  }
}

/** PEM, or base64 of it, which is what the tools put there. */
function pemOf(label: string, bytes: Uint8Array, room: Room): string {
  const text = latin1(bytes)
  return text.includes('-----BEGIN') ? text : latin1(base64(label, text.trim(), room))
}

function cmwItem(label: string, item: Record<string, unknown>, room: Room): VendorItem {
  if (item[COLLECTION_TYPE] !== ITEM_PROFILE) throw malformed(`item ${quoted(label, 32)} is of an unknown type`)
  if (item['certificate'] === undefined) throw malformed(`item ${quoted(label, 32)} has no record "certificate"`)
  const bytesOf = (name: string): Uint8Array => jsonRecord(`${label}.${name}`, item[name], room).bytes
  const nonce = item['nonce'] === undefined ? undefined : bytesOf('nonce')
  return {
    name: printable(label),
    transcript: bytesOf('evidence'),
    certificates: pemOf(`${printable(label)}.certificate`, bytesOf('certificate'), room),
    statedNonce: nonce && toHex(nonce),
    abi: 'nvidia-evidence-item/1',
  }
}

function cmwItems(json: Record<string, unknown>, room: Room): VendorItem[] {
  if (json[COLLECTION_TYPE] === ITEM_PROFILE) return [cmwItem('item', json, room)]
  const items = Object.entries(json).filter((entry): entry is [string, Record<string, unknown>] => isRecord(entry[1]))
  checkCount(items.length)
  return items.map(([label, item]) => cmwItem(label, item, room))
}

function checkCount(count: number): void {
  if (count === 0) throw malformed('there is no evidence of any device in it')
  if (count > MOST_ITEMS) throw malformed(`${count} devices, at most ${MOST_ITEMS} are read`)
}

const listOf = (json: unknown): unknown[] | undefined => {
  const list = isRecord(json) && !(COLLECTION_TYPE in json) ? json['evidences'] : json
  return Array.isArray(list) ? (list as unknown[]) : undefined
}

/** Is this parsed JSON one of NVIDIA's forms, whole or damaged? */
export function isNvidia(json: unknown): boolean {
  if (listOf(json) !== undefined) return true
  const type = isRecord(json) ? json[COLLECTION_TYPE] : undefined
  return typeof type === 'string' && (type === ITEM_PROFILE || INPUT_PROFILE.test(type))
}

/** The devices of a file that `isNvidia`. Throws TsmctlError `malformed` naming the entry. */
export function nvidiaItems(json: unknown): readonly VendorItem[] {
  const room: Room = {left: BUNDLE_LIMIT, perRecord: OBJECT_LIMIT}
  const list = listOf(json)
  if (list === undefined) return cmwItems(json as Record<string, unknown>, room)
  checkCount(list.length)
  return list.map((item, index) => listItem(item, index, room))
}

/**
 * The key schedule of a session (DSP0274 1.3 §12; DSP0277 §6): from the secret of KEY_EXCHANGE or the pre-shared key to
 * the keys of each direction. Every step is HKDF of RFC 5869 under the base hash; TH1 and TH2 are digests. Results belong
 * to the caller, who zeroes them when they have served.
 */
import {concat} from '../../bits/index.js'
import type {HashAlgorithm} from '../algorithms.js'
import {hmacOf} from '../crypto/index.js'
import type {Side} from '../side.js'
import {versionText} from '../version.js'

/** What every derivation depends on. */
export interface KeySchedule {
  /** SPDMVersion of the connection: the labels carry it. */
  readonly version: number
  readonly hash: HashAlgorithm
}

/** A secret belongs to what that side sends. */
export type Sides = Readonly<Record<Side, Uint8Array>>

/** Key and initial value of one direction's records. */
export interface TrafficKey {
  readonly key: Uint8Array
  readonly iv: Uint8Array
}

/** Bytes of an AEAD's initial value. */
const IV_SIZE = 12

const NOTHING: Uint8Array = new Uint8Array()
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

/** The info of HKDF-Expand: output size in two little-endian bytes, version, label, context. */
export function binConcat({version}: KeySchedule, size: number, label: string, context = NOTHING): Uint8Array {
  const length = new Uint8Array(2)
  new DataView(length.buffer).setUint16(0, size, true)
  return concat(length, ascii(`spdm${versionText(version)} ${label}`), context)
}

/** HKDF-Expand (RFC 5869 §2.3) to `size` bytes. */
export function expand({hash}: KeySchedule, secret: Uint8Array, info: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size)
  let block = NOTHING
  for (let at = 0, counter = 1; at < size; at += hash.size, counter++) {
    const next = hmacOf(hash, secret, block, info, Uint8Array.of(counter))
    block.fill(0)
    block = next
    out.set(block.subarray(0, size - at), at)
  }
  block.fill(0)
  return out
}

/** One derivation: HKDF-Expand with the info that `label` and `context` make. */
export const derive = (
  schedule: KeySchedule,
  secret: Uint8Array,
  label: string,
  context?: Uint8Array,
  size = schedule.hash.size,
): Uint8Array => expand(schedule, secret, binConcat(schedule, size, label, context), size)

/** How the sides came by their common secret. */
export type SecretKind = 'exchange' | 'psk'

/** HKDF-Extract of the common secret. The salt is zeros; since 1.3 it is all ones for a pre-shared key. */
export function handshakeSecretOf(schedule: KeySchedule, secret: Uint8Array, kind: SecretKind): Uint8Array {
  const fill = kind === 'psk' && schedule.version >= 0x13 ? 0xff : 0
  return hmacOf(schedule.hash, new Uint8Array(schedule.hash.size).fill(fill), secret)
}

/** What protects the handshake: records between KEY_EXCHANGE_RSP and FINISH_RSP, and the verify data. */
export const handshakeSecretsOf = (schedule: KeySchedule, handshakeSecret: Uint8Array, th1: Uint8Array): Sides => ({
  requester: derive(schedule, handshakeSecret, 'req hs data', th1),
  responder: derive(schedule, handshakeSecret, 'rsp hs data', th1),
})

export function masterSecretOf(schedule: KeySchedule, handshakeSecret: Uint8Array): Uint8Array {
  const salt = derive(schedule, handshakeSecret, 'derived')
  const master = hmacOf(schedule.hash, salt, new Uint8Array(schedule.hash.size))
  salt.fill(0)
  return master
}

/** What protects the records after the handshake. */
export const dataSecretsOf = (schedule: KeySchedule, masterSecret: Uint8Array, th2: Uint8Array): Sides => ({
  requester: derive(schedule, masterSecret, 'req app data', th2),
  responder: derive(schedule, masterSecret, 'rsp app data', th2),
})

/** The secret for applications beside the session. */
export const exportMasterSecretOf = (schedule: KeySchedule, masterSecret: Uint8Array, th2: Uint8Array): Uint8Array =>
  derive(schedule, masterSecret, 'exp master', th2)

/** Verify data of the side whose handshake secret this is, over the digest of a transcript. */
export function verifyDataOf(schedule: KeySchedule, handshakeSecret: Uint8Array, th: Uint8Array): Uint8Array {
  const finishedKey = finishedKeyOf(schedule, handshakeSecret)
  const data = hmacOf(schedule.hash, finishedKey, th)
  finishedKey.fill(0)
  return data
}

export const finishedKeyOf = (schedule: KeySchedule, handshakeSecret: Uint8Array): Uint8Array =>
  derive(schedule, handshakeSecret, 'finished')

/** Key and initial value of the records under a side's secret. */
export const trafficKeyOf = (schedule: KeySchedule, sideSecret: Uint8Array, keySize: number): TrafficKey => ({
  key: derive(schedule, sideSecret, 'key', undefined, keySize),
  iv: derive(schedule, sideSecret, 'iv', undefined, IV_SIZE),
})

/** A side's secret after KEY_UPDATE. */
export const updatedSecretOf = (schedule: KeySchedule, sideSecret: Uint8Array): Uint8Array =>
  derive(schedule, sideSecret, 'traffic upd')

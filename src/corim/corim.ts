/** A CoRIM file, signed or not: manifest, tags and their triples (draft-ietf-rats-corim §4). */
import {decodeItem, isTagged} from './cbor.js'
import {type Comid, comid} from './comid.js'
import {COSE_SIGN1_TAG, sign1, type Signed, VALIDITY} from './cose.js'
import {At, listOf, mapOf, member, needed, type Read} from './members.js'
import {anything, bytes, identifier} from './values.js'

const UNSIGNED_TAG = 501
const COMID_TAG = 506

const conciseTag: Read<Comid | undefined> = (value, at) => {
  if (!isTagged(value, COMID_TAG)) {
    at.remark(isTagged(value) ? `tag ${value.tag} is not evaluated` : 'a concise tag without its number')
    return undefined
  }
  const inner = bytes(value.contents, at)
  return comid(decodeItem(inner, 'CoRIM', at.path), at.near(inner))
}

/** §4.1. A profile changes the meaning of the rest, and must be understood (§4.1.4). */
export const CORIM = {
  id: needed(0, 'shown', identifier),
  tags: needed(1, 'evaluated', listOf(conciseTag)),
  'dependent-rims': member(2, 'refused', anything),
  profile: member(3, 'refused', anything),
  'rim-validity': member(4, 'evaluated', mapOf(VALIDITY)),
  entities: member(5, 'shown', anything),
}

export interface Period {
  /** RFC 3339. */
  readonly notBefore: string | null
  readonly notAfter: string
}

export interface Corim {
  /** Null for a manifest that nobody signed. */
  readonly signed: Signed | null
  /** Name of the manifest, as its author wrote it. */
  readonly id: string | null
  readonly validity: Period | null
  readonly tags: readonly Comid[]
  /** What of the manifest, outside of its tags, nobody evaluates. */
  readonly remarks: readonly string[]
}

function manifest(value: unknown, at: At): Omit<Corim, 'signed'> {
  if (!isTagged(value, UNSIGNED_TAG)) throw at.wrong(`tag ${UNSIGNED_TAG}, a CoRIM`, value)
  const {id, tags, 'rim-validity': validity} = mapOf(CORIM)(value.contents, at.near(value))
  return {
    id,
    validity:
      validity === undefined ? null : {notBefore: validity['not-before'] ?? null, notAfter: validity['not-after']},
    tags: tags.filter(tag => tag !== undefined),
    remarks: at.remarks,
  }
}

/**
 * Facts of a CoRIM file: COSE_Sign1 around a CoRIM, a CoRIM, or a concise-mid-tag alone, which is what some tools write.
 * Throws DecodeError for anything else. Whether a signature holds is not looked at.
 */
export function readCorim(input: Uint8Array): Corim {
  // a copy of its own, so that places in the file are places in memory
  const file = new Uint8Array(input)
  const at = new At('', 'CoRIM')
  const value = decodeItem(file, 'CoRIM')
  if (value instanceof Map) return {signed: null, id: null, validity: null, tags: [comid(value, at)], remarks: []}
  if (!isTagged(value, COSE_SIGN1_TAG)) return {signed: null, ...manifest(value, at)}
  const signed = sign1(value, at)
  const inside = at.member('payload').near(signed.payload)
  return {signed, ...manifest(decodeItem(signed.payload, 'CoRIM', 'payload'), inside)}
}

/**
 * Concise evidence in a measurement manifest: what the device says about its own measurements (TCG DICE Concise Evidence
 * Binding for SPDM 1.0 §5). It is signed like every block and proves no more than the blocks do.
 */
import {decodeItem, isTagged} from './cbor.js'
import {type ReferenceTriple, referenceTriple} from './comid.js'
import {At, listOf, mapOf, member, needed, type Read} from './members.js'
import {anything} from './values.js'

const TOC_TAG = 570
const EVIDENCE_TAG = 571

export const EVIDENCE_TRIPLES = {
  'evidence-triples': member(0, 'evaluated', listOf(referenceTriple)),
  'identity-triples': member(1, 'refused', anything),
  'dependency-triples': member(2, 'refused', anything),
  'membership-triples': member(3, 'refused', anything),
  'coswid-triples': member(4, 'refused', anything),
  'attest-key-triples': member(5, 'refused', anything),
}

export const CONCISE_EVIDENCE = {
  'ev-triples': needed(0, 'evaluated', mapOf(EVIDENCE_TRIPLES)),
  'evidence-id': member(1, 'shown', anything),
  profile: member(2, 'refused', anything),
}

const conciseEvidence: Read<readonly ReferenceTriple[]> = (value, at) => {
  if (!isTagged(value, EVIDENCE_TAG)) throw at.wrong(`tag ${EVIDENCE_TAG}, concise evidence`, value)
  return mapOf(CONCISE_EVIDENCE)(value.contents, at.near(value))['ev-triples']['evidence-triples'] ?? []
}

/** Table of contents. Where reference values are to be found is a hint of the device, which nobody follows. */
export const SPDM_TOC = {
  'tagged-evidence': needed(0, 'evaluated', listOf(conciseEvidence)),
  'rim-locators': member(1, 'shown', anything),
  profile: member(2, 'refused', anything),
}

export interface ConciseEvidence {
  readonly triples: readonly ReferenceTriple[]
  /** The manifest names places where reference values are. */
  readonly locators: boolean
  /** What nobody evaluates. */
  readonly remarks: readonly string[]
}

/** Facts of a manifest that is a table of contents, or one piece of concise evidence. Throws DecodeError. */
export function readConciseEvidence(input: Uint8Array): ConciseEvidence {
  const value = decodeItem(new Uint8Array(input), 'Measurement manifest')
  const at = new At('', 'Measurement manifest')
  if (isTagged(value, EVIDENCE_TAG)) return {triples: conciseEvidence(value, at), locators: false, remarks: at.remarks}
  if (!isTagged(value, TOC_TAG)) throw at.wrong(`tag ${TOC_TAG}, a table of contents`, value)
  const toc = mapOf(SPDM_TOC)(value.contents, at.near(value))
  return {triples: toc['tagged-evidence'].flat(), locators: toc['rim-locators'] !== undefined, remarks: at.remarks}
}

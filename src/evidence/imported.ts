/** What every importer states about evidence that somebody else collected, of a device that is not here. */
import {freeze} from './bundle.js'
import type {Bundle, EvidenceObject, ProviderFacts} from './types.js'

/** What the caller of an importer says. */
export interface ImportFacts {
  /** Negotiated base hash and signature algorithm, `sha384` and `ecdsa-p384`, for evidence without VCA. */
  readonly hash: string
  readonly asym: string
  /** The nonce that was sent, 32 bytes in lower-case hexadecimal, if the caller knows it by other means. */
  readonly nonce?: string | undefined
  /** RFC 3339. */
  readonly collectedAt: string
  readonly bundleId: string
  readonly tool: string
  /** Names the origin, for people. */
  readonly source: string
}

/** A bundle of objects that came out of a file: it can be verified and never leads to accept. */
export const freezeImported = (
  objects: readonly EvidenceObject[],
  facts: ImportFacts,
  {
    slot,
    ...provider
  }: Pick<ProviderFacts, 'kind' | 'abi'> & {readonly slot: number; readonly generation?: number | null},
): Bundle =>
  freeze(objects, {
    bundleId: facts.bundleId,
    collectedAt: facts.collectedAt,
    clock: 'untrusted',
    host: {machineIdHash: null, bootId: null, kernel: null, tool: facts.tool, toolDigest: null},
    device: {bdf: null, vendor: null, device: null, subsystem: null, class: null, revision: null},
    provider: {tsm: null, generation: null, ...provider},
    // one that only the file names is not in it: whoever replays evidence writes down its nonce as well
    nonce: facts.nonce === undefined ? null : {value: facts.nonce, derivation: 'external'},
    lockEpoch: {kind: 'none', value: null},
    tdiState: 'unknown',
    spdm: {hash: facts.hash, asym: facts.asym, slot},
  })

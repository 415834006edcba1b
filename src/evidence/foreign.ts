/**
 * Evidence in the form device vendors hand it out: a measurement request and its response, and a PEM file with the
 * certificates. It was collected by somebody else, of a device that is not here, so it can be verified but never lead to
 * accept.
 */
import {certificatesOfPem, digestOf, encodeCertificateChain, hashNamed} from '../spdm/index.js'
import {quoted, TsmctlError} from '../errors.js'
import {freeze} from './bundle.js'
import type {Bundle, ObjectLabel} from './types.js'

export interface ForeignEvidence {
  /** GET_MEASUREMENTS and MEASUREMENTS as they were sent. */
  readonly transcript: Uint8Array
  /** PEM certificates of the device. */
  readonly certificates: string
  /** Vendors write the leaf first; SPDM chains start at the root. */
  readonly order?: 'leaf-first' | 'root-first'
  /** Negotiated base hash and signature algorithm, `sha384` and `ecdsa-p384`: the transcript does not say. */
  readonly hash: string
  readonly asym: string
  readonly slot?: number
  /** The nonce that was sent, 32 bytes in lower-case hexadecimal, if the caller knows it by other means. */
  readonly nonce?: string | undefined
  /** RFC 3339. */
  readonly collectedAt: string
  readonly bundleId: string
  readonly tool: string
  /** Names the origin, for people. */
  readonly source: string
}

const NO_DEVICE = {bdf: null, vendor: null, device: null, subsystem: null, class: null, revision: null}

/**
 * A bundle of foreign evidence. Throws TsmctlError: `usage` for an unknown hash, `malformed` for a file without
 * certificates; DecodeError for one that is not a certificate.
 */
export function importForeign(foreign: ForeignEvidence): Bundle {
  const {slot = 0, order = 'leaf-first', source} = foreign
  const hash = hashNamed(foreign.hash)
  if (hash === undefined)
    throw new TsmctlError({
      kind: 'usage',
      attempted: 'import evidence',
      got: `no hash is called ${quoted(foreign.hash)}`,
    })
  const given = certificatesOfPem(foreign.certificates)
  const chain = order === 'leaf-first' ? given.toReversed() : given
  return freeze(
    [
      {
        label: `cert${slot}` as ObjectLabel,
        // there is no header in a PEM file; the root hash is that of the certificate that stands first
        bytes: encodeCertificateChain(digestOf(hash, chain[0]!), chain),
        source,
      },
      {label: 'measurements', bytes: foreign.transcript, source},
    ],
    {
      bundleId: foreign.bundleId,
      collectedAt: foreign.collectedAt,
      clock: 'untrusted',
      host: {machineIdHash: null, bootId: null, kernel: null, tool: foreign.tool, toolDigest: null},
      device: NO_DEVICE,
      provider: {kind: 'file', abi: 'file', tsm: null, generation: null},
      nonce: foreign.nonce === undefined ? null : {value: foreign.nonce, derivation: 'external'},
      lockEpoch: {kind: 'none', value: null},
      tdiState: 'unknown',
      spdm: {hash: foreign.hash, asym: foreign.asym, slot},
    },
  )
}

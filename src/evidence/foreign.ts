/**
 * Evidence in the form device vendors hand it out: a measurement request and its response, and a PEM file with the
 * certificates. It was collected by somebody else, of a device that is not here, so it can be verified but never lead to
 * accept.
 */
import {certificatesOfPem, digestOf, encodeCertificateChain, hashNamed} from '../spdm/index.js'
import {quoted, TsmctlError} from '../errors.js'
import {freezeImported, type ImportFacts} from './imported.js'
import type {Bundle, ObjectLabel, ProviderFacts} from './types.js'

export interface ForeignEvidence extends ImportFacts {
  /** GET_MEASUREMENTS and MEASUREMENTS as they were sent. */
  readonly transcript: Uint8Array
  /** PEM certificates of the device. */
  readonly certificates: string
  /** Vendors write the leaf first; SPDM chains start at the root. */
  readonly order?: 'leaf-first' | 'root-first'
  readonly slot?: number
  /** Where it is from; a file of which nothing is known, unless it is said. */
  readonly provider?: Pick<ProviderFacts, 'kind' | 'abi'>
}

const FILE = {kind: 'file', abi: 'file'} as const

/**
 * A bundle of foreign evidence. Throws TsmctlError: `usage` for an unknown hash, `malformed` for a file without
 * certificates; DecodeError for one that is not a certificate.
 */
export function importForeign(foreign: ForeignEvidence): Bundle {
  const {slot = 0, order = 'leaf-first', provider = FILE, source} = foreign
  const hash = hashNamed(foreign.hash)
  if (hash === undefined)
    throw new TsmctlError({
      kind: 'usage',
      attempted: 'import evidence',
      got: `no hash is called ${quoted(foreign.hash)}`,
    })
  const given = certificatesOfPem(foreign.certificates)
  const chain = order === 'leaf-first' ? given.toReversed() : given
  return freezeImported(
    [
      {
        label: `cert${slot}` as ObjectLabel,
        // there is no header in a PEM file; the root hash is that of the certificate that stands first
        bytes: encodeCertificateChain(digestOf(hash, chain[0]!), chain),
        source,
      },
      {label: 'measurements', bytes: foreign.transcript, source},
    ],
    foreign,
    {...provider, slot},
  )
}

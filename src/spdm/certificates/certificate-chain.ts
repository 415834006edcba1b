/** The certificate chain of a slot, cut into certificates (DSP0274 1.3 §10.7 "Certificate chain format"). */
import {concat, DecodeError} from '../../bits/index.js'
import {TsmctlError} from '../../errors.js'
import {CERTIFICATE_CHAIN} from '../messages/index.js'
import {checkNesting, encodingOf, malformed, readDer, TAG} from './der.js'

const MAX_CERTIFICATES = 10

const STRUCTURE = 'Certificate chain'

export interface CertificateSlice {
  /** Bytes from the start of the object. */
  readonly offset: number
  readonly der: Uint8Array
}

export interface ChainFacts {
  readonly bytes: Uint8Array
  /** Digest of the root certificate, which itself may be left out of the chain. */
  readonly rootHash: Uint8Array
  /** From the root, or the first below it, to the leaf. */
  readonly certificates: readonly CertificateSlice[]
}

/** Certificates back to back in `bytes` from byte `from`. Throws DecodeError unless they are 1 to 10 in strict DER. */
function slices(bytes: Uint8Array, from: number): CertificateSlice[] {
  const out: CertificateSlice[] = []
  for (let at = from; at < bytes.length;) {
    if (out.length === MAX_CERTIFICATES)
      throw malformed(STRUCTURE, at, `at most ${MAX_CERTIFICATES} certificates`, 'more')
    const element = readDer(bytes, at, bytes.length, `${STRUCTURE}, certificate ${out.length}`)
    if (element.tag !== TAG.SEQUENCE) throw malformed(STRUCTURE, at, 'a certificate', 'another element')
    checkNesting(element, `${STRUCTURE}, certificate ${out.length}`)
    out.push({offset: at, der: encodingOf(element)})
    at = element.end
  }
  if (out.length === 0) throw malformed(STRUCTURE, from, 'at least one certificate', 'none')
  return out
}

/**
 * Facts of a chain object whose root hash has `hashSize` bytes. Throws DecodeError for a wrong Length, trailing bytes,
 * no or too many certificates, or anything that is not DER.
 */
export function parseCertificateChain(input: Uint8Array, hashSize: number): ChainFacts {
  const bytes = new Uint8Array(input)
  const {rootHash} = CERTIFICATE_CHAIN.decode(bytes, {hashSize})
  return {bytes, rootHash, certificates: slices(bytes, 4 + hashSize)}
}

/** Certificates of concatenated DER without a header. Throws DecodeError as `parseCertificateChain` does. */
export const splitCertificates = (input: Uint8Array): CertificateSlice[] => slices(new Uint8Array(input), 0)

/** The chain object of `certificates`, root first, as a responder serves it. */
export const encodeCertificateChain = (rootHash: Uint8Array, certificates: readonly Uint8Array[]): Uint8Array =>
  CERTIFICATE_CHAIN.encode({rootHash, certificates: concat(...certificates)}, {hashSize: rootHash.length})

const PEM = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----/g

/**
 * DER of every certificate of a PEM file, in the order of the file; vendors write leaf first, SPDM chains are root
 * first. Throws TsmctlError for a file without certificates, DecodeError for a block that is not one certificate.
 */
export function certificatesOfPem(text: string): Uint8Array[] {
  const blocks = [...text.matchAll(PEM)].map(match => new Uint8Array(Buffer.from(match[1]!, 'base64')))
  if (blocks.length === 0)
    throw new TsmctlError({kind: 'malformed', attempted: 'read certificates', got: 'no PEM certificate found'})
  return blocks.map(block => {
    const [first, ...others] = slices(block, 0)
    if (others.length > 0)
      throw new DecodeError({
        structure: 'PEM certificate',
        path: '',
        offset: others[0]!.offset,
        expected: 'one certificate',
        got: `${others.length + 1}`,
      })
    return first!.der
  })
}

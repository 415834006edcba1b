/** A slot's certificate chain as `spdm attest` judges it: form, path, leaf, dates, and where it is anchored. */
import {DecodeError, equal} from '../bits/index.js'
import {harmless, printable, TsmctlError} from '../errors.js'
import {
  type CertificateFacts,
  type Connection,
  certificatesOfPem,
  chainProblems,
  deviceCertificateIndex,
  loadCertificateReader,
  loadCryptoOf,
  parseCertificateChain,
  type SlotFacts,
  splitCertificates,
  validityProblems,
  verifyCertificateSignature,
} from '../spdm/index.js'
import {BUILT} from './built.js'

/** A root certificate that the user trusts, read from a file. */
export interface TrustedRoot {
  readonly file: string
  readonly facts: CertificateFacts
}

export interface CertificateView {
  /** Distinguished names, escaped. */
  readonly subject: string
  readonly issuer: string
  /** `ec prime256v1`, `rsa 3072`. */
  readonly key: string
  readonly signature: string
  /** Dates, `2026-01-31`. */
  readonly notBefore: string
  readonly notAfter: string
  /** SHA-384 of the certificate, hexadecimal. */
  readonly sha384: string
}

export interface ChainView {
  /** Bytes of the chain object. */
  readonly length: number
  /** Root first. */
  readonly certificates: readonly CertificateView[]
  /** Whether the device makes the last certificates itself. */
  readonly model: 'device' | 'alias' | null
  /** DMTF device info of the leaf, escaped. */
  readonly deviceInfo: string | null
  /** What is wrong with it, whoever vouches for it. */
  readonly problems: readonly string[]
  /** Algorithms and keys that are too weak to rely on, although everything verifies. */
  readonly weaknesses: readonly string[]
  /** File of the trusted root it leads to; null when it leads to none of them, or none was given. */
  readonly anchor: string | null
}

const day = (date: Date): string => date.toISOString().slice(0, 10)

const keyText = ({key: {type, curve, bits}}: CertificateFacts): string => `${type} ${curve ?? bits ?? ''}`.trim()

const certificateView = (facts: CertificateFacts): CertificateView => ({
  subject: printable(facts.subject, 200),
  issuer: printable(facts.issuer, 200),
  key: printable(keyText(facts)),
  signature: printable(facts.signature.name),
  notBefore: day(facts.notBefore),
  notAfter: facts.noExpiry ? 'never' : day(facts.notAfter),
  sha384: facts.sha384,
})

/**
 * The certificates of a file: PEM, or DER back to back. Throws TsmctlError `malformed` naming the file when there is
 * none, or one that is no certificate.
 */
export async function readRoots(file: string, content: Uint8Array): Promise<TrustedRoot[]> {
  const {certificateFacts} = await loadCertificateReader()
  const text = Buffer.from(content).toString('latin1')
  try {
    const ders = text.includes('-----BEGIN') ? certificatesOfPem(text) : splitCertificates(content).map(({der}) => der)
    return ders.map(der => ({file, facts: certificateFacts(der)}))
  } catch (error) {
    if (!(error instanceof TsmctlError)) throw error
    throw new TsmctlError({
      kind: 'malformed',
      attempted: `use ${printable(file, 200)} as a trusted root`,
      got: error.got,
      hint: 'A root is a certificate in PEM or DER form.',
      cause: error,
    })
  }
}

/** The root that `chain` starts at, or that signed its first certificate. */
function anchorOf(chain: readonly CertificateFacts[], roots: readonly TrustedRoot[]): TrustedRoot | undefined {
  const [first] = chain
  if (first === undefined) return undefined
  return roots.find(
    ({facts}) =>
      facts.sha384 === first.sha384 ||
      (equal(facts.subjectDer, first.issuerDer) && verifyCertificateSignature(first.der, facts.spki)),
  )
}

interface Problem {
  readonly certificate?: number
  readonly message: string
}

const told = (problems: readonly Problem[]): string[] =>
  problems.map(({certificate, message}) =>
    harmless(certificate === undefined ? message : `certificate ${certificate}: ${message}`, 300),
  )

const unreadable = (length: number, problem: string): ChainView => ({
  length,
  certificates: [],
  model: null,
  deviceInfo: null,
  problems: [problem],
  weaknesses: [],
  anchor: null,
})

/** Judges the chain object `bytes` of a slot, of which DIGESTS said `slot`. Never throws for what is in it. */
export async function judgeChain(
  bytes: Uint8Array,
  connection: Connection,
  roots: readonly TrustedRoot[],
  now: Date,
  slot?: SlotFacts,
): Promise<ChainView> {
  const {certificateFacts} = await loadCertificateReader()
  try {
    const chain = parseCertificateChain(bytes, connection.hash!.size)
    const facts = chain.certificates.map(({der}) => certificateFacts(der))
    await loadCryptoOf([...facts, ...roots.map(root => root.facts)])
    const anchor = anchorOf(facts, roots)
    const above = anchor === undefined || anchor.facts.sha384 === facts[0]!.sha384 ? undefined : anchor.facts
    const leaf = facts.at(-1)!
    const problems = chainProblems({
      chain,
      certificates: facts,
      connection,
      ...(slot && {slot}),
      ...(above && {anchor: {spki: above.spki, certificate: above}}),
    })
    return {
      length: bytes.length,
      certificates: facts.map(certificateView),
      model: deviceCertificateIndex(facts) === facts.length - 1 ? 'device' : 'alias',
      deviceInfo: leaf.deviceInfoText === undefined ? null : printable(leaf.deviceInfoText, 128),
      problems: told([
        ...problems.filter(({kind}) => kind !== 'weak'),
        ...validityProblems(facts, 'device', {now, built: BUILT, above}),
      ]),
      weaknesses: told(problems.filter(({kind}) => kind === 'weak')),
      anchor: anchor === undefined ? null : anchor.file,
    }
  } catch (error) {
    if (error instanceof DecodeError) return unreadable(bytes.length, harmless(error.message, 300))
    throw error
  }
}

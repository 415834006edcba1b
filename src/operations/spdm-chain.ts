/** A slot's certificate chain as `spdm attest` judges it: form, path, leaf, dates, and where it is anchored. */
import {DecodeError, equal} from '../bits/index.js'
import {harmless, printable, TsmctlError} from '../errors.js'
import {
  type CertificateFacts,
  type CertificateModel,
  type ChainFacts,
  type Connection,
  certificatesOfPem,
  deviceCertificateIndex,
  digestOf,
  isSelfSigned,
  leafProblems,
  loadCertificateReader,
  loadCryptoOf,
  modelProblems,
  parseCertificateChain,
  pathProblems,
  splitCertificates,
  validityProblems,
  verifyCertificateSignature,
} from '../spdm/index.js'
import {BUILT} from './review.js'

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

/** RootHash has to be that of the root, which is in the chain or above it. */
function rootProblems(
  chain: ChainFacts,
  facts: readonly CertificateFacts[],
  anchor: TrustedRoot | undefined,
  {hash}: Connection,
): string[] {
  const root = anchor?.facts ?? (isSelfSigned(facts[0]!) ? facts[0]! : undefined)
  if (root === undefined || equal(chain.rootHash, digestOf(hash!, root.der))) return []
  return ['its RootHash is not the digest of its root certificate']
}

const at = (problems: readonly {readonly certificate: number; readonly message: string}[]): string[] =>
  problems.map(({certificate, message}) => `certificate ${certificate}: ${message}`)

const unreadable = (length: number, problem: string): ChainView => ({
  length,
  certificates: [],
  model: null,
  deviceInfo: null,
  problems: [problem],
  weaknesses: [],
  anchor: null,
})

/** Judges the chain object `bytes` of a slot, whose model is `model` if anybody said so. Never throws for what is in it. */
export async function judgeChain(
  bytes: Uint8Array,
  connection: Connection,
  roots: readonly TrustedRoot[],
  now: Date,
  model?: CertificateModel,
): Promise<ChainView> {
  const {certificateFacts} = await loadCertificateReader()
  try {
    const chain = parseCertificateChain(bytes, connection.hash!.size)
    const facts = chain.certificates.map(({der}) => certificateFacts(der))
    await loadCryptoOf([...facts, ...roots.map(root => root.facts)])
    const anchor = anchorOf(facts, roots)
    const above = anchor === undefined || anchor.facts.sha384 === facts[0]!.sha384 ? undefined : anchor.facts
    const leaf = facts.at(-1)!
    const path = pathProblems(facts, above && {spki: above.spki, certificate: above})
    const isWeakness = ({kind}: (typeof path)[number]): boolean => kind === 'weak'
    return {
      length: bytes.length,
      certificates: facts.map(certificateView),
      model: deviceCertificateIndex(facts) === facts.length - 1 ? 'device' : 'alias',
      deviceInfo: leaf.deviceInfoText === undefined ? null : printable(leaf.deviceInfoText, 128),
      problems: [
        ...at(path.filter(problem => !isWeakness(problem))),
        ...rootProblems(chain, facts, anchor, connection),
        ...leafProblems(leaf, connection.version, connection.asym, {model}).map(({message}) => message),
        ...(model === undefined ? [] : at(modelProblems(facts, model))),
        ...at(validityProblems(facts, 'device', {now, built: BUILT, above})),
      ].map(problem => harmless(problem, 300)),
      weaknesses: at(path.filter(isWeakness)).map(problem => harmless(problem, 300)),
      anchor: anchor === undefined ? null : anchor.file,
    }
  } catch (error) {
    if (error instanceof DecodeError) return unreadable(bytes.length, harmless(error.message, 300))
    throw error
  }
}

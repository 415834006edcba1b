/** Making and verifying SPDM signatures (DSP0274 1.3 §15 "Signature generation and validation"). */
import {TsmctlError} from '../../errors.js'
import type {AsymAlgorithm, HashAlgorithm} from '../algorithms.js'
import {versionText} from '../version.js'
import {type LibraryScheme, librarySchemeOf, rawPublicKeyOf} from './library-signature.js'
import {keyMismatch, platformSigns, platformVerifies, supportsEd448Context} from './platform-signature.js'
import {publicKeyOf} from './public-key.js'
import {ascii, type SignatureContext, type SignedTranscript, signingInput} from './signing-input.js'
import {secretBytesOf, type SigningKey} from './signing-key.js'
import {unsupportedHash} from './transcript-hash.js'

export interface SignatureQuestion {
  readonly version: number
  readonly context: SignatureContext
  readonly hash: HashAlgorithm
  readonly asym: AsymAlgorithm
  /** What the signature covers. */
  readonly transcript: SignedTranscript
}

/** `mismatch`: the key is not of the negotiated algorithm. `unsupported`: nobody here can tell. */
export type SignatureVerdict =
  {readonly status: 'valid'} | {readonly status: 'invalid' | 'mismatch' | 'unsupported'; readonly why: string}

const no = (status: 'invalid' | 'mismatch' | 'unsupported', why: string): SignatureVerdict => ({status, why})

const VALID: SignatureVerdict = {status: 'valid'}

/** SPDMVersion that introduced a family of algorithms. */
const FIRST_VERSION: Readonly<Record<AsymAlgorithm['kind'], number>> = {
  rsassa: 0x10,
  rsapss: 0x10,
  ecdsa: 0x10,
  eddsa: 0x12,
  sm2: 0x12,
  'ml-dsa': 0x14,
  'slh-dsa': 0x14,
}

/** Post-quantum schemes are the library's; Ed448 is where the platform ignores its context. */
const needsLibrary = ({kind, name}: AsymAlgorithm): boolean =>
  kind === 'ml-dsa' || kind === 'slh-dsa' || (name === 'ed448' && !supportsEd448Context())

/** Why this signature cannot be made or verified here, or undefined. `loadCrypto` may change the answer. */
export function unsupportedReason({version, hash, asym}: Omit<SignatureQuestion, 'transcript' | 'context'>) {
  if (asym.kind === 'sm2') return `${asym.name} signatures are not supported`
  if (version < FIRST_VERSION[asym.kind]) return `SPDM ${versionText(version)} does not define ${asym.name}`
  if (needsLibrary(asym) && librarySchemeOf(asym) === undefined) return `the library for ${asym.name} is not loaded`
  return unsupportedHash(hash)
}

/** Why the key in `spki` cannot have made this signature, or whether it has. Throws what the primitives throw. */
function platformVerdict(question: SignatureQuestion, spki: Uint8Array, signature: Uint8Array): SignatureVerdict {
  const {version, context, hash, asym, transcript} = question
  const key = publicKeyOf(spki)
  if (key === undefined) return no('mismatch', 'the public key cannot be read')
  const mismatch = keyMismatch(key, asym)
  if (mismatch !== undefined) return no('mismatch', mismatch)
  const isValid = platformVerifies(question, signingInput(version, context, hash, transcript), key, signature)
  return isValid ? VALID : no('invalid', 'the signature does not match')
}

function libraryVerdict(
  scheme: LibraryScheme,
  question: SignatureQuestion,
  spki: Uint8Array,
  signature: Uint8Array,
): SignatureVerdict {
  const {version, context, hash, asym, transcript} = question
  const key = rawPublicKeyOf(spki)
  if (key?.name !== asym.name) return no('mismatch', `the key is not ${asym.name}`)
  const message = signingInput(version, context, hash, transcript)
  return scheme.verify(signature, message, key.bytes, ascii(context))
    ? VALID
    : no('invalid', 'the signature does not match')
}

/** Is `signature` the key's signature over `question`? `spki` is the DER of the public key. Never throws. */
export function verifySignature(
  question: SignatureQuestion,
  spki: Uint8Array,
  signature: Uint8Array,
): SignatureVerdict {
  const {asym} = question
  const unsupported = unsupportedReason(question)
  if (unsupported !== undefined) return no('unsupported', unsupported)
  if (signature.length !== asym.signatureSize)
    return no('invalid', `${signature.length} bytes instead of ${asym.signatureSize}`)
  try {
    return needsLibrary(asym)
      ? libraryVerdict(librarySchemeOf(asym)!, question, spki, signature)
      : platformVerdict(question, spki, signature)
  } catch {
    // primitives refuse some keys only when they are used; a signature that could not be checked is not valid
    return no('invalid', 'the signature cannot be checked with this key')
  }
}

/** Signs `question` as a responder or requester does. Throws TsmctlError `unsupported` for `unsupportedReason`. */
export function signQuestion(question: SignatureQuestion, privateKey: SigningKey): Uint8Array {
  const {version, context, hash, asym, transcript} = question
  const got = unsupportedReason(question)
  if (got !== undefined) throw new TsmctlError({kind: 'unsupported', attempted: 'sign an SPDM message', got})
  const message = signingInput(version, context, hash, transcript)
  if (needsLibrary(asym)) return librarySchemeOf(asym)!.sign(message, secretBytesOf(privateKey), ascii(context))
  if (privateKey instanceof Uint8Array)
    throw new TsmctlError({kind: 'bug', attempted: `sign by ${asym.name}`, got: 'the key is one of a library'})
  return platformSigns(question, message, privateKey)
}

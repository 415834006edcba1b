/** `policy sign`: the signature that machines with a pinned key ask for. */
import {keyText, type Policy, policySignature, requireUsable, signingKeyOf} from '../../appraisal/index.js'
import {printablePath, TsmctlError} from '../../errors.js'
import {readGuardedFile, writeUserFile} from '../../kernel/index.js'
import {signaturePath} from './files.js'

export interface SignedPolicy {
  readonly policy: string
  readonly digest: string
  readonly signedBy: string
  readonly file: string
}

const KEY_LIMIT = 4096
const PRIVATE_MODE = 0o077

/**
 * Signs `policy`, which was read from `path`. Throws TsmctlError `policy` for an unusable policy, `usage` for a key that
 * is none or that others may read.
 */
export function signPolicy(policy: Policy, path: string, keyFile: string, out = signaturePath(path)): SignedPolicy {
  requireUsable(policy)
  const {bytes, mode, type} = readGuardedFile(keyFile, KEY_LIMIT)
  const key = type === 'file' ? signingKeyOf(bytes) : undefined
  const refuse = (got: string, hint: string): TsmctlError =>
    new TsmctlError({kind: 'usage', attempted: `sign with ${printablePath(keyFile)}`, path: keyFile, got, hint})
  if (key === undefined)
    throw refuse(
      'it is no Ed25519 private key',
      'openssl genpkey -algorithm ed25519 makes one, as PEM without a passphrase.',
    )
  if ((mode & PRIVATE_MODE) !== 0) throw refuse('others may use it', `chmod 600 ${printablePath(keyFile)}`)
  writeUserFile(out, new TextEncoder().encode(policySignature(policy.digest!, key)), {force: true})
  return {policy: policy.name, digest: policy.digest!, signedBy: keyText(key), file: out}
}

export const signedText = ({policy, digest, signedBy, file}: SignedPolicy): string =>
  `policy ${policy}, ${digest}\nsigned by ${signedBy}\nwritten to ${printablePath(file)}\n`

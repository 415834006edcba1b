/** `--ear` and `--sign`: the verdict in a file for relying parties. */
import {Flags} from '@oclif/core'
import {TsmctlError} from '../errors.js'
import {checkUserFile} from '../kernel/index.js'
import {readSigningKey, type VerdictFile} from '../operations/export-verdict.js'

export const earFlags = {
  ear: Flags.string({description: 'write the verdict there as an EAR: JSON, or with --sign a JWS'}),
  sign: Flags.string({description: 'private key in PEM, Ed25519 or P-384, that signs what --ear writes'}),
  force: Flags.boolean({description: 'replace the file of --ear'}),
}

/**
 * Where the verdict goes, or undefined when nobody wants one. Known to be possible, as far as that can be told, before
 * anything is done. Throws TsmctlError.
 */
export function verdictFile(flags: {
  readonly ear?: string | undefined
  readonly sign?: string | undefined
  readonly force?: boolean
}): VerdictFile | undefined {
  const {ear: path, sign, force = false} = flags
  if (path === undefined && sign !== undefined)
    throw new TsmctlError({
      kind: 'usage',
      attempted: 'sign the verdict',
      got: '--sign without --ear',
      hint: 'Name the file for the signed verdict with --ear.',
    })
  if (path === undefined) return undefined
  checkUserFile(path, {force})
  return {path, key: sign === undefined ? undefined : readSigningKey(sign), force}
}

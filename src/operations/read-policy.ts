/** The policy that decides, from the files it lies in. */
import {loadPolicy, type Policy} from '../appraisal/index.js'
import {TsmctlError} from '../errors.js'
import {policyInput, type PolicySources} from './policy/files.js'

export {type PolicySources, SYSTEM_POLICY, type SystemPolicy} from './policy/files.js'

/**
 * The merged policy of `paths`, files or directories; without any the one of the machine, and without that the policy
 * that matches nothing and so denies everything. Unusable content is in `findings`; a file that cannot be read is a
 * TsmctlError of kind `policy`.
 */
export function readPolicy(paths: readonly string[], now: Date, sources: PolicySources = {}): Policy {
  try {
    const {files, contents, extras} = policyInput(paths, sources)
    return loadPolicy(files, contents, now, extras)
  } catch (error) {
    if (!(error instanceof TsmctlError) || error.kind === 'policy') throw error
    throw new TsmctlError({
      kind: 'policy',
      attempted: 'read the policy',
      got: error.message,
      path: error.path,
      hint: 'Without a readable policy every device is denied.',
      cause: error,
    })
  }
}

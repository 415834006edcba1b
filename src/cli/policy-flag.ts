/** `--policy`: the file or files that decide. */
import {Flags} from '@oclif/core'
import {type Policy, requireUsable} from '../appraisal/index.js'
import {TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {type PolicySources, readPolicy} from '../operations/read-policy.js'

export const policyFlag = {
  policy: Flags.string({
    multiple: true,
    env: 'TSMCTL_POLICY',
    description: 'policy file; several are merged. Without one every device is denied',
  }),
  revocation: Flags.string({
    description: 'directory with CRLs and OCSP responses, besides revocation/ beside the policy; nothing is fetched',
  }),
}

/** The files that `--policy` names; TSMCTL_POLICY names one, and oclif hands that over as it is. */
export const policyPaths = (given: string | readonly string[] | undefined): readonly string[] =>
  typeof given === 'string' ? [given] : (given ?? [])

/** The policy for a verb that changes a device: known to be usable before anything is touched. */
export function decidingPolicy(
  given: Parameters<typeof policyPaths>[0],
  kernel: Kernel,
  sources: PolicySources = {},
): Policy {
  const paths = policyPaths(given)
  if (paths.length === 0)
    throw new TsmctlError({
      kind: 'policy',
      attempted: 'decide about a device',
      got: 'no policy was given',
      hint:
        kernel.host.kind === 'sim'
          ? `Name one with --policy; this simulated machine has ${kernel.host.label}/policy.yaml.`
          : 'Name one with --policy or TSMCTL_POLICY; without a policy every device is denied.',
    })
  const policy = readPolicy(paths, kernel.now(), sources)
  requireUsable(policy)
  return policy
}

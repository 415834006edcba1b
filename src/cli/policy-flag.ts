/** `--policy` and what goes with it: the files that decide, and who must have signed them. */
import {Flags} from '@oclif/core'
import {type Policy, requireUsable} from '../appraisal/index.js'
import {TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {type PolicySources, readPolicy, SYSTEM_POLICY} from '../operations/read-policy.js'

export const policyKeyFlag = {
  'policy-key': Flags.string({
    env: 'TSMCTL_POLICY_KEY',
    description: `file with the public key that must have signed the policy, instead of ${SYSTEM_POLICY.key}`,
  }),
}

export const policyFlag = {
  policy: Flags.string({
    multiple: true,
    env: 'TSMCTL_POLICY',
    description: `policy file or directory; several are merged. Without one ${SYSTEM_POLICY.directory} decides, and without that every device is denied`,
  }),
  ...policyKeyFlag,
  revocation: Flags.string({
    description: 'directory with CRLs and OCSP responses, besides revocation/ beside the policy; nothing is fetched',
  }),
}

/** The files that `--policy` names; TSMCTL_POLICY names one, and oclif hands that over as it is. */
export const policyPaths = (given: string | readonly string[] | undefined): readonly string[] =>
  typeof given === 'string' ? [given] : (given ?? [])

type Given = Parameters<typeof policyPaths>[0]

/** The policy of this machine decides about this machine only: a simulated or recorded one has its own. */
export const policySources = ({host}: Kernel, given: PolicySources = {}): PolicySources => ({
  ...(host.kind === 'live' && {system: SYSTEM_POLICY}),
  ...given,
})

/** The policy for a command that only tells what it says: it need not be usable. */
export const givenPolicy = (given: Given, kernel: Kernel, sources?: PolicySources): Policy =>
  readPolicy(policyPaths(given), kernel.now(), policySources(kernel, sources))

/** Throws TsmctlError `policy` unless there is a policy, and one that can be used. */
export function requirePolicy(policy: Policy, {host}: Kernel): void {
  if (policy.findings[0]?.id === 'none')
    throw new TsmctlError({
      kind: 'policy',
      attempted: 'decide about a device',
      got: 'no policy was given',
      hint:
        host.kind === 'sim'
          ? `Name one with --policy; this simulated machine has ${host.label}/policy.yaml.`
          : `Name one with --policy or TSMCTL_POLICY, or install one in ${SYSTEM_POLICY.directory}; without a policy every device is denied.`,
    })
  requireUsable(policy)
}

/** The policy for a verb that changes a device: known to be usable before anything is touched. */
export function decidingPolicy(given: Given, kernel: Kernel, sources?: PolicySources): Policy {
  const policy = givenPolicy(given, kernel, sources)
  requirePolicy(policy, kernel)
  return policy
}

/** What a relying party says about this machine's own platform, from files that the operator names. */
import {Flags} from '@oclif/core'
import {type PlatformVerdict, platformVerdict} from '../appraisal/index.js'
import {TsmctlError} from '../errors.js'
import {readUserFile} from '../kernel/index.js'

export const platformFlag = {
  'platform-verdict': Flags.string({
    description:
      "a relying party's signed verdict (EAR) on the platform report of this machine, bound to this evidence",
  }),
  'platform-key': Flags.string({description: 'public key in PEM that must have signed the verdict on the platform'}),
}

interface Given {
  readonly 'platform-verdict'?: string | undefined
  readonly 'platform-key'?: string | undefined
}

/** Undefined when nothing was given. Throws TsmctlError for half of it, and for a verdict that is none. */
export function givenPlatform(flags: Given): PlatformVerdict | undefined {
  const {'platform-verdict': verdict, 'platform-key': key} = flags
  if (verdict === undefined && key === undefined) return undefined
  if (verdict !== undefined && key !== undefined) return platformVerdict(readUserFile(verdict), readUserFile(key))
  throw new TsmctlError({
    kind: 'usage',
    attempted: 'use the verdict on the platform',
    got: verdict === undefined ? 'there is a key and no verdict' : 'nothing says who must have signed it',
    hint: 'Give both --platform-verdict and --platform-key.',
  })
}

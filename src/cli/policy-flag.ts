/** `--policy`: the file or files that decide. Without any everything is denied. */
import {Flags} from '@oclif/core'

export const policyFlag = {
  policy: Flags.string({
    multiple: true,
    env: 'TSMCTL_POLICY',
    description: 'policy file; several are merged. Without one every device is denied',
  }),
}

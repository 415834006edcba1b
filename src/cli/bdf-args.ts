/** BDF arguments: at least one, canonical, each once. */
import {Args} from '@oclif/core'
import {TsmctlError} from '../errors.js'
import {parseBdf} from '../pci/index.js'

export const bdfArgument = {
  bdf: Args.string({
    ignoreStdin: true,
    description: 'PCI function: [domain:]bus:device.function, or its sysfs path',
    required: true,
  }),
}

/** Canonical BDFs of all positional arguments, without repetitions. Throws TsmctlError `usage` for one that is none. */
export function parseBdfs(given: readonly string[]): string[] {
  if (given.length === 0)
    throw new TsmctlError({
      kind: 'usage',
      attempted: 'choose a device',
      got: 'no BDF given',
      hint: 'Name one or more functions, as in 0000:01:00.0; tsmctl list shows them.',
    })
  return [...new Set(given.map(parseBdf))]
}

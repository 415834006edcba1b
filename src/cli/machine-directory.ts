/** Directory of the simulated machine a `sim` command is about: the argument, else the one TSMCTL_HOST names. */
import {Args} from '@oclif/core'
import {defaultSimDirectory} from '../operations/open-host.js'

export const directoryArgument = {
  directory: Args.string({
    ignoreStdin: true,
    description: 'directory of the simulated machine; default: the one --host sim uses',
  }),
}

export function machineDirectory(given: string | undefined): string {
  if (given !== undefined) return given
  const host = process.env['TSMCTL_HOST'] ?? ''
  return host.startsWith('sim:') ? host.slice(4) : defaultSimDirectory(process.env, process.getuid?.() ?? 0)
}

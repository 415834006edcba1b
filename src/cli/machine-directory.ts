/** Directory of the simulated machine a `sim` command is about: its argument, else the one that --host names. */
import {Args} from '@oclif/core'
import {printable, TsmctlError} from '../errors.js'
import {defaultSimDirectory} from '../operations/open-host.js'

export const directoryArgument = {
  directory: Args.string({
    ignoreStdin: true,
    description: 'directory of the simulated machine; default: that of --host sim:DIR, else the one --host sim uses',
  }),
}

const PREFIX = 'sim:'

/** `host` is the flag, which TSMCTL_HOST may have set. Throws TsmctlError `usage` for a host that is no simulation. */
export function machineDirectory(given: string | undefined, host: string): string {
  if (given !== undefined) return given
  if (host.startsWith(PREFIX) && host.length > PREFIX.length) return host.slice(PREFIX.length)
  if (host === 'live' || host === 'sim') return defaultSimDirectory(process.env, process.getuid?.() ?? 0)
  throw new TsmctlError({
    kind: 'usage',
    attempted: 'find the simulated machine',
    got: `the host is ${printable(host, 200)}, which is no simulation`,
    hint: 'Name its directory, or --host sim:DIR.',
  })
}

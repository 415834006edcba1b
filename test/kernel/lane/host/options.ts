/** The command line and environment of the lane. */
import {homedir} from 'node:os'
import {join, resolve} from 'node:path'
import {parseArgs} from 'node:util'
import {LaneFailure} from './failure.js'

export const USAGE = `npm run test:kernel -- [options]
  --kernel SERIES   7.3 (default), 7.2, 6.12, or all
  --machine NAME    only this machine: host, guest, without; bad-days proves how the lane fails
  --only TEXT       only spec files with TEXT in their name
  --quick           only the spec files that show most in little time
  --limit SECONDS   time limit of a machine (300)
  --verbose         show what the machines say on their consoles
  --refresh         look for newer packages now
  --pack FILE       make a bundle for other systems, and boot nothing
  --bundle FILE     boot from such a bundle instead of Debian's packages`

export interface Options {
  readonly kernel: string | undefined
  readonly machine: string | undefined
  readonly only: string | undefined
  readonly isQuick: boolean
  readonly limit: number
  readonly isVerbose: boolean
  readonly isRefresh: boolean
  readonly pack: string | undefined
  readonly bundle: string | undefined
}

/** Reads the command line. Throws LaneFailure. */
export function readOptions(args: readonly string[]): Options {
  try {
    const {values} = parseArgs({
      args: [...args],
      options: {
        kernel: {type: 'string'},
        machine: {type: 'string'},
        only: {type: 'string'},
        quick: {type: 'boolean', default: false},
        limit: {type: 'string', default: '300'},
        verbose: {type: 'boolean', default: false},
        refresh: {type: 'boolean', default: false},
        pack: {type: 'string'},
        bundle: {type: 'string'},
      },
    })
    const limit = Number(values.limit)
    if (!(limit > 0)) throw new Error(`--limit takes seconds, not ${values.limit}`)
    return {
      kernel: values.kernel,
      machine: values.machine,
      only: values.only,
      isQuick: values.quick,
      limit,
      isVerbose: values.verbose,
      isRefresh: values.refresh,
      pack: values.pack && resolve(values.pack),
      bundle: values.bundle && resolve(values.bundle),
    }
  } catch (error) {
    throw new LaneFailure('read the command line', error instanceof Error ? error.message : String(error), USAGE)
  }
}

/** Where what was made is kept. */
export const cacheDirectory = (env: Readonly<Record<string, string | undefined>>): string =>
  env['TSMCTL_KERNEL_CACHE'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'tsmctl-kernel-lane')

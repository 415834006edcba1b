/** The fast path on the running machine: the smallest program that can list it. */
import {defaultStateDirectory, liveKernel} from '../kernel/index.js'
import {fastWith} from './fast-list.js'

export const fast = fastWith(host =>
  host === 'live'
    ? liveKernel({
        stateDirectory: process.env['TSMCTL_STATE_DIR'] ?? defaultStateDirectory(process.env, process.getuid?.() ?? 0),
      })
    : undefined,
)

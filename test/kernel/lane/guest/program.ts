/** tsmctl in the guest: command lines in one warm thread, as a start costs seconds on an emulated processor. */
import {programAt} from '../../../support/program.js'

// TSMCTL_HOST stays unset: a user of this machine does not name it either
process.env['TSMCTL_STATE_DIR'] = '/run/tsmctl-state'

export const {tsmctl, tsmctlProcess, tsmctlJson, start} = programAt('/repo', 60_000)

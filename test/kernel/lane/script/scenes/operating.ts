/** What tsmctl makes of a host: its operations on the machine that the scenes before have left. */
import {bridge, happens, read, type Scene, tsmctl} from '../step.js'
import {BRIDGE, DEVICE} from './places.js'

export const OPERATING: readonly Scene[] = [
  {
    title: 'tsmctl on connected devices',
    steps: [tsmctl({verb: 'list'}), tsmctl({verb: 'ide list'}), tsmctl({verb: 'connect', device: DEVICE})],
  },
  {
    title: 'tsmctl when a stream is lost',
    steps: [
      happens({what: 'fail-received', device: DEVICE}),
      tsmctl({verb: 'ide list'}),
      happens({what: 'security-lost', device: DEVICE}),
      read(`${DEVICE}/tsm/connect`),
      read(`${DEVICE}/authenticated`),
      bridge(BRIDGE),
      tsmctl({verb: 'connect', device: DEVICE}),
      tsmctl({verb: 'disconnect', device: DEVICE}),
      tsmctl({verb: 'connect', device: DEVICE}),
      bridge(BRIDGE),
    ],
  },
]

/** Streams that were enabled before the kernel looked: ID 5 at both ends of one link, ID 0 at another root port. */
import {blocks, bridge, happens, list, read, type Scene, shows, tsmctl, write} from '../step.js'
import {BRIDGE, DEVICE, NO_TEE, NO_TEE_PORT, ROOT_PORT} from './places.js'

export const FIRMWARE: readonly Scene[] = [
  {
    title: 'Streams of the firmware',
    shape: 'firmware-streams',
    steps: [
      shows(['A7'], bridge(BRIDGE)),
      shows(['A7', 'S1'], blocks(DEVICE)),
      blocks(ROOT_PORT),
      blocks(NO_TEE_PORT),
      happens({what: 'tsm-appears'}),
      list(`${DEVICE}/tsm`),
      list(`${NO_TEE}/tsm`),
      tsmctl({verb: 'ide list'}),
      shows(['S1'], write(`${DEVICE}/tsm/connect`, 'tsm0')),
      bridge(BRIDGE),
      read(`${DEVICE}/tsm/connect`),
      write(`${NO_TEE}/tsm/connect`, 'tsm0'),
      happens({what: 'stream-id', device: NO_TEE, id: 5}),
      write(`${NO_TEE}/tsm/connect`, 'tsm0'),
      happens({what: 'stream-id', device: NO_TEE, id: 7}),
      write(`${NO_TEE}/tsm/connect`, 'tsm0'),
      bridge(BRIDGE),
      blocks(NO_TEE),
      blocks(NO_TEE_PORT),
    ],
  },
]

/** A user who is not root, on a machine with connected devices. */
import {bridge, config, link, list, nobody, read, type Scene, shows, write} from '../step.js'
import {BRIDGE, DEVICE} from './places.js'

export const UNPRIVILEGED: readonly Scene[] = [
  {
    title: 'Somebody without privileges',
    steps: [
      shows(['D13'], nobody(config(DEVICE))),
      config(DEVICE),
      ...['tsm/connect', 'tsm/dsm', 'tsm/bound', 'tsm/disconnect', 'authenticated', 'doe_features/0001:01'].map(name =>
        nobody(read(`${DEVICE}/${name}`)),
      ),
      nobody(list(`${DEVICE}/tsm`)),
      nobody(write(`${DEVICE}/tsm/connect`, 'tsm0')),
      nobody(write(`${DEVICE}/tsm/disconnect`, 'tsm0')),
      nobody(write(`${DEVICE}/config`, 'x')),
      nobody(write(`${DEVICE}/driver_override`, 'none')),
      nobody(write(`${DEVICE}/sriov_numvfs`, '0')),
      nobody(bridge(BRIDGE)),
      nobody(link('/sys/devices/pci0000:00/stream1.0.0')),
    ],
  },
]

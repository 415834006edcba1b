/** A kernel with a TSM and no device for it. */
import {bridge, family, happens, list, read, type Scene, shows, tsmctl} from '../step.js'
import {BRIDGE, DEVICE, FAR_BRIDGE, NO_IDE, TSM_CLASS} from './places.js'

export const PLAIN: readonly Scene[] = [
  {
    title: 'No IDE and no TEE anywhere',
    shape: 'plain',
    steps: [
      list(TSM_CLASS),
      shows(['A6'], bridge(BRIDGE)),
      shows(['A6'], bridge(FAR_BRIDGE)),
      shows(['A5'], read(`${DEVICE}/authenticated`)),
      list(`${DEVICE}/doe_features`),
      read(`${DEVICE}/doe_features/0001:01`),
      shows(['C6'], family('pci-tsm')),
      shows(['C6'], family('device-evidence')),
      happens({what: 'tsm-appears'}),
      list(TSM_CLASS),
      shows(['A1'], list(`${DEVICE}/tsm`)),
      list(`${NO_IDE}/tsm`),
      read(`${DEVICE}/authenticated`),
      tsmctl({verb: 'connect', device: DEVICE}),
    ],
  },
]

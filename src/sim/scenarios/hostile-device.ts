/** Attacks with devices that are not what they are taken for: keys, names, firmware, modes. */
import type {Attack} from './attack.js'

const TARGET = '0000:01:00.0'
const DENIED = 4

const ZERO_DIGEST = '0'.repeat(96)
const RAW = '5a'.repeat(48)

export const DEVICE_ATTACKS: readonly Attack[] = [
  {
    id: 'A4',
    title: 'TSM and device were talked into a weaker hash',
    does: 'The host relays the negotiation and leaves SHA-256 of the offer; device and TSM agree on that, and sign it.',
    checks: ['spdm.vca.algorithms'],
    target: TARGET,
    exit: DENIED,
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    hash: sha256
`,
  },
  {
    id: 'A5',
    title: 'A device with certificates that somebody made, with all the names of the vendor',
    does: "The device is emulated, its keys are the attacker's, and everything it signs verifies up to a root of the right name.",
    checks: ['policy.selector'],
    note: 'Names count only in a chain that ends in an anchor, so that no rule applies: spdm.chain.root-pinned is not even asked.',
    target: TARGET,
    exit: DENIED,
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    root: impostor
`,
  },
  {
    id: 'A17',
    title: 'A genuine device with its debug port open',
    does: 'Somebody with a debugger reads and changes everything inside; the device says so in a measurement of its own.',
    checks: ['spdm.meas.debug'],
    target: TARGET,
    exit: DENIED,
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    mode: [invasive-debug, invasive-debug-since-reset]
`,
  },
  {
    id: 'A24',
    title: 'Firmware nobody published runs beside the published one',
    does: 'All measurements the vendor published are there and right; one more is of something else.',
    checks: ['spdm.meas.coverage'],
    target: TARGET,
    exit: DENIED,
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    measurements:
      - {index: 9, of: something from elsewhere}
`,
  },
  {
    id: 'A25',
    title: 'A placeholder of zeros in the place of the firmware digest',
    does: 'The device has not measured its firmware, and hopes for a reference value that has not been filled in either.',
    checks: ['spdm.meas.zero-digest', 'spdm.meas.values'],
    target: TARGET,
    exit: DENIED,
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    measurements:
      - {index: 2, digest: "${ZERO_DIGEST}"}
`,
  },
  {
    id: 'A26',
    title: 'A raw value of 48 bytes where a digest is expected',
    does: 'The device says itself what is compared, instead of a digest of what it runs.',
    checks: ['spdm.meas.type-rep'],
    target: TARGET,
    exit: DENIED,
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    measurements:
      - {index: 2, raw: "${RAW}"}
`,
  },
  {
    id: 'A30',
    title: 'A device shows the vendor and device id of another model',
    does: 'The host emulates configuration space, so that a GPU is judged by the rule for NVMe controllers.',
    checks: ['policy.selector'],
    target: '0000:02:00.0',
    exit: DENIED,
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
  - at: "0000:02:00.0"
    kind: gpu
    ids: {device: 0x0002, subsystemDevice: 0x1002, classCode: 0x010802}
  - at: "0000:03:00.0"
    kind: nvme
`,
  },
  {
    id: 'A34',
    title: 'A certificate whose names clear the screen and write a verdict of their own',
    does: 'The serial number in the certificate holds terminal escapes and letters that reverse the direction of writing.',
    checks: ['spdm.id.san-dmtf'],
    target: TARGET,
    exit: DENIED,
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    serial: "\\e[2J\\e[1;32mACCEPTED\\u202e0000"
`,
  },
]

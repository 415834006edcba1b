/** Attacks on the evidence between the TSM and its reader: other bytes, old bytes, bytes of somebody else. */
import type {Attack} from './attack.js'

const TARGET = '0000:01:00.0'
const DENIED = 4

export const EVIDENCE_ATTACKS: readonly Attack[] = [
  {
    id: 'A1',
    title: 'Measurements of another day are served instead of those with the nonce',
    does: 'The host keeps a transcript that the device once signed for somebody else, and puts it in the place of the one that was asked for.',
    checks: ['spdm.meas.nonce', 'tsm.digest.measurements'],
    target: TARGET,
    exit: DENIED,
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    faults: [{at: evidence, do: replay, object: measurements, times: always}]
`,
  },
  {
    id: 'A2',
    title: 'Measurements taken at lock, with a nonce of zeros, pass for fresh ones',
    does: 'The provider ignores the nonce and serves what the kernel collected at lock; every digest of the TSM agrees with it.',
    checks: ['spdm.meas.nonce'],
    target: TARGET,
    exit: DENIED,
    body: `\
nonce: ignored
devices:
  - at: "0000:01:00.0"
    kind: gpu
`,
  },
  {
    id: 'A3',
    title: 'The session is built on slot 1, and the chain of slot 1 is shown as that of slot 0',
    does: 'Whoever drives the TSM picks the slot, and files the chain under cert0 all the same.',
    checks: ['spdm.chain.slot'],
    target: TARGET,
    exit: DENIED,
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    slot: 1
`,
  },
  {
    id: 'A3',
    variant: 'device',
    title: 'The certificates of another genuine device are shown',
    does: 'The session ends at 0000:01:00.0, and the reader gets the chain of 0000:02:00.0, of the same vendor and model.',
    checks: ['tsm.digest.certs', 'spdm.meas.signature'],
    target: TARGET,
    exit: DENIED,
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    faults: [{at: evidence, do: swap, object: cert0, with: "0000:02:00.0", times: always}]
  - at: "0000:02:00.0"
    kind: gpu
`,
  },
  {
    id: 'A6',
    title: 'The interface report is that of another interface',
    does: 'The host serves the report of 0000:02:00.0, a device of the same model, for 0000:01:00.0.',
    checks: ['tsm.digest.report'],
    target: TARGET,
    exit: DENIED,
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    faults: [{at: evidence, do: swap, object: report, with: "0000:02:00.0", times: always}]
  - at: "0000:02:00.0"
    kind: gpu
    ranges:
      - {bar: 0, first: 0, pages: 16}
`,
  },
  {
    id: 'A7',
    title: 'The interface report is from an earlier lock',
    does: 'The host unlocked the device, locked it again, and serves the report of the first lock.',
    checks: ['tsm.digest.report'],
    target: TARGET,
    exit: DENIED,
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    faults: [{at: evidence, do: replay, object: report, times: always}]
`,
  },
  {
    id: 'A9',
    title: 'The bytes change after the TSM computed its digest of them',
    does: 'The objects lie in memory shared with the host, which changes one bit of the report on the way to the reader.',
    checks: ['tsm.digest.report'],
    target: TARGET,
    exit: DENIED,
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    faults: [{at: evidence, do: flip-bit, object: report, offset: 28, times: always}]
`,
  },
  {
    id: 'A10',
    title: 'The device is unlocked and locked again while its evidence is reviewed',
    does: 'A rival relocks it after the last reading; everything that was read is genuine, and about another lock.',
    checks: ['commit.lock-epoch'],
    target: TARGET,
    exit: 8,
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    faults: [{at: evidence, do: relock, after: 1}]
`,
  },
  {
    id: 'A11',
    title: 'The device is locked again in the middle of the collection',
    does: 'A rival relocks it between the objects and the digests, so that both are genuine and of different locks.',
    checks: ['tsm.digest.measurements'],
    target: TARGET,
    exit: DENIED,
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    faults: [{at: evidence, do: relock}]
`,
  },
  {
    id: 'A23',
    title: 'The transcript says of itself that it is one byte longer than it is',
    does: 'A reader that looks for the measurements instead of reading up to them does not notice, and reads something else.',
    checks: ['spdm.meas.framing', 'tsm.digest.measurements'],
    target: TARGET,
    exit: DENIED,
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    # the length of the measurement record, behind a request of 37 bytes
    faults: [{at: evidence, do: flip-bit, object: measurements, offset: 42, times: always}]
`,
  },
  {
    id: 'A9',
    variant: 'twice',
    title: 'The bytes are others at every reading',
    does: 'Whoever reads an object to compare it with the digest, and reads it again to use it, uses something else.',
    checks: ['tsm.digest.report'],
    target: TARGET,
    exit: DENIED,
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    faults: [{at: evidence, do: double-fetch, object: report, times: always}]
`,
  },
  {
    id: 'A10',
    variant: 'generation',
    title: 'The evidence is refreshed between review and accept',
    does: 'Somebody else has new measurements taken; what was reviewed is no longer what the kernel would accept.',
    checks: [],
    stopper: 'the kernel, when it is told which generation was verified (ESTALE)',
    target: TARGET,
    exit: 8,
    body: `\
abi: P2
devices:
  - at: "0000:01:00.0"
    kind: gpu
    faults: [{at: validate, do: regenerate}]
`,
  },
  {
    id: 'A11',
    variant: 'generation',
    title: 'The evidence is refreshed in the middle of the collection',
    does: 'Objects of one generation and digests of another: both genuine, and not of one moment.',
    checks: ['acq.generation.stable'],
    target: TARGET,
    exit: DENIED,
    body: `\
abi: P2
devices:
  - at: "0000:01:00.0"
    kind: gpu
    faults: [{at: evidence, do: regenerate}]
`,
  },
]

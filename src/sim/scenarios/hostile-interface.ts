/** Attacks on what was locked: memory, interrupts, translation, other parts of the device. */
import type {Attack} from './attack.js'

const TARGET = '0000:01:00.0'
const DENIED = 4

/** BAR 4 of a GPU, as a sound report has it. */
const MSIX_RANGES = `\
      - {bar: 4, first: 0, pages: 1, flags: [msix-table]}
      - {bar: 4, first: 1, pages: 1, flags: [msix-pba]}
`

const withRanges = (ranges: string): string => `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    ranges:
${ranges}`

export const INTERFACE_ATTACKS: readonly Attack[] = [
  {
    id: 'A8',
    title: 'The host shows a smaller BAR than the device locked',
    does: 'The report of the device is right; in this guest the pages behind the end of BAR 0 belong to somebody else.',
    checks: ['tdisp.report.mmio-within-bars'],
    target: TARGET,
    exit: DENIED,
    body: withRanges(`\
      - {bar: 0, first: 0, pages: 4352}
      - {bar: 2, first: 0, pages: 16}
${MSIX_RANGES}`),
  },
  {
    id: 'A15',
    title: 'Firmware can be replaced while the interface is locked',
    does: 'The host left NO_FW_UPDATE out of the lock: what was measured need not be what runs in an hour.',
    checks: ['tdisp.report.no-fw-update'],
    target: TARGET,
    exit: DENIED,
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    report: [dma-without-pasid]
`,
  },
  {
    id: 'A18',
    title: 'The device translates addresses itself, and asks for pages',
    does: 'ATS and PRS are on: the device reaches memory by addresses that the host translated.',
    checks: ['tdisp.report.ats', 'tdisp.report.prs'],
    target: TARGET,
    exit: DENIED,
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    report: [no-firmware-update, dma-without-pasid, ats, prs]
`,
  },
  {
    id: 'A19',
    title: 'The MSI-X table lies in pages shared with the host',
    does: "Table and PBA are reported as memory that is not the TEE's: the host writes vectors as it likes.",
    checks: ['tdisp.report.msix-exclusive', 'tdisp.report.mmio-tee'],
    target: TARGET,
    exit: DENIED,
    body: withRanges(`\
      - {bar: 0, first: 0, pages: 4096}
      - {bar: 2, first: 0, pages: 16}
      - {bar: 4, first: 0, pages: 1, flags: [msix-table, non-tee]}
      - {bar: 4, first: 1, pages: 1, flags: [msix-pba, non-tee]}
`),
  },
  {
    id: 'A31',
    title: 'Doorbells in memory shared with the host, and a range that may become so later',
    does: "BAR 2 is reported as memory that is not the TEE's, and BAR 0 as memory whose attribute can be changed.",
    checks: ['tdisp.report.mmio-tee', 'tdisp.report.mmio-updatable'],
    target: TARGET,
    exit: DENIED,
    body: withRanges(`\
      - {bar: 0, first: 0, pages: 4096, flags: [updatable]}
      - {bar: 2, first: 0, pages: 16, flags: [non-tee]}
${MSIX_RANGES}`),
  },
  {
    id: 'A32',
    title: 'One BAR is not in the report at all',
    does: 'The driver uses BAR 2, and the device never said that it is part of what was locked.',
    checks: ['tdisp.report.mmio-coverage'],
    target: TARGET,
    exit: DENIED,
    body: withRanges(`\
      - {bar: 0, first: 0, pages: 4096}
${MSIX_RANGES}`),
  },
]

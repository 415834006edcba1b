/** The language of scenarios as a schema: what is not defined here is refused. */
import * as v from 'valibot'
import {EVIDENCE_TYPES} from '../kernel/index.js'
import {CONNECT_STEPS} from './conversation.js'
import {type FaultPoint, KINDS_AT, POINTS} from './faults.js'
import {TDISP_ERROR_CODE, type TdispErrorName, TDISP_REQUEST, type TdispRequestName} from '../tdisp/index.js'
import {type KindName, KINDS} from './kinds.js'

const UNIT: Readonly<Record<string, number>> = {KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30}

export const count = v.pipe(
  v.number('a whole number is needed'),
  v.safeInteger('a whole number is needed'),
  v.minValue(0),
)
export const upTo = (largest: number) => v.pipe(count, v.maxValue(largest))
const name = v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/, 'letters, digits and ._- are needed'))
export const line = v.pipe(v.string(), v.regex(/^[\x20-\x7e]{1,200}$/, 'one line of at most 200 characters is needed'))
const hexText = v.pipe(v.string(), v.regex(/^(?:[0-9a-f]{2})+$/, 'lower-case hexadecimal bytes are needed'))

export const bdf = v.pipe(
  v.string('a function such as 0000:01:00.0 is needed'),
  v.regex(/^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/, 'a function such as 0000:01:00.0 is needed'),
)

const SIZE_NEEDED = 'a size such as 16 MiB is needed'
const isPowerOfTwo = (size: number): boolean => Number.isInteger(Math.log2(size))

const size = v.pipe(
  v.union(
    [count, v.pipe(v.string(), v.regex(/^\d{1,6} ?(?:KiB|MiB|GiB)$/, SIZE_NEEDED))],
    'a size such as 16 MiB is needed',
  ),
  v.transform(value => (typeof value === 'number' ? value : Number.parseInt(value, 10) * UNIT[value.slice(-3)]!)),
  v.check(
    value => value >= 4096 && value <= 2 ** 35 && isPowerOfTwo(value),
    'a power of two, 4 KiB to 32 GiB, is needed',
  ),
)

const bar = v.strictObject({
  bar: upTo(5),
  kind: v.optional(v.picklist(['mem64', 'mem32']), 'mem64'),
  size,
  prefetchable: v.optional(v.boolean(), false),
})

const range = v.strictObject({
  bar: upTo(0xffff),
  /** In pages from the beginning of the BAR. */
  first: count,
  pages: upTo(0xffff_ffff),
  flags: v.optional(v.array(v.picklist(['msix-table', 'msix-pba', 'non-tee', 'updatable'])), []),
})

const MODE_NAMES = [
  'non-invasive-debug',
  'invasive-debug',
  'non-invasive-debug-since-reset',
  'invasive-debug-since-reset',
  'invasive-debug-since-manufacturing',
] as const

const MEASURED = ['rom', 'firmware', 'hw-config', 'fw-config', 'manifest', 'version', 'svn', 'informational'] as const

const measurement = v.pipe(
  v.strictObject({
    index: v.pipe(upTo(0xfe), v.minValue(1)),
    type: v.optional(v.picklist(MEASURED)),
    of: v.optional(line),
    digest: v.optional(v.pipe(hexText, v.length(96, 'a SHA-384 digest in hexadecimal is needed'))),
    raw: v.optional(hexText),
    svn: v.optional(count),
    absent: v.optional(v.literal(true)),
  }),
  v.check(
    given => ['of', 'digest', 'raw', 'svn', 'absent'].filter(key => key in given).length === 1,
    'exactly one of of, digest, raw, svn and absent is needed',
  ),
)

const point = v.pipe(
  v.string(),
  v.check(
    value => (POINTS as readonly string[]).includes(value) || /^read:[a-z0-9_]+(?:\/[a-z0-9_]+)?$/.test(value),
    `${POINTS.join(', ')} or read:ATTRIBUTE is needed`,
  ),
  v.transform(value => value as FaultPoint),
)

const KINDS_OF_FAULT = [...new Set(Object.values(KINDS_AT).flat())]

const faultEntries = {
  at: point,
  do: v.picklist(KINDS_OF_FAULT),
  when: v.optional(v.picklist(['before', 'during', 'after'])),
  errno: v.optional(v.pipe(v.string(), v.regex(/^E[A-Z0-9]{2,15}$/, 'an errno such as EIO is needed'))),
  object: v.optional(v.picklist(EVIDENCE_TYPES)),
  with: v.optional(bdf),
  offset: v.optional(count),
  request: v.optional(v.picklist(Object.keys(TDISP_REQUEST) as TdispRequestName[])),
  code: v.optional(v.picklist(Object.keys(TDISP_ERROR_CODE) as TdispErrorName[])),
  ms: v.optional(upTo(86_400_000)),
  seconds: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(-4_000_000_000), v.maxValue(4_000_000_000))),
  times: v.optional(v.union([v.pipe(count, v.minValue(1)), v.literal('always')], 'a number or always is needed')),
  after: v.optional(count),
  end: v.optional(v.picklist(['root-port', 'endpoint'])),
  id: v.optional(count),
  block: v.optional(upTo(255)),
  count: v.optional(upTo(256)),
  step: v.optional(v.picklist(CONNECT_STEPS)),
}

export const FAULT = v.strictObject({device: bdf, ...faultEntries})

const REPORT_FLAGS = ['no-firmware-update', 'dma-without-pasid', 'dma-with-pasid', 'ats', 'prs'] as const

/** What a device is, in a guest or on a host. */
export const deviceEntries = {
  at: bdf,
  kind: v.picklist(Object.keys(KINDS) as KindName[]),
  ids: v.optional(
    v.strictObject({
      vendor: v.optional(upTo(0xffff)),
      device: v.optional(upTo(0xffff)),
      subsystemVendor: v.optional(upTo(0xffff)),
      subsystemDevice: v.optional(upTo(0xffff)),
      classCode: v.optional(upTo(0xff_ffff)),
      revision: v.optional(upTo(0xff)),
    }),
    {},
  ),
  driver: v.optional(name),
  bound: v.optional(v.boolean(), true),
  bars: v.optional(v.array(bar)),
  totalVfs: v.optional(upTo(256)),
  faults: v.optional(v.array(v.strictObject(faultEntries)), []),
}

/** What a device with an identity of its own says about itself. */
export const dsmEntries = {
  model: v.optional(v.pipe(v.string(), v.regex(/^[A-Z0-9]{1,24}$/, 'capital letters and digits are needed'))),
  measurements: v.optional(v.array(measurement), []),
  /** Slot of the certificate chain, which is served as that of slot 0. */
  slot: v.optional(upTo(7), 0),
  /** The hash that TSM and device negotiate: what whoever is between them leaves of the offer. */
  hash: v.optional(v.picklist(['sha256', 'sha384']), 'sha384'),
  /** Function with the DSM that answers for this one too: keys, certificates and measurements are its. */
  dsm: v.optional(bdf),
  /** Who signed the device's certificate: its vendor, or somebody who uses the same names. */
  root: v.optional(v.picklist(['vendor', 'impostor']), 'vendor'),
  /** Last part of the identity in the certificate; made up unless given. */
  serial: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(200))),
  /** What the device mode measurement says is active. */
  mode: v.optional(v.array(v.picklist(MODE_NAMES)), []),
  /** Ranges of the interface report; all BARs completely unless given. */
  ranges: v.optional(v.array(range)),
  report: v.optional(v.array(v.picklist(REPORT_FLAGS)), ['no-firmware-update', 'dma-without-pasid']),
}

const device = v.strictObject({...deviceEntries, ...dsmEntries})

export const manufacturer = v.optional(
  v.pipe(v.string(), v.regex(/^[A-Z0-9]{1,24}$/, 'capital letters and digits are needed')),
  'ACME',
)
export const nonceMode = v.optional(v.picklist(['honoured', 'ignored', 'refused']), 'honoured')

export const SCENARIO = v.strictObject({
  title: line,
  tsm: v.optional(v.picklist(['devsec', 'none', 'absent']), 'devsec'),
  nonce: nonceMode,
  abi: v.optional(v.picklist(['G1n', 'G2', 'P2']), 'G2'),
  /** Whether the evidence family of P2 has its second command; earlier postings had not. */
  validate: v.optional(v.boolean(), true),
  manufacturer,
  devices: v.pipe(v.array(device), v.maxLength(512)),
})

export type Scenario = v.InferOutput<typeof SCENARIO>
export type DeviceSpec = Scenario['devices'][number]
/** The part of it that its DSM has to know. */
export type DsmSpec = Pick<DeviceSpec, keyof typeof dsmEntries>
export type RangeSpec = v.InferOutput<typeof range>
export type MeasurementSpec = v.InferOutput<typeof measurement>

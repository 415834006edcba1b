/** Field values that another project's unit tests state for raw TDISP messages, and the emulator's sample report. */
import {existsSync, readFileSync} from 'node:fs'
import {describe, expect, it} from 'vitest'
import {type AnyLayout, fromHex, hex} from '../../src/bits/index.js'
import {
  DEVICE_INTERFACE_REPORT,
  FUNCTION_ID,
  GET_DEVICE_INTERFACE_STATE,
  INTERFACE_REPORT,
  interfaceReportFacts,
  LOCK_INTERFACE_REQUEST,
  START_INTERFACE_RESPONSE,
  TDISP_ERROR,
  TDISP_HEADER,
  TDISP_MESSAGE,
} from '../../src/tdisp/index.js'

const DATA = new URL('../../../shared/data/tdisp/', import.meta.url)
const FIELDS = new URL('cerberus-tdisp-fields.json', DATA)
const SAMPLE = new URL('report-spdm-emu-sample.derived.bin', DATA)
const REPORT = new URL('../../../shared/data/sysfs/evidence/interface_report.bin', import.meta.url)

interface Step {
  readonly bytes: {readonly raw_buffer: string}
  readonly asserts: readonly {readonly field?: string; readonly value?: number | string}[]
}

/** Layouts for the structures there; those messages carry arbitrary types, and one stops before its variable part. */
const LAYOUTS: Readonly<Record<string, {readonly layout: AnyLayout; readonly type?: number; readonly cut?: true}>> = {
  header_format: {layout: TDISP_HEADER},
  tdisp_lock_interface_request_format: {layout: LOCK_INTERFACE_REQUEST, type: TDISP_MESSAGE.LOCK_INTERFACE_REQUEST},
  get_device_interface_report_response_format: {
    layout: DEVICE_INTERFACE_REPORT,
    type: TDISP_MESSAGE.DEVICE_INTERFACE_REPORT,
    cut: true,
  },
  get_device_interface_state_request_format: {
    layout: GET_DEVICE_INTERFACE_STATE,
    type: TDISP_MESSAGE.GET_DEVICE_INTERFACE_STATE,
  },
  tdisp_start_interface_response_format: {
    layout: START_INTERFACE_RESPONSE,
    type: TDISP_MESSAGE.START_INTERFACE_RESPONSE,
  },
  tdisp_error_response_format: {layout: TDISP_ERROR, type: TDISP_MESSAGE.TDISP_ERROR},
}

const OURS: Readonly<Record<string, string>> = {
  'header.version': 'tdispVersion',
  version: 'tdispVersion',
  'lock_interface_param.flags.no_fw_update': 'noFwUpdate',
  'lock_interface_param.flags.system_cache_line_size': 'systemCacheLineSize',
  'lock_interface_param.flags.lock_msix': 'lockMsix',
  'lock_interface_param.flags.bind_p2p': 'bindP2p',
  'lock_interface_param.flags.all_request_redirect': 'allRequestRedirect',
  'lock_interface_param.flags.reserved': 'flagsReserved',
  'lock_interface_param.default_stream_id': 'defaultStreamId',
  'lock_interface_param.reserved': 'reserved19',
  'lock_interface_param.mmio_reporting_offset': 'mmioReportingOffset',
  'lock_interface_param.bind_p2p_address_mask': 'bindP2pAddressMask',
  portion_length: 'portionLength',
  remainder_length: 'remainderLength',
  error_code: 'errorCode',
  error_data: 'errorData',
}

const has = existsSync(FIELDS)
const cases = has ? (JSON.parse(readFileSync(FIELDS, 'utf8')) as {case: string; steps: Step[]}[]) : []

describe.skipIf(!has)('peer field vectors (shared test data)', () => {
  it.each(cases.filter(item => item.case in LAYOUTS))('$case', ({case: name, steps}) => {
    const {layout, type, cut} = LAYOUTS[name]!
    let checked = 0
    for (const {bytes, asserts} of steps) {
      const raw = fromHex(bytes.raw_buffer)
      if (type !== undefined) raw[1] = type
      const data = new DataView(new ArrayBuffer(cut ? 0x10000 : raw.length))
      new Uint8Array(data.buffer).set(raw)
      const {value} = layout.read(data, 0, data.byteLength)
      const id = value.interfaceId
      for (const {field, value: expected} of asserts) {
        if (field === undefined) continue
        const ours = OURS[field]
        if (ours !== undefined) {
          const got = value[ours]
          expect(typeof got === 'bigint' ? hex(got) : Number(got), `${field}`).toBe(expected)
          checked++
        }
        if (field.endsWith('function_id.value')) {
          const encoded = FUNCTION_ID.encode({...pick(id), reserved: id.reserved})
          expect(new DataView(encoded.buffer).getUint32(0, true)).toBe(expected)
          checked++
        }
      }
    }
    expect(checked).toBeGreaterThanOrEqual(2)
  })
})

const pick = (id: Readonly<Record<string, unknown>>) => ({
  requesterId: id.requesterId as number,
  requesterSegment: id.requesterSegment as number,
  requesterSegmentValid: id.requesterSegmentValid as boolean,
})

describe.skipIf(!existsSync(SAMPLE))('reports (shared test data)', () => {
  it('the emulator’s sample', () => {
    const facts = interfaceReportFacts(INTERFACE_REPORT.decode(readFileSync(SAMPLE)))
    expect(facts).toMatchObject({firmwareUpdates: 'refused', dmaWithoutPasid: true, problems: [], reserved: []})
    expect(facts.ranges.map(({nonTee, updatable}) => [nonTee, updatable])).toEqual([
      [true, false],
      [false, true],
      [false, true],
      [false, true],
    ])
    expect(facts.ranges.map(({firstPage, pages, rangeId}) => [firstPage, pages, rangeId])).toEqual([
      [0n, 1n, 1],
      [0x8000n, 4n, 2],
      [0x10000n, 8n, 3],
      [0x20000n, 8n, 4],
    ])
    expect(new TextDecoder().decode(facts.deviceSpecificInfo).replaceAll('\0', '')).toBe('tdisp_dev_emu')
  })
})

describe.skipIf(!existsSync(REPORT))('captured report (shared test data)', () => {
  it('two ranges, the second the MSI-X table', () => {
    const facts = interfaceReportFacts(INTERFACE_REPORT.decode(readFileSync(REPORT)))
    expect(facts.ranges).toMatchObject([
      {rangeId: 0, pages: 4n, firstPage: 0xfe000n, msixTable: false},
      {rangeId: 4, pages: 1n, firstPage: 0xfe004n, msixTable: true},
    ])
    expect(facts.problems).toEqual([])
  })
})

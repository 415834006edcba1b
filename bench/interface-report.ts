/**
 * Decoding a DEVICE_INTERFACE_REPORT of 16 ranges: the layout against a hand-written decoder that makes the same private
 * copy and reads the same fields. Prints nanoseconds per decode and their ratio.
 */
import {INTERFACE_REPORT} from '../src/tdisp/index.js'

const RANGES = 16
const wire = INTERFACE_REPORT.encode({
  noFwUpdate: true,
  dmaWithoutPasid: true,
  msixEnable: true,
  msixTableSize: 7,
  mmioRanges: Array.from({length: RANGES}, (_, i) => ({firstPage: BigInt(i * 16), pages: 16, rangeId: i % 6})),
  deviceSpecificInfo: new Uint8Array(32),
})

/** What a careful person would write by hand for this structure. */
function byHand(input: Uint8Array) {
  const copy = new Uint8Array(input)
  const data = new DataView(copy.buffer)
  if (copy.length < 20) throw new RangeError('short')
  const info = data.getUint16(0, true)
  const control = data.getUint16(4, true)
  const count = data.getUint32(12, true)
  if (count > (copy.length - 20) / 16) throw new RangeError('count')
  const ranges = []
  for (let i = 0, at = 16; i < count; i++, at += 16) {
    const attributes = data.getUint16(at + 12, true)
    ranges.push({
      firstPage: data.getBigUint64(at, true),
      pages: data.getUint32(at + 8, true),
      msixTable: (attributes & 1) !== 0,
      msixPba: (attributes & 2) !== 0,
      isNonTeeMem: (attributes & 4) !== 0,
      isMemAttrUpdatable: (attributes & 8) !== 0,
      rangeId: data.getUint16(at + 14, true),
    })
  }
  const at = 16 + 16 * count
  const length = data.getUint32(at, true)
  if (at + 4 + length !== copy.length) throw new RangeError('length')
  return {
    noFwUpdate: (info & 1) !== 0,
    dmaWithoutPasid: (info & 2) !== 0,
    dmaWithPasid: (info & 4) !== 0,
    atsSupported: (info & 8) !== 0,
    prsSupported: (info & 16) !== 0,
    msixTableSize: control & 0x7ff,
    msixFunctionMask: (control & 0x4000) !== 0,
    msixEnable: (control & 0x8000) !== 0,
    mmioRanges: ranges,
    deviceSpecificInfo: copy.subarray(at + 4),
  }
}

type Report = Readonly<ReturnType<typeof byHand>>

/** Reads every field, so that lazily decoded ones are paid for too. */
function readAll(report: Report): number {
  let sum = report.msixTableSize + Number(report.msixEnable) + report.deviceSpecificInfo.length
  sum +=
    Number(report.noFwUpdate) +
    Number(report.dmaWithoutPasid) +
    Number(report.atsSupported) +
    Number(report.prsSupported)
  for (const range of report.mmioRanges)
    sum +=
      Number(range.firstPage) +
      range.pages +
      range.rangeId +
      Number(range.msixTable) +
      Number(range.msixPba) +
      Number(range.isNonTeeMem) +
      Number(range.isMemAttrUpdatable)
  return sum
}

const fields = INTERFACE_REPORT.decode(wire) as unknown as Report
if (readAll(fields) !== readAll(byHand(wire))) throw new RangeError('the two decoders disagree')

const ROUNDS = 15
const DECODES = 40_000
function nanoseconds(decode: (bytes: Uint8Array) => Report): number {
  const started = process.hrtime.bigint()
  let sink = 0
  for (let i = 0; i < DECODES; i++) sink += readAll(decode(wire))
  if (!Number.isFinite(sink)) throw new RangeError('unreachable')
  return Number(process.hrtime.bigint() - started) / DECODES
}

const layout = (bytes: Uint8Array): Report => INTERFACE_REPORT.decode(bytes) as unknown as Report
nanoseconds(layout)
nanoseconds(byHand)
const pairs = Array.from({length: ROUNDS}, () => ({layout: nanoseconds(layout), byHand: nanoseconds(byHand)}))
const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
console.log(
  JSON.stringify({
    layout: median(pairs.map(pair => pair.layout)),
    byHand: median(pairs.map(pair => pair.byHand)),
    ratio: median(pairs.map(pair => pair.layout / pair.byHand)),
  }),
)

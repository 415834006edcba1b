/** Classic pcap: a file header, then packet headers each followed by its packet. */
import {type Take, taker} from './byte-order.js'
import {broken, type Capture, type CaptureFinding, type CaptureRecord, checkRoom, MAX_RECORD} from './capture.js'
import {PCAP_HEADER, PCAP_MAGIC, PCAP_RECORD} from './layouts.js'

const MAGICS: readonly number[] = Object.values(PCAP_MAGIC)
const NS_PER_SECOND = 1_000_000_000n

/** Whether `bytes` starts as a classic file written big-endian; undefined when it is no classic file. */
export function classicByteOrder(bytes: Uint8Array): boolean | undefined {
  if (bytes.length < 4) return undefined
  const data = new DataView(bytes.buffer, bytes.byteOffset, 4)
  if (MAGICS.includes(data.getUint32(0, true))) return false
  return MAGICS.includes(data.getUint32(0)) ? true : undefined
}

function recordsOf(bytes: Uint8Array, take: Take, linkType: number, scale: bigint) {
  const records: CaptureRecord[] = []
  const findings: CaptureFinding[] = []
  let at = PCAP_HEADER.headSize
  while (at < bytes.length) {
    const index = records.length
    const start = at + PCAP_RECORD.headSize
    if (start > bytes.length) {
      const left = bytes.length - at
      findings.push({record: index, offset: at, message: `the file ends inside a packet header: ${left} bytes`})
      break
    }
    const {seconds, fraction, capturedLength, originalLength} = take(PCAP_RECORD, at)
    if (capturedLength > MAX_RECORD)
      throw broken(index, at + 8, `a packet of at most ${MAX_RECORD} bytes`, `${capturedLength}`)
    const packet = bytes.subarray(start, start + capturedLength)
    if (packet.length < capturedLength)
      findings.push({
        record: index,
        offset: start,
        message: `the file ends inside a packet: ${packet.length} of ${capturedLength} bytes`,
      })
    checkRoom(records)
    records.push({
      index,
      offset: at,
      linkType,
      bytes: packet,
      time: BigInt(seconds) * NS_PER_SECOND + BigInt(fraction) * scale,
      truncated: packet.length < Math.max(capturedLength, originalLength),
    })
    at = start + capturedLength
  }
  return {records, findings}
}

/** Packets of a classic file. Throws DecodeError for a header that is not one, or a length that cannot be one. */
export function readClassic(bytes: Uint8Array, bigEndian: boolean): Capture {
  const take = taker(bytes, bigEndian)
  const {magic, majorVersion, minorVersion, linkType} = take(PCAP_HEADER, 0)
  if (majorVersion !== 2) throw broken(0, 4, 'pcap version 2.x', `${majorVersion}.${minorVersion}`)
  const scale = magic === PCAP_MAGIC.microseconds ? 1000n : 1n
  return {format: 'pcap', ...recordsOf(bytes, take, linkType, scale)}
}

/** pcapng: blocks in sections; a section has its own byte order and its own interfaces. */
import {hex} from '../bits/index.js'
import {type Take, taker} from './byte-order.js'
import {broken, type Capture, type CaptureFinding, type CaptureRecord, checkRoom, MAX_RECORD} from './capture.js'
import {
  BLOCK_HEADER,
  BLOCK_TYPE,
  BYTE_ORDER_MAGIC,
  ENHANCED_PACKET,
  INTERFACE,
  OBSOLETE_PACKET,
  OPTION,
  SECTION_HEADER,
  SIMPLE_PACKET,
} from './layouts.js'

const TRAILER = 4
const LEAST_BLOCK = BLOCK_HEADER.headSize + TRAILER
const NS_PER_SECOND = 1_000_000_000n
const OPTION_END = 0
const OPTION_TSRESOL = 9
/** if_tsresol: above it the rest is an exponent of 2, up to it the value is one of 10. */
const BINARY_RESOLUTION = 0x80

interface Interface {
  readonly linkType: number
  readonly snapLength: number
  /** Units of a time stamp in one second. */
  readonly perSecond: bigint
}

interface Section {
  readonly take: Take
  readonly interfaces: Interface[]
}

/** A block's body: bytes `at` to `end` of the file. */
interface Body {
  readonly type: number
  readonly offset: number
  readonly at: number
  readonly end: number
}

interface Reading {
  readonly bytes: Uint8Array
  readonly records: CaptureRecord[]
  readonly findings: CaptureFinding[]
}

const padded = (length: number): number => Math.ceil(length / 4) * 4

function unitsPerSecond(value: number): bigint {
  return value >= BINARY_RESOLUTION ? 2n ** BigInt(value - BINARY_RESOLUTION) : 10n ** BigInt(value)
}

/** Units in a second, by the options of an Interface Description Block; microseconds when it says nothing. */
function resolutionOf(bytes: Uint8Array, take: Take, from: number, end: number): bigint {
  for (let at = from; at + OPTION.headSize <= end;) {
    const {code, length} = take(OPTION, at)
    const value = at + OPTION.headSize
    if (code === OPTION_END || value + length > end) break
    if (code === OPTION_TSRESOL && length === 1) return unitsPerSecond(bytes[value]!)
    at = value + padded(length)
  }
  return unitsPerSecond(6)
}

function fits(reading: Reading, body: Body, size: number, what: string): void {
  if (body.at + size > body.end)
    throw broken(reading.records.length, body.offset, `a ${what} block of ${LEAST_BLOCK + size} bytes`, 'fewer')
}

interface Packet {
  readonly from: Interface
  readonly at: number
  readonly length: number
  readonly originalLength: number
  readonly time: bigint | undefined
}

function addPacket({bytes, records}: Reading, body: Body, packet: Packet): void {
  const {from, at, length, originalLength, time} = packet
  if (length > MAX_RECORD || at + length > body.end)
    throw broken(records.length, at, `a packet inside its block, ${body.end - at} bytes`, `${length}`)
  checkRoom(records)
  records.push({
    index: records.length,
    offset: body.offset,
    linkType: from.linkType,
    bytes: bytes.subarray(at, at + length),
    time,
    truncated: length < originalLength,
  })
}

function interfaceOf(reading: Reading, {interfaces}: Section, body: Body, id: number): Interface {
  const found = interfaces[id]
  if (found === undefined)
    throw broken(reading.records.length, body.offset, `an interface below ${interfaces.length}`, `${id}`)
  return found
}

function timedPacket(reading: Reading, section: Section, body: Body, layout: typeof ENHANCED_PACKET): void {
  fits(reading, body, layout.headSize, 'packet')
  const head = section.take(layout, body.at)
  const from = interfaceOf(reading, section, body, head.interfaceId)
  const units = BigInt(head.timestampHigh) * 2n ** 32n + BigInt(head.timestampLow)
  addPacket(reading, body, {
    from,
    at: body.at + layout.headSize,
    length: head.capturedLength,
    originalLength: head.originalLength,
    time: (units * NS_PER_SECOND) / from.perSecond,
  })
}

function simplePacket(reading: Reading, section: Section, body: Body): void {
  fits(reading, body, SIMPLE_PACKET.headSize, 'simple packet')
  const {originalLength} = section.take(SIMPLE_PACKET, body.at)
  const from = interfaceOf(reading, section, body, 0)
  const at = body.at + SIMPLE_PACKET.headSize
  const limit = from.snapLength === 0 ? originalLength : Math.min(originalLength, from.snapLength)
  addPacket(reading, body, {from, at, length: limit, originalLength, time: undefined})
}

function readInterface(reading: Reading, {take, interfaces}: Section, body: Body): void {
  fits(reading, body, INTERFACE.headSize, 'interface')
  const {linkType, snapLength} = take(INTERFACE, body.at)
  const perSecond = resolutionOf(reading.bytes, take, body.at + INTERFACE.headSize, body.end)
  interfaces.push({linkType, snapLength, perSecond})
}

function readBlock(reading: Reading, section: Section, body: Body): void {
  switch (body.type) {
    case BLOCK_TYPE.interface:
      return readInterface(reading, section, body)
    case BLOCK_TYPE.enhancedPacket:
      return timedPacket(reading, section, body, ENHANCED_PACKET)
    case BLOCK_TYPE.obsoletePacket:
      // the two differ only in how the interface is written
      return timedPacket(reading, section, body, OBSOLETE_PACKET as unknown as typeof ENHANCED_PACKET)
    case BLOCK_TYPE.simplePacket:
      return simplePacket(reading, section, body)
    default:
      return undefined
  }
}

/** The section that begins at byte `at`. Its byte order is in the magic behind the block header. */
function sectionAt({bytes, records}: Reading, at: number): Section {
  const magicAt = at + BLOCK_HEADER.headSize
  for (const bigEndian of [false, true]) {
    const take = taker(bytes, bigEndian)
    const {byteOrderMagic, majorVersion, minorVersion} = take(SECTION_HEADER, magicAt)
    if (byteOrderMagic !== BYTE_ORDER_MAGIC) continue
    if (majorVersion !== 1)
      throw broken(records.length, magicAt + 4, 'pcapng version 1.x', `${majorVersion}.${minorVersion}`)
    return {take, interfaces: []}
  }
  throw broken(records.length, magicAt, 'the byte-order magic of a section', 'something else')
}

/** Packets of a pcapng file. Throws DecodeError naming record and offset for blocks that contradict themselves. */
export function readNextGeneration(bytes: Uint8Array): Capture {
  const reading: Reading = {bytes, records: [], findings: []}
  const {records, findings} = reading
  let section = sectionAt(reading, 0)
  for (let at = 0; at < bytes.length;) {
    const left = bytes.length - at
    if (left < LEAST_BLOCK) {
      findings.push({record: records.length, offset: at, message: `the file ends inside a block: ${left} bytes`})
      break
    }
    // the type of a section header reads the same in both byte orders
    const isSection = section.take(BLOCK_HEADER, at).blockType === BLOCK_TYPE.section
    if (isSection && left < LEAST_BLOCK + SECTION_HEADER.headSize) {
      findings.push({record: records.length, offset: at, message: `the file ends inside a block: ${left} bytes`})
      break
    }
    if (isSection) section = sectionAt(reading, at)
    const {blockType, totalLength} = section.take(BLOCK_HEADER, at)
    if (totalLength < LEAST_BLOCK || totalLength % 4 !== 0)
      throw broken(records.length, at + 4, 'a whole number of dwords, at least three', `${totalLength} bytes`)
    if (totalLength > left) {
      const message = `the file ends inside a block: ${left} of ${totalLength} bytes`
      findings.push({record: records.length, offset: at, message})
      break
    }
    const end = at + totalLength - TRAILER
    const trailer = section.take(SIMPLE_PACKET, end).originalLength
    if (trailer !== totalLength)
      throw broken(records.length, end, `the block's length again, ${hex(totalLength)}`, hex(trailer))
    readBlock(reading, section, {type: blockType, offset: at, at: at + BLOCK_HEADER.headSize, end})
    at += totalLength
  }
  return {format: 'pcapng', records, findings}
}

/** Does `bytes` start with a section header? Its type reads the same in both byte orders. */
export const isNextGeneration = (bytes: Uint8Array): boolean =>
  bytes.length >= LEAST_BLOCK + SECTION_HEADER.headSize &&
  taker(bytes, false)(BLOCK_HEADER, 0).blockType === BLOCK_TYPE.section

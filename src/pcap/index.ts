/** Capture files: records in, whatever they carry. What the bytes of a record mean is for others to say. */
import {type Capture, checkSize} from './capture.js'
import {classicByteOrder, readClassic} from './classic.js'
import {isNextGeneration, readNextGeneration} from './next-generation.js'

export type {Capture, CaptureFinding, CaptureRecord} from './capture.js'
export * from './layouts.js'
export {MCTP_HEADER, MCTP_MESSAGE_TYPE, MCTP_TYPE, type MctpMessage, type MctpResult, reassembler} from './mctp.js'
export {LINK_TYPE, linkTypeText} from './link-types.js'

/**
 * Records of a capture file, or undefined when `bytes` does not start as one. A file that ends inside a record gives a
 * finding; one that contradicts itself throws DecodeError naming the record and the byte, one that is larger than anybody
 * reads TsmctlError `unsupported`. Records share the bytes.
 */
export function readCapture(bytes: Uint8Array): Capture | undefined {
  const bigEndian = classicByteOrder(bytes)
  if (bigEndian === undefined && !isNextGeneration(bytes)) return undefined
  checkSize(bytes)
  return bigEndian === undefined ? readNextGeneration(bytes) : readClassic(bytes, bigEndian)
}

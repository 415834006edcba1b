/** The report of a TDI arrives in portions (PCIe r7.0 §11.3.10, §11.3.11). */
import {concat, DecodeError} from '../bits/index.js'
import type {TsmctlError} from '../errors.js'
import {attemptOf, broken, exchange, type SendPayload, type TdiAddress} from './exchange.js'
import {DEVICE_INTERFACE_REPORT, GET_DEVICE_INTERFACE_REPORT} from './messages.js'
import {INTERFACE_REPORT, type InterfaceReport} from './report.js'

/** OFFSET is a 16-bit field. */
const MAX_OFFSET = 0xffff
/** A device may serve less than was asked for, but not crumb by crumb. */
const MAX_PORTIONS = 1024

/**
 * Reads and decodes the report, `length` bytes at a time. Every portion must be non-empty and no longer than asked, and
 * all of them must tell the same total; that bounds the loop and the memory.
 */
export async function readReport(
  peer: {readonly send: SendPayload; readonly tdi: TdiAddress},
  length: number,
): Promise<{readonly bytes: Uint8Array; readonly report: InterfaceReport}> {
  const wrong = (got: string, cause?: unknown): TsmctlError =>
    broken(attemptOf('GET_DEVICE_INTERFACE_REPORT', peer.tdi), got, cause)
  const portions: Uint8Array[] = []
  let offset = 0
  let total: number | undefined
  do {
    if (portions.length === MAX_PORTIONS)
      throw wrong(`${MAX_PORTIONS} portions gave only ${offset} of ${total} bytes of the report`)
    const asked = total === undefined ? length : Math.min(length, total - offset)
    const answer = await exchange(peer, GET_DEVICE_INTERFACE_REPORT, DEVICE_INTERFACE_REPORT, {offset, length: asked})
    const {portionLength, remainderLength, reportBytes} = answer
    if (portionLength === 0) throw wrong(`an empty portion at offset ${offset}`)
    if (portionLength > asked) throw wrong(`a portion of ${portionLength} bytes where ${asked} were asked for`)
    total ??= portionLength + remainderLength
    if (offset + portionLength + remainderLength !== total)
      throw wrong(`a report of ${offset + portionLength + remainderLength} bytes that had ${total} before`)
    portions.push(reportBytes)
    offset += portionLength
    if (offset < total && offset > MAX_OFFSET) throw wrong(`a report of ${total} bytes, more than OFFSET can reach`)
  } while (offset < total)
  const bytes = concat(...portions)
  try {
    return {bytes, report: INTERFACE_REPORT.decode(bytes)}
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw wrong(`a report that does not decode: ${error.message}`, error)
  }
}

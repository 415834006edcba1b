/** Captures of the DMTF emulator and what its requester printed meanwhile, read in place. */
import {fromHex} from '../../src/bits/index.js'
import {parseCertificateChain} from '../../src/spdm/index.js'
import {bytesOf, certificateFacts, hasData, textOf} from './support.js'

/** One line of a log: a message, a value that was printed, a note. */
export interface Line {
  readonly kind: 'message' | 'reassembled' | 'value' | 'note' | 'verdict' | 'ide_reg_block'
  readonly name: string
  readonly hex: string
  readonly session: string | null
  readonly secured?: boolean
  /** Number of the record in the capture that carries the message. */
  readonly rec?: number
}

export interface CaptureFacts {
  readonly base_hash: string
  /** File of each chain, by `responder.slotN`. */
  readonly chains: Readonly<Record<string, string>>
  readonly sessions: number
}

export const hasCaptures = hasData('spdm/emu/index.json')
export const captures: Readonly<Record<string, CaptureFacts>> = hasCaptures
  ? (JSON.parse(textOf('spdm/emu/index.json')) as Record<string, CaptureFacts>)
  : {}

export function linesOf(name: string): Line[] {
  const file = `spdm/emu/${name}.expected.jsonl`
  return textOf(hasData(file) ? file : `${file}.gz`)
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Line)
}

/** Payloads of the capture's objects, behind the DOE header: still padded. */
export function payloadsOf(name: string): Uint8Array[] {
  const bytes = bytesOf(`spdm/emu/${name}.pcap`)
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const out: Uint8Array[] = []
  for (let at = 24; at < bytes.length;) {
    const length = data.getUint32(at + 8, true)
    out.push(bytes.subarray(at + 16 + 8, at + 16 + length))
    at += 16 + length
  }
  return out
}

/** Values of a log by name, in the order in which they were printed. */
export function valuesOf(lines: readonly Line[]): Map<string, string[]> {
  const out = new Map<string, string[]>()
  for (const {kind, name, hex} of lines) if (kind === 'value') out.set(name, [...(out.get(name) ?? []), hex])
  return out
}

/** Chain and key of a responder's slot. */
export function slotOf({chains}: CaptureFacts, slot: number, hashSize: number) {
  const chain = bytesOf(`spdm/emu/chains/${chains[`responder.slot${slot}`]}.chain.bin`)
  const leaf = parseCertificateChain(chain, hashSize).certificates.at(-1)!
  return {chain, spki: certificateFacts(leaf.der).spki}
}

export interface Exchange {
  readonly request: Line & {readonly bytes: Uint8Array}
  /** Reassembled, where it came in chunks. */
  readonly response: Line & {readonly bytes: Uint8Array}
}

/** Requests and their responses, chunks left out. */
export function exchangesOf(lines: readonly Line[]): Exchange[] {
  const out: Exchange[] = []
  let request: Exchange['request'] | undefined
  for (const line of lines) {
    if (line.kind !== 'message' && line.kind !== 'reassembled') continue
    const full = {...line, bytes: fromHex(line.hex)}
    if (line.kind === 'reassembled') {
      // the ERROR that announced it was no answer
      out.push({request: out.pop()!.request, response: full})
    } else if (line.name.startsWith('CHUNK_')) continue
    else if (request === undefined) request = full
    else {
      out.push({request, response: full})
      request = undefined
    }
  }
  return out
}

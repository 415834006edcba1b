/** Captures of the DMTF emulator as its own log tells them: messages, values, verdicts, in order. */
import {hasData, textOf} from './support.js'

export interface CaptureLine {
  readonly kind: string
  readonly name: string
  readonly hex: string
  readonly direction?: 'request' | 'response'
  /** Null in the clear. */
  readonly session: number | string | null
  /** Zero bytes the transport added. */
  readonly pad?: number
}

interface CaptureIndex {
  readonly base_hash: string
  readonly chains: Readonly<Record<string, string>>
}

const INDEX = 'spdm/emu/index.json'
export const hasCaptures = hasData(INDEX)
export const captureIndex = hasCaptures ? (JSON.parse(textOf(INDEX)) as Readonly<Record<string, CaptureIndex>>) : {}

export const captureLines = (name: string): CaptureLine[] => {
  const file = `spdm/emu/${name}.expected.jsonl`
  return textOf(hasData(file) ? file : `${file}.gz`)
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as CaptureLine)
}

/** What exactly is not as it was reviewed, for whoever reads it a moment later. */
import {toHex} from '../bits/index.js'
import {printable} from '../errors.js'
import type {PciFacts} from '../evidence/index.js'
import {changes} from './checks/index.js'

const shown = (value: unknown): string =>
  printable(value === undefined || value === null ? 'none' : typeof value === 'string' ? value : JSON.stringify(value))

function barText(bars: PciFacts['bars'], index: number): string {
  const bar = bars.find(item => item.index === index)
  return bar === undefined ? 'none' : `${bar.kind} ${bar.size} at ${bar.address}`
}

function barChanges(before: PciFacts['bars'], after: PciFacts['bars']): string[] {
  const indices = [...new Set([...before, ...after].map(({index}) => index))].toSorted((a, b) => a - b)
  return indices.flatMap(index => {
    const [was, is] = [barText(before, index), barText(after, index)]
    return was === is ? [] : [`BAR${index}: ${was} -> ${is}`]
  })
}

/** `revision: 0x02 -> 0x03`, one item for everything that changed. */
export const pciChanges = (before: PciFacts, after: PciFacts): readonly string[] =>
  changes(before, after).flatMap(name => {
    if (name === 'bars') return barChanges(before.bars, after.bars)
    const key = name as keyof PciFacts
    return name in before ? [`${name}: ${shown(before[key])} -> ${shown(after[key])}`] : [name]
  })

const SHOWN = 12
const short = (digest: string | undefined): string => digest?.slice(0, SHOWN) ?? 'none'

/** `measurements: 9f3c01ab77de -> 01ab77de9f3c`, one item for each object of which the TSM has another digest now. */
export function digestChanges(
  frozen: Readonly<Record<string, string>>,
  digests: ReadonlyMap<string, Uint8Array>,
): readonly string[] {
  const now = new Map([...digests].map(([label, digest]) => [label, toHex(digest)]))
  const labels = [...new Set([...Object.keys(frozen), ...now.keys()])]
  return labels
    .filter(label => now.get(label) !== frozen[label])
    .map(label => `${printable(label)}: ${short(frozen[label])} -> ${short(now.get(label))}`)
}

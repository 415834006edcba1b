/** Text of `ide show`. */
import {harmless} from '../errors.js'
import {FINDINGS, type IdeFinding} from '../ide/index.js'
import {BLOCK_LINES, type BlockView} from './ide-blocks.js'
import type {BridgeRow, PortRow} from './ide-rows.js'
import type {IdeSubject, StreamView} from './ide-show.js'
import {table} from './text-table.js'

const safe = (text: string): string => harmless(text, 400)
const numbers = (list: readonly number[]): string => (list.length === 0 ? 'none' : list.join(', '))
const orUnknown = (value: number | null): string => (value === null ? '?' : String(value))

/** `name  value` lines, indented; without those that have nothing to say. */
function lines(rows: readonly (readonly [string, string | null])[]): string {
  const said = rows.filter((row): row is [string, string] => row[1] !== null)
  const width = Math.max(0, ...said.map(([name]) => name.length))
  return said.map(([name, value]) => `  ${name.padEnd(width)}  ${safe(value)}\n`).join('')
}

const bridgeText = ({hasPool, pool, available, slots, liveIds, heldIds, unread, unknown}: BridgeRow): string =>
  lines([
    [
      'stream slots',
      hasPool
        ? `${orUnknown(pool)} in the pool, ${orUnknown(available)} free, taken: ${numbers(slots)}`
        : 'none: this kernel makes no streams here',
    ],
    [
      'Stream IDs in use',
      liveIds.length === 0
        ? 'none'
        : liveIds.map(({streamId, functions}) => `${streamId} (${functions.join(', ')})`).join('; '),
    ],
    ['not by the kernel', heldIds.length === 0 ? null : numbers(heldIds)],
    ['not read', unread.length === 0 ? null : `${unread.length} functions, first ${unread[0]}`],
    ['unknown', unknown],
  ])

const portText = (port: PortRow, {supports, remarks}: IdeSubject): string =>
  lines([
    ['role', `${port.role}${port.rootPort === null ? '' : ` behind root port ${port.rootPort}`}`],
    ['host bridge', port.bridge ?? 'unknown'],
    ['supports', supports === null ? null : supports.join(', ')],
    [
      'Selective streams',
      `${orUnknown(port.capability)} in the capability, ${orUnknown(port.usable)} usable by Linux, ${orUnknown(port.inUse)} in use`,
    ],
    ['free blocks', port.free === null ? '?' : numbers(port.free)],
    ['ignored by Linux', port.ignored],
    ['unknown', port.unknown],
    ...remarks.map((remark): [string, string] => ['remark', remark]),
  ])

const cell = (block: BlockView | null, say: (view: BlockView) => string): string => (block === null ? '-' : say(block))

/** Both ends side by side. */
function streamText(stream: StreamView): string {
  const {bridge, name, kind, slot, streamId, state, near, far, nearBlock, farBlock, unknown} = stream
  const what =
    name === null ? `${kind === 'link' ? 'Link' : 'foreign'} stream below ${bridge ?? '?'}` : `${bridge}/${name}`
  const facts = [
    state,
    streamId === null ? null : `Stream ID ${streamId}`,
    slot === null ? null : `slot ${slot}`,
    unknown === null ? null : `unknown: ${unknown}`,
  ].filter(fact => fact !== null)
  const rows = BLOCK_LINES.map(([label, say]) => [`  ${label}`, cell(nearBlock, say), cell(farBlock, say)])
  const heads = kind === 'link' ? ['UPPER PORT', 'LOWER PORT'] : ['ROOT PORT', 'ENDPOINT']
  return `${safe(what)}: ${safe(facts.join(', '))}\n${table(
    ['', ...heads],
    [['  function', near?.bdf ?? '-', far?.bdf ?? '-'], ...rows].map(row => row.map(safe)),
  )}`
}

function idleText(blocks: readonly BlockView[]): string {
  const idle = blocks.filter(({enabled, owner}) => !enabled && owner === null)
  if (idle.length === 0) return ''
  return `\nidle blocks\n${table(
    ['  BLOCK', 'OFFSET', 'IDLE', 'ADDRESSES', 'FAIL FLAG', 'USED BY LINUX'],
    idle.map(({kind, block, offset, idle: how, addresses, failReceived, usableByLinux}) => [
      `  ${kind} ${block}`,
      offset,
      how ?? '-',
      kind === 'link' ? '-' : String(addresses.length),
      failReceived ? 'yes' : 'no',
      usableByLinux ? 'yes' : 'no',
    ]),
  )}`
}

const findingText = ({severity, code, subject, message, remedy}: IdeFinding): string =>
  `\n${severity} ${code}\n  ${safe(subject)}: ${safe(message)}\n  ${FINDINGS[code].means}\n  ${remedy}\n`

export function ideShowText(subject: IdeSubject): string {
  const {bridge, port, note, streams, blocks, findings} = subject
  return [
    // the text of a stream begins with its name
    subject.kind === 'stream' ? '' : `${safe(subject.subject)}\n`,
    bridge === null ? '' : bridgeText(bridge),
    port === null ? '' : portText(port, subject),
    note === null ? '' : lines([['IDE', note]]),
    subject.kind === 'stream' || streams.length === 0 ? '' : '\n',
    streams.map(streamText).join('\n'),
    idleText(blocks),
    ...findings.map(findingText),
  ].join('')
}

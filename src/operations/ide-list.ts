/** `ide list`: every IDE stream, Stream ID and register block of the machine, and what is wrong with them. */
import {harmless, printable} from '../errors.js'
import {type IdeFinding} from '../ide/index.js'
import type {Kernel} from '../kernel/index.js'
import {deviceDirectory} from '../pci/index.js'
import {readIdeView} from './ide-view.js'
import {type BridgeRow, type IdeList, listOf, type PortRow, type StreamRow} from './ide-rows.js'
import {table} from './text-table.js'

const HEADERS = ['PORT', 'ROLE', 'CAPABILITY', 'USABLE', 'IN USE', 'FREE', 'STREAMS']

/** What no number stands for: not read. */
const count = (value: number | null): string => (value === null ? '?' : String(value))

/** A stream in few words: `stream0.0.0 ID 0 secure`. */
export function streamWords({name, kind, streamId, state}: StreamRow): string {
  const what = name ?? (kind === 'link' ? 'link stream' : 'unnamed stream')
  return `${what} ${streamId === null ? '' : `ID ${streamId} `}${state}`
}

const streamsAt = (streams: readonly StreamRow[], bdf: string): string =>
  streams
    .filter(({near, far}) => near?.bdf === bdf || far?.bdf === bdf)
    .map(streamWords)
    .join(', ')

function bridgeCells({name, hasPool, pool, available, slots}: BridgeRow): string[] {
  const number = (value: number | null): string => (hasPool ? count(value) : '-')
  const none = hasPool ? '' : 'this kernel makes no streams here'
  return [name, 'host bridge', '-', number(pool), String(slots.length), number(available), none]
}

function portCells(row: PortRow, streams: readonly StreamRow[], depth: number): string[] {
  const free = row.free === null ? null : row.free.length
  const said = [streamsAt(streams, row.bdf), row.ignored === null ? '' : `ignored: ${row.ignored}`]
  return [
    `${'  '.repeat(depth)}${row.bdf}`,
    row.role,
    count(row.capability),
    count(row.usable),
    count(row.inUse),
    count(free),
    said.filter(text => text !== '').join('; '),
  ]
}

/** Root ports with what is behind them; functions of which nothing was read are left to the findings. */
function portRows(list: IdeList, bridge: string | null): string[][] {
  const ports = list.ports.filter(port => port.bridge === bridge && port.capability !== null)
  const listed = new Set(ports.map(({bdf}) => bdf))
  return ports
    .filter(({rootPort}) => rootPort === null || !listed.has(rootPort))
    .flatMap(top => [
      portCells(top, list.streams, 1),
      ...ports.filter(({rootPort}) => rootPort === top.bdf).map(port => portCells(port, list.streams, 2)),
    ])
}

/** One paragraph per code: what it means, where it was seen, what to do. */
function findingsText(findings: readonly IdeFinding[]): string {
  const byCode = new Map<string, IdeFinding[]>()
  for (const finding of findings) {
    const same = byCode.get(finding.code)
    if (same === undefined) byCode.set(finding.code, [finding])
    else same.push(finding)
  }
  return [...byCode.values()]
    .map(same => {
      const {severity, code, remedy} = same[0]!
      const seen = same.map(({subject, message}) => `  ${printable(subject)}: ${harmless(message, 400)}\n`)
      return `${severity} ${code}\n${seen.join('')}  ${remedy}\n`
    })
    .join('\n')
}

/** Hints are the same for every stream through a switch: one line names them all. */
function hintLine(hints: readonly IdeFinding[]): string {
  if (hints.length === 0) return ''
  const codes = [...new Set(hints.map(({code}) => code))].join(', ')
  const subjects = [...new Set(hints.map(({subject}) => subject))]
  const [first] = subjects
  const which = subjects.length === 1 ? first! : `${first}, and ${subjects.length - 1} more`
  return `\nhint ${codes}\n  ${printable(which)}: through a switch; tsmctl ide show ${printable(first!)} says when they matter\n`
}

/** Both ends of a stream can be seen on the host only. */
const GUEST =
  "\nThis is a guest: root ports, slots and the other ends of these streams are the host's. Look there before you act on what follows.\n"

function ideListText(list: IdeList, isGuest: boolean): string {
  const rows = list.bridges.flatMap(bridge => [bridgeCells(bridge), ...portRows(list, bridge.name)])
  const homeless = portRows(list, null)
  if (homeless.length > 0) rows.push(['?'], ...homeless)
  const text = table(
    HEADERS,
    rows.map(cells => cells.map(cell => printable(cell, 400))),
  )
  const findings = list.findings.filter(({severity}) => severity !== 'hint')
  const hints = list.findings.filter(({severity}) => severity === 'hint')
  const nothing = list.ports.length === 0 ? '\nno function of this machine has an IDE capability\n' : ''
  const where = isGuest && list.ports.length > 0 ? GUEST : ''
  return text + nothing + where + (findings.length === 0 ? '' : `\n${findingsText(findings)}`) + hintLine(hints)
}

/** Reads the whole machine. Throws ErrnoError when it has no PCI bus, or EINTR on abort. */
export async function listIde(kernel: Kernel, signal?: AbortSignal): Promise<{list: IdeList; text: string}> {
  const {fabric, account} = await readIdeView(kernel, signal)
  const list = listOf(account)
  const offers = (verb: string): boolean =>
    fabric.functions.some(({bdf}) => kernel.stat(`${deviceDirectory(bdf)}/tsm/${verb}`) !== undefined)
  return {list, text: ideListText(list, offers('lock') && !offers('connect'))}
}

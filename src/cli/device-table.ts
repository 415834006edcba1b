/** Text of `list` with chosen columns: a table, a tree, or words separated by one blank for scripts. */
import {groupBy} from '../group-by.js'
import {valueOf} from '../known.js'
import {cellText, headerOf} from '../operations/column.js'
import type {ListColumn} from '../operations/columns.js'
import type {Listed, ListedDevice} from '../operations/list-columns.js'
import {SAID_OF_HOST} from '../operations/list.js'
import {aligned} from '../operations/text-table.js'
import {harmless} from '../errors.js'

export interface Shape {
  readonly shape: 'table' | 'tree' | 'raw'
  readonly headings: boolean
}

const cellsOf = (columns: readonly ListColumn[], {cells}: ListedDevice): string[] =>
  columns.map(column => cellText(cells.get(column)!))

/** A VF hangs below its physical function, everything else below the innermost port that is listed. */
function parentsOf(devices: readonly ListedDevice[]): (device: ListedDevice) => string {
  const listed = new Set(devices.map(({row}) => row.bdf))
  return ({row, cells}) => {
    const pf = [...cells].find(([{name}]) => name === 'pf')?.[1]
    const physfn = pf === undefined ? undefined : valueOf(pf)
    if (typeof physfn === 'string' && listed.has(physfn)) return physfn
    // a port that is not listed (a VM may hide it) cannot have children here: they move up to the host bridge
    return row.ports.findLast(port => listed.has(port)) ?? row.hostBridge ?? '?'
  }
}

/** Host bridges, ports, functions and VFs, each below what it hangs on. */
function treeRows(devices: readonly ListedDevice[], columns: readonly ListColumn[]): string[][] {
  const parentOf = parentsOf(devices)
  const children = groupBy(devices, parentOf)
  const rows: string[][] = []
  const add = (parent: string, depth: number): void => {
    for (const device of children.get(parent) ?? []) {
      const [first = '', ...others] = cellsOf(columns, device)
      rows.push([`${'  '.repeat(depth)}${first}`, ...others])
      add(device.row.bdf, depth + 1)
    }
  }
  for (const bridge of new Set(devices.map(({row}) => row.hostBridge ?? '?'))) {
    rows.push([bridge])
    add(bridge, 1)
  }
  return rows
}

/** Blanks and backslashes inside a cell as `\xHH`, so that a line splits at blanks into its cells. */
const word = (text: string): string => text.replaceAll(/[ \\]/g, char => `\\x${char.charCodeAt(0).toString(16)}`)

export function deviceTable({devices}: Listed, columns: readonly ListColumn[], {shape, headings}: Shape): string {
  const body = shape === 'tree' ? treeRows(devices, columns) : devices.map(device => cellsOf(columns, device))
  const rows = headings ? [columns.map(headerOf), ...body] : body
  return shape === 'raw' ? rows.map(row => `${row.map(word).join(' ')}\n`).join('') : aligned(rows)
}

/** What the columns could not say, one line each: how often, and the reason of the first. */
export function columnNotes({devices}: Listed, columns: readonly ListColumn[]): string[] {
  return columns.flatMap(column => {
    const unread = devices.flatMap(({row, cells}) => {
      const fact = cells.get(column)!
      return fact.known || SAID_OF_HOST.includes(fact.reason) ? [] : [{bdf: row.bdf, reason: fact.reason}]
    })
    const [first] = unread
    if (first === undefined) return []
    return [`${headerOf(column)} is unknown for ${unread.length}, first ${first.bdf}: ${harmless(first.reason, 300)}`]
  })
}

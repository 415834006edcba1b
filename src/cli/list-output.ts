/** Text of `list`: shared by the command and the fast path, so that both print the same bytes. */
import {printable} from '../errors.js'
import {COLUMNS, type DeviceList, type DeviceRow, hostNote, NO_TSM} from '../operations/list.js'
import type {Kernel} from '../kernel/index.js'
import {table} from '../operations/text-table.js'

const cells = (row: DeviceRow): string[] => COLUMNS.map(column => column.text(row))

/** Host bridges, ports and functions, each below what it hangs on. */
function tree(devices: readonly DeviceRow[]): string {
  const rows: string[][] = []
  const listed = new Set(devices.map(({bdf}) => bdf))
  // a port that is not listed (a VM may hide it) cannot have children here: they move up to the host bridge
  const parentOf = ({ports, hostBridge}: DeviceRow): string =>
    ports.findLast(port => listed.has(port)) ?? hostBridge ?? '?'
  const children = new Map<string, DeviceRow[]>()
  for (const row of devices) {
    const siblings = children.get(parentOf(row))
    if (siblings === undefined) children.set(parentOf(row), [row])
    else siblings.push(row)
  }
  const add = (parent: string, depth: number): void => {
    for (const row of children.get(parent) ?? []) {
      const [bdf = '', ...others] = cells(row)
      rows.push([`${'  '.repeat(depth)}${bdf}`, ...others])
      add(row.bdf, depth + 1)
    }
  }
  for (const bridge of new Set(devices.map(({hostBridge}) => hostBridge ?? '?'))) {
    rows.push([bridge])
    add(bridge, 1)
  }
  return table(
    COLUMNS.map(({header}) => header),
    rows,
  )
}

export const listText = ({devices}: DeviceList, asTree: boolean): string =>
  asTree
    ? tree(devices)
    : table(
        COLUMNS.map(({header}) => header),
        devices.map(cells),
      )

export const listNotes = (kernel: Kernel, list: DeviceList): string[] => {
  const unreadable = list.devices.filter(({unknown}) => unknown !== null && unknown !== NO_TSM)
  const first = unreadable[0]
  return [
    ...(first === undefined
      ? []
      : [`${unreadable.length} with unknown TSM state, first ${first.bdf}: ${printable(first.unknown ?? '', 300)}`]),
    hostNote(kernel, list),
  ]
}

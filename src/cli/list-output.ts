/** Text of `list`: shared by the command and the fast path, so that both print the same bytes. */
import {COLUMNS, type DeviceList, type DeviceRow, hostNote, NO_TSM} from '../operations/list.js'
import type {Kernel} from '../kernel/index.js'
import {table} from './table.js'

const cells = (row: DeviceRow): string[] => COLUMNS.map(column => column.text(row))

/** Host bridges, ports and functions, each below what it hangs on. */
function tree(devices: readonly DeviceRow[]): string {
  const rows: string[][] = []
  const bridges = new Set(devices.map(row => row.hostBridge ?? '?'))
  for (const bridge of bridges) {
    rows.push([bridge])
    for (const row of devices)
      if ((row.hostBridge ?? '?') === bridge) {
        const [bdf = '', ...others] = cells(row)
        rows.push([`${'  '.repeat(row.ports.length + 1)}${bdf}`, ...others])
      }
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
      : [`${unreadable.length} with unknown TSM state, first ${first.bdf}: ${first.unknown}`]),
    hostNote(kernel, list),
  ]
}

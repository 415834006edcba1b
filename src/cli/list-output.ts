/** Text of a plain `list`: shared by the command and the fast path, so that both print the same bytes. */
import {printable} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {cellText, headerOf} from '../operations/column.js'
import {type DeviceList, hostNote, SAID_OF_HOST, STANDARD_COLUMNS} from '../operations/list.js'
import {table} from '../operations/text-table.js'

export const listText = ({devices}: DeviceList): string =>
  table(
    STANDARD_COLUMNS.map(headerOf),
    devices.map(row => STANDARD_COLUMNS.map(column => cellText(column.value(row)))),
  )

export const listNotes = (kernel: Kernel, list: DeviceList): string[] => {
  const unreadable = list.devices.filter(({unknown}) => unknown !== null && !SAID_OF_HOST.includes(unknown))
  const first = unreadable[0]
  return [
    ...(first === undefined
      ? []
      : [`${unreadable.length} with unknown TSM state, first ${first.bdf}: ${printable(first.unknown ?? '', 300)}`]),
    hostNote(kernel, list),
  ]
}

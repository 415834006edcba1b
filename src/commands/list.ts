import {Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../cli/base-command.js'
import {columnNotes, deviceTable} from '../cli/device-table.js'
import {redactFlag} from '../cli/redact.js'
import {headerOf} from '../operations/column.js'
import {chosenColumns, columnNamed, COLUMNS, STANDARD_NAMES} from '../operations/columns.js'
import {listColumns, rowJson} from '../operations/list-columns.js'
import {hostNote} from '../operations/list.js'
import {table} from '../operations/text-table.js'

/** A tree says where a function hangs and who is in charge of it; who and what it is, `-o` says. */
const TREE_NAMES = ['bdf', 'role', 'class', 'driver', 'tsm', 'state', 'dsm', 'topodsm']

export default class List extends BaseCommand {
  static override summary = 'List PCI functions, their drivers, and how they stand to a TSM'
  static override description =
    'Needs no privilege, and without -o and --tree reads no configuration space. STATE is the TDI state in a guest and ' +
    'the connection on a host. ? means that it could not be read: the reason is on standard error.'
  static override examples = [
    '<%= config.bin %> list',
    '<%= config.bin %> list --tree --host sim',
    '<%= config.bin %> list -o +tee,ide,stream -x hostbridge',
    '<%= config.bin %> list -nr -o bdf,driver',
  ]
  static override flags = {
    columns: Flags.string({
      char: 'o',
      description: `columns to show, +a,b adds to ${STANDARD_NAMES.join(',')}; --list-columns explains them`,
    }),
    'list-columns': Flags.boolean({description: 'explain the columns'}),
    noheadings: Flags.boolean({char: 'n', description: 'leave out the line of headings'}),
    raw: Flags.boolean({
      char: 'r',
      description: 'separate columns by one blank and write blanks inside them as \\x20',
      exclusive: ['tree'],
    }),
    sort: Flags.string({char: 'x', description: 'sort by a column, shown or not', exclusive: ['tree']}),
    tree: Flags.boolean({
      description: 'show host bridges, ports, switches, functions and VFs as a tree, with the DSM of each function',
    }),
    ...redactFlag,
  }

  protected async act({kernel, signal, progress}: Session): Promise<Outcome> {
    const {flags} = await this.parse(List)
    if (flags['list-columns']) return explainColumns()
    const columns = chosenColumns(flags.columns, flags.tree ? TREE_NAMES : STANDARD_NAMES)
    const read = flags.tree ? [...new Set([...columns, columnNamed('pf')])] : columns
    const sort = flags.sort === undefined ? undefined : columnNamed(flags.sort)
    const listed = await listColumns(kernel, {columns: read, sort, signal})
    for (const line of columnNotes(listed, columns)) progress(line)
    progress(hostNote(kernel, listed.list))
    const shape = flags.tree ? 'tree' : flags.raw ? 'raw' : 'table'
    // only one of the two is wanted, and a large machine makes either long
    return {
      get data() {
        return {...listed.list, devices: listed.devices.map(rowJson)}
      },
      get text() {
        return deviceTable(listed, columns, {shape, headings: !flags.noheadings})
      },
    }
  }
}

function explainColumns(): Outcome {
  const columns = COLUMNS.map(({name, field, type, help}) => ({name, field, type, help}))
  const rows = COLUMNS.map(column => [headerOf(column), column.field, column.help])
  return {data: {columns}, text: table(['COLUMN', 'JSON', 'MEANING'], rows)}
}

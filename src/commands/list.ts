import {Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../cli/base-command.js'
import {listNotes, listText} from '../cli/list-output.js'
import {listDevices} from '../operations/list.js'

export default class List extends BaseCommand {
  static override summary = 'List PCI functions, their drivers, and how they stand to a TSM'
  static override description =
    'Needs no privilege and reads no configuration space. STATE is the TDI state in a guest and the connection on a ' +
    'host; ? means that it could not be read.'
  static override examples = ['<%= config.bin %> list', '<%= config.bin %> list --tree --host sim']
  static override flags = {tree: Flags.boolean({description: 'show host bridges and ports as a tree'})}

  protected async act({kernel, signal, progress}: Session): Promise<Outcome> {
    const {flags} = await this.parse(List)
    const data = await listDevices(kernel, signal)
    for (const line of listNotes(kernel, data)) progress(line)
    return {data, text: listText(data, flags.tree)}
  }
}

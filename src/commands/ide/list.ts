import {BaseCommand, type Outcome, type Session} from '../../cli/base-command.js'
import {listIde} from '../../operations/ide-list.js'

export default class IdeList extends BaseCommand {
  static override summary = 'List IDE streams, who holds them, and what is left'
  static override description =
    'Per host bridge the pool of stream slots; per root port, switch port and endpoint how many Selective streams its ' +
    'capability promises, how many of them Linux uses, and how many are in use. Findings stand below. Needs root: ' +
    'without it, configuration space ends after 64 bytes.'
  static override examples = ['<%= config.bin %> ide list', '<%= config.bin %> ide list --json']

  protected async act({kernel, signal}: Session): Promise<Outcome> {
    await this.parse(IdeList)
    const {list, text} = await listIde(kernel, signal)
    return {data: list, text}
  }
}

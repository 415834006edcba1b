import {BaseCommand, type Outcome} from '../../cli/base-command.js'
import {simScenarios} from '../../operations/sim.js'
import {table} from '../../operations/text-table.js'

export default class SimList extends BaseCommand {
  static override summary = 'List the built-in scenarios'
  protected override readonly usesHost = false

  protected async act(): Promise<Outcome> {
    const scenarios = Object.entries(await simScenarios()).map(([name, title]) => ({name, title}))
    const rows = scenarios.map(({name, title}) => [name, title])
    return {data: {scenarios}, text: table(['SCENARIO', 'TITLE'], rows)}
  }
}

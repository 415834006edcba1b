import {Flags} from '@oclif/core'
import {BaseCommand, type Outcome} from '../../cli/base-command.js'
import {SCENARIO_GROUP_TITLES, type ScenarioRow, simScenarios} from '../../operations/sim.js'
import {aligned} from '../../operations/text-table.js'

const GROUPS = Object.keys(SCENARIO_GROUP_TITLES) as (keyof typeof SCENARIO_GROUP_TITLES)[]

function section(group: keyof typeof SCENARIO_GROUP_TITLES, scenarios: readonly ScenarioRow[]): string {
  const rows = scenarios.filter(one => one.group === group).map(({name, title}) => [`  ${name}`, title])
  return rows.length === 0 ? '' : `${SCENARIO_GROUP_TITLES[group]}\n${aligned(rows)}`
}

export default class SimList extends BaseCommand {
  static override summary = 'List the built-in scenarios: guests, hosts, and one hostile machine for each attack'
  static override description =
    'sim explain NAME prints one, with comments on what to expect; sim create makes the machine.'
  static override examples = ['<%= config.bin %> sim list', '<%= config.bin %> sim list --group hostile']
  static override flags = {
    group: Flags.option({description: 'only these', options: GROUPS})(),
  }
  protected override readonly usesHost = false

  protected async act(): Promise<Outcome> {
    const {flags} = await this.parse(SimList)
    const all = await simScenarios()
    const scenarios = flags.group === undefined ? all : all.filter(({group}) => group === flags.group)
    const text = GROUPS.map(group => section(group, scenarios))
      .filter(part => part !== '')
      .join('\n')
    return {data: {scenarios}, text}
  }
}

import {Args} from '@oclif/core'
import {BaseCommand, type Outcome} from '../../cli/base-command.js'
import {explainScenario} from '../../operations/sim.js'

export default class SimExplain extends BaseCommand {
  static override summary = 'Print a built-in scenario, to read or to start your own from'
  static override examples = ['<%= config.bin %> sim explain guest > mine.yaml']
  static override args = {
    scenario: Args.string({ignoreStdin: true, description: 'name of the scenario', required: true}),
  }
  protected override readonly usesHost = false

  protected async act(): Promise<Outcome> {
    const {args} = await this.parse(SimExplain)
    const text = await explainScenario(args.scenario)
    return {data: {scenario: args.scenario, text}, text}
  }
}

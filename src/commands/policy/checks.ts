import {Args} from '@oclif/core'
import {BaseCommand, type Outcome} from '../../cli/base-command.js'
import {checkRows, checksText} from '../../operations/policy/checks.js'

export default class PolicyChecks extends BaseCommand {
  static override summary = 'List the checks that a policy can speak about'
  static override description =
    'Every check with its class, what it protects from, the reasons for which a rule may allow it to be skipped, and the ' +
    'next step when it fails.'
  static override examples = ['<%= config.bin %> policy checks', '<%= config.bin %> policy checks tdisp.report']
  static override args = {check: Args.string({ignoreStdin: true, description: 'id of a check, or how ids begin'})}

  protected override readonly usesHost = false

  protected async act(): Promise<Outcome> {
    const {args} = await this.parse(PolicyChecks)
    const checks = checkRows(args.check)
    return {data: {checks}, text: checksText(checks)}
  }
}

import {Args} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../../cli/base-command.js'
import {givenPolicy, policyKeyFlag} from '../../cli/policy-flag.js'
import {triedError, triedText, tryPolicy} from '../../operations/policy/try-cases.js'

export default class PolicyTest extends BaseCommand {
  static override summary = 'Try a policy on kept evidence'
  static override description =
    'Decides about every piece of evidence that a file of cases lists, as if at the time when it was collected, and ' +
    'compares decision, rule and failed checks with what the case expects: exit code 4 when any differs. Nothing is ' +
    'recorded, and nothing is accepted by it.'
  static override examples = ['<%= config.bin %> policy test policy.yaml cases.yaml']
  static override args = {
    policy: Args.string({ignoreStdin: true, description: 'policy file or directory', required: true}),
    cases: Args.string({ignoreStdin: true, description: 'YAML file of cases', required: true}),
  }
  static override flags = policyKeyFlag

  protected async act({kernel}: Session): Promise<Outcome> {
    const {args, flags} = await this.parse(PolicyTest)
    const data = await tryPolicy(givenPolicy([args.policy], kernel, flags), args.cases)
    return {data, text: triedText(data), error: triedError(data)}
  }
}

import {Args, Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../../cli/base-command.js'
import {givenPolicy, policyFlag, policyKeyFlag} from '../../cli/policy-flag.js'
import {explainGiven, explanationText} from '../../operations/policy/explain.js'

export default class PolicyExplain extends BaseCommand {
  static override summary = 'Say in words what a policy accepts, and what it relaxes'
  static override description =
    'Reads the policy aloud: whom each rule is for, what has to be proven, what is left open and what that costs. Without ' +
    'a file it is the policy of this machine.'
  static override examples = [
    '<%= config.bin %> policy explain policy.yaml',
    '<%= config.bin %> policy explain --rule gpu policy.yaml',
  ]
  static override strict = false
  static override args = {
    file: Args.string({ignoreStdin: true, description: 'policy file or directory; several are merged'}),
  }
  static override flags = {
    rule: Flags.string({description: 'only this rule'}),
    policy: policyFlag.policy,
    ...policyKeyFlag,
  }

  protected async act({kernel}: Session): Promise<Outcome> {
    const {argv, flags} = await this.parse(PolicyExplain)
    const given = argv.length > 0 ? (argv as string[]) : flags.policy
    const explanation = explainGiven(givenPolicy(given, kernel, flags), flags.rule)
    return {data: explanation, text: explanationText(explanation)}
  }
}

import {Args, Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../../cli/base-command.js'
import {givenPolicy, policyKeyFlag} from '../../cli/policy-flag.js'
import {lintError, lintGiven, lintText} from '../../operations/policy/lint.js'

export default class PolicyLint extends BaseCommand {
  static override summary = 'Say what is wrong with a policy'
  static override description =
    'Reads policy files, or a directory of them, as the verbs that decide would, and prints every error and warning. An ' +
    'error makes the policy unusable: exit code 11.'
  static override examples = [
    '<%= config.bin %> policy lint policy.yaml',
    '<%= config.bin %> policy lint /etc/tsmctl/policy.d --production --unused',
  ]
  static override strict = false
  static override args = {
    file: Args.string({ignoreStdin: true, description: 'policy file or directory; several are merged', required: true}),
  }
  static override flags = {
    production: Flags.boolean({description: 'also refuse what is for laboratories only'}),
    unused: Flags.boolean({description: 'also tell which waivers no decision of this machine used'}),
    ...policyKeyFlag,
  }

  protected async act({kernel}: Session): Promise<Outcome> {
    const {argv, flags} = await this.parse(PolicyLint)
    const data = lintGiven(givenPolicy(argv as string[], kernel, flags), kernel, flags)
    return {data, text: lintText(data), error: lintError(data)}
  }
}

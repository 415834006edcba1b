import {Args, Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../../cli/base-command.js'
import {readPolicy} from '../../operations/read-policy.js'
import {signedText, signPolicy} from '../../operations/policy/sign.js'

export default class PolicySign extends BaseCommand {
  static override summary = 'Sign a policy'
  static override description =
    'Writes the signature that machines with a pinned key ask for beside the policy: policy.yaml.sig for a file, ' +
    'policy.sig in a directory. It covers what the policy says, not how it is written.'
  static override examples = ['<%= config.bin %> policy sign policy.yaml --key policy.key']
  static override args = {
    file: Args.string({ignoreStdin: true, description: 'policy file or directory', required: true}),
  }
  static override flags = {
    key: Flags.string({description: 'file with the Ed25519 private key, PEM', required: true}),
    out: Flags.string({description: 'write the signature to this file'}),
  }

  protected async act({kernel}: Session): Promise<Outcome> {
    const {args, flags} = await this.parse(PolicySign)
    // the signature that is there may be of an older policy: nobody asks for one here
    const data = signPolicy(readPolicy([args.file], kernel.now()), args.file, flags.key, flags.out)
    return {data, text: signedText(data)}
  }
}

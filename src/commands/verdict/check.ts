import {Args, Flags} from '@oclif/core'
import {BaseCommand, type Outcome} from '../../cli/base-command.js'
import {checkedText, checkVerdict} from '../../operations/export-verdict.js'

export default class VerdictCheck extends BaseCommand {
  static override summary = 'Verify the signature of a verdict and show what it says'
  static override description =
    'Reads a JWS that verify --ear --sign wrote. The key decides: a verdict that another one signed, or that is of ' +
    'another form, is refused with exit code 4 or 5. Whether the verdict is good enough is for whoever relies on it.'
  static override examples = ['<%= config.bin %> verdict check gpu.jws --key verifier.pub.pem']
  static override args = {
    file: Args.string({ignoreStdin: true, description: 'signed verdict', required: true}),
  }
  static override flags = {
    key: Flags.string({description: 'public key in PEM of whoever signed it', required: true}),
  }

  protected override readonly usesHost = false

  protected async act(): Promise<Outcome> {
    const {args, flags} = await this.parse(VerdictCheck)
    const data = checkVerdict(args.file, flags.key)
    return {data, text: checkedText(data)}
  }
}

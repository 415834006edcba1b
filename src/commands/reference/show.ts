import {Args} from '@oclif/core'
import {BaseCommand, type Outcome} from '../../cli/base-command.js'
import {readUserFile} from '../../kernel/index.js'
import {readPolicy} from '../../operations/read-policy.js'
import {brokenSignature, referenceText, showReference} from '../../operations/reference/show.js'

export default class ReferenceShow extends BaseCommand {
  static override summary = 'Show what a file of reference values contains'
  static override description =
    'Reads a CoRIM, signed or not, a reference manifest of NVIDIA, or a policy: the values in it, who signed it, and what ' +
    'of it no rule could use. Whether a signer is to be trusted is for a policy to say.'
  static override examples = ['<%= config.bin %> reference show rim/gpu-fw-570.corim']
  static override args = {
    file: Args.string({ignoreStdin: true, description: 'CoRIM, SWID XML or policy file', required: true}),
  }
  protected override readonly usesHost = false

  protected async act(): Promise<Outcome> {
    const {args} = await this.parse(ReferenceShow)
    const policy = () => readPolicy([args.file], new Date())
    const data = await showReference(args.file, readUserFile(args.file), policy)
    return {data, text: referenceText(data), error: brokenSignature(data)}
  }
}

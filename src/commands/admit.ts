import {Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../cli/base-command.js'
import {bdfArgument, parseBdfs} from '../cli/bdf-args.js'
import {eachDevice} from '../cli/each-device.js'
import {externalFlag, externalProgram} from '../cli/external-flag.js'
import {decidingPolicy, policyFlag} from '../cli/policy-flag.js'
import {transitionText} from '../cli/transition-text.js'
import {admitText} from '../cli/verdict-output.js'
import {admit, planAdmission} from '../operations/admit.js'

export default class Admit extends BaseCommand {
  static override summary = 'Lock, collect, verify, accept and bind devices: all or nothing'
  static override description =
    'Admits each device that the policy accepts without a person. A device that is not admitted is given back unlocked, ' +
    'with its driver bound again, and the failing checks are named.'
  static override examples = [
    '<%= config.bin %> admit 0000:01:00.0 --policy policy.yaml',
    '<%= config.bin %> admit 01:00.0 02:00.0 --policy policy.yaml --dry-run',
  ]
  static override strict = false
  static override args = bdfArgument
  static override flags = {
    ...policyFlag,
    ...externalFlag,
    'dry-run': Flags.boolean({description: 'print the writes instead of making them'}),
  }

  protected async act({kernel, signal, progress}: Session): Promise<Outcome> {
    const {argv, flags} = await this.parse(Admit)
    const policy = decidingPolicy(flags.policy, kernel, flags)
    const bdfs = parseBdfs(argv as string[])
    const options = {policy, signal, onStep: progress, ...externalProgram(flags)}
    if (flags['dry-run']) return eachDevice(bdfs, bdf => planAdmission(kernel, bdf, options), transitionText)
    return eachDevice(bdfs, bdf => admit(kernel, bdf, options), admitText)
  }
}

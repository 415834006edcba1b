import {BaseCommand, type Outcome, type Session} from '../cli/base-command.js'
import {bdfArgument, parseBdfs} from '../cli/bdf-args.js'
import {eachDevice} from '../cli/each-device.js'
import {decidingPolicy, policyFlag} from '../cli/policy-flag.js'
import {admitText} from '../cli/verdict-output.js'
import {admit} from '../operations/admit.js'

export default class Admit extends BaseCommand {
  static override summary = 'Lock, collect, verify, accept and bind devices: all or nothing'
  static override description =
    'Admits each device that the policy accepts without a person. A device that is not admitted is given back unlocked, ' +
    'with its driver bound again, and the failing checks are named.'
  static override examples = ['<%= config.bin %> admit 0000:01:00.0 --policy policy.yaml']
  static override strict = false
  static override args = bdfArgument
  static override flags = policyFlag

  protected async act({kernel, signal, progress}: Session): Promise<Outcome> {
    const {argv, flags} = await this.parse(Admit)
    const policy = decidingPolicy(flags.policy, kernel)
    return eachDevice(
      parseBdfs(argv as string[]),
      bdf => admit(kernel, bdf, {policy, signal, onStep: progress}),
      admitText,
    )
  }
}

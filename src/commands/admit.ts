import {Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../cli/base-command.js'
import {bdfArgument, parseBdfs} from '../cli/bdf-args.js'
import {eachDevice} from '../cli/each-device.js'
import {earFlags, verdictFile} from '../cli/ear-flags.js'
import {externalFlag, externalProgram} from '../cli/external-flag.js'
import {decidingPolicy, policyFlag} from '../cli/policy-flag.js'
import {transitionText} from '../cli/transition-text.js'
import {admitText} from '../cli/verdict-output.js'
import {TsmctlError} from '../errors.js'
import {admit, planAdmission} from '../operations/admit.js'
import {verdictOf, writeVerdict} from '../operations/export-verdict.js'

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
    ...earFlags,
    'dry-run': Flags.boolean({description: 'print the writes instead of making them'}),
  }

  protected async act({kernel, signal, progress}: Session): Promise<Outcome> {
    const {argv, flags} = await this.parse(Admit)
    const policy = decidingPolicy(flags.policy, kernel, flags)
    const bdfs = parseBdfs(argv as string[])
    const file = verdictFile(flags)
    if (file !== undefined && bdfs.length > 1) throw oneVerdict()
    const options = {policy, signal, onStep: progress, ...externalProgram(flags)}
    if (flags['dry-run']) return eachDevice(bdfs, bdf => planAdmission(kernel, bdf, options), transitionText)
    return eachDevice(
      bdfs,
      async bdf => {
        const result = await admit(kernel, bdf, options)
        const running = result.admitted && result.after.state === 'RUN'
        if (file !== undefined) writeVerdict(verdictOf(result.appraisal, {running}), file)
        return result
      },
      admitText,
    )
  }
}

const oneVerdict = (): TsmctlError =>
  new TsmctlError({
    kind: 'usage',
    attempted: 'admit several devices',
    got: '--ear is for one device at a time',
    hint: 'Admit them one by one, each with a file of its own.',
  })

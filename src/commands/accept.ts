import {Flags} from '@oclif/core'
import {askApproval} from '../cli/ask-approval.js'
import {BaseCommand, type Outcome, type Session} from '../cli/base-command.js'
import {bdfArgument, parseBdfs} from '../cli/bdf-args.js'
import {eachDevice} from '../cli/each-device.js'
import {earFlags, verdictFile} from '../cli/ear-flags.js'
import {externalFlag, externalProgram} from '../cli/external-flag.js'
import {givenPlatform, platformFlag} from '../cli/platform-flag.js'
import {decidingPolicy, policyFlag} from '../cli/policy-flag.js'
import {acceptText} from '../cli/verdict-output.js'
import {decodeApproval} from '../appraisal/index.js'
import {readUserFile} from '../kernel/index.js'
import {accept} from '../operations/accept.js'
import {verdictOf, writeVerdict} from '../operations/export-verdict.js'

export default class Accept extends BaseCommand {
  static override summary = 'Accept a locked TDI on appraised evidence: CONFIG_LOCKED to RUN'
  static override description =
    'Takes the evidence this machine collected under the given digest, appraises it again, reads the machine once more, ' +
    'and only if nothing changed lets the device run. Where the rule wants a person, it asks on the terminal.'
  static override examples = ['<%= config.bin %> accept 0000:01:00.0 --policy policy.yaml --evidence-digest sha384:…']
  static override args = bdfArgument
  static override flags = {
    ...policyFlag,
    ...externalFlag,
    ...earFlags,
    ...platformFlag,
    'measure-into': Flags.string({
      options: ['rtmr:2', 'rtmr:3'],
      description:
        'extend this register of a TDX guest by the verdict before the device may run; without it, no accept',
    }),
    'evidence-digest': Flags.string({
      description: 'full digest of the evidence, as evidence prints it',
      required: true,
    }),
    approval: Flags.string({
      multiple: true,
      description: 'file that an approver signed with tsmctl approve; give it twice for two approvers',
    }),
    once: Flags.boolean({description: 'do not pin a device that is not pinned yet'}),
    'dry-run': Flags.boolean({description: 'appraise and look, and print the writes instead of making them'}),
    bind: Flags.boolean({
      description: 'bind the driver that lock had unbound, or allow drivers again',
      default: true,
      allowNo: true,
    }),
  }

  protected async act({kernel, signal, progress, json}: Session): Promise<Outcome> {
    const {args, flags} = await this.parse(Accept)
    const policy = decidingPolicy(flags.policy, kernel, flags)
    const approvals = (flags.approval ?? []).map(path => decodeApproval(readUserFile(path)))
    const external = externalProgram(flags)
    const file = verdictFile(flags)
    const platform = givenPlatform(flags)
    return eachDevice(
      parseBdfs([args.bdf]),
      async bdf => {
        const result = await accept(kernel, bdf, flags['evidence-digest'], {
          policy,
          approvals,
          once: flags.once,
          platform,
          signal,
          bind: flags.bind,
          dryRun: flags['dry-run'],
          onStep: progress,
          ...external,
          measureInto: registerNumber(flags['measure-into']),
          ask: json ? undefined : appraisal => askApproval(appraisal, bdf, kernel.actor()),
        })
        const running = result.failure === null && result.after.state === 'RUN'
        if (file !== undefined) writeVerdict(verdictOf(result.appraisal, {running}), file)
        return result
      },
      acceptText,
    )
  }
}

const registerNumber = (name: string | undefined): number | undefined =>
  name === undefined ? undefined : Number(name.slice('rtmr:'.length))

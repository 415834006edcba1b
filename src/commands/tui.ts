import {BaseCommand, type Outcome, type Session} from '../cli/base-command.js'
import {externalFlag, externalProgram} from '../cli/external-flag.js'
import {givenPolicy, policyFlag, policyPaths} from '../cli/policy-flag.js'
import {TsmctlError} from '../errors.js'

export default class Tui extends BaseCommand {
  static override summary = 'Review and accept TDIs on a full screen'
  static override description =
    'Shows devices with their TDI states; reviews one by locking it, collecting its evidence and appraising it under ' +
    'the policy; accepts it after its address and evidence digest were typed, or rejects it. Needs a terminal of 60x16 ' +
    'or more; ? lists the keys. Without --policy every review ends in deny.'
  static override examples = ['<%= config.bin %> tui --policy policy.yaml', '<%= config.bin %> tui --host sim']
  static override flags = {...policyFlag, ...externalFlag}

  protected override readonly announcesWaits = false

  protected async act({kernel, json}: Session): Promise<Outcome> {
    const {flags} = await this.parse(Tui)
    if (json)
      throw new TsmctlError({
        kind: 'usage',
        attempted: 'open the cockpit',
        got: 'it has no JSON form',
        hint: 'In scripts use tsmctl list --json and tsmctl verify --json.',
      })
    const files = policyPaths(flags.policy)
    const policy = givenPolicy(flags.policy, kernel, flags)
    // Ink and React load here and in no other command
    const {operationsCockpit, runCockpit} = await import('../tui/index.js')
    const policyName = files.length === 0 ? null : files.join(' ')
    return {
      data: null,
      text: await runCockpit(operationsCockpit(kernel, {policy, policyName, ...externalProgram(flags)})),
    }
  }
}

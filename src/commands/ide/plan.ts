import {Args, Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../../cli/base-command.js'
import {parseBdfs} from '../../cli/bdf-args.js'
import {planFailure, planIde} from '../../operations/ide-plan.js'
import {idePlanText} from '../../operations/ide-plan-text.js'

export default class IdePlan extends BaseCommand {
  static override summary = 'Plan which devices can have an IDE stream, and say what stands in the way of the others'
  static override description =
    'Gives every device its host bridge slot, register blocks and Stream ID, in the order in which to connect. ' +
    'Connected devices keep what they have. Devices named first are preferred; without any, all that could be ' +
    'connected are planned. Nothing is written. Exit code 0 only when everything fits. Needs root: without it, ' +
    'configuration space ends after 64 bytes.'
  static override examples = [
    '<%= config.bin %> ide plan',
    '<%= config.bin %> ide plan 0000:01:00.0 0000:02:00.0 --pool pci0000:00=4',
  ]
  static override strict = false
  static override args = {
    bdf: Args.string({ignoreStdin: true, description: 'PCI function, the most wanted first'}),
  }
  static override flags = {
    pool: Flags.string({
      description: 'most streams the platform has below a host bridge, as in pci0000:00=4',
      multiple: true,
      multipleNonGreedy: true,
    }),
    'stream-id': Flags.string({
      description: 'how the TSM chooses Stream IDs: the slot of the host bridge, or any that is free',
      options: ['slot', 'any'] as const,
      default: 'slot' as const,
    }),
  }

  protected async act({kernel, signal}: Session): Promise<Outcome> {
    const {argv, flags} = await this.parse(IdePlan)
    const plan = await planIde(kernel, {
      rule: flags['stream-id'] === 'any' ? 'any' : 'slot',
      pools: flags.pool ?? [],
      bdfs: argv.length === 0 ? [] : parseBdfs(argv as string[]),
      signal,
    })
    return {data: plan, text: idePlanText(plan), error: planFailure(plan)}
  }
}

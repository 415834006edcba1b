import {Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../cli/base-command.js'
import {bdfArgument, parseBdfs} from '../cli/bdf-args.js'
import {eachDevice} from '../cli/each-device.js'
import {transitionText} from '../cli/transition-text.js'
import {lock} from '../operations/lock.js'

export default class Lock extends BaseCommand {
  static override summary = 'Lock TDIs: CONFIG_UNLOCKED to CONFIG_LOCKED'
  static override description =
    'Unbinds the driver, keeps every driver away, and asks the TSM to lock the configuration of each device. ' +
    'If any step fails everything is undone. The device is not usable until it is accepted.'
  static override examples = ['<%= config.bin %> lock 0000:01:00.0', '<%= config.bin %> lock 01:00.0 --dry-run']
  static override strict = false
  static override args = bdfArgument
  static override flags = {
    tsm: Flags.string({description: 'TSM to use when the machine has several'}),
    'dry-run': Flags.boolean({description: 'print the writes instead of making them'}),
  }

  protected async act({kernel, signal, progress}: Session): Promise<Outcome> {
    const {argv, flags} = await this.parse(Lock)
    return eachDevice(
      parseBdfs(argv as string[]),
      bdf => lock(kernel, bdf, {tsm: flags.tsm, dryRun: flags['dry-run'], signal, onStep: progress}),
      transitionText,
    )
  }
}

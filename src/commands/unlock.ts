import {Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../cli/base-command.js'
import {bdfArgument, parseBdfs} from '../cli/bdf-args.js'
import {eachDevice} from '../cli/each-device.js'
import {transitionText} from '../cli/transition-text.js'
import {unlock} from '../operations/unlock.js'

export default class Unlock extends BaseCommand {
  static override summary = 'Unlock TDIs: back to CONFIG_UNLOCKED'
  static override description =
    'Gives up the lock of each device. Whatever was verified about it is void afterwards: lock and verify again.'
  static override examples = ['<%= config.bin %> unlock 0000:01:00.0 --rebind']
  static override strict = false
  static override args = bdfArgument
  static override flags = {
    force: Flags.boolean({description: 'unbind a bound driver first instead of refusing'}),
    rebind: Flags.boolean({description: 'bind the driver that lock had unbound'}),
    'dry-run': Flags.boolean({description: 'print the writes instead of making them'}),
  }

  protected async act({kernel, signal, progress}: Session): Promise<Outcome> {
    const {argv, flags} = await this.parse(Unlock)
    const options = {force: flags.force, rebind: flags.rebind, dryRun: flags['dry-run'], signal, onStep: progress}
    return eachDevice(parseBdfs(argv as string[]), bdf => unlock(kernel, bdf, options), transitionText)
  }
}

import {Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../cli/base-command.js'
import {bdfArgument, parseBdfs} from '../cli/bdf-args.js'
import {disconnectText} from '../cli/connection-text.js'
import {eachDevice} from '../cli/each-device.js'
import {hostFlags, hostOptions} from '../cli/host-flags.js'
import {disconnect} from '../operations/disconnect.js'

export default class Disconnect extends BaseCommand {
  static override summary = 'Disconnect devices from their host-side TSM'
  static override description =
    'Ends the SPDM session and the IDE stream of each device; its keys are gone then. Refuses while a guest has the ' +
    'device or one of its functions bound, because the kernel would take it away without a word. Afterwards looks for ' +
    'stream links, enabled registers and stream slots that were left behind.'
  static override examples = [
    '<%= config.bin %> disconnect 0000:01:00.0',
    '<%= config.bin %> disconnect 01:00.0 41:00.0 --dry-run',
    '<%= config.bin %> disconnect 01:00.0 --force',
  ]
  static override strict = false
  static override args = bdfArgument
  static override flags = {
    ...hostFlags,
    tsm: Flags.string({description: 'disconnect only if this is the TSM it is connected to'}),
    force: Flags.boolean({description: 'disconnect although a guest uses the device'}),
  }

  protected override readonly announcesWaits = false

  protected async act(session: Session): Promise<Outcome> {
    const {argv, flags} = await this.parse(Disconnect)
    return eachDevice(
      parseBdfs(argv as string[]),
      bdf => disconnect(session.kernel, bdf, hostOptions(session, flags)),
      disconnectText,
    )
  }
}

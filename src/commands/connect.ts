import {Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../cli/base-command.js'
import {bdfArgument, parseBdfs} from '../cli/bdf-args.js'
import {connectText} from '../cli/connection-text.js'
import {eachDevice} from '../cli/each-device.js'
import {hostFlags, hostOptions} from '../cli/host-flags.js'
import {connect} from '../operations/connect.js'

export default class Connect extends BaseCommand {
  static override summary = 'Connect devices to a host-side TSM: SPDM session and IDE stream'
  static override description =
    'Predicts what the kernel will answer, and refuses what is bound to fail. Then asks the TSM to connect each device, ' +
    'and reads the IDE registers of root port and device back: a stream that is not secure at both ends is taken down ' +
    'again. A device that is connected already is left alone. Being connected says nothing about who the device is: no ' +
    'certificate is judged.'
  static override examples = [
    '<%= config.bin %> connect 0000:01:00.0',
    '<%= config.bin %> connect 01:00.0 41:00.0 --dry-run',
    '<%= config.bin %> connect 01:00.0 --tsm tsm1 --timeout 60',
  ]
  static override strict = false
  static override args = bdfArgument
  static override flags = {
    ...hostFlags,
    tsm: Flags.string({description: 'TSM to use when the machine has several, by its exact name'}),
    force: Flags.boolean({description: 'try although it is predicted to fail'}),
  }

  protected override readonly announcesWaits = false

  protected async act(session: Session): Promise<Outcome> {
    const {argv, flags} = await this.parse(Connect)
    return eachDevice(
      parseBdfs(argv as string[]),
      bdf => connect(session.kernel, bdf, hostOptions(session, flags)),
      connectText,
    )
  }
}

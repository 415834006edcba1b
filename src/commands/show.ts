import {Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../cli/base-command.js'
import {bdfArgument, parseBdfs} from '../cli/bdf-args.js'
import {redactFlag} from '../cli/redact.js'
import {TsmctlError} from '../errors.js'
import {breathe} from '../operations/breathe.js'
import {listDevices} from '../operations/list.js'
import {showDevice} from '../operations/show.js'

export default class Show extends BaseCommand {
  static override summary = 'Show everything about PCI functions'
  static override description =
    'Identity, place, driver, the DSM by the kernel and by the topology, what the TSM attributes mean and do not mean, ' +
    'IDE streams, BARs and the decoded configuration space. Without privilege only the first 64 bytes of configuration ' +
    'space are readable: the rest is then unknown, not absent.'
  static override examples = [
    '<%= config.bin %> show 0000:01:00.0',
    '<%= config.bin %> show 01:00.0 --json',
    '<%= config.bin %> show --all --redact',
  ]
  static override strict = false
  static override args = {bdf: {...bdfArgument.bdf, required: false}}
  static override flags = {all: Flags.boolean({description: 'show every function'}), ...redactFlag}

  protected async act({kernel, signal}: Session): Promise<Outcome> {
    const {argv, flags} = await this.parse(Show)
    if (flags.all && argv.length > 0)
      throw new TsmctlError({
        kind: 'usage',
        attempted: 'choose devices',
        got: '--all and a BDF exclude each other',
        hint: 'Name the functions to show, or give --all.',
      })
    const bdfs = flags.all
      ? (await listDevices(kernel, signal)).devices.map(({bdf}) => bdf)
      : parseBdfs(argv as string[])
    const shown = []
    for (const [index, bdf] of bdfs.entries()) {
      await breathe(index, signal)
      shown.push(await showDevice(kernel, bdf, signal))
    }
    return {data: {devices: shown.map(({view}) => view)}, text: shown.map(({text}) => text).join('\n')}
  }
}

import {BaseCommand, type Outcome, type Session} from '../cli/base-command.js'
import {bdfArgument, parseBdfs} from '../cli/bdf-args.js'
import {showDevice} from '../operations/show.js'

export default class Show extends BaseCommand {
  static override summary = 'Show everything about PCI functions'
  static override description =
    'Identity, place, driver, TSM attributes, BARs and the decoded configuration space. Without privilege only the ' +
    'first 64 bytes of configuration space are readable: the rest is then unknown, not absent.'
  static override examples = ['<%= config.bin %> show 0000:01:00.0', '<%= config.bin %> show 01:00.0 --json']
  static override strict = false
  static override args = bdfArgument

  protected async act({kernel, signal}: Session): Promise<Outcome> {
    const {argv} = await this.parse(Show)
    const shown = []
    // oxlint-disable-next-line no-await-in-loop
    for (const bdf of parseBdfs(argv as string[])) shown.push(await showDevice(kernel, bdf, signal))
    return {data: {devices: shown.map(({view}) => view)}, text: shown.map(({text}) => text).join('\n')}
  }
}

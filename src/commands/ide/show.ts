import {Args} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../../cli/base-command.js'
import {showIde} from '../../operations/ide-show.js'

export default class IdeShow extends BaseCommand {
  static override summary = 'Show everything about the IDE of functions, host bridges and streams'
  static override description =
    'Every register block with both ends side by side, who owns it, what it associates, and what is wrong with it. ' +
    'A stream is named as the kernel names its link, alone or behind its host bridge.'
  static override examples = [
    '<%= config.bin %> ide show 01:00.0',
    '<%= config.bin %> ide show pci0000:00',
    '<%= config.bin %> ide show pci0000:00/stream0.0.0 --json',
  ]
  static override strict = false
  static override args = {
    subject: Args.string({
      ignoreStdin: true,
      description: 'PCI function, host bridge (pciDDDD:BB) or stream (streamH.R.E)',
      required: true,
    }),
  }

  protected async act({kernel, signal}: Session): Promise<Outcome> {
    const {argv} = await this.parse(IdeShow)
    const {subjects, text, error} = await showIde(kernel, argv as string[], signal)
    return {data: {subjects}, text, error}
  }
}

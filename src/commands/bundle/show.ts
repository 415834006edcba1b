import {BaseCommand, type Outcome} from '../../cli/base-command.js'
import {bundleArgument, readBundleAt} from '../../cli/bundle-files.js'
import {redactFlag} from '../../cli/redact.js'
import {bundleText, bundleView} from '../../operations/bundle-view.js'

export default class BundleShow extends BaseCommand {
  static override summary = 'Show what an evidence bundle holds'
  static override description =
    'Prints the manifest and every object in words: what each could prove, on whose word, and what makes it fresh. ' +
    'Nothing is verified here: that is verify.'
  static override examples = ['<%= config.bin %> bundle show gpu.tsmb.json']
  static override args = bundleArgument
  static override flags = redactFlag
  protected override readonly usesHost = false

  protected async act(): Promise<Outcome> {
    const {args} = await this.parse(BundleShow)
    const data = await bundleView(await readBundleAt(args.bundle))
    return {data, text: bundleText(data)}
  }
}

import {Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../../cli/base-command.js'
import {
  bundleAlone,
  bundleArgument,
  forceFlag,
  outArgument,
  readBundleAt,
  writeAt,
  writtenLine,
} from '../../cli/bundle-files.js'
import {bundleAs} from '../../operations/bundle.js'

export default class BundleConvert extends BaseCommand {
  static override summary = 'Write an evidence bundle in another form'
  static override description =
    'Makes a directory of raw files out of a JSON bundle, and a JSON bundle out of everything else; --to says otherwise. ' +
    'The evidence digest stays the same.'
  static override examples = ['<%= config.bin %> bundle convert gpu.tsmb.json gpu/']
  static override args = {...bundleArgument, ...outArgument}
  static override flags = {
    to: Flags.option({description: 'form to write', options: ['json', 'directory', 'cbor'] as const})(),
    ...forceFlag,
  }
  protected override readonly usesHost = false

  protected async act({warn}: Session): Promise<Outcome> {
    const {args, flags} = await this.parse(BundleConvert)
    const opened = await readBundleAt(args.bundle)
    const bundle = bundleAlone(opened, warn)
    const to = flags.to ?? (opened.form === 'json' ? 'directory' : 'json')
    writeAt(args.out, await bundleAs(bundle, to), flags.force)
    const data = {digest: bundle.digest, from: opened.form, to, file: args.out}
    return {data, text: `${bundle.digest}\n${writtenLine(args.out)}`}
  }
}

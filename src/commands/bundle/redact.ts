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
import {bundleToJson, DROPPABLE, redact} from '../../evidence/index.js'

export default class BundleRedact extends BaseCommand {
  static override summary = 'Write an evidence bundle without what names the machine'
  static override description =
    'Takes away what identifies the machine and its boot, and with --drop the report of the platform and the serial ' +
    'number in config space. The result has a digest of its own, names the one it came from, and never leads to accept. ' +
    'Certificates and measurements stay, because a verdict needs them: they still identify the device.'
  static override examples = ['<%= config.bin %> bundle redact gpu.tsmb.json public.tsmb.json --drop dsn']
  static override args = {...bundleArgument, ...outArgument}
  static override flags = {
    drop: Flags.option({
      description: 'also leave out; may be repeated',
      options: DROPPABLE,
      multiple: true,
      multipleNonGreedy: true,
    })(),
    ...forceFlag,
  }
  protected override readonly usesHost = false

  protected async act({warn}: Session): Promise<Outcome> {
    const {args, flags} = await this.parse(BundleRedact)
    const original = bundleAlone(await readBundleAt(args.bundle), warn)
    const redacted = redact(original, flags.drop ?? [])
    writeAt(args.out, bundleToJson(redacted), flags.force)
    const data = {digest: redacted.digest, redactedFrom: original.digest, dropped: flags.drop ?? [], file: args.out}
    const text =
      `evidence digest  ${redacted.digest}\nredacted from    ${original.digest}\n${writtenLine(args.out)}` +
      'certificates and measurements are still those of the device\n'
    return {data, text}
  }
}

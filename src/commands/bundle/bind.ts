import {Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../../cli/base-command.js'
import {bundleArgument, forceFlag, readBundleAt, writeAt, writtenLine} from '../../cli/bundle-files.js'
import {toHex} from '../../bits/index.js'
import {boundToJson, carriesBinding, platformBinding, wholeBundle} from '../../evidence/index.js'
import {nonceText, relyingPartyNonce} from '../../operations/bundle.js'

export default class BundleBind extends BaseCommand {
  static override summary = 'Tie an evidence bundle to the platform it was collected on'
  static override description =
    "Prints the 64 bytes that a report of the platform has to carry: SHA-512 over the evidence digest and a relying party's " +
    'nonce. With --report, has this guest report them (configfs-tsm) and writes bundle and report together. The report is ' +
    'beside the bundle, not in it: the evidence digest stays.'
  static override examples = [
    '<%= config.bin %> bundle bind gpu.tsmb.json --nonce 00112233445566778899aabbccddeeff',
    '<%= config.bin %> bundle bind gpu.tsmb.json --report bound.json',
  ]
  static override args = bundleArgument
  static override flags = {
    nonce: Flags.string({description: "the relying party's nonce, 1 to 64 bytes in hexadecimal"}),
    report: Flags.string({description: "obtain the platform's report, and write bundle and report to this file"}),
    ...forceFlag,
  }

  protected async act({kernel, signal}: Session): Promise<Outcome> {
    const {args, flags} = await this.parse(BundleBind)
    const nonce = relyingPartyNonce(flags.nonce)
    const bundle = wholeBundle(await readBundleAt(args.bundle))
    const value = toHex(platformBinding(bundle.digest, nonce))
    const data = {digest: bundle.digest, relyingPartyNonce: nonceText(nonce), value}
    if (flags.report === undefined) return {data: {...data, report: null}, text: `${value}\n`}
    const {platformReport} = await import('../../operations/bundle-bind.js')
    const bound = await platformReport(kernel, bundle, nonce, signal)
    writeAt(flags.report, boundToJson(bound), flags.force)
    const {provider, report} = bound.platform
    const carried = carriesBinding(bound) ?? null
    return {
      data: {...data, report: {file: flags.report, provider, bytes: report.length, carriesBinding: carried}},
      text: `${value}\nreport of ${provider}, ${report.length} bytes\n${writtenLine(flags.report)}`,
    }
  }
}

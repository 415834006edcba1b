import {BaseCommand, type Outcome} from '../../cli/base-command.js'
import {bundleArgument, readBundleAt} from '../../cli/bundle-files.js'
import {TsmctlError} from '../../errors.js'
import {bundleCheck} from '../../operations/bundle.js'

export default class BundleCheck extends BaseCommand {
  static override summary = 'Check that an evidence bundle is whole'
  static override description =
    'Compares every object with the manifest: exit code 0 when all are there and unchanged, 5 otherwise. A bundle that ' +
    'is whole may still be of anybody: whom it is from, and whether that is good enough, is for verify.'
  static override examples = ['<%= config.bin %> bundle check gpu.tsmb.json']
  static override args = bundleArgument
  protected override readonly usesHost = false

  protected async act(): Promise<Outcome> {
    const {args} = await this.parse(BundleCheck)
    const data = bundleCheck(await readBundleAt(args.bundle))
    const [first, ...more] = data.findings
    const whole = `whole: ${data.objects} objects under ${data.digest}\n`
    return {
      data,
      text: first === undefined ? whole : data.findings.map(finding => `${finding}\n`).join(''),
      error:
        first === undefined
          ? undefined
          : new TsmctlError({
              kind: 'malformed',
              attempted: 'check the evidence bundle',
              path: args.bundle,
              got: `${first}${more.length > 0 ? `, and ${more.length} more` : ''}`,
              hint: 'Fetch the bundle from its source again: as it is, nothing in it counts.',
            }),
    }
  }
}

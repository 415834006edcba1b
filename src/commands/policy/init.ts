import {Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../../cli/base-command.js'
import {parseBdfs} from '../../cli/bdf-args.js'
import {readWholeBundle} from '../../cli/bundle-files.js'
import type {Bundle} from '../../evidence/index.js'
import {type Kernel, writeUserFile} from '../../kernel/index.js'
import {collectEvidence, keptBundle} from '../../operations/collect.js'
import {denyAll, policyFrom} from '../../operations/policy/init.js'

export default class PolicyInit extends BaseCommand {
  static override summary = 'Write a policy to start from'
  static override description =
    'Without a flag, the policy that denies everything. With evidence, or a locked device to collect it from, a rule for ' +
    'that device: its root, its name and its measured values as it showed them, for a person to compare with what the ' +
    'vendor says. Such a rule always asks for review.'
  static override examples = [
    '<%= config.bin %> policy init > policy.yaml',
    '<%= config.bin %> policy init --from gpu.tsmb.json --out policy.yaml',
    '<%= config.bin %> policy init --device 0000:01:00.0',
  ]
  static override flags = {
    from: Flags.string({description: 'bundle, or sha384:… of evidence this machine keeps', exclusive: ['device']}),
    device: Flags.string({description: 'locked device to collect evidence from'}),
    out: Flags.string({description: 'write it to this file'}),
    force: Flags.boolean({description: 'overwrite the file'}),
  }

  protected async act({kernel, signal}: Session): Promise<Outcome> {
    const {flags} = await this.parse(PolicyInit)
    const bundle = await this.bundleOf(kernel, signal, flags)
    const policy = bundle === undefined ? denyAll() : await policyFrom(bundle)
    if (flags.out !== undefined)
      writeUserFile(flags.out, new TextEncoder().encode(policy), {force: flags.force === true})
    const data = {policy, digest: bundle?.digest ?? null, file: flags.out ?? null}
    return {data, text: flags.out === undefined ? policy : `written to ${flags.out}\n`}
  }

  private async bundleOf(
    kernel: Kernel,
    signal: AbortSignal,
    {from, device}: {readonly from?: string | undefined; readonly device?: string | undefined},
  ): Promise<Bundle | undefined> {
    if (device !== undefined)
      return collectEvidence(kernel, parseBdfs([device])[0]!, {signal, tool: this.config.userAgent})
    if (from === undefined) return undefined
    return from.startsWith('sha384:') ? keptBundle(kernel, from) : readWholeBundle(from)
  }
}

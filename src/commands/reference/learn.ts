import {Args, Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../../cli/base-command.js'
import {parseBdfs} from '../../cli/bdf-args.js'
import {readWholeBundle, writtenLine} from '../../cli/bundle-files.js'
import {TsmctlError} from '../../errors.js'
import type {Bundle} from '../../evidence/index.js'
import {type Kernel, statUserFile, writeUserFile} from '../../kernel/index.js'
import {committedEvidence} from '../../operations/audit.js'
import {keptBundle} from '../../operations/collect.js'
import {learn} from '../../operations/reference/learn.js'

export default class ReferenceLearn extends BaseCommand {
  static override summary = 'Write what an accepted device measures as reference values'
  static override description =
    'Only from evidence that was accepted on this machine, by its audit log. The values can be pasted into a rule; they ' +
    'say what this device ran, not what its vendor vouches for.'
  static override examples = [
    '<%= config.bin %> reference learn 0000:01:00.0 --out golden.yaml',
    '<%= config.bin %> reference learn gpu.tsmb.json',
  ]
  static override args = {
    evidence: Args.string({
      ignoreStdin: true,
      description: 'BDF of a device in use, bundle, or sha384:… of evidence this machine keeps',
      required: true,
    }),
  }
  static override flags = {
    out: Flags.string({description: 'write the YAML to this file instead'}),
    force: Flags.boolean({description: 'overwrite the file'}),
  }

  protected async act({kernel}: Session): Promise<Outcome> {
    const {args, flags} = await this.parse(ReferenceLearn)
    const data = await learn(kernel, await bundleOf(kernel, args.evidence))
    if (flags.out === undefined) return {data: {...data, file: null}, text: data.yaml}
    writeUserFile(flags.out, new Uint8Array(Buffer.from(data.yaml)), {force: flags.force})
    return {data: {...data, file: flags.out}, text: writtenLine(flags.out)}
  }
}

async function bundleOf(kernel: Kernel, evidence: string): Promise<Bundle> {
  if (evidence.startsWith('sha384:')) return keptBundle(kernel, evidence)
  if (statUserFile(evidence) !== undefined) return readWholeBundle(evidence)
  const [bdf] = parseBdfs([evidence])
  const digest = committedEvidence(kernel, bdf!)
  if (digest !== null) return keptBundle(kernel, digest)
  throw new TsmctlError({
    kind: 'not-found',
    attempted: `learn from ${bdf}`,
    subject: bdf,
    got: 'the audit log of this machine does not say that it is in use by tsmctl',
    hint: 'Admit it first, or name evidence that was accepted before.',
  })
}

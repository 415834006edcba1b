import {Flags} from '@oclif/core'
import {askFor} from '../cli/ask-approval.js'
import {BaseCommand, type Outcome, type Session} from '../cli/base-command.js'
import {readWholeBundle} from '../cli/bundle-files.js'
import {decidingPolicy, policyFlag} from '../cli/policy-flag.js'
import {TsmctlError} from '../errors.js'
import {readUserFile, writeUserFile} from '../kernel/index.js'
import {approve, approveText, readApproverKey, requireApprovable} from '../operations/approve.js'
import {verifyBundle} from '../operations/review.js'

export default class Approve extends BaseCommand {
  static override summary = 'Sign that this evidence may be accepted'
  static override description =
    'For approvers, on a machine of their own: reviews a bundle under the policy and signs which evidence, policy, device ' +
    'and rule are meant, and why. The approval is good for ten minutes; accept takes it with --approval. Without a ' +
    'terminal the full evidence digest says what is approved.'
  static override examples = [
    '<%= config.bin %> approve --bundle gpu.tsmb.json --policy policy.yaml --key me.pem --reason "bring-up, SEC-1412" --out me.approval.json',
  ]
  static override flags = {
    ...policyFlag,
    bundle: Flags.string({description: 'evidence to approve', required: true}),
    key: Flags.string({description: 'Ed25519 private key in PEM; the policy names its public half', required: true}),
    reason: Flags.string({description: 'why, in at least 10 characters where something is relaxed'}),
    'evidence-digest': Flags.string({description: 'full digest of the evidence, in place of a terminal'}),
    out: Flags.string({description: 'file to write; without it the approval is printed'}),
    force: Flags.boolean({description: 'overwrite the file'}),
  }

  protected async act({kernel, json}: Session): Promise<Outcome> {
    const {flags} = await this.parse(Approve)
    const policy = decidingPolicy(flags.policy, kernel, flags)
    const key = readApproverKey(readUserFile(flags.key), flags.key)
    const bundle = await readWholeBundle(flags.bundle)
    const appraisal = await verifyBundle(undefined, bundle, policy, kernel.now())
    const request = {bundle, appraisal, policy, key, reason: flags.reason ?? null, now: kernel.now()}
    requireApprovable(request)
    const bdf = bundle.manifest.device.bdf!
    const wanted = approveText(bdf, appraisal)
    const given = flags['evidence-digest']
    const typed =
      given !== undefined || json
        ? given === bundle.digest
        : await askFor({appraisal, wanted, to: 'approve', actor: kernel.actor()}).then(
            answer => answer !== undefined && answer !== 'rejected',
          )
    if (!typed)
      throw new TsmctlError({
        kind: 'review',
        attempted: `approve ${bdf}`,
        subject: bdf,
        got: given === undefined ? 'nobody confirmed it' : 'the digest is of other evidence',
        hint: 'Review it on a terminal, or name it: --evidence-digest sha384:… of the bundle.',
      })
    const data = approve({...request, now: kernel.now()})
    const text = `${JSON.stringify(data, null, 2)}\n`
    if (flags.out === undefined) return {data, text}
    writeUserFile(flags.out, new Uint8Array(Buffer.from(text)), {force: flags.force, mode: 0o600})
    return {
      data,
      text: `approved ${bdf} on evidence ${appraisal.shortD}, until ${data.approval.notAfter}: ${flags.out}\n`,
    }
  }
}

import {fileURLToPath} from 'node:url'
import {Args, Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../cli/base-command.js'
import {earFlags, verdictFile} from '../cli/ear-flags.js'
import {externalFlag, externalProgram} from '../cli/external-flag.js'
import {importFlags, importPath} from '../cli/import-flags.js'
import {givenPolicy, policyFlag} from '../cli/policy-flag.js'
import {givenPlatform, platformFlag} from '../cli/platform-flag.js'
import {redactFlag} from '../cli/redact.js'
import type {Envelope} from '../cli/envelope.js'
import {verifyFleet} from '../cli/verify-fleet.js'
import {verdictOutcome} from '../cli/verdict-output.js'
import {TsmctlError} from '../errors.js'
import {statUserFile} from '../kernel/index.js'
import {isFleet} from '../operations/fleet/find.js'
import {keptBundle} from '../operations/collect.js'
import {verdictOf, writeVerdict} from '../operations/export-verdict.js'
import {chosenItem} from '../operations/import-evidence.js'
import {verifyBundle} from '../operations/review.js'

export default class Verify extends BaseCommand {
  static override summary = 'Appraise frozen evidence under a policy'
  static override description =
    'Runs every check on a bundle, or on raw evidence of a device vendor, and decides under the policy: exit code 0 ' +
    'accept, 10 review needed, 4 denied. Nothing is changed, and evidence from a file never leads to accept by itself. ' +
    'A directory of many bundles is appraised on all processors, one line for each; the exit code is that of the worst: ' +
    '5 when one has no verdict, else 4, else 10, else 0.'
  static override examples = [
    '<%= config.bin %> verify gpu.tsmb.json --policy policy.yaml',
    '<%= config.bin %> verify dump/ --nonce $(xxd -p -c 32 nonce) --policy policy.yaml',
    '<%= config.bin %> verify fleet/ --policy policy.yaml --json',
    '<%= config.bin %> verify report.bin --certificates chain.pem --policy policy.yaml',
  ]
  static override args = {
    evidence: Args.string({
      ignoreStdin: true,
      description:
        'bundle, sha384:… of evidence this machine keeps, a directory of bundles, or whatever bundle import reads: JSON ' +
        'of NVIDIA, netlink messages, a pcap file, a directory of device-evidence dump, raw measurements',
      required: true,
    }),
  }
  static override flags = {
    ...policyFlag,
    ...externalFlag,
    ...earFlags,
    ...platformFlag,
    ...redactFlag,
    ...importFlags,
    all: Flags.boolean({description: 'print every check, also those that passed'}),
    jobs: Flags.integer({
      min: 1,
      max: 1024,
      description: 'threads for a directory of bundles; all processors unless given',
    }),
  }

  #last: ((answer: Envelope) => string) | undefined

  protected async act(session: Session): Promise<Outcome> {
    const {kernel, signal} = session
    const {args, flags} = await this.parse(Verify)
    const file = verdictFile(flags)
    const now = kernel.now()
    const policy = givenPolicy(flags.policy, kernel, flags)
    if (flags.certificates === undefined && isFleet(args.evidence)) {
      if (flags.redact) throw notRedacted()
      if (file !== undefined || flags['external-decision'] !== undefined) throw notForMany()
      const run = {directory: args.evidence, policy, jobs: flags.jobs, script: workerScript()}
      const {outcome, last} = await verifyFleet(session, run)
      this.#last = last
      return outcome
    }
    const bundle = args.evidence.startsWith('sha384:')
      ? keptBundle(kernel, args.evidence)
      : chosenItem(await importPath(args.evidence, flags, kernel, this.config.userAgent), flags.item).bundle
    const appraisal = await verifyBundle(kernel, bundle, policy, now, {
      ...externalProgram(flags),
      platform: givenPlatform(flags),
      signal,
    })
    const ear = verdictOf(appraisal, {nonce: bundle.manifest.nonce?.relyingPartyNonce})
    if (file !== undefined) writeVerdict(ear, file)
    return verdictOutcome(appraisal, policy, flags.all, ear)
  }

  protected override answerText(answer: Envelope): string {
    return this.#last?.(answer) ?? super.answerText(answer)
  }
}

/** What runs in threads is a file of its own beside the commands of the package; sources have none. */
function workerScript(): URL | undefined {
  const script = new URL('../fleet-worker.js', import.meta.url)
  return statUserFile(fileURLToPath(script)) === undefined ? undefined : script
}

const notForMany = (): TsmctlError =>
  new TsmctlError({
    kind: 'usage',
    attempted: 'appraise many bundles',
    got: '--ear and --external-decision are for one bundle at a time',
    hint: 'Name one bundle; the lines of many carry their verdicts.',
  })

const notRedacted = (): TsmctlError =>
  new TsmctlError({
    kind: 'usage',
    attempted: 'mask the verdicts of many bundles',
    got: '--redact is for one bundle at a time',
    hint: 'Leave out --redact, or name one bundle.',
  })

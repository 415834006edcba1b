import {Flags} from '@oclif/core'
import {askFor} from '../cli/ask-approval.js'
import {BaseCommand, type Outcome, type Session} from '../cli/base-command.js'
import {bdfArgument, parseBdfs} from '../cli/bdf-args.js'
import {decidingPolicy, policyFlag} from '../cli/policy-flag.js'
import {printable} from '../errors.js'
import {enroll, type Enrollment} from '../operations/enroll.js'

/** As it stands in a policy, in quotes that YAML and JSON share. */
const entryText = (allow: Enrollment['allow']): string =>
  `- {${Object.entries(allow)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
    .join(', ')}}\n`

export default class Enroll extends BaseCommand {
  static override summary = 'Make a locked device one that this machine knows'
  static override description =
    'Collects and appraises evidence, and keeps what it says as a pin, for rules with identity.mode enrolled. Whatever ' +
    'can never be waived must have passed, the TSM must have seen the same bytes, and a person types the confirmation. ' +
    'Nothing is accepted by it.'
  static override examples = [
    '<%= config.bin %> enroll 0000:01:00.0 --policy policy.yaml',
    '<%= config.bin %> enroll 0000:01:00.0 --policy policy.yaml --export',
  ]
  static override args = bdfArgument
  static override flags = {
    ...policyFlag,
    export: Flags.boolean({
      description: 'print an entry for identity.allow of a policy instead, and keep nothing on this machine',
    }),
  }

  protected async act({kernel, signal, json}: Session): Promise<Outcome> {
    const {args, flags} = await this.parse(Enroll)
    const [bdf] = parseBdfs([args.bdf])
    const data = await enroll(kernel, bdf!, {
      policy: decidingPolicy(flags.policy, kernel, flags),
      signal,
      tool: this.config.userAgent,
      exportOnly: flags.export,
      ask: json
        ? undefined
        : (appraisal, wanted) => askFor({appraisal, wanted, to: 'enroll it', actor: kernel.actor()}),
    })
    const name = data.san === null ? 'unnamed device' : `"${printable(data.san)}"`
    const text = flags.export
      ? entryText(data.allow)
      : `${data.bdf}: enrolled ${data.enrolled === 'again' ? 'again ' : ''}${name}, pin ${data.pinId.slice(7, 19)}\n`
    return {data, text}
  }
}

import {Flags} from '@oclif/core'
import {AUDIT_EVENTS} from '../../appraisal/index.js'
import {BaseCommand, type Outcome, type Session} from '../../cli/base-command.js'
import {parseBdfs} from '../../cli/bdf-args.js'
import {TsmctlError} from '../../errors.js'
import {auditText, readAudit, selectRecords} from '../../operations/audit.js'

export default class AuditShow extends BaseCommand {
  static override summary = 'Show what was decided and done on this machine'
  static override description =
    'Prints the records of the audit log, oldest first; with filters those for which all of them hold. The whole log is ' +
    'verified all the same.'
  static override examples = [
    '<%= config.bin %> audit show --device 01:00.0 --last 20',
    '<%= config.bin %> audit show --event committed --event rejected --since 2026-11-01T00:00:00Z --json',
  ]
  static override flags = {
    event: Flags.string({multiple: true, options: [...AUDIT_EVENTS], description: 'only such records; several add up'}),
    device: Flags.string({description: 'only records about this function'}),
    evidence: Flags.string({description: 'only records about this evidence: its digest or the beginning of it'}),
    since: Flags.string({description: 'only records from this time on, RFC 3339'}),
    last: Flags.integer({min: 1, description: 'only so many, the newest'}),
  }

  protected async act({kernel, warn}: Session): Promise<Outcome> {
    const {flags} = await this.parse(AuditShow)
    const {event: events, device, evidence, last} = flags
    const bdf = device === undefined ? undefined : parseBdfs([device])[0]
    const since = flags.since === undefined ? undefined : timeOf(flags.since)
    const whole = readAudit(kernel)
    if (whole.problems.length > 0) warn('audit', 'the log is not whole: tsmctl audit verify says where')
    const data = {...whole, records: selectRecords(whole.records, {events, bdf, evidence, since, last})}
    return {data, text: auditText(data)}
  }
}

function timeOf(text: string): Date {
  const time = new Date(text)
  if (!Number.isNaN(time.getTime())) return time
  throw new TsmctlError({
    kind: 'usage',
    attempted: 'select records by time',
    got: '--since is not a time',
    hint: 'Give it as in 2026-11-01T00:00:00Z.',
  })
}

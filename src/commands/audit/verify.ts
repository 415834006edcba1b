import {Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../../cli/base-command.js'
import {quoted, TsmctlError} from '../../errors.js'
import {readAudit} from '../../operations/audit.js'

const DIGEST = /^sha384:[0-9a-f]{96}$/

export default class AuditVerify extends BaseCommand {
  static override summary = 'Verify that the audit log is whole'
  static override description =
    'Recomputes the chain of digests, and that nothing was committed without the steps that must precede it. Only a ' +
    'head published elsewhere can show that the end was cut off: give it with --head.'
  static override flags = {head: Flags.string({description: 'digest of a record that must still be in the log'})}

  protected async act({kernel}: Session): Promise<Outcome> {
    const {flags} = await this.parse(AuditVerify)
    if (flags.head !== undefined && !DIGEST.test(flags.head)) throw noDigest(flags.head)
    const data = readAudit(kernel, flags.head)
    const lines = data.problems.map(({file, line, message}) => `${file} line ${line}: ${message}\n`)
    const [first] = data.problems
    const error =
      first === undefined
        ? undefined
        : new TsmctlError({
            kind: 'malformed',
            attempted: 'verify the audit log',
            path: data.file,
            got: `${first.file} line ${first.line}: ${first.message}${data.problems.length > 1 ? `, and ${data.problems.length - 1} more` : ''}`,
            hint: 'Keep the file as evidence; what it says behind the first problem proves nothing.',
          })
    const whole = `${data.records.length} records, chain whole, head ${data.head ?? 'none'}\n`
    return {data, text: first === undefined ? whole : lines.join(''), error}
  }
}

const noDigest = (got: string): TsmctlError =>
  new TsmctlError({
    kind: 'usage',
    attempted: 'look for a head in the audit log',
    got: `${quoted(got, 120)} is no digest`,
    hint: 'Give sha384: and 96 hexadecimal digits, as tsmctl audit head prints them.',
  })

import {Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../../cli/base-command.js'
import {TsmctlError} from '../../errors.js'
import {headText, publishHead, type Publisher} from '../../operations/audit-head.js'
import {readSigningKey} from '../../operations/export-verdict.js'
import {checkRegister} from '../../operations/measurement-register.js'

export default class AuditHead extends BaseCommand {
  static override summary = 'Publish the end of the audit log'
  static override description =
    'Prints number and digest of the last record, signs them with a key of this machine, tells them to journald or ' +
    'syslog, or extends a measurement register of a TDX guest by them: later tsmctl audit verify --head shows that ' +
    'nothing before was cut off or rewritten. That it was published is a record itself.'
  static override examples = [
    '<%= config.bin %> audit head --publish journald',
    '<%= config.bin %> audit head --sign head.pem --publish syslog --publish rtmr:3 --json',
  ]
  static override flags = {
    sign: Flags.string({description: 'private key in PEM, Ed25519 or P-384, that signs the head'}),
    publish: Flags.string({multiple: true, description: 'who is told: journald, syslog, rtmr:2 or rtmr:3'}),
  }

  protected async act({kernel, signal}: Session): Promise<Outcome> {
    const {flags} = await this.parse(AuditHead)
    const publish = (flags.publish ?? []).map(publisherOf)
    const key = flags.sign === undefined ? undefined : readSigningKey(flags.sign)
    const data = await publishHead(kernel, {key, publish, signal})
    const failed = data.published.find(({failure}) => failure !== null)
    const error =
      failed === undefined
        ? undefined
        : new TsmctlError({
            kind: 'unsupported',
            attempted: `publish the head to ${failed.to}`,
            got: failed.failure ?? 'it failed',
            hint: 'The log is as it was; publish it elsewhere, or again.',
          })
    return {data, text: headText(data), error}
  }
}

function publisherOf(name: string): Publisher {
  if (name === 'journald' || name === 'syslog') return name
  const register = /^rtmr:(\d)$/.exec(name)?.[1]
  if (register === undefined)
    throw new TsmctlError({
      kind: 'usage',
      attempted: 'publish the head',
      got: '--publish takes journald, syslog, rtmr:2 or rtmr:3',
    })
  checkRegister(Number(register))
  return `rtmr:${Number(register)}`
}

import {BaseCommand, type Outcome, type Session} from '../../cli/base-command.js'
import {auditText, readAudit} from '../../operations/audit.js'

export default class AuditShow extends BaseCommand {
  static override summary = 'Show what was decided and done on this machine'

  protected async act({kernel, warn}: Session): Promise<Outcome> {
    await this.parse(AuditShow)
    const data = readAudit(kernel)
    if (data.problems.length > 0) warn('audit', 'the log is not whole: tsmctl audit verify says where')
    return {data, text: auditText(data)}
  }
}

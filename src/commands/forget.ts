import {BaseCommand, type Outcome, type Session} from '../cli/base-command.js'
import {pinArgument} from '../cli/pin-argument.js'
import {quoted} from '../errors.js'
import {forget} from '../operations/forget.js'

export default class Forget extends BaseCommand {
  static override summary = 'Give up the pin of a device'
  static override description =
    'The next time the device comes it is one of first use: rules with identity.mode enrolled refuse it, others ask a ' +
    'person. It is recorded in the audit log. This is also the way out of a damaged pin.'
  static override examples = ['<%= config.bin %> forget 9f3c01ab77de', '<%= config.bin %> forget 0000:01:00.0']
  static override args = pinArgument

  protected async act({kernel}: Session): Promise<Outcome> {
    const {args} = await this.parse(Forget)
    const data = await forget(kernel, args.pin)
    const what = data.damaged ? 'a damaged pin' : data.san === null ? 'an unnamed device' : quoted(data.san)
    return {data, text: `forgot ${what}, pin ${data.pinId.slice(7, 19)}\n`}
  }
}

import {BaseCommand, type Outcome, type Session} from '../../cli/base-command.js'
import {pinArgument} from '../../cli/pin-argument.js'
import {choosePin} from '../../operations/choose-pin.js'
import {readPin} from '../../operations/pin-store.js'
import {pinText} from '../../operations/pins-text.js'

export default class PinsShow extends BaseCommand {
  static override summary = 'Show what this machine knows about a device'
  static override examples = ['<%= config.bin %> pins show 9f3c01ab77de']
  static override args = pinArgument

  protected async act({kernel}: Session): Promise<Outcome> {
    const {args} = await this.parse(PinsShow)
    const data = readPin(kernel.state, choosePin(kernel, args.pin))!
    return {data, text: pinText(data)}
  }
}

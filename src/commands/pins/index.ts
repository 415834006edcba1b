import {BaseCommand, type Outcome, type Session} from '../../cli/base-command.js'
import {TsmctlError} from '../../errors.js'
import {listPins} from '../../operations/choose-pin.js'
import {pinsText} from '../../operations/pins-text.js'

export default class Pins extends BaseCommand {
  static override summary = 'List the devices this machine knows'
  static override description =
    'What was enrolled by a person, and what was accepted here before. A damaged pin is told, and makes the command fail: ' +
    'no device is appraised until it is restored or given up.'

  protected async act({kernel}: Session): Promise<Outcome> {
    await this.parse(Pins)
    const data = listPins(kernel)
    const [first] = data.damaged
    const error =
      first === undefined
        ? undefined
        : new TsmctlError({
            kind: 'malformed',
            attempted: 'read the pins of this machine',
            got: `pin ${first.pinId.slice(7, 19)}: ${first.message}`,
            hint: `Restore its file, or give it up with tsmctl forget ${first.pinId}`,
          })
    return {data, text: pinsText(data.pins), error}
  }
}

import {Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../cli/base-command.js'
import {doctorSummary, doctorText} from '../cli/doctor-text.js'
import {printable} from '../errors.js'
import {examineMachine, shortcoming} from '../operations/doctor.js'

export default class Doctor extends BaseCommand {
  static override summary = 'Say what this machine lacks for TDISP, and what to do about it'
  static override description =
    'Looks at kernel, processor, TSM, PCI topology and privilege, as a host that connects devices or as a guest that ' +
    'takes them in. FAIL is a fact about the machine; what could not be read, for lack of privilege or in a ' +
    'recording, is UNKNOWN, never FAIL; a check whose cause failed is SKIPped and names it. Ends with 7 when a check ' +
    'failed, else with 0. Reads only.'
  static override examples = [
    '<%= config.bin %> doctor',
    '<%= config.bin %> doctor --for host --verbose',
    '<%= config.bin %> doctor --json --host replay:machine.json',
  ]
  static override flags = {
    for: Flags.option({
      options: ['host', 'guest'] as const,
      description: 'look at the machine as a host or as a guest; what it seems to be unless given',
    })(),
    verbose: Flags.boolean({char: 'v', description: 'say what every check means, and name all devices'}),
  }

  protected async act({kernel, signal, progress}: Session): Promise<Outcome> {
    const {flags} = await this.parse(Doctor)
    const data = await examineMachine(kernel, {use: flags.for, signal})
    const {kind, label} = kernel.host
    progress(doctorSummary(`host ${kind}${label === '' ? '' : ` ${printable(label, 200)}`}`, data))
    return {data, text: doctorText(data, flags.verbose), error: shortcoming(data)}
  }
}

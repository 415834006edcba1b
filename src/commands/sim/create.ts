import {Flags} from '@oclif/core'
import {BaseCommand, type Outcome} from '../../cli/base-command.js'
import {directoryArgument, machineDirectory} from '../../cli/machine-directory.js'
import {createSimMachine} from '../../operations/sim.js'
import {printablePath} from '../../errors.js'

export default class SimCreate extends BaseCommand {
  static override summary = 'Create a simulated machine, with keys and certificates of its own'
  static override description =
    "Writes the machine, its simulated vendor's root certificate and, for a guest, a policy that accepts what the vendor publishes. Use it with --host sim:DIRECTORY."
  static override examples = ['<%= config.bin %> sim create /tmp/guest --scenario guest']
  static override args = directoryArgument
  static override flags = {
    scenario: Flags.string({description: 'built-in scenario; sim list names them', default: 'guest'}),
    file: Flags.string({description: 'scenario file of your own', exclusive: ['scenario']}),
    replace: Flags.boolean({description: 'replace a machine that is there already'}),
  }

  protected override readonly usesHost = false

  protected async act(): Promise<Outcome> {
    const {args, flags} = await this.parse(SimCreate)
    const directory = machineDirectory(args.directory, flags.host)
    const data = await createSimMachine(directory, flags.file ?? flags.scenario, {
      replace: flags.replace,
      fromFile: flags.file !== undefined,
    })
    const root = data.root === null ? '' : `vendor root ${printablePath(data.root)}\n`
    const policy = data.policy === null ? '' : `policy      ${printablePath(data.policy)}\n`
    return {
      data,
      text: `machine     ${printablePath(directory)} (scenario ${printablePath(data.scenario)})\n${root}${policy}use it with  --host sim:${printablePath(directory)}\n`,
    }
  }
}

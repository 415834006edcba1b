import {BaseCommand, type Outcome} from '../../cli/base-command.js'
import {directoryArgument, machineDirectory} from '../../cli/machine-directory.js'
import {resetSimMachine} from '../../operations/sim.js'
import {printablePath} from '../../errors.js'

export default class SimReset extends BaseCommand {
  static override summary = 'Boot a simulated machine anew: same keys, no injected faults'
  static override args = directoryArgument
  protected override readonly usesHost = false

  protected async act(): Promise<Outcome> {
    const {args, flags} = await this.parse(SimReset)
    const directory = machineDirectory(args.directory, flags.host)
    await resetSimMachine(directory)
    return {data: {directory}, text: `${printablePath(directory)}: booted anew\n`}
  }
}

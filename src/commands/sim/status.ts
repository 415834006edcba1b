import {BaseCommand, type Outcome} from '../../cli/base-command.js'
import {directoryArgument, machineDirectory} from '../../cli/machine-directory.js'
import {simStatus} from '../../operations/sim.js'
import {table} from '../../operations/text-table.js'

export default class SimStatus extends BaseCommand {
  static override summary = 'Look behind the curtain of a simulated machine: true TDI states, faults, violations'
  static override args = directoryArgument
  protected override readonly usesHost = false

  protected async act(): Promise<Outcome> {
    const {args} = await this.parse(SimStatus)
    const data = await simStatus(machineDirectory(args.directory))
    const rows = data.devices.map(d => [d.bdf, d.identity, d.tdi, String(d.lockEpoch), d.driver ?? '-'])
    const text =
      `${data.directory}: scenario ${data.scenario}, nonce ${data.nonce}\n` +
      table(['BDF', 'IDENTITY', 'TDI STATE', 'LOCKS', 'DRIVER'], rows) +
      data.faults.map(fault => `fault: ${JSON.stringify(fault)}\n`).join('') +
      data.violations.map(violation => `violation: ${JSON.stringify(violation)}\n`).join('')
    return {data, text}
  }
}

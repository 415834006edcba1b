import {Args, Flags} from '@oclif/core'
import {BaseCommand, type Outcome} from '../../cli/base-command.js'
import {machineDirectory} from '../../cli/machine-directory.js'
import {injectSimFault} from '../../operations/sim.js'
import {parseBdf} from '../../pci/index.js'

export default class SimInject extends BaseCommand {
  static override summary = 'Make something go wrong on a simulated machine'
  static override description =
    'Adds a fault that strikes at a verb (lock, accept, unlock, connect, disconnect), at the collection of evidence, or ' +
    'when an attribute is read (read:NAME). Faults stay until they have struck; sim reset removes them all. What is ' +
    'injected at now happens at once.'
  static override examples = [
    '<%= config.bin %> sim inject 0000:01:00.0 --at lock --do errno --errno EIO',
    '<%= config.bin %> sim inject 0000:01:00.0 --at evidence --do flip-bit --object report --offset 20',
    '<%= config.bin %> sim inject 0000:01:00.0 --at connect --do insecure --end endpoint',
    '<%= config.bin %> sim inject 0000:01:00.0 --at now --do tsm-gone',
  ]
  static override args = {bdf: Args.string({ignoreStdin: true, description: 'PCI function', required: true})}
  static override flags = {
    machine: Flags.string({description: 'directory of the simulated machine'}),
    at: Flags.string({description: 'where it strikes', required: true}),
    do: Flags.string({
      description:
        'errno, flip-bit, replay, relock, vanish, bind-driver, delay, stuck; on a host also rival, tsm-gone, tsm-back, ' +
        'insecure, one-sided, stream-id, ide-fail, vfs, rescan',
      required: true,
    }),
    errno: Flags.string({description: 'for errno: its name'}),
    object: Flags.string({description: 'for flip-bit: the evidence object'}),
    offset: Flags.integer({description: 'for flip-bit: the byte'}),
    ms: Flags.integer({description: 'for delay: milliseconds'}),
    times: Flags.integer({description: 'how often it strikes', default: 1}),
    after: Flags.integer({description: 'occasions that pass unharmed first'}),
    end: Flags.string({description: 'for insecure and one-sided: root-port or endpoint'}),
    id: Flags.integer({description: 'for stream-id: the Stream ID'}),
    block: Flags.integer({description: 'for ide-fail: the Selective block'}),
    count: Flags.integer({description: 'for vfs: how many virtual functions'}),
  }

  protected override readonly usesHost = false

  protected async act(): Promise<Outcome> {
    const {args, flags} = await this.parse(SimInject)
    const {at, do: kind, errno, object, offset, ms, after, end, id, block, count} = flags
    // what happens now cannot happen several times
    const times = at === 'now' ? undefined : flags.times
    const device = parseBdf(args.bdf)
    const fault = {device, at, do: kind, errno, object, offset, ms, times, after, end, id, block, count}
    const given = Object.fromEntries(Object.entries(fault).filter(([, value]) => value !== undefined))
    const directory = machineDirectory(flags.machine, flags.host)
    await injectSimFault(directory, given)
    return {data: {directory, fault: given}, text: `${fault.device}: ${kind} at ${at}\n`}
  }
}

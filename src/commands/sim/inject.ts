import {Args, Flags} from '@oclif/core'
import {BaseCommand, type Outcome} from '../../cli/base-command.js'
import {machineDirectory} from '../../cli/machine-directory.js'
import {injectSimFault} from '../../operations/sim.js'
import {parseBdf} from '../../pci/index.js'

export default class SimInject extends BaseCommand {
  static override summary = 'Make something go wrong on a simulated machine'
  static override description =
    'Adds a fault that strikes at a verb (lock, accept, unlock, connect, disconnect), at the collection of evidence or ' +
    'its validation, at driver binding (unbind, bind, probe, override), or when an attribute is read (read:NAME). Faults stay until they have struck; sim reset removes them all. What is ' +
    'injected at now happens at once.'
  static override examples = [
    '<%= config.bin %> sim inject 0000:01:00.0 --at lock --do errno --errno EIO',
    '<%= config.bin %> sim inject 0000:01:00.0 --at evidence --do flip-bit --object report --offset 20',
    '<%= config.bin %> sim inject 0000:01:00.0 --at connect --do insecure --end endpoint',
    '<%= config.bin %> sim inject 0000:01:00.0 --at now --do tsm-gone',
    '<%= config.bin %> sim inject 0000:01:00.0 --at evidence --do regenerate --when during',
    '<%= config.bin %> sim inject 0000:01:00.0 --at now --do clock --seconds=-86400',
  ]
  static override args = {bdf: Args.string({ignoreStdin: true, description: 'PCI function', required: true})}
  static override flags = {
    machine: Flags.string({description: 'directory of the simulated machine'}),
    at: Flags.string({description: 'where it strikes', required: true}),
    do: Flags.string({
      description:
        'errno, delay, stuck, flip-bit, replay, interrupted, hostile-text, truncate, duplicate, unrequested, oversize, ' +
        'double-fetch, unknown-attribute, family-version; to a guest relock, vanish, rescan, bind-driver, unbind, reset, ' +
        'bme-clear, regenerate, clock, host-refuses, host-relents, tsm-gone, tsm-back; on a host also rival, insecure, ' +
        'one-sided, stream-id, ide-fail, vfs',
      required: true,
    }),
    when: Flags.string({description: 'for what happens to a guest: before, during or after the operation'}),
    errno: Flags.string({description: 'for errno and hostile-text: its name'}),
    object: Flags.string({
      description: 'for flip-bit, truncate, duplicate, oversize, double-fetch: the evidence object',
    }),
    offset: Flags.integer({description: 'for flip-bit: the byte; for truncate and oversize: how many bytes there are'}),
    ms: Flags.integer({description: 'for delay: milliseconds'}),
    seconds: Flags.integer({description: 'for clock: by how much it jumps, backwards if negative'}),
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
    const {at, do: kind, when, errno, object, offset, ms, seconds, after, end, id, block, count} = flags
    // what happens now cannot happen several times
    const times = at === 'now' ? undefined : flags.times
    const device = parseBdf(args.bdf)
    const numbers = {offset, ms, seconds, times, after, id, block, count}
    const fault = {device, at, do: kind, when, errno, object, end, ...numbers}
    const given = Object.fromEntries(Object.entries(fault).filter(([, value]) => value !== undefined))
    const directory = machineDirectory(flags.machine, flags.host)
    await injectSimFault(directory, given)
    return {data: {directory, fault: given}, text: `${fault.device}: ${kind} at ${at}\n`}
  }
}

import {Args, Flags} from '@oclif/core'
import {BaseCommand, type Outcome} from '../../cli/base-command.js'
import {machineDirectory} from '../../cli/machine-directory.js'
import {TsmctlError} from '../../errors.js'
import {clearSimFaults, injectSimFault} from '../../operations/sim.js'
import {kindsByPoint} from '../../operations/sim-kinds.js'
import {parseBdf} from '../../pci/index.js'

const KINDS = kindsByPoint()
  .map(({points, kinds}) => `${points}: ${kinds.join(', ')}.`)
  .join('\n')

export default class SimInject extends BaseCommand {
  static override summary = 'Make something go wrong on a simulated machine'
  static override description =
    'Adds a fault that strikes at a step. Faults stay until they have struck, or until --clear; sim reset brings back ' +
    'those of the scenario. What is injected at now happens at once. docs/scenarios.md says what every kind does.' +
    `\n\nWhat can go wrong where:\n${KINDS}`
  static override examples = [
    '<%= config.bin %> sim inject 0000:01:00.0 --at lock --do errno --errno EIO',
    '<%= config.bin %> sim inject 0000:01:00.0 --at evidence --do flip-bit --object report --offset 20',
    '<%= config.bin %> sim inject 0000:01:00.0 --at evidence --do swap --object cert0 --with 0000:02:00.0',
    '<%= config.bin %> sim inject 0000:01:00.0 --at connect --do insecure --end endpoint',
    '<%= config.bin %> sim inject 0000:01:00.0 --at now --do reset',
    '<%= config.bin %> sim inject --clear',
    '<%= config.bin %> sim inject 0000:01:00.0 --clear',
  ]
  static override args = {bdf: Args.string({ignoreStdin: true, description: 'PCI function'})}
  static override flags = {
    machine: Flags.string({description: 'directory of the simulated machine'}),
    clear: Flags.boolean({description: 'remove all faults, or those of one function', exclusive: ['at', 'do']}),
    at: Flags.string({description: 'where it strikes: a step, now, or read:ATTRIBUTE'}),
    do: Flags.string({description: 'what happens'}),
    when: Flags.string({description: 'for what happens to a guest: before, during or after the step'}),
    errno: Flags.string({description: 'for errno, errno-after and hostile-text: its name'}),
    object: Flags.string({description: 'the evidence object'}),
    with: Flags.string({description: 'for swap: the function whose object is served'}),
    offset: Flags.integer({description: 'for flip-bit: the byte; for truncate and oversize: how many'}),
    ms: Flags.integer({description: 'for delay: milliseconds'}),
    seconds: Flags.integer({description: 'for clock: by how much, backwards if negative'}),
    times: Flags.integer({description: 'how often it strikes', default: 1}),
    always: Flags.boolean({description: 'it strikes every time', exclusive: ['times']}),
    after: Flags.integer({description: 'occasions that pass unharmed first'}),
    end: Flags.string({description: 'for insecure and one-sided: root-port or endpoint'}),
    id: Flags.integer({description: 'for stream-id: the Stream ID'}),
    block: Flags.integer({description: 'for ide-fail: the Selective block'}),
    count: Flags.integer({description: 'for vfs: how many virtual functions'}),
    step: Flags.string({description: 'for spdm-error and no-answer at connect: the message, such as KEY_EXCHANGE'}),
  }

  protected override readonly usesHost = false

  protected async act(): Promise<Outcome> {
    const {args, flags} = await this.parse(SimInject)
    const directory = machineDirectory(flags.machine, flags.host)
    const device = args.bdf === undefined ? undefined : parseBdf(args.bdf)
    if (flags.clear) {
      const cleared = await clearSimFaults(directory, device)
      const whose = device === undefined ? '' : ` of ${device}`
      return {data: {directory, cleared}, text: `${cleared} ${cleared === 1 ? 'fault' : 'faults'}${whose} removed\n`}
    }
    const {at, do: kind, always, times, when, errno, object, with: other, offset, ms, seconds, after} = flags
    const {end, id, block, count, step} = flags
    if (device === undefined || at === undefined || kind === undefined)
      throw new TsmctlError({
        kind: 'usage',
        attempted: 'inject a fault',
        got: `${device === undefined ? 'no function' : at === undefined ? '--at' : '--do'} is given`,
        hint: 'sim inject BDF --at POINT --do KIND; --help lists what can go wrong where.',
      })
    // what happens now cannot happen several times
    const often = at === 'now' ? undefined : always ? 'always' : times
    const what = {
      when,
      errno,
      object,
      with: other && parseBdf(other),
      offset,
      ms,
      seconds,
      after,
      end,
      id,
      block,
      count,
      step,
    }
    const fault = {device, at, do: kind, ...what, times: often}
    const given = Object.fromEntries(Object.entries(fault).filter(([, value]) => value !== undefined))
    await injectSimFault(directory, given)
    return {data: {directory, fault: given}, text: `${device}: ${kind} at ${at}\n`}
  }
}

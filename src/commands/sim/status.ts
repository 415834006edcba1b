import {hex} from '../../bits/index.js'
import {BaseCommand, type Outcome} from '../../cli/base-command.js'
import {directoryArgument, machineDirectory} from '../../cli/machine-directory.js'
import {type HostStatus, type LinkStatus, simStatus} from '../../operations/sim.js'
import {table} from '../../operations/text-table.js'
import {printable, printablePath} from '../../errors.js'

const section = (headers: readonly string[], rows: readonly (readonly string[])[]): string =>
  rows.length === 0 ? '' : `\n${table(headers, rows)}`

const sessionText = (session: number | null): string => (session === null ? '-' : hex(session, 8))

type Status = Awaited<ReturnType<typeof simStatus>>
type Stream = HostStatus['streams'][number]

/** `K0 6+6 by tsm0`: keys in use at the root port and at the endpoint. */
const keysText = ({keySets, rootPortKeys, endpointKeys, session}: Stream, tsm: string | null): string =>
  session === null
    ? '-'
    : `${keySets.map(keySet => `K${keySet}`).join(' ')} ${rootPortKeys}+${endpointKeys} by ${tsm ?? 'a TSM'}`.trim()

/** Session and stream of a TSM's link to a device. */
const linkText = ({session, phase, streamId, keys}: LinkStatus): string[] => [
  session === null ? '-' : `${hex(session, 8)}${phase === 'lost' ? ' (lost)' : ''}`,
  streamId === null ? '-' : `${streamId}, ${keys} of 6 keys`,
]

/** TDIs of a guest, or of a kernel with TSMs of both sides. */
const tdiText = (devices: Status['devices']): string =>
  table(
    ['BDF', 'IDENTITY', 'TDI STATE', 'LOCKS', 'DRIVER', 'GENERATION', 'VALIDATED', 'PRIVATE MEMORY'],
    devices.map(one => [
      one.bdf,
      printable(one.identity),
      one.tdi,
      String(one.lockEpoch),
      one.driver ?? '-',
      one.generation === 0 ? '-' : String(one.generation),
      one.validated === null ? '-' : String(one.validated),
      one.dma ? 'reached' : '-',
    ]),
  ) +
  section(
    ['TDI', 'INTERFACE', 'SESSION', 'STREAM'],
    devices
      .filter(({link}) => link.session !== null)
      .map(({bdf, interfaceId, link}) => [bdf, hex(interfaceId, 4), ...linkText(link)]),
  )

const hostText = ({tsm, bridges, connected, streams, strays}: HostStatus): string =>
  section(
    ['HOST BRIDGE', 'POOL', 'FREE', 'IDS HELD SINCE BOOT'],
    bridges.map(({name, pool, available, claimed}) => [
      name,
      String(pool),
      String(available),
      claimed.join(', ') || '-',
    ]),
  ) +
  section(
    ['CONNECTED', 'TSM', 'SESSION', 'SUBFUNCTIONS'],
    connected.map(one => [one.bdf, one.tsm, sessionText(one.session), one.subfunctions.join(', ') || '-']),
  ) +
  section(
    ['STREAM', 'ID', 'ROOT PORT', 'IS', 'ENDPOINT', 'IS', 'SESSION', 'KEYS IN USE'],
    streams.map(one => [
      `${one.bridge}/${one.name}`,
      String(one.streamId),
      one.rootPort,
      one.rootPortState,
      one.endpoint,
      one.endpointState,
      sessionText(one.session),
      keysText(one, tsm),
    ]),
  ) +
  section(
    ['DEVICE', 'SESSION THE TSM HAS NOT', 'KEYS IN USE'],
    strays.map(({bdf, session, keys}) => [bdf, hex(session, 8), String(keys)]),
  )

export default class SimStatus extends BaseCommand {
  static override summary =
    'Look behind the curtain of a simulated machine: true TDI states or streams, faults, violations'
  static override args = directoryArgument
  protected override readonly usesHost = false

  protected async act(): Promise<Outcome> {
    const {args, flags} = await this.parse(SimStatus)
    const data = await simStatus(machineDirectory(args.directory, flags.host))
    const guest = data.host === null || data.devices.length > 0
    const text =
      `${printablePath(data.directory)}: scenario ${data.scenario}, ABI ${data.abi}` +
      `${data.host === null ? '' : `, ${data.host.tsm ?? 'no TSM'}`}${guest ? `, nonce ${data.nonce}` : ''}\n` +
      (data.clock === 0 ? '' : `the clock is wrong by ${data.clock} s\n`) +
      (data.hostRefuses ? 'the host refuses what a TSM needs it for\n' : '') +
      (guest ? tdiText(data.devices) : '') +
      (data.host === null ? '' : hostText(data.host)) +
      data.faults.map(fault => `fault: ${JSON.stringify(fault)}\n`).join('') +
      data.violations.map(violation => `violation: ${JSON.stringify(violation)}\n`).join('')
    return {data, text}
  }
}

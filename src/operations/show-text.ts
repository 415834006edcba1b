/** `show` for people: one line per fact, in the order of the questions. */
import {printable} from '../errors.js'
import type {DeviceView} from './show.js'

const withRole = ({bdf, role}: {readonly bdf: string; readonly role: string | null}): string =>
  role === null ? bdf : `${bdf} ${role}`

const isUnread = ({unreadable}: DeviceView, name: string): boolean => unreadable.some(({field}) => field === name)

function sriovText({sriov, virtfns}: DeviceView): string | null {
  if (sriov === null) return virtfns.join(' ') || null
  const list = virtfns.length === 0 ? '' : `: ${virtfns.join(' ')}`
  return `${sriov.numVfs ?? '?'} of ${sriov.totalVfs ?? '?'} enabled${list}`
}

function topologyText({topologyDsm, dsm}: DeviceView): string | null {
  if (topologyDsm === null) return null
  const {dsm: predicted, because} = topologyDsm
  const answer = predicted === null ? `none: ${because}` : `${predicted}, because ${because}`
  return dsm !== null && dsm !== predicted ? `${answer}; the kernel says otherwise` : answer
}

const ideText = ({ideStreams: numbers}: DeviceView): string | null =>
  numbers &&
  `capability ${numbers.capability}, at most ${numbers.usable} usable by Linux (see ide show), enabled ${numbers.inUse}`

/** Only function 0 has a connection; the others of a connected device stand and fall with it. */
const withoutState = ({dsm}: DeviceView): string =>
  dsm === null ? 'not a TSM device' : `no connection of its own: it depends on that of ${dsm}`

function rowsOf(view: DeviceView): [string, string | null][] {
  const {id, className, revision, subsystem} = view
  return [
    ['device', `${id ?? '?'} ${className ?? ''} rev ${revision ?? '?'} subsystem ${subsystem ?? '?'}`],
    ['role', view.role],
    ['driver', view.driver ?? (isUnread(view, 'driver') ? null : 'none')],
    ['driver override', view.driverOverride],
    ['held', view.held?.text ?? null],
    ['host bridge', view.hostBridge],
    ['path', view.path.map(withRole).join(' > ') || null],
    ['IOMMU group', view.iommuGroup],
    ['power state', view.powerState],
    ['physical function', view.physfn],
    ['virtual functions', sriovText(view)],
    ['siblings', view.siblings.join(' ') || null],
    ['TSM', view.tsm],
    ['state', view.state ?? view.unknown ?? withoutState(view)],
    ['DSM (kernel)', view.dsm],
    ['DSM (topology)', topologyText(view)],
    ...view.meaning.map(({attribute, text}): [string, string] => [attribute, text]),
    ['IDE streams', ideText(view)],
    ['kernel streams', view.streams?.join(' ') || null],
    ['DOE features', view.doeFeatures?.join(' ') ?? null],
    ...view.bars
      .filter(({kind}) => kind !== 'upper-half')
      .map(({index, kind, size, address}): [string, string] => [
        `BAR ${index}`,
        `${kind} ${size ?? '?'} bytes at ${address ?? 'no address'}`,
      ]),
    ...view.unreadable.map(({field, reason}): [string, string] => [field, `unknown: ${reason}`]),
    ...view.findings.map(({message}): [string, string] => ['finding', message]),
  ]
}

export function textOf(view: DeviceView): string {
  const rows = rowsOf(view).filter((row): row is [string, string] => row[1] !== null)
  const width = Math.max(...rows.map(([name]) => name.length))
  return `${view.bdf}\n${rows.map(([name, value]) => `  ${name.padEnd(width)}  ${printable(value, 4096)}\n`).join('')}`
}

/** Every column of `list`. Those beyond the standard ones read what they need, and only when they are asked for. */
import {quoted, TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {type Known, known, mapKnown, type Present, thenKnown} from '../known.js'
import {
  capabilityOf,
  PORT_TYPE_NAMES,
  readAttribute,
  readDecimal,
  readDoeFeatures,
  readLinkName,
  readSriov,
  readVirtfns,
  SERIAL_NUMBER,
  type TsmAttributes,
} from '../pci/index.js'
import type {Column, Value} from './column.js'
import type {Device} from './device.js'
import {type DeviceRow, STANDARD_COLUMNS} from './list.js'

/** A row that can be asked for more. */
export interface Subject {
  readonly row: DeviceRow
  readonly device: Device
  readonly kernel: Kernel
  /** Unknown without a registered TSM: then a missing file says nothing. */
  readonly tsm: Known<TsmAttributes>
  readonly streams: Known<readonly string[]>
}

export type ListColumn = Column<Subject>

const orNull = <T extends Value>(fact: Present<T>): Known<T | null> => (fact.present ? fact.value : known(null))
const attribute =
  (name: keyof TsmAttributes) =>
  ({tsm}: Subject): Known<Value> =>
    // an empty attribute says "none"
    mapKnown(
      thenKnown(tsm, attributes => orNull(attributes[name])),
      text => text || null,
    )
const vfs = (which: 'totalVfs' | 'numVfs') => (subject: Subject) => {
  const sriov = readSriov(subject.kernel, subject.device.directory)
  return sriov.present ? thenKnown(sriov.value, numbers => numbers[which]) : known(null)
}
/** `0001:01`, as sysfs names it. */
export const doeName = ({vendor, type}: {readonly vendor: number; readonly type: number}): string =>
  `${vendor.toString(16).padStart(4, '0')}:${type.toString(16).padStart(2, '0')}`

/** `00-11-22-33-44-55-66-77`, the most significant byte first, as sysfs prints it. */
const serialText = (serial: bigint): string =>
  serial
    .toString(16)
    .padStart(16, '0')
    .replaceAll(/..(?!$)/g, '$&-')

/** Name of a Device/Port Type; null for a function that is not PCI Express. */
export const roleName = (type: number | undefined): string | null =>
  type === undefined ? null : (PORT_TYPE_NAMES[type] ?? `type ${type}`)

const MORE_COLUMNS: readonly ListColumn[] = [
  {
    name: 'hostbridge',
    field: 'hostBridge',
    type: 'text',
    help: 'host bridge above',
    value: ({device: {fn}}) => mapKnown(fn.place, place => place.hostBridge ?? null),
  },
  {
    name: 'rootport',
    field: 'rootPort',
    type: 'text',
    help: 'root port above; - on the root bus itself',
    value: ({device: {fn}}) => mapKnown(fn.place, place => place.ports[0] ?? null),
  },
  {
    name: 'ports',
    field: 'ports',
    type: 'list',
    help: 'all ports above, root port first',
    value: ({device: {fn}}) => mapKnown(fn.place, place => place.ports),
  },
  {
    name: 'role',
    field: 'role',
    type: 'text',
    help: 'PCI Express device or port type; - is not PCI Express',
    value: ({device}) => mapKnown(device.portType, roleName),
  },
  {
    name: 'pf',
    field: 'physfn',
    type: 'text',
    help: 'physical function of a VF',
    value: ({device}) => mapKnown(device.physfn, pf => pf ?? null),
  },
  {
    name: 'vf',
    field: 'virtfns',
    type: 'list',
    help: 'VFs of a physical function',
    value: ({kernel, device}) => readVirtfns(kernel, device.directory),
  },
  {
    name: 'numvfs',
    field: 'numVfs',
    type: 'number',
    help: 'VFs that are enabled; - has no SR-IOV that this kernel can use',
    value: vfs('numVfs'),
  },
  {
    name: 'totalvfs',
    field: 'totalVfs',
    type: 'number',
    help: 'VFs that could be enabled',
    value: vfs('totalVfs'),
  },
  {
    name: 'dsm',
    field: 'dsm',
    type: 'text',
    help: 'function that the kernel says holds the DSM',
    value: attribute('dsm'),
  },
  {
    name: 'topodsm',
    field: 'topologyDsm',
    type: 'text',
    help: 'function that will hold the DSM once it is connected, by the topology; - Linux finds none',
    value: ({device}) => mapKnown(device.predictedDsm, ({dsm}) => dsm),
  },
  {
    name: 'bound',
    field: 'bound',
    type: 'text',
    help: 'TSM that holds a TDI context for a guest; no kernel up to 7.3 fills it',
    value: attribute('bound'),
  },
  {
    name: 'authenticated',
    field: 'authenticated',
    type: 'text',
    help: 'TSM whose connection includes the function; no certificate was judged',
    value: attribute('authenticated'),
  },
  {
    name: 'iommugroup',
    field: 'iommuGroup',
    type: 'text',
    help: 'IOMMU group; - without an IOMMU',
    value: ({kernel, device}) => orNull(readLinkName(kernel, `${device.directory}/iommu_group`)),
  },
  {
    name: 'numa',
    field: 'numaNode',
    type: 'number',
    help: 'NUMA node; -1 when firmware does not say',
    value: ({kernel, device}) => orNull(readDecimal(kernel, `${device.directory}/numa_node`)),
  },
  {
    name: 'powerstate',
    field: 'powerState',
    type: 'text',
    help: 'power state, D0 to D3cold',
    value: ({kernel, device}) => orNull(readAttribute(kernel, `${device.directory}/power_state`)),
  },
  {
    name: 'tee',
    field: 'teeIo',
    type: 'flag',
    help: 'TEE-IO Supported in Device Capabilities',
    value: ({device}) => device.teeIo,
  },
  {
    name: 'ide',
    whole: true,
    field: 'ideStreams',
    type: 'number',
    help: 'Selective IDE streams that the capability promises; - has no IDE',
    value: ({device}) => mapKnown(device.ideRegisters, ide => ide?.promised.selective ?? null),
  },
  {
    name: 'ideused',
    whole: true,
    field: 'ideStreamsInUse',
    type: 'number',
    help: 'Selective IDE streams that are enabled in the registers, by whomever',
    value: ({device}) =>
      mapKnown(device.ideRegisters, ide => ide?.selectiveStreams.filter(({enabled}) => enabled).length ?? null),
  },
  {
    name: 'doe',
    field: 'doeFeatures',
    type: 'list',
    help: 'data object types that the kernel found in the DOE mailboxes; - has none',
    value: ({kernel, device}) => {
      const features = readDoeFeatures(kernel, device.bdf)
      return features.present ? mapKnown(features.value, list => list.map(doeName)) : known(null)
    },
  },
  {
    name: 'stream',
    field: 'streams',
    type: 'list',
    help: 'streams of the kernel that end here: host bridge slot, root port block, endpoint block',
    value: ({streams}) => streams,
  },
  {
    name: 'serial',
    whole: true,
    field: 'serialNumber',
    type: 'text',
    help: 'Device Serial Number capability; - has none',
    value: ({device}) =>
      thenKnown(device.config, space =>
        mapKnown(capabilityOf(space, SERIAL_NUMBER), serial =>
          serial === undefined ? null : serialText(serial.serialNumber),
        ),
      ),
  },
]

/** The one table: text, JSON members, `--list-columns`, help and reference come from it. */
export const COLUMNS: readonly ListColumn[] = [
  ...STANDARD_COLUMNS.map(column => ({...column, value: ({row}: Subject) => column.value(row)})),
  ...MORE_COLUMNS,
]

export const STANDARD_NAMES: readonly string[] = STANDARD_COLUMNS.map(({name}) => name)

/** Column called `name`, in any case. Throws TsmctlError `usage`. */
export function columnNamed(name: string): ListColumn {
  const wanted = name.trim().toLowerCase()
  const found = COLUMNS.find(column => column.name === wanted)
  if (found !== undefined) return found
  throw new TsmctlError({
    kind: 'usage',
    attempted: `list column ${quoted(name)}`,
    got: 'no such column',
    hint: `The columns are ${COLUMNS.map(column => column.name).join(', ')}.`,
  })
}

/** Columns of `-o`: `a,b` are these, `+a,b` are `standard` and these, each once. Throws TsmctlError `usage`. */
export function chosenColumns(given: string | undefined, standard: readonly string[]): readonly ListColumn[] {
  const isMore = given?.startsWith('+') ?? true
  const names = given?.replace(/^\+/, '').split(',') ?? []
  return [...new Set([...(isMore ? standard : []), ...names].map(columnNamed))]
}

/** `list`: every PCI function with what an operator asks first: what is it, who drives it, how does it stand to a TSM. */
import {printable} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {type Known, known, type Present, unknown, valueOf} from '../known.js'
import {
  className,
  NO_TSM_ATTRIBUTES,
  type PciFunction,
  type Topology,
  type TsmAttributes,
  type Tsms,
  walkDevices,
} from '../pci/index.js'
import type {Column, Value} from './column.js'

export interface DeviceRow {
  readonly bdf: string
  /** `vvvv:dddd`, null when unknown. */
  readonly id: string | null
  /** Six hexadecimal digits. */
  readonly class: string | null
  readonly className: string | null
  readonly driver: string | null
  readonly hostBridge: string | null
  /** Ports above the function, root port first. */
  readonly ports: readonly string[]
  /** TSM that holds the device, by lock or connect. */
  readonly tsm: string | null
  /** Guest side: CONFIG_UNLOCKED, CONFIG_LOCKED, RUN. Host side: disconnected, connected. Null: no TDI, or unknown. */
  readonly state: string | null
  /** Why the state is unknown; null when it is known, also when the device has none. */
  readonly unknown: string | null
}

export interface TsmRow {
  readonly name: string
  /** `link`, `devsec` or null where the kernel does not say. */
  readonly mode: string | null
  /** Device that provides it. */
  readonly parent: string | null
}

export interface DeviceList {
  readonly devices: readonly DeviceRow[]
  readonly tsms: readonly TsmRow[]
  /** Does this kernel have a TSM core at all? Null where a recording does not tell. */
  readonly tsmCore: boolean | null
  readonly vanished: readonly string[]
}

/** Only a registered TSM makes the kernel look: without one, a missing `tsm/` directory says nothing. */
export const NO_TSM = 'no TSM is registered on this machine'

/** A dump of configuration spaces, or a recording that lacks this: neither TSM nor driver are known to be absent. */
export const UNTOLD = 'this recording says nothing about the running kernel'
/** Reasons that the line about the host gives for all functions. */
export const SAID_OF_HOST: readonly (string | null)[] = [NO_TSM, UNTOLD]

const orUnknown = (value: string | null): Known<Value> => (value === null ? unknown(NO_UEVENT) : known(value))
const NO_UEVENT = 'the uevent file does not identify the device'

/** What `list` prints unless told otherwise: nothing that the walk has not read anyway. */
export const STANDARD_COLUMNS: readonly Column<DeviceRow>[] = [
  {name: 'bdf', field: 'bdf', type: 'text', help: 'PCI function', value: ({bdf}) => known(bdf)},
  {name: 'id', field: 'id', type: 'text', help: 'vendor and device', value: ({id}) => orUnknown(id)},
  {
    name: 'class',
    field: 'className',
    type: 'text',
    help: 'what kind of device',
    value: row => orUnknown(row.className),
  },
  {
    name: 'driver',
    field: 'driver',
    type: 'text',
    help: 'bound driver',
    // one file says both
    value({id, driver, unknown: why}) {
      if (id === null) return unknown(NO_UEVENT)
      return driver === null && why === UNTOLD ? unknown(UNTOLD) : known(driver)
    },
  },
  {name: 'tsm', field: 'tsm', type: 'text', help: 'TSM that holds the device', value: ({tsm}) => known(tsm)},
  {
    name: 'state',
    field: 'state',
    type: 'text',
    help: 'TDI state in a guest, connection on a host; ? is unknown, - has none of its own',
    value: row => (row.state === null && row.unknown !== null ? unknown(row.unknown) : known(row.state)),
  },
]

const said = (attribute: Present<string>): string | undefined =>
  attribute.present ? valueOf(attribute.value) : undefined

const reasonOf = (attribute: Present<string>): string | null =>
  attribute.present && !attribute.value.known ? attribute.value.reason : null

/** The connection of a function that may have one as well as a lock; undefined when it is not connected. */
function connection(connect: Present<string>): Pick<DeviceRow, 'tsm' | 'state' | 'unknown'> | undefined {
  const to = said(connect)
  if (connect.present && to === undefined) return {tsm: null, state: null, unknown: reasonOf(connect) ?? 'not readable'}
  return to === undefined || to === '' ? undefined : {tsm: to, state: 'connected', unknown: null}
}

/** How a function stands to its TSM, from whichever side this kernel sees it. */
function relation({lock, accept, connect}: TsmAttributes): Pick<DeviceRow, 'tsm' | 'state' | 'unknown'> {
  if (lock.present) {
    const by = said(lock)
    const why = reasonOf(lock) ?? (by === '' ? null : reasonOf(accept))
    if (by === undefined || why !== null) return {tsm: null, state: null, unknown: why ?? 'not readable'}
    if (by === '') return connection(connect) ?? {tsm: null, state: 'CONFIG_UNLOCKED', unknown: null}
    return {tsm: by, state: said(accept) === '1' ? 'RUN' : 'CONFIG_LOCKED', unknown: null}
  }
  if (!connect.present) return {tsm: null, state: null, unknown: null}
  return connection(connect) ?? {tsm: null, state: 'disconnected', unknown: null}
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')

export function rowOf({bdf, ids, driver, place}: PciFunction, attributes: TsmAttributes, tsms: Tsms): DeviceRow {
  const {vendor, device, classCode} = valueOf(ids) ?? {}
  const where = valueOf(place)
  return {
    bdf,
    id: vendor === undefined || device === undefined ? null : `${hex(vendor, 4)}:${hex(device, 4)}`,
    class: classCode === undefined ? null : hex(classCode, 6),
    className: classCode === undefined ? null : className(classCode),
    driver: valueOf(driver) ?? null,
    hostBridge: where?.hostBridge ?? null,
    ports: where?.ports ?? [],
    ...(tsms.list.length === 0
      ? {tsm: null, state: null, unknown: tsms.core.known ? NO_TSM : UNTOLD}
      : relation(attributes)),
  }
}

/** Rows of a machine that was walked with its TSM attributes. */
export function deviceList({functions, vanished, tsms, tsmAttributes}: Topology): DeviceList {
  return {
    devices: functions.map(fn => rowOf(fn, tsmAttributes.get(fn.bdf) ?? NO_TSM_ATTRIBUTES, tsms)),
    tsms: tsms.list.map(({name, mode, parent}) => ({name, mode: said(mode) ?? null, parent: parent ?? null})),
    tsmCore: tsms.core.known ? tsms.core.value : null,
    vanished,
  }
}

/** Reads the whole machine. Throws ErrnoError when it has no PCI bus, or EINTR on abort. */
export const listDevices = async (kernel: Kernel, signal?: AbortSignal): Promise<DeviceList> =>
  deviceList(await walkDevices(kernel, signal === undefined ? {tsm: true} : {tsm: true, signal}))

/** Nobody has registered, by what is known of the TSM core. */
const NONE: Readonly<Record<string, string>> = {
  true: 'no TSM registered',
  false: 'no TSM (this kernel has no TSM core)',
  null: `TSM unknown (${UNTOLD})`,
}

/** One line for people: what machine this was, and what to do where nothing can be done. */
export function hostNote(kernel: Kernel, {devices, tsms, tsmCore, vanished}: DeviceList): string {
  const {kind, label} = kernel.host
  const host = label === '' ? kind : `${kind} ${printable(label, 200)}`
  const count = `${devices.length} PCI function${devices.length === 1 ? '' : 's'}`
  const gone = vanished.length === 0 ? '' : `, ${vanished.length} vanished while being read`
  const which = tsms.map(({name, mode}) => printable(mode === null ? name : `${name} (${mode})`)).join(', ')
  const none = NONE[String(tsmCore)]
  const hint = kind === 'live' && tsms.length === 0 ? '; to try things out use --host sim' : ''
  return `host ${host}: ${count}${gone}, ${tsms.length === 0 ? none : `TSM ${which}`}${hint}`
}

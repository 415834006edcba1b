/** `list` with chosen columns: one walk, and then what the columns ask for. */
import type {Kernel} from '../kernel/index.js'
import {type Known, known, unknown, valueOf} from '../known.js'
import {compareBdf, isBdf, NO_TSM_ATTRIBUTES, walkDevices} from '../pci/index.js'
import {breathe} from './breathe.js'
import type {Value} from './column.js'
import type {ListColumn, Subject} from './columns.js'
import {openDevices} from './device.js'
import {deviceList, type DeviceList, type DeviceRow, NO_TSM, UNTOLD} from './list.js'
import {streamsByFunction} from './streams.js'

export interface ListedDevice {
  readonly row: DeviceRow
  readonly cells: ReadonlyMap<ListColumn, Known<Value>>
}

export interface Listed {
  readonly list: DeviceList
  /** In the order asked for. */
  readonly devices: readonly ListedDevice[]
}

export interface ListRequest {
  /** Columns to read, whether shown or only sorted by. */
  readonly columns: readonly ListColumn[]
  readonly sort?: ListColumn | undefined
  readonly signal?: AbortSignal | undefined
}

/** Reads the machine and the columns. Throws ErrnoError when it has no PCI bus, or EINTR on abort. */
export async function listColumns(kernel: Kernel, {columns, sort, signal}: ListRequest): Promise<Listed> {
  const topology = await walkDevices(kernel, signal === undefined ? {tsm: true} : {tsm: true, signal})
  const list = deviceList(topology)
  const {find, once} = openDevices(kernel, topology.functions)
  const streams = streamsByFunction(topology.hostBridges, endpoint => find(endpoint)?.ports[0])
  const wanted = sort === undefined ? columns : [...new Set([...columns, sort])]
  const needsWhole = wanted.some(({whole}) => whole)
  const read: ListedDevice[] = []
  for (const [index, fn] of topology.functions.entries()) {
    await breathe(index, signal)
    const row = list.devices[index]!
    const attributes = topology.tsmAttributes.get(row.bdf) ?? NO_TSM_ATTRIBUTES
    const device = once(fn)
    if (needsWhole) device.readWhole()
    const subject: Subject = {
      row,
      device,
      kernel,
      tsm: list.tsms.length === 0 ? unknown(list.tsmCore === null ? UNTOLD : NO_TSM) : known(attributes),
      streams: streams(row.hostBridge ?? undefined, row.bdf),
    }
    read.push({row, cells: new Map(wanted.map(column => [column, column.value(subject)]))})
  }
  return {list, devices: sort === undefined ? read : read.toSorted(byColumn(sort))}
}

function compareValues(a: Value, b: Value): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  const [x, y] = [String(a), String(b)]
  if (isBdf(x) && isBdf(y)) return compareBdf(x, y)
  return x < y ? -1 : Number(x > y)
}

const rank = (fact: Known<Value>): number => (fact.known ? Number(fact.value === null) : 2)

/** Ascending; what has none and then what is unknown come last, equals stay in BDF order. */
const byColumn =
  (column: ListColumn) =>
  (a: ListedDevice, b: ListedDevice): number => {
    const [x, y] = [a, b].map(({cells}) => cells.get(column)!) as [Known<Value>, Known<Value>]
    return rank(x) - rank(y) || compareValues(valueOf(x) ?? null, valueOf(y) ?? null)
  }

/** A row under `--json`: the members of every listing, those asked for, and why any of them is null. */
export function rowJson({row, cells}: ListedDevice): Record<string, unknown> {
  const asked = [...cells].filter(([{field}]) => !(field in row))
  if (asked.length === 0) return {...row}
  return {
    ...row,
    ...Object.fromEntries(asked.map(([{field}, fact]) => [field, fact.known ? fact.value : null])),
    unreadable: asked.flatMap(([{field}, fact]) => (fact.known ? [] : [{field, reason: fact.reason}])),
  }
}

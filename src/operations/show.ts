/** `show`: everything the machine says about one function, with the reason for whatever it does not say. */
import {type Finding, hex, type Json} from '../bits/index.js'
import {printable} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import type {Known, Present} from '../known.js'
import {type FunctionFacts, inspectFunction} from '../pci/index.js'
import {registersText, viewConfigSpace} from './config-space-view.js'
import {type DeviceRow, rowOf} from './list.js'

export interface BarView {
  readonly index: number
  readonly kind: string
  /** Bytes, `0x…`; null for the upper half of a 64-bit BAR or an unknown size. */
  readonly size: string | null
  readonly address: string | null
  readonly prefetchable: boolean
}

export interface DeviceView extends DeviceRow {
  readonly revision: string | null
  readonly subsystem: string | null
  readonly iommuGroup: string | null
  readonly numaNode: number | null
  readonly powerState: string | null
  readonly driverOverride: string | null
  readonly physfn: string | null
  readonly virtfns: readonly string[]
  readonly siblings: readonly string[]
  readonly doeFeatures: readonly string[] | null
  readonly bars: readonly BarView[]
  readonly dsm: string | null
  readonly bound: string | null
  readonly authenticated: string | null
  readonly config: Json
  readonly findings: readonly Finding[]
  /** Fields above that are null because they could not be read, with the reason. */
  readonly unreadable: readonly {readonly field: string; readonly reason: string}[]
}

/** Collects the reasons while facts become values. */
class Values {
  readonly unreadable: {field: string; reason: string}[] = []

  known<T>(field: string, fact: Known<T>): T | null {
    if (fact.known) return fact.value ?? null
    this.unreadable.push({field, reason: fact.reason})
    return null
  }

  present<T>(field: string, fact: Present<T>): T | null {
    return fact.present ? this.known(field, fact.value) : null
  }
}

function barsOf(facts: FunctionFacts, values: Values): BarView[] {
  const resources = values.known('bars', facts.resources)
  return (resources?.bars ?? []).map(bar =>
    bar.kind === 'upper-half'
      ? {index: bar.index, kind: bar.kind, size: null, address: null, prefetchable: false}
      : {
          index: bar.index,
          kind: bar.kind,
          size: bar.size.known ? hex(bar.size.value) : null,
          address: bar.assigned ? hex(bar.start) : null,
          prefetchable: bar.prefetchable,
        },
  )
}

export function viewOf(facts: FunctionFacts): {view: DeviceView; text: string} {
  const values = new Values()
  const {ids} = facts
  const space = facts.config
  const bytes = facts.configBytes.known ? facts.configBytes.value : new Uint8Array()
  const config = space.known ? viewConfigSpace(space.value, bytes) : undefined
  if (!space.known) values.known('config', space)
  const features = values.present('doeFeatures', facts.doeFeatures)
  const view: DeviceView = {
    ...rowOf(facts, facts.tsm),
    revision: hexOrNull(values.present('revision', facts.revision), 2),
    subsystem: ids.known ? `${four(ids.value.subsystemVendor)}:${four(ids.value.subsystemDevice)}` : null,
    iommuGroup: values.present('iommuGroup', facts.iommuGroup),
    numaNode: values.present('numaNode', facts.numaNode),
    powerState: values.present('powerState', facts.powerState),
    driverOverride: values.known('driverOverride', facts.driverOverride) ?? null,
    physfn: values.present('physfn', facts.physfn),
    virtfns: values.known('virtfns', facts.virtfns) ?? [],
    siblings: values.known('siblings', facts.siblings) ?? [],
    doeFeatures: features?.map(({vendor, type}) => `${four(vendor)}:${type.toString(16).padStart(2, '0')}`) ?? null,
    bars: barsOf(facts, values),
    dsm: values.present('dsm', facts.tsm.dsm) || null,
    bound: values.present('bound', facts.tsm.bound) || null,
    authenticated: values.present('authenticated', facts.tsm.authenticated) || null,
    config: config?.fields ?? null,
    findings: config?.found ?? [],
    unreadable: values.unreadable,
  }
  const registers = space.known ? registersText(space.value) : ''
  return {view, text: textOf(view) + (config?.text ?? '') + registers}
}

const four = (value: number): string => value.toString(16).padStart(4, '0')
const hexOrNull = (value: number | null, digits: number): string | null => (value === null ? null : hex(value, digits))

function textOf(view: DeviceView): string {
  const rows: [string, string | null][] = [
    [
      'device',
      `${view.id ?? '?'} ${view.className ?? ''} rev ${view.revision ?? '?'} subsystem ${view.subsystem ?? '?'}`,
    ],
    ['driver', view.driver ?? 'none'],
    ['driver override', view.driverOverride],
    ['host bridge', view.hostBridge],
    ['ports', view.ports.join(' > ') || null],
    ['IOMMU group', view.iommuGroup],
    ['physical function', view.physfn],
    ['virtual functions', view.virtfns.join(' ') || null],
    ['siblings', view.siblings.join(' ') || null],
    ['TSM', view.tsm],
    ['state', view.state ?? view.unknown ?? 'not a TSM device, or no TSM on this machine'],
    ['DSM', view.dsm],
    ['bound', view.bound],
    [
      'authenticated',
      view.authenticated === null ? null : `${view.authenticated} (connected; no certificate was judged)`,
    ],
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
  const width = Math.max(...rows.map(([name]) => name.length))
  return (
    `${view.bdf}\n` +
    rows
      .filter((row): row is [string, string] => row[1] !== null)
      .map(([name, value]) => `  ${name.padEnd(width)}  ${printable(value, 400)}\n`)
      .join('')
  )
}

/** Throws TsmctlError `not-found` when there is no such function. */
export async function showDevice(
  kernel: Kernel,
  bdf: string,
  signal?: AbortSignal,
): Promise<{view: DeviceView; text: string}> {
  return viewOf(await inspectFunction(kernel, bdf, signal))
}

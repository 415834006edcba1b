/** What config space and sysfs claim about a device, in the form a bundle holds. */
import {hex, toHex} from '../bits/index.js'
import type {BarFacts, DeviceFacts, PciFacts} from '../evidence/index.js'
import {errnoOf} from '../errors.js'
import {type Kernel, readText} from '../kernel/index.js'
import {type Present, valueOf} from '../known.js'
import {capabilityOf, type FunctionFacts, inspectFunction, MSIX, readFunction, SERIAL_NUMBER} from '../pci/index.js'

export const BOOT_ID = '/proc/sys/kernel/random/boot_id'

/** Text of a file that may be missing or closed to us. */
export function textOrNull(kernel: Kernel, path: string): string | null {
  try {
    return readText(kernel, path).trim()
  } catch (error) {
    if (errnoOf(error) === undefined) throw error
    return null
  }
}

/** Which boot of the machine this is; null where the kernel does not tell. */
export const bootIdOf = (kernel: Kernel): string | null => textOrNull(kernel, BOOT_ID)

const present = <T>(fact: Present<T>): T | undefined => (fact.present ? valueOf(fact.value) : undefined)

const KIND: Readonly<Record<string, BarFacts['kind']>> = {mem32: 'memory32', mem64: 'memory64', io: 'io'}

function barsOf(facts: FunctionFacts): BarFacts[] {
  return (valueOf(facts.resources)?.bars ?? []).map(bar =>
    bar.kind === 'upper-half'
      ? {index: bar.index, size: '0x0', address: '0x0', kind: 'upper-half', prefetchable: false}
      : {
          index: bar.index,
          size: hex(valueOf(bar.size) ?? 0n),
          address: hex(bar.start),
          kind: KIND[bar.kind] ?? 'none',
          prefetchable: bar.prefetchable,
        },
  )
}

function msixOf(facts: FunctionFacts): PciFacts['msix'] {
  const space = valueOf(facts.config)
  if (space === undefined) return 'unknown'
  const capability = capabilityOf(space, MSIX)
  if (!capability.known) return 'unknown'
  const registers = capability.value
  if (registers === undefined) return null
  // Message Control is bytes 2 and 3 of the capability: taken from the encoder, so that the table stays the only source
  const control = new DataView(MSIX.encode(registers).buffer).getUint16(2, true)
  return {
    tableBar: registers.tableBar,
    tableOffset: hex(registers.tableOffset * 8),
    pbaBar: registers.pbaBar,
    pbaOffset: hex(registers.pbaOffset * 8),
    tableSize: registers.lastVector + 1,
    control: hex(control, 4),
  }
}

function identityOf(facts: FunctionFacts): Omit<DeviceFacts, 'bdf'> {
  const ids = valueOf(facts.ids)
  const space = valueOf(facts.config)
  const serial = space === undefined ? undefined : valueOf(capabilityOf(space, SERIAL_NUMBER))
  const revision = present(facts.revision)
  return {
    vendor: ids === undefined ? null : hex(ids.vendor, 4),
    device: ids === undefined ? null : hex(ids.device, 4),
    subsystem: ids === undefined ? null : `${hex(ids.subsystemVendor, 4)}:${hex(ids.subsystemDevice, 4)}`,
    class: ids === undefined ? null : hex(ids.classCode, 6),
    revision: revision === undefined ? null : hex(revision, 2),
    ...(serial !== undefined && {dsn: toHex(SERIAL_NUMBER.encode(serial).subarray(4))}),
  }
}

function commandOf(facts: FunctionFacts): string | null {
  const bytes = valueOf(facts.configBytes)
  if (bytes === undefined || bytes.length < 6) return null
  return hex(new DataView(bytes.buffer, bytes.byteOffset).getUint16(4, true), 4)
}

/** Reads everything anew. Throws TsmctlError `not-found` when the device is gone. */
export async function readPciFacts(kernel: Kernel, bdf: string, signal?: AbortSignal): Promise<PciFacts> {
  const facts = await inspectFunction(kernel, bdf, signal)
  const header = valueOf(facts.config)?.header
  const headerFields = header === undefined ? undefined : valueOf(header)?.fields
  const sriov = present(facts.sriov)
  return {
    ...identityOf(facts),
    bdf,
    headerType: headerFields?.headerType ?? null,
    bars: barsOf(facts),
    msix: msixOf(facts),
    command: commandOf(facts),
    driver: valueOf(facts.driver) ?? null,
    iommuGroup: present(facts.iommuGroup) ?? null,
    bootId: bootIdOf(kernel),
    sriovVfs: sriov === undefined ? null : (valueOf(sriov.numVfs) ?? null),
    siblings: (valueOf(facts.siblings) ?? []).map(sibling => {
      const other = readFunction(kernel, sibling)
      return {bdf: sibling, driver: other === undefined ? null : (valueOf(other.driver) ?? null)}
    }),
  }
}

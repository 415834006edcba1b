/** Base Address Registers: where they are (the kernel's `resource` file) and what the registers themselves say. */
import {bit, bits, DecodeError, layout} from '../bits/index.js'
import {quoted} from '../errors.js'
import type {Header} from './config-space.js'
import {type Known, known, unknown} from '../known.js'

export const BASE_ADDRESS = layout(
  {id: 'pci-base-address', name: 'Memory Base Address Register', spec: 'PCIe r6.2 §7.5.1.2.1'},
  {
    io: bit(0, 4, 0, 'Memory Space Indicator: 1 is I/O; address bits 31:2 follow'),
    type: bits(0, 4, 2, 1, 'Type: 0 32-bit, 2 64-bit'),
    prefetchable: bit(0, 4, 3, 'Prefetchable'),
    address: bits(0, 4, 31, 4, 'address bits 31:4'),
  },
)

export const RESOURCE_FLAGS = layout(
  {id: 'pci-resource-flags', name: 'Resource Flags', spec: 'Linux include/linux/ioport.h, IORESOURCE_*'},
  {
    specific: bits(0, 4, 7, 0, 'bus-specific bits; of a PCI BAR, the low bits of the register'),
    io: bit(0, 4, 8, 'IORESOURCE_IO'),
    memory: bit(0, 4, 9, 'IORESOURCE_MEM'),
    irq: bits(0, 4, 11, 10, 'IORESOURCE_IRQ, IORESOURCE_DMA'),
    bus: bit(0, 4, 12, 'IORESOURCE_BUS'),
    prefetchable: bit(0, 4, 13, 'IORESOURCE_PREFETCH'),
    readOnly: bit(0, 4, 14, 'IORESOURCE_READONLY'),
    other15: bits(0, 4, 19, 15, 'cacheable, range length, shadowable, alignment'),
    memory64: bit(0, 4, 20, 'IORESOURCE_MEM_64'),
    other21: bits(0, 4, 27, 21, 'window, muxed, system RAM, exclusive'),
    disabled: bit(0, 4, 28, 'IORESOURCE_DISABLED'),
    unset: bit(0, 4, 29, 'IORESOURCE_UNSET: no address assigned'),
    auto: bit(0, 4, 30, 'IORESOURCE_AUTO'),
    busy: bit(0, 4, 31, 'IORESOURCE_BUSY'),
  },
)

/** One BAR slot in use. The upper half of a 64-bit BAR is a slot of its own, without address. */
export type Bar =
  | {
      readonly index: number
      readonly kind: 'mem32' | 'mem64' | 'io'
      readonly prefetchable: boolean
      readonly start: bigint
      /** In bytes. Registers do not state it; VF BARs in `resource` cover all VFs. */
      readonly size: Known<bigint>
      /** False when there is no address to find it at. */
      readonly assigned: boolean
    }
  | {readonly index: number; readonly kind: 'upper-half'; readonly of: number}

export interface Resources {
  /** BAR 0 to 5. */
  readonly bars: readonly Bar[]
  readonly rom: Bar | undefined
  /** VF BAR 0 to 5 of an SR-IOV physical function. */
  readonly vfBars: readonly Bar[]
  /** What a bridge forwards: its resources behind the BARs, in the kernel's order. */
  readonly windows: readonly Bar[]
}

const BARS = 6
const ROM = 6
const VF_BARS_END = 13
/** Lines the kernel prints with PCI_IOV: 13, of bridges 17. Without: 7 and 11. */
const withVfBars = (lines: number): boolean => lines >= VF_BARS_END

const LINE = /^0x([0-9a-f]{1,16}) 0x([0-9a-f]{1,16}) 0x([0-9a-f]{1,16})$/

interface Range {
  readonly start: bigint
  readonly end: bigint
  readonly flags: ReturnType<typeof RESOURCE_FLAGS.decode>
}

function parseLine(line: string, number: number): Range {
  const match = LINE.exec(line)
  const fail = (expected: string): never => {
    throw new DecodeError({
      structure: 'resource',
      path: `[${number}]`,
      offset: 0,
      expected,
      got: quoted(line, 64),
    })
  }
  if (match === null) return fail('three hexadecimal numbers: start, end, flags')
  const [start, end, flags] = match.slice(1).map(digits => BigInt(`0x${digits}`)) as [bigint, bigint, bigint]
  if (end + 1n < start) return fail('an end that is not below its start')
  const word = new DataView(new ArrayBuffer(8))
  word.setBigUint64(0, flags, true)
  return {start, end, flags: RESOURCE_FLAGS.read(word, 0, 4).value}
}

/** Resources `from` to `to` as BARs numbered from 0; empty slots are left out. */
function barsOf(ranges: readonly Range[], from: number, to: number): Bar[] {
  const out: Bar[] = []
  for (const [index, {start, end, flags}] of ranges.slice(from, to).entries()) {
    if (!flags.io && !flags.memory) {
      const before = out.at(-1)
      if (before?.kind === 'mem64' && before.index === index - 1) out.push({index, kind: 'upper-half', of: index - 1})
      continue
    }
    const memory = flags.memory64 ? 'mem64' : 'mem32'
    out.push({
      index,
      kind: flags.io ? 'io' : memory,
      prefetchable: flags.prefetchable,
      start,
      size: known(end - start + 1n),
      assigned: !flags.unset,
    })
  }
  return out
}

/** The `resource` file: lines of start, end and flags. Throws DecodeError for anything else. */
export function parseResources(text: string): Resources {
  const lines = text.replace(/\n$/, '').split('\n')
  if (lines.length <= ROM || lines.length > 64)
    throw new DecodeError({
      structure: 'resource',
      path: '',
      offset: 0,
      expected: '7 to 64 lines',
      got: `${lines.length}`,
    })
  const ranges = lines.map(parseLine)
  const windowsFrom = withVfBars(ranges.length) ? VF_BARS_END : ROM + 1
  return {
    bars: barsOf(ranges, 0, BARS),
    rom: barsOf(ranges, ROM, ROM + 1)[0],
    vfBars: barsOf(ranges, ROM + 1, windowsFrom),
    windows: barsOf(ranges, windowsFrom, ranges.length).filter(({kind}) => kind !== 'upper-half'),
  }
}

const TYPE_64 = 2
const NO_SIZE = unknown('registers do not state a size; the `resource` file of a running kernel does')
const IO_GRANULE = 4n
const ADDRESS_UNIT = 16n
const UPPER_UNIT = 1n << 32n

/** BARs as the header's registers hold them; a register of zero is taken as not implemented. */
export function barsOfHeader(header: Header): Bar[] {
  if (header.type === 'other') return []
  const {fields} = header
  const registers = [fields.bar0, fields.bar1]
  if (header.type === 'endpoint') {
    const {bar2, bar3, bar4, bar5} = header.fields
    registers.push(bar2, bar3, bar4, bar5)
  }
  const out: Bar[] = []
  for (let index = 0; index < registers.length; index++) {
    const word = registers[index]!
    if (word === 0) continue
    const data = new DataView(new ArrayBuffer(8))
    data.setUint32(0, word, true)
    const {io, type, prefetchable, address} = BASE_ADDRESS.read(data, 0, 4).value
    if (io) {
      const low = BigInt(word)
      out.push({index, kind: 'io', prefetchable: false, start: low - (low % IO_GRANULE), size: NO_SIZE, assigned: true})
      continue
    }
    const wide = type === TYPE_64 && index + 1 < registers.length
    const upper = wide ? registers[index + 1]! : 0
    const start = BigInt(upper) * UPPER_UNIT + BigInt(address) * ADDRESS_UNIT
    out.push({index, kind: wide ? 'mem64' : 'mem32', prefetchable, start, size: NO_SIZE, assigned: start !== 0n})
    if (wide) out.push({index: index + 1, kind: 'upper-half', of: index++})
  }
  return out
}

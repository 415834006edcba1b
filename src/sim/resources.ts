/** Addresses: BARs placed into the windows of their root ports, and the lines of the `resource` file. */
import {hex} from '../bits/index.js'
import {RESOURCE_FLAGS} from '../pci/index.js'
import type {BarSpec} from './kinds.js'

export interface PlacedBar extends BarSpec {
  readonly address: bigint
}

export interface Window {
  readonly base: bigint
  readonly size: bigint
}

/** One window of 64 GiB per bus for 64-bit BARs, the first of them for bus 0. */
const WINDOW_SIZE = 1n << 36n
const FIRST_WINDOW = 1n << 45n
/** 32-bit BARs get a MiB each, counted through the whole machine. */
const FIRST_32 = 0xc000_0000n
const STEP_32 = 1n << 20n

export const windowOf = (bus: number): Window => ({base: FIRST_WINDOW + BigInt(bus) * WINDOW_SIZE, size: WINDOW_SIZE})

const roundUp = (value: bigint, unit: bigint): bigint => ((value + unit - 1n) / unit) * unit

/** Hands out addresses of one machine. */
export function allocator(): (bus: number, bars: readonly BarSpec[]) => PlacedBar[] {
  const next64 = new Map<number, bigint>()
  let next32 = FIRST_32
  return (bus, bars) => {
    // BARs lie at multiples of the largest one with a hole behind each: what leaves its BAR hits no other
    const unit = BigInt(Math.max(4096, ...bars.map(({size}) => size)))
    return bars.map(bar => {
      if (bar.kind === 'mem32') {
        const address = roundUp(next32, BigInt(bar.size))
        next32 = address + (STEP_32 > BigInt(bar.size) ? STEP_32 : BigInt(bar.size))
        return {...bar, address}
      }
      const address = roundUp(next64.get(bus) ?? windowOf(bus).base, unit)
      next64.set(bus, address + 2n * unit)
      return {...bar, address}
    })
  }
}

const LINES = 13
const BRIDGE_WINDOWS = 4
const MEMORY_WINDOW = 1
const PREFETCHABLE_WINDOW = 2
/** Bits 2 and 3 of a BAR register, which the flags repeat (PCIe r6.2 §7.5.1.2.1). */
const REGISTER_BITS = {mem32: 0, mem64: 4, prefetchable: 8}
/** IORESOURCE_SIZEALIGN, Linux include/linux/ioport.h, as part of the field it lies in. */
const SIZE_ALIGNED = 8

const EMPTY = `${hex(0n, 16)} ${hex(0n, 16)} ${hex(0n, 16)}`

function line(start: bigint, size: bigint, flags: Parameters<typeof RESOURCE_FLAGS.encode>[0]): string {
  const word = new DataView(RESOURCE_FLAGS.encode(flags).buffer).getUint32(0, true)
  return `${hex(start, 16)} ${hex(start + size - 1n, 16)} ${hex(word, 16)}`
}

const barLine = ({address, size, kind, prefetchable}: PlacedBar): string =>
  line(address, BigInt(size), {
    specific: REGISTER_BITS[kind] + (prefetchable ? REGISTER_BITS.prefetchable : 0),
    memory: true,
    prefetchable,
    memory64: kind === 'mem64',
    other15: SIZE_ALIGNED,
  })

/** Lines of an endpoint's `resource` file: BARs, ROM, VF BARs. */
export function resourceLines(bars: readonly PlacedBar[]): string[] {
  const lines = Array.from({length: LINES}, () => EMPTY)
  for (const bar of bars) lines[bar.bar] = barLine(bar)
  return lines
}

/** The same of a bridge, with its windows behind. */
export function bridgeResourceLines(prefetchable: Window | undefined, memory?: Window): string[] {
  const lines = Array.from({length: LINES + BRIDGE_WINDOWS}, () => EMPTY)
  if (memory !== undefined) lines[LINES + MEMORY_WINDOW] = line(memory.base, memory.size, {memory: true})
  if (prefetchable !== undefined)
    lines[LINES + PREFETCHABLE_WINDOW] = line(prefetchable.base, prefetchable.size, {
      specific: 1,
      memory: true,
      prefetchable: true,
      memory64: true,
    })
  return lines
}

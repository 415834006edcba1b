/**
 * The two linked lists of capabilities. Their links come from the device: a walk visits each offset once, stays inside
 * its part of configuration space, and reports what is wrong as findings. It ends in time linear in the space's size.
 */
import {type AnyLayout, DecodeError, type Finding, hex, type Seen} from '../bits/index.js'
import {
  ACS,
  AER,
  ARI,
  ATS,
  CAPABILITY_HEADER,
  DEVICE3,
  EXTENDED_HEADER,
  MSIX,
  PASID,
  SERIAL_NUMBER,
  SRIOV,
} from './capabilities.js'
import {DOE} from './doe-layouts.js'
import {EXPRESS} from './express.js'
import {type Known, known, unknown} from '../known.js'
import {CAPABILITY_NAMES, EXTENDED_CAPABILITY_NAMES} from './names.js'

export interface Capability {
  readonly id: number
  readonly name: string
  readonly offset: number
  /** Extended capabilities only. */
  readonly version?: number
  /** What its registers look like, where this room knows. */
  readonly layout?: AnyLayout
  /** The registers; missing when there is no layout or they do not lie inside the bytes at hand. */
  readonly value?: Seen
}

/** Configuration space as it was read: `length` bytes of it. */
export interface Space {
  readonly data: DataView
  readonly length: number
  /** Why there are no more bytes than that. */
  readonly short: string
  readonly findings: Finding[]
}

const STANDARD_START = 0x40
export const EXTENDED_START = 0x100
export const EXTENDED_END = 0x1000

const STANDARD_LAYOUTS: Readonly<Record<number, AnyLayout>> = {0x10: EXPRESS, 0x11: MSIX}
const EXTENDED_LAYOUTS: Readonly<Record<number, AnyLayout>> = {
  0x01: AER,
  0x03: SERIAL_NUMBER,
  0x0d: ACS,
  0x0e: ARI,
  0x0f: ATS,
  0x10: SRIOV,
  0x1b: PASID,
  0x2e: DOE,
  0x2f: DEVICE3,
}
/** PCI-SIG reserved; what a device that stopped answering reads as. */
const ALL_ONES_ID = 0xff

/** Pointers are dword-aligned; the two low bits are reserved and Linux ignores them. */
const aligned = (pointer: number): number => pointer - (pointer % 4)

const nameOfCapability = (names: Readonly<Record<number, string>>, id: number, digits: number): string =>
  names[id] ?? `capability ${hex(id, digits)}`

function note(space: Space, offset: number, message: string): void {
  space.findings.push({path: 'capabilities', offset, message})
}

function decodeAt(
  space: Space,
  layout: AnyLayout | undefined,
  offset: number,
  end: number,
): Pick<Capability, 'layout' | 'value'> {
  if (layout === undefined) return {}
  try {
    return {layout, value: layout.read(space.data, offset, Math.min(end, space.length)).value}
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    note(space, offset, `${layout.name} at ${hex(offset, 2)} does not fit: ${error.got ?? error.message}`)
    return {layout}
  }
}

/** Two capabilities that claim the same bytes cannot both be believed. */
function checkOverlaps(space: Space, found: readonly Capability[], minimum: number): void {
  const byOffset = [...found].sort((a, b) => a.offset - b.offset)
  let end = 0
  let owner = ''
  for (const {offset, name, layout} of byOffset) {
    if (offset < end) note(space, offset, `${name} at ${hex(offset, 2)} lies inside ${owner}`)
    const next = offset + (layout?.headSize ?? minimum)
    if (next > end) {
      end = next
      owner = `${name} at ${hex(offset, 2)}`
    }
  }
}

/** Standard capabilities from the header's pointer `start` on, PCIe r6.2 §7.5.1.1.11. */
export function walkStandard(space: Space, start: number): Known<readonly Capability[]> {
  const found: Capability[] = []
  const seen = new Set<number>()
  let from = 0x34
  for (let at = aligned(start); at !== 0;) {
    if (at < STANDARD_START) {
      note(space, from, `capability pointer ${hex(at, 2)} points into the header`)
      break
    }
    if (seen.has(at)) {
      note(space, from, `capability list loops back to ${hex(at, 2)}`)
      break
    }
    seen.add(at)
    if (at + CAPABILITY_HEADER.headSize > space.length) return unknown(space.short)
    const {id, next} = CAPABILITY_HEADER.read(space.data, at, space.length).value
    if (id === ALL_ONES_ID) {
      note(space, at, `capability list runs into ${hex(id)} at ${hex(at, 2)}`)
      break
    }
    const name = nameOfCapability(CAPABILITY_NAMES, id, 2)
    found.push({id, name, offset: at, ...decodeAt(space, STANDARD_LAYOUTS[id], at, EXTENDED_START)})
    from = at
    at = aligned(next)
  }
  checkOverlaps(space, found, CAPABILITY_HEADER.headSize)
  return known(found)
}

/** Extended capabilities, PCIe r6.2 §7.6.3: the first is at 100h; an all-zero or all-ones header ends the list. */
export function walkExtended(space: Space): Known<readonly Capability[]> {
  const found: Capability[] = []
  const seen = new Set<number>()
  let from = EXTENDED_START
  for (let at = EXTENDED_START; at !== 0;) {
    if (at < EXTENDED_START) {
      note(space, from, `extended capability pointer ${hex(at, 3)} points below ${hex(EXTENDED_START)}`)
      break
    }
    if (seen.has(at)) {
      note(space, from, `extended capability list loops back to ${hex(at, 3)}`)
      break
    }
    seen.add(at)
    if (at + EXTENDED_HEADER.headSize > space.length) return unknown(space.short)
    const word = space.data.getUint32(at, true)
    if (word === 0 || word === 0xffff_ffff) {
      if (at !== EXTENDED_START) note(space, from, `extended capability list runs into ${hex(word)} at ${hex(at, 3)}`)
      break
    }
    const {id, version, next} = EXTENDED_HEADER.read(space.data, at, space.length).value
    const name = nameOfCapability(EXTENDED_CAPABILITY_NAMES, id, 4)
    found.push({id, name, offset: at, version, ...decodeAt(space, EXTENDED_LAYOUTS[id], at, EXTENDED_END)})
    from = at
    at = aligned(next)
  }
  checkOverlaps(space, found, EXTENDED_HEADER.headSize)
  return known(found)
}

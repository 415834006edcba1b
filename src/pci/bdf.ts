/**
 * Names of PCI functions. Canonical form: lower-case `dddd:bb:dd.f`, domain at least four and at most eight hexadecimal
 * digits (Linux numbers VMD and emulated domains from 0x10000 up), as in `/sys/bus/pci/devices`.
 */
import {get, mask, prep} from '../bits/index.js'
import {quoted, TsmctlError} from '../errors.js'

/** Canonical name of a PCI function. */
export type Bdf = string

export interface BdfParts {
  /** PCI segment, 0 to 0x7fffffff. */
  readonly domain: number
  readonly bus: number
  readonly device: number
  readonly fn: number
}

/** PCIe r6.2 §2.2.4.2: fields of a Requester ID. */
const BUS = mask(15, 8)
const DEVICE = mask(7, 3)
const FUNCTION = mask(2, 0)

const LAST_DOMAIN = 0x7fff_ffff
const LAST_DEVICE = 0x1f
const LAST_FUNCTION = 7

const PATTERN = /^(?:([0-9a-f]{1,8}):)?([0-9a-f]{1,2}):([0-9a-f]{1,2})\.([0-9a-f])$/i
/** More than four digits of a domain only when they are needed, and none above `LAST_DOMAIN`. */
const CANONICAL = /^(?:[0-9a-f]{4}|[1-9a-f][0-9a-f]{4,6}|[1-7][0-9a-f]{7}):[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/

const HINT =
  'name a function as [domain:]bus:device.function, for example 01:00.0 or 0000:01:00.0, or by its sysfs path'

const number = (digits = '0'): number => Number.parseInt(digits, 16)
const hexadecimal = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')

export const formatBdf = ({domain, bus, device, fn}: BdfParts): Bdf =>
  `${hexadecimal(domain, 4)}:${hexadecimal(bus, 2)}:${hexadecimal(device, 2)}.${fn}`

/** Parts of a BDF in any accepted spelling. Throws TsmctlError of kind `usage`. */
export function bdfParts(text: string): BdfParts {
  const refuse = (got: string): never => {
    throw new TsmctlError({kind: 'usage', attempted: `use ${quoted(text)} as a PCI function`, got, hint: HINT})
  }
  const match = PATTERN.exec(text.replace(/\/$/, '').split('/').at(-1)!)
  if (match === null) return refuse('not of the form [domain:]bus:device.function')
  const parts = {domain: number(match[1]), bus: number(match[2]), device: number(match[3]), fn: number(match[4])}
  if (parts.domain > LAST_DOMAIN) return refuse('the domain exceeds 7fffffff')
  if (parts.device > LAST_DEVICE) return refuse('the device number exceeds 1f')
  if (parts.fn > LAST_FUNCTION) return refuse('the function number exceeds 7')
  return parts
}

/**
 * Canonical BDF of a user's spelling: domain optional, any case, or a sysfs path that ends in one. Throws TsmctlError
 * of kind `usage`.
 */
export const parseBdf = (text: string): Bdf => formatBdf(bdfParts(text))

/** Is this a canonical BDF, as sysfs names directories? */
export const isBdf = (text: string): boolean => CANONICAL.test(text)

/** 16-bit Requester ID: bus 15:8, device 7:3, function 2:0. */
export function ridOf(bdf: Bdf): number {
  const {bus, device, fn} = bdfParts(bdf)
  return prep(BUS, bus) + prep(DEVICE, device) + prep(FUNCTION, fn)
}

/** Function of a Requester ID in `domain`. */
export const bdfOfRid = (domain: number, rid: number): Bdf =>
  formatBdf({domain, bus: get(BUS, rid), device: get(DEVICE, rid), fn: get(FUNCTION, rid)})

const RIDS = 0x1_0000

/** Requester ID of VF `index` (from 0), PCIe r6.2 §9.2.1.2: 16-bit arithmetic that carries into the bus number. */
export const ridOfVf = (
  pf: number,
  {firstVfOffset, vfStride}: {readonly firstVfOffset: number; readonly vfStride: number},
  index: number,
): number => (pf + firstVfOffset + vfStride * index) % RIDS

/** Orders by domain, bus, device, function; longer domains sort behind shorter ones, as numbers do. */
export const compareBdf = (a: Bdf, b: Bdf): number => a.length - b.length || (a < b ? -1 : Number(a > b))

/** Function 0 of the same slot, and the function number (PCIe r6.2 §2.2.4.2, without ARI). */
export const slotOf = (bdf: Bdf): {readonly first: Bdf; readonly fn: number} => {
  const parts = bdfParts(bdf)
  return {first: formatBdf({...parts, fn: 0}), fn: parts.fn}
}

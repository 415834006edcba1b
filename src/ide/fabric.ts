/**
 * What stream accounting and planning have to know of a machine, in this room's own words: host bridges with their pool
 * of stream slots, PCIe functions with their IDE capability and place. Whoever walks the machine fills it in.
 */
import type {Known, Present} from '../known.js'
import type {Ide} from './decode.js'

/** The kernel's claim to a stream: a `streamH.R.E` link of a host bridge. It does not carry the Stream ID. */
export interface FabricLink {
  readonly name: string
  /** H: slot of the host bridge's pool. */
  readonly slot: number
  /** R: Selective block of the root port. */
  readonly rootPortBlock: number
  /** E: Selective block of the endpoint. */
  readonly endpointBlock: number
  readonly endpoint: Known<string>
}

export interface FabricBridge {
  /** `pciDDDD:BB`. */
  readonly name: string
  /** Free slots of the pool; absent where the kernel has no IDE core, or the pool is empty by design. */
  readonly available: Present<number>
  readonly links: Known<readonly FabricLink[]>
}

/** Device/Port Types that accounting tells apart, PCIe r6.2 §7.5.3.2. */
export const FABRIC_PORT_TYPE = {endpoint: 0, rootPort: 4, upstreamPort: 5, downstreamPort: 6} as const

/** Addresses in bytes, both inclusive. */
export interface FabricWindow {
  readonly base: bigint
  readonly limit: bigint
}

export interface FabricFunction {
  readonly bdf: string
  readonly domain: number
  /** Requester ID, 16 bits. */
  readonly rid: number
  /** Host bridge; null when its place is unknown. */
  readonly bridge: string | null
  /** Ports above, the root port first. */
  readonly ports: readonly string[]
  /** Device/Port Type, PCIe r6.2 §7.5.3.2; undefined when the function is not PCI Express. */
  readonly portType: Known<number | undefined>
  readonly teeIo: Known<boolean>
  /** Physical function of a VF. */
  readonly physfn: string | null
  /** Buses behind a port, both inclusive; undefined for anything else. */
  readonly buses: {readonly first: number; readonly last: number} | undefined
  /** Memory windows that a port forwards downstream; undefined where unknown and for anything but a port. */
  readonly windows?: readonly FabricWindow[] | undefined
  /** Undefined when the function has no IDE capability. */
  readonly ide: Known<Ide | undefined>
}

export interface Fabric {
  /** In order of their numbers. */
  readonly bridges: readonly FabricBridge[]
  /** In BDF order. */
  readonly functions: readonly FabricFunction[]
}

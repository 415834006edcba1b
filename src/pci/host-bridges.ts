/** Host bridges and the IDE streams the kernel holds on them. Linux Documentation/ABI/testing sysfs-devices-pci-host-bridge. */
import type {Kernel} from '../kernel/index.js'
import {readDecimal} from './attributes.js'
import {type Bdf, isBdf} from './bdf.js'
import {hostBridgePath, isHostBridge, type PciFunction} from './functions.js'
import {attempt, isGone, type Known, known, type Present, refusal, unknown} from '../known.js'

/** A `streamH.R.E` link: slot of the host bridge, selective block of the root port, selective block of the endpoint. */
export interface StreamLink {
  readonly name: string
  readonly hostBridgeSlot: number
  readonly rootPortBlock: number
  readonly endpointBlock: number
  /** The endpoint; it does not carry the Stream ID, only the registers do. */
  readonly endpoint: Known<Bdf>
}

export interface HostBridge {
  /** `pciDDDD:BB`. */
  readonly name: string
  readonly domain: number
  readonly bus: number
  readonly path: string
  /** Free stream slots. 256 on every bridge unless firmware said less: not a sign of IDE support. */
  readonly availableSecureStreams: Present<number>
  readonly streams: Known<readonly StreamLink[]>
}

const DEVICES_ROOT = '/sys/devices'
const STREAM = /^stream(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/

function readStreamLink(kernel: Kernel, directory: string, name: string): StreamLink[] {
  const match = STREAM.exec(name)
  if (match === null) return []
  const [hostBridgeSlot, rootPortBlock, endpointBlock] = match.slice(1).map(Number) as [number, number, number]
  const path = `${directory}/${name}`
  try {
    const target = kernel.readlink(path)
    const last = target.slice(target.lastIndexOf('/') + 1)
    const endpoint = isBdf(last) ? known(last) : unknown(`${path} does not lead to a PCI function`)
    return [{name, hostBridgeSlot, rootPortBlock, endpointBlock, endpoint}]
  } catch (error) {
    // the stream went between the listing and the reading
    if (isGone(error)) return []
    return [{name, hostBridgeSlot, rootPortBlock, endpointBlock, endpoint: refusal(error, path)}]
  }
}

/** The host bridge whose directory is `path`. */
export function readHostBridge(kernel: Kernel, path: string): HostBridge {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const [domain, bus] = name
    .slice('pci'.length)
    .split(':')
    .map(part => Number.parseInt(part, 16)) as [number, number]
  return {
    name,
    domain,
    bus,
    path,
    availableSecureStreams: readDecimal(kernel, `${path}/available_secure_streams`),
    streams: attempt(path, at => kernel.list(at).flatMap(entry => readStreamLink(kernel, at, entry))),
  }
}

/** Longest name is `pci7fffffff:ff`: domains have no fixed width. */
const sortKey = (path: string): string => path.slice(path.lastIndexOf('/') + 'pci'.length + 1).padStart(11, '0')

/** Directories of the host bridges above `functions` and of those without any function, in order of their number. */
function hostBridgePaths(kernel: Kernel, functions: readonly PciFunction[]): string[] {
  const paths = new Set<string>()
  for (const {place} of functions) {
    const path = place.known ? hostBridgePath(place.value) : undefined
    if (path !== undefined) paths.add(path)
  }
  const roots = attempt(DEVICES_ROOT, at => kernel.list(at))
  if (roots.known) for (const name of roots.value) if (isHostBridge(name)) paths.add(`${DEVICES_ROOT}/${name}`)
  return [...paths].sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1))
}

export const listHostBridges = (kernel: Kernel, functions: readonly PciFunction[]): HostBridge[] =>
  hostBridgePaths(kernel, functions).map(path => readHostBridge(kernel, path))

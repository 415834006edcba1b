/** The machine as one walk: functions, TSMs, host bridges. */
import type {Kernel} from '../kernel/index.js'
import type {Bdf} from './bdf.js'
import {type Listing, listFunctions} from './functions.js'
import {type HostBridge, listHostBridges} from './host-bridges.js'
import {NO_TSM_ATTRIBUTES, readTsmAttributes, type TsmAttributes} from './tsm-attributes.js'
import {listTsms, type Tsms} from './tsms.js'

export interface WalkOptions {
  /** Also read what relates each function to a TSM: one or two more system calls per function, where a TSM exists. */
  readonly tsm?: boolean
  readonly signal?: AbortSignal
}

export interface Topology extends Listing {
  readonly tsms: Tsms
  readonly hostBridges: readonly HostBridge[]
  /** By function; empty unless asked for. Without a registered TSM no function has such attributes. */
  readonly tsmAttributes: ReadonlyMap<Bdf, TsmAttributes>
}

/**
 * Walks the whole machine. TSMs are listed first: an attribute that appears later belongs to the next walk. Throws
 * ErrnoError when there is no PCI bus to list, and EINTR on abort.
 */
export async function walkDevices(kernel: Kernel, {tsm = false, signal}: WalkOptions = {}): Promise<Topology> {
  const tsms = listTsms(kernel)
  const listing = listFunctions(kernel)
  const tsmAttributes = new Map<Bdf, TsmAttributes>()
  if (tsm)
    for (const {bdf} of listing.functions)
      tsmAttributes.set(bdf, tsms.list.length === 0 ? NO_TSM_ATTRIBUTES : await readTsmAttributes(kernel, bdf, signal))
  return {...listing, tsms, hostBridges: listHostBridges(kernel, listing.functions), tsmAttributes}
}

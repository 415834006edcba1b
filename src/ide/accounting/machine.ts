/** The fabric with its cross references: who is where, who is above whom, which blocks the kernel's links name. */
import {type Known, known, unknown} from '../../known.js'
import type {Ide, SelectiveStream} from '../decode.js'
import {type Fabric, FABRIC_PORT_TYPE, type FabricBridge, type FabricFunction, type FabricLink} from '../fabric.js'
import {groupBy} from '../../group-by.js'

const NOTHING: readonly never[] = []
const UNPLACED = unknown('its host bridge is not known')

export class Machine {
  readonly bridges: readonly FabricBridge[]
  /** Without virtual functions: those have no IDE capability of their own. */
  readonly functions: readonly FabricFunction[]
  readonly #byBdf: ReadonlyMap<string, FabricFunction>
  readonly #byBridge: ReadonlyMap<string | null, readonly FabricFunction[]>
  readonly #byRootPort: ReadonlyMap<string | undefined, readonly FabricFunction[]>
  readonly #vfs: ReadonlyMap<string | null, readonly FabricFunction[]>
  readonly #named = new Map<string, Set<number>>()
  readonly #bridgeByName: ReadonlyMap<string, FabricBridge>
  readonly #owners: ReadonlyMap<string | null, Known<true>>

  constructor({bridges, functions}: Fabric) {
    this.bridges = bridges
    this.functions = functions.filter(({physfn}) => physfn === null)
    this.#byBdf = new Map(functions.map(fn => [fn.bdf, fn]))
    this.#bridgeByName = new Map(bridges.map(bridge => [bridge.name, bridge]))
    this.#byBridge = groupBy(this.functions, ({bridge}) => bridge)
    this.#byRootPort = groupBy(functions, ({ports}) => ports[0])
    this.#vfs = groupBy(functions, ({physfn}) => physfn)
    this.#owners = new Map(bridges.map(bridge => [bridge.name, this.#ownersBelow(bridge)]))
    for (const bridge of bridges)
      for (const link of this.links(bridge)) {
        if (!link.endpoint.known) continue
        this.#name(link.endpoint.value, link.endpointBlock)
        const rootPort = this.at(link.endpoint.value)?.ports[0]
        if (rootPort !== undefined) this.#name(rootPort, link.rootPortBlock)
      }
  }

  #name(bdf: string, block: number): void {
    this.#named.set(bdf, (this.#named.get(bdf) ?? new Set()).add(block))
  }

  at(bdf: string): FabricFunction | undefined {
    return this.#byBdf.get(bdf)
  }

  bridge(name: string | null): FabricBridge | undefined {
    return name === null ? undefined : this.#bridgeByName.get(name)
  }

  /** Functions below a host bridge, in the order in which Linux finds them; null: those without a known place. */
  below(bridge: string | null): readonly FabricFunction[] {
    return this.#byBridge.get(bridge) ?? NOTHING
  }

  /** Functions behind a root port, virtual ones too. */
  behind(rootPort: string): readonly FabricFunction[] {
    return this.#byRootPort.get(rootPort) ?? NOTHING
  }

  vfsOf(bdf: string): readonly FabricFunction[] {
    return this.#vfs.get(bdf) ?? NOTHING
  }

  links({links}: FabricBridge): readonly FabricLink[] {
    return links.known ? links.value : NOTHING
  }

  /** Does a stream link name this Selective block? */
  isNamed(bdf: string, block: number): boolean {
    return this.#named.get(bdf)?.has(block) ?? false
  }

  /** Does a stream link name any block of this function? */
  hasNamed(bdf: string): boolean {
    return this.#named.has(bdf)
  }

  /** Are the stream links above a function all known, so that a block that none names is nobody's in the kernel? */
  ownersKnown({bridge}: Pick<FabricFunction, 'bridge'>): Known<true> {
    return this.#owners.get(bridge) ?? UNPLACED
  }

  #ownersBelow({links}: FabricBridge): Known<true> {
    if (!links.known) return links
    for (const {name, endpoint} of links.value) {
      if (!endpoint.known) return endpoint
      // whose root port, and so whose block, it names is then not known either
      if (this.at(endpoint.value) === undefined)
        return unknown(`${name} leads to ${endpoint.value}, which is not listed`)
    }
    return known(true)
  }

  /** The root port above; null where there is none. */
  rootPortOf({bridge, ports, bdf}: FabricFunction): Known<FabricFunction | null> {
    if (bridge === null) return unknown(`the place of ${bdf} is not known`)
    const [first] = ports
    if (first === undefined) return known(null)
    const port = this.at(first)
    if (port === undefined) return unknown(`${first} above it is not listed`)
    const type = port.portType
    return known(type.known && type.value !== FABRIC_PORT_TYPE.rootPort ? null : port)
  }

  /** Functions of one physical device, and their virtual functions: all that hangs on the same link. */
  sameDevice(a: FabricFunction, b: FabricFunction): boolean {
    return a.bridge === b.bridge && a.ports.at(-1) === b.ports.at(-1) && a.buses === undefined && b.buses === undefined
  }
}

export const ideOf = ({ide}: FabricFunction): Ide | undefined => (ide.known ? ide.value : undefined)

export const isRootPort = ({portType, buses, ports}: FabricFunction): boolean =>
  portType.known ? portType.value === FABRIC_PORT_TYPE.rootPort : buses !== undefined && ports.length === 0

export const isSwitchPort = ({portType, buses, ports}: FabricFunction): boolean =>
  portType.known
    ? portType.value === FABRIC_PORT_TYPE.upstreamPort || portType.value === FABRIC_PORT_TYPE.downstreamPort
    : buses !== undefined && ports.length > 0

/** Enabled Selective blocks that no stream link names. */
export const unnamedBlocks = (machine: Machine, fn: FabricFunction): readonly SelectiveStream[] =>
  (ideOf(fn)?.selectiveStreams ?? []).filter(({enabled, index}) => enabled && !machine.isNamed(fn.bdf, index))

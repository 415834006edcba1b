/** A host behind the curtain: contexts, streams and pools as they are, not as sysfs tells them. */
import {STREAM_STATE} from '../../ide/index.js'
import type {PortMemory} from '../dsm/index.js'
import type {Machine, MachineState} from '../machine.js'
import {keySetsFar, keysNear} from '../tsm/index.js'
import {hostOf} from './facts.js'
import {available, blocksOf} from './streams.js'
import type {SelectiveRegisters} from './types.js'

export type EndState = 'secure' | 'insecure' | 'disabled'

export interface HostStatus {
  /** Name of the registered link TSM. */
  readonly tsm: string | null
  readonly bridges: readonly {
    readonly name: string
    readonly pool: number
    readonly available: number
    /** Stream IDs that were live before the kernel started. */
    readonly claimed: readonly number[]
  }[]
  readonly connected: readonly {
    readonly bdf: string
    readonly tsm: string
    /** SPDM session as the TSM knows it; null for a TSM that does not authenticate. */
    readonly session: number | null
    /** Functions that have a context because of it. */
    readonly subfunctions: readonly string[]
  }[]
  readonly streams: readonly {
    readonly name: string
    readonly bridge: string
    readonly streamId: number
    readonly rootPort: string
    readonly endpoint: string
    readonly rootPortState: EndState
    readonly endpointState: EndState
    /** The session over which the TSM gave the endpoint its keys; null for a TSM that does not. */
    readonly session: number | null
    /** Sets (0 for K0) and number of the keys in use at both ends: six at each end of a stream that works. */
    readonly keySets: readonly number[]
    readonly rootPortKeys: number
    readonly endpointKeys: number
  }[]
  /** Sessions that devices still have and the TSM does not. */
  readonly strays: readonly {readonly bdf: string; readonly session: number; readonly keys: number}[]
}

/** Keys in use that came over a session. */
const keysOf = (port: PortMemory | undefined, session: number): number =>
  port?.owner === session ? Object.values(port.lanes).filter(({active}) => active !== null).length : 0

const endState = ({enable, state}: SelectiveRegisters): EndState => {
  if (!enable) return 'disabled'
  return state === STREAM_STATE.secure ? 'secure' : 'insecure'
}

/** Null for a guest. */
export function hostStatus(machine: Machine, state: MachineState): HostStatus | null {
  const host = hostOf(machine, state)
  if (host === undefined) return null
  const {now, platform} = host
  const contexts = Object.entries(now.contexts)
  return {
    tsm: now.tsm,
    bridges: platform.bridges.map(({name, pool}) => ({
      name,
      pool,
      available: available(host, name),
      claimed: now.claimed[name] ?? [],
    })),
    connected: contexts.flatMap(([bdf, {tsm, dsm}]) =>
      bdf === dsm
        ? [
            {
              bdf,
              tsm,
              session: state.links[bdf]?.tsm?.session.id ?? null,
              subfunctions: contexts.flatMap(([other, of]) => (of.dsm === bdf && other !== bdf ? [other] : [])),
            },
          ]
        : [],
    ),
    streams: now.streams.map(stream => {
      const ends = blocksOf(host, stream)
      const {device, tsm} = state.links[stream.endpoint] ?? {}
      const near = tsm?.stream ?? undefined
      const port = device?.dsm.ports[0]
      const far = port === undefined ? [] : keySetsFar(port, stream.id)
      const {bridge, slot, rootPort, rootPortBlock, endpoint, endpointBlock, id} = stream
      return {
        name: `stream${slot}.${rootPortBlock}.${endpointBlock}`,
        bridge,
        streamId: id,
        rootPort,
        endpoint,
        rootPortState: endState(ends['root-port']),
        endpointState: endState(ends.endpoint),
        session: tsm?.session.id ?? null,
        keySets: [...new Set([...(near === undefined ? [] : [near.keySet]), ...far])],
        rootPortKeys: near === undefined ? 0 : keysNear(near),
        endpointKeys: far.length,
      }
    }),
    strays: Object.entries(state.links).flatMap(([bdf, {device, tsm}]) =>
      device.sessions
        .filter(({id}) => id !== tsm?.session.id)
        .map(({id}) => ({bdf, session: id, keys: keysOf(device.dsm.ports[0], id)})),
    ),
  }
}

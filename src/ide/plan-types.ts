/** What the stream planner takes and gives. Input is what one look at a machine showed; nothing in it is assumed. */
import type {Known} from '../known.js'

/**
 * How the TSM chooses a Stream ID. `slot`: the ID is the slot in the host bridge's pool, which is what the known link
 * TSMs do (Linux drivers/crypto/ccp/sev-dev-tio.c). `any`: the lowest ID that is free below the host bridge.
 */
export type StreamIdRule = 'slot' | 'any'

export interface PlanBridge {
  /** `pciDDDD:BB`. */
  readonly name: string
  /** Free slots of the pool, ascending: the kernel takes the lowest. */
  readonly freeSlots: Known<readonly number[]>
  /** Stream IDs below this bridge that are live and belong to none of `PlanInput.streams`. */
  readonly heldIds: Known<readonly number[]>
  /** Most streams the platform can have below this bridge, where the operator knows better than the kernel. */
  readonly limit: number | null
}

export interface PlanRootPort {
  readonly bdf: string
  readonly bridge: string
  /** Selective blocks that Linux could give to the next stream, ascending: it takes the lowest. */
  readonly free: Known<readonly number[]>
}

/** A stream that a connected device has now. */
export interface PlanStream {
  /** Null when the kernel's link could not be followed. */
  readonly device: string | null
  readonly bridge: string
  readonly rootPort: string | null
  readonly slot: number
  readonly rootPortBlock: number
  readonly endpointBlock: number
  /** Null when it could not be established. */
  readonly streamId: number | null
}

/** Could this device ever have a stream? `free` are its own Selective blocks, ascending. */
export type Standing =
  | {readonly can: 'yes'; readonly rootPort: string; readonly free: readonly number[]}
  | {readonly can: 'never' | 'unknown'; readonly reason: string}

export interface PlanDevice {
  readonly bdf: string
  readonly standing: Standing
}

export interface PlanInput {
  readonly rule: StreamIdRule
  readonly bridges: readonly PlanBridge[]
  readonly rootPorts: readonly PlanRootPort[]
  readonly streams: readonly PlanStream[]
  /** Each device once, the most wanted first. */
  readonly wanted: readonly PlanDevice[]
}

export interface Allocation {
  readonly bdf: string
  readonly bridge: string
  readonly slot: number
  readonly rootPort: string | null
  readonly rootPortBlock: number
  readonly endpointBlock: number
  readonly streamId: number | null
  /** The device has this stream already. */
  readonly keeps: boolean
}

/**
 * What streams compete for. `pool`: slots of a host bridge. `held-id`: somebody holds the Stream ID that comes with the
 * next free slot, so that no connect gets past it. `ids`: Stream IDs of a host bridge. `limit`: the operator's own.
 * `root-port`, `endpoint`: Selective blocks of that function.
 */
export type Resource =
  | {readonly kind: 'pool' | 'ids' | 'limit'; readonly bridge: string}
  | {readonly kind: 'held-id'; readonly bridge: string; readonly streamId: number}
  | {readonly kind: 'root-port' | 'endpoint'; readonly bdf: string}

/**
 * Why devices are left out. `among` together with any one of `leftOut` is a minimal conflict: they cannot all have a
 * stream, and without any one of them the others can.
 */
export interface Conflict {
  readonly resource: Resource
  /** Streams that it has for wanted devices, those connected already included. */
  readonly size: number
  readonly among: readonly string[]
  readonly leftOut: readonly string[]
  /** Connected devices that nobody asked for and that hold part of the resource. */
  readonly heldBy: readonly string[]
}

export interface Refusal {
  readonly bdf: string
  readonly reason: string
}

/** One disconnect on its own. */
export interface Disconnect {
  readonly bdf: string
  /** Device that can then be connected beside the plan: the most wanted one. */
  readonly frees: string
  /** How many other devices could take its place. */
  readonly others: number
}

/** The fewest disconnects with which as many wanted devices fit as disconnecting can ever achieve. */
export interface Room {
  readonly disconnect: readonly string[]
  /** Wanted devices that fit then and do not fit now. */
  readonly admits: readonly string[]
  /** What is left out even then. */
  readonly conflicts: readonly Conflict[]
}

export interface StreamPlan {
  /** In the order in which to connect: the order of preference. */
  readonly allocation: readonly Allocation[]
  readonly conflicts: readonly Conflict[]
  /** Devices that can never have a stream. */
  readonly never: readonly Refusal[]
  /** Devices of which it cannot be said. */
  readonly unknown: readonly Refusal[]
  readonly disconnects: readonly Disconnect[]
  /** Null when no device is left out. */
  readonly room: Room | null
}

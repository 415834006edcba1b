/** Who holds which stream, block and Stream ID: one account of a whole machine. */
import type {Known, Present} from '../known.js'
import type {FindingCode} from './accounting/codes.js'
import type {Ide, LinkStream, SelectiveStream} from './decode.js'

/** How many Selective streams there could be, how many Linux can make, how many there are. */
export interface Numbers {
  /** Blocks that the capability register promises. */
  readonly capability: number
  /** Blocks that Linux keeps; none of a function that it ignores. */
  readonly usable: number
  /** Blocks that are enabled, or that a stream link of the kernel names. */
  readonly inUse: number
}

export interface BridgeAccount {
  /** `pciDDDD:BB`. */
  readonly name: string
  /** Size of the pool: free slots and those that stream links name. */
  readonly pool: Known<number>
  readonly available: Present<number>
  /** Slots that stream links name, ascending. */
  readonly slots: readonly number[]
  /** Stream IDs that are live below this bridge, with the functions whose blocks carry them. */
  readonly liveIds: ReadonlyMap<number, readonly string[]>
  /** Live Stream IDs of blocks that no stream link names, ascending: held by firmware or by somebody else. */
  readonly heldIds: readonly number[]
  /**
   * Those of them that Linux claimed when it found the function, and gives to no stream, ascending. The others are live
   * in registers that it makes no use of.
   */
  readonly claimedIds: readonly number[]
  /** Functions below whose registers could not be read: the two sets above may be incomplete. */
  readonly unread: readonly string[]
}

export type Role = 'root port' | 'switch port' | 'endpoint'

/** A function that has an IDE capability, or may have one. */
export interface PortAccount {
  readonly bdf: string
  readonly bridge: string | null
  readonly role: Role
  /** The root port above; null for a root port and where there is none. */
  readonly rootPort: string | null
  readonly ide: Known<Ide>
  readonly numbers: Known<Numbers>
  /** Selective blocks that Linux could give to the next stream, ascending. */
  readonly free: Known<readonly number[]>
  /** Why Linux behaves as if the function had no IDE; null when it does not. */
  readonly ignored: string | null
}

/** One end of a stream: a Selective block. */
export interface StreamEnd {
  readonly bdf: string
  readonly block: number
  readonly registers: SelectiveStream
}

/**
 * `secure` only when both ends were read, agree and are in state Secure; `mismatch` when they contradict each other or
 * a stream link names a block that is not there; `one-sided` when only one end is enabled.
 */
export type StreamState = 'secure' | 'insecure' | 'one-sided' | 'mismatch' | 'unknown'

/** A Selective stream: from a root port, through whatever is between, to an endpoint. */
export interface StreamAccount {
  readonly bridge: string | null
  /** The kernel's name, `streamH.R.E`; null for a stream that it does not know of. */
  readonly name: string | null
  readonly slot: number | null
  /** Null when no end could be read, or the ends disagree. */
  readonly streamId: number | null
  /** Null where there is no such block, or none with this Stream ID. */
  readonly rootPort: Known<StreamEnd> | null
  readonly endpoint: Known<StreamEnd> | null
  readonly state: StreamState
}

/** One end of a Link stream; its block belongs to one traffic class. */
export interface LinkStreamEnd {
  readonly bdf: string
  readonly block: number
  readonly registers: LinkStream
}

/** An enabled Link stream: between a port and what is plugged into it. Linux makes none, but claims their IDs. */
export interface LinkStreamAccount {
  readonly bridge: string | null
  readonly streamId: number | null
  /** The root or switch downstream port; null when it has no such stream. */
  readonly upper: Known<LinkStreamEnd> | null
  readonly lower: Known<LinkStreamEnd> | null
  readonly state: StreamState
}

export type Severity = 'error' | 'warning' | 'hint'

export interface IdeFinding {
  readonly code: FindingCode
  /**
   * `error`: what looks protected is not, or a connect will fail. `warning`: worth knowing before the next one. `hint`:
   * registers cannot tell whether it applies.
   */
  readonly severity: Severity
  /** BDF, host bridge, or `bridge/stream`. */
  readonly subject: string
  readonly message: string
  readonly remedy: string
}

export interface IdeAccount {
  readonly bridges: readonly BridgeAccount[]
  readonly ports: readonly PortAccount[]
  readonly streams: readonly StreamAccount[]
  readonly linkStreams: readonly LinkStreamAccount[]
  readonly findings: readonly IdeFinding[]
}

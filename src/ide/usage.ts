/** Who holds the selective stream blocks of one port: what the capability says, what Linux can use, what is in use. */
import type {Ide, SelectiveStream} from './decode.js'

export interface BlockUsage {
  /** Blocks the capability promises. */
  readonly capability: number
  /** Blocks Linux keeps: those before the first change in the number of address association blocks. */
  readonly usable: number
  /** Enabled blocks that a stream link of the kernel names. */
  readonly kernel: readonly SelectiveStream[]
  /** Enabled blocks that no stream link names: firmware's or somebody else's. */
  readonly foreign: readonly SelectiveStream[]
  /** Usable blocks that are neither enabled nor named. */
  readonly free: readonly SelectiveStream[]
  /** Blocks that a stream link names although they are not enabled: the stream failed or is being set up. */
  readonly failed: readonly SelectiveStream[]
  /** Enabled blocks whose state is not Secure. */
  readonly insecure: readonly SelectiveStream[]
}

/** Sorts the blocks of `ide`; `named` are the indices that the kernel's stream links give this port. */
export function blockUsage(ide: Ide, named: ReadonlySet<number>): BlockUsage {
  const blocks = ide.selectiveStreams
  return {
    capability: ide.promised.selective,
    usable: blocks.filter(({usableByLinux}) => usableByLinux).length,
    kernel: blocks.filter(({enabled, index}) => enabled && named.has(index)),
    foreign: blocks.filter(({enabled, index}) => enabled && !named.has(index)),
    free: blocks.filter(({enabled, usableByLinux, index}) => usableByLinux && !enabled && !named.has(index)),
    failed: blocks.filter(({enabled, index}) => !enabled && named.has(index)),
    insecure: blocks.filter(({enabled, secure}) => enabled && !secure),
  }
}

/** Stream IDs of all enabled streams, link and selective: those a host bridge must not give out again. */
export const liveStreamIds = (ide: Ide): ReadonlySet<number> =>
  new Set([...ide.linkStreams, ...ide.selectiveStreams].filter(({enabled}) => enabled).map(({streamId}) => streamId))

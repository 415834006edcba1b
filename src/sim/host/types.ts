/** What a simulated host is beyond its functions, and what its kernel and its hardware remember. */
/** A window of a bridge, both inclusive, hexadecimal without prefix: JSON has no 64-bit numbers. */
export type WindowText = readonly [base: string, limit: string]

export interface FirmwareStream {
  readonly block: number
  readonly id: number
  /** A Link stream instead of a Selective one. */
  readonly link: boolean
  readonly secure: boolean
}

/** An IDE capability as it is built; what its registers hold is state. */
export interface IdeHardware {
  /** Offset in configuration space. It is the last capability. */
  readonly at: number
  readonly teeLimited: boolean
  readonly config: boolean
  /** Number of Link stream blocks. */
  readonly link: number
  /** Address association blocks of each Selective block. */
  readonly associations: readonly number[]
  /** Streams that firmware enabled before the kernel started. */
  readonly streams: readonly FirmwareStream[]
}

export interface SriovHardware {
  /** Offset in configuration space, and of the capability behind. */
  readonly at: number
  readonly next: number
  readonly offset: number
  readonly stride: number
}

export interface HostFunction {
  /** `pciDDDD:BB`. */
  readonly bridge: string
  /** Device/Port Type, PCIe r6.2 §7.5.3.2. */
  readonly portType: number
  readonly teeIo: boolean
  /** The bridge directly above; null on the bus of a host bridge. */
  readonly upstream: string | null
  readonly rootPort: string | null
  /** Physical function and number of a virtual one. */
  readonly vf: {readonly physfn: string; readonly index: number} | null
  readonly sriov: SriovHardware | null
  readonly ide: IdeHardware | null
  /** Of a bridge; null where it forwards nothing. */
  readonly memory: WindowText | null
  readonly prefetchable: WindowText | null
  /** Protocols by mailbox, as in `doe_features`. */
  readonly mailboxes: readonly (readonly string[])[]
  readonly power: string
  readonly numaNode: number
}

/** What drives connect: the one TSM of the machine. */
export interface Provider {
  readonly like: 'generic' | 'sev-tio'
  /** PCI function whose driver registers the TSM; null for a faux device. */
  readonly parent: string | null
  /** Registered at boot. */
  readonly registered: boolean
  /** VFs and other functions get a context of their own. */
  readonly subfunctions: boolean
  /** Which devices must have a stream: all, those with IDE, none. */
  readonly stream: 'always' | 'with-ide' | 'never'
  /** RID association: of the two partners, or 0000 to ffff. */
  readonly ranges: 'computed' | 'all'
  /** What becomes of a stream that is not Secure after it was enabled. */
  readonly insecure: 'refused' | 'swallowed'
  /** The Stream ID is registered before the blocks are programmed, or as the very last step. */
  readonly registers: 'first' | 'last'
  /** Whether it opens an SPDM session with the device and keys the stream, or takes every device for what it is. */
  readonly spdm: 'session' | 'none'
}

export interface HostPlatform {
  readonly bridges: readonly {readonly name: string; readonly pool: number}[]
  readonly provider: Provider
}

export interface LinkRegisters {
  enable: boolean
  streamId: number
  state: number
  fail: boolean
}

export interface SelectiveRegisters extends LinkRegisters {
  defaultStream: boolean
  config: boolean
  tee: boolean
  /** Base and limit, both inclusive; null while not valid. */
  rids: [base: number, limit: number] | null
  addresses: WindowText[]
}

export interface IdeState {
  /** What the kernel made of it; null when it ignores the capability. `held`: blocks that were enabled already. */
  kernel: {blocks: number; held: number[]} | null
  link: LinkRegisters[]
  selective: SelectiveRegisters[]
}

/** A stream of the kernel: `streamH.R.E`. */
export interface StreamState {
  readonly bridge: string
  readonly slot: number
  readonly rootPort: string
  readonly rootPortBlock: number
  readonly endpoint: string
  readonly endpointBlock: number
  readonly id: number
}

export interface HostState {
  /** Name of the registered link TSM. */
  tsm: string | null
  ide: Record<string, IdeState>
  /** Stream IDs that were live at enumeration, by host bridge; the kernel never gives them back. */
  claimed: Record<string, number[]>
  /** TSM contexts by function; of a connected function 0 the DSM is itself. */
  contexts: Record<string, {readonly tsm: string; readonly dsm: string}>
  streams: StreamState[]
  numVfs: Record<string, number>
  /** `power/control`. */
  powerControl: Record<string, string>
}

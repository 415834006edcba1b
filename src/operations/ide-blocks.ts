/** One register block of an IDE capability in the words of `ide show`. */
import {hex, nameOf} from '../bits/index.js'
import {ALGORITHM_NAMES, type LinkStream, type SelectiveStream} from '../ide/index.js'
import {bdfOfRid, bdfParts} from '../pci/index.js'

/** Most TLPs that one MAC covers, PCIe r6.2 §7.9.26.4.1. */
const AGGREGATION: readonly string[] = ['off', 'up to 2', 'up to 4', 'up to 8']

export interface BlockView {
  readonly kind: 'selective' | 'link'
  readonly block: number
  /** Of the block, in configuration space. */
  readonly offset: string
  readonly enabled: boolean
  /** Carried by the block; it means something only when enabled. */
  readonly streamId: number
  readonly state: string
  /** What a block that is not enabled looks like: left by enumeration, cleared, or otherwise. */
  readonly idle: string | null
  /** `bridge/stream` of the kernel, `foreign`, or null for a block that is not in use. */
  readonly owner: string | null
  readonly usableByLinux: boolean
  readonly trafficClass: number
  readonly algorithm: string
  readonly pcrc: boolean
  readonly aggregation: {readonly npr: string; readonly pr: string; readonly cpl: string}
  readonly headerEncryption: string
  readonly failReceived: boolean
  /** Selective blocks only, as all below. */
  readonly defaultStream: boolean | null
  readonly teeLimited: boolean | null
  readonly configRequests: boolean | null
  readonly rid: {
    readonly valid: boolean
    readonly base: string
    readonly limit: string
    readonly segment: number
  } | null
  readonly addresses: readonly {
    readonly index: number
    readonly valid: boolean
    readonly base: string
    readonly limit: string
  }[]
}

/** A block of function `bdf`; `ignored` when Linux makes no use of the function's IDE at all. */
export function blockView(
  bdf: string,
  stream: SelectiveStream | LinkStream,
  owner: string | null,
  ignored: boolean,
): BlockView {
  const {registers} = stream
  const common = {
    kind: stream.kind,
    block: stream.index,
    offset: hex(stream.offset, 3),
    enabled: stream.enabled,
    streamId: stream.streamId,
    state: stream.state,
    idle: stream.idle ?? null,
    owner,
    trafficClass: stream.trafficClass,
    algorithm: nameOf(ALGORITHM_NAMES, stream.algorithm),
    pcrc: stream.pcrc,
    aggregation: {
      npr: AGGREGATION[registers.aggregationNpr]!,
      pr: AGGREGATION[registers.aggregationPr]!,
      cpl: AGGREGATION[registers.aggregationCpl]!,
    },
    headerEncryption: registers.headerEncryption === 0 ? 'off' : `mode ${registers.headerEncryption}`,
    failReceived: stream.failReceived,
  }
  if (stream.kind === 'link')
    return {
      ...common,
      usableByLinux: false,
      defaultStream: null,
      teeLimited: null,
      configRequests: null,
      rid: null,
      addresses: [],
    }
  const {domain} = bdfParts(bdf)
  return {
    ...common,
    usableByLinux: stream.usableByLinux && !ignored,
    defaultStream: stream.defaultStream,
    teeLimited: stream.teeLimited,
    configRequests: stream.configRequests,
    rid: {
      valid: stream.rid.valid,
      base: bdfOfRid(domain, stream.rid.base),
      limit: bdfOfRid(domain, stream.rid.limit),
      segment: stream.rid.segment,
    },
    addresses: stream.addresses.map(({index, valid, base, limit}) => ({
      index,
      valid,
      base: hex(base),
      limit: hex(limit),
    })),
  }
}

const yesNo = (value: boolean | null): string => (value === null ? '-' : value ? 'yes' : 'no')

function ridText({rid}: BlockView): string {
  if (rid === null) return '-'
  return rid.valid ? `${rid.base} - ${rid.limit}` : 'none'
}

function addressText({addresses}: BlockView): string {
  const valid = addresses.filter(range => range.valid)
  return valid.length === 0 ? 'none' : valid.map(({base, limit}) => `${base} - ${limit}`).join(', ')
}

/** Rows of the table of a stream: what it is called, and how a block says it. */
export const BLOCK_LINES: readonly (readonly [string, (view: BlockView) => string])[] = [
  ['block', ({kind, block, offset}) => `${kind} ${block} at ${offset}`],
  ['enabled', ({enabled}) => yesNo(enabled)],
  ['Stream ID', ({streamId, enabled}) => (enabled ? String(streamId) : `- (register holds ${streamId})`)],
  ['state', ({state, enabled}) => (enabled ? state : '-')],
  ['owner', ({owner}) => owner ?? '-'],
  ['traffic class', ({trafficClass}) => String(trafficClass)],
  ['algorithm', ({algorithm}) => algorithm],
  ['PCRC', ({pcrc}) => yesNo(pcrc)],
  [
    'aggregation',
    ({aggregation: {npr, pr, cpl}}) => (npr === pr && pr === cpl ? pr : `NPR ${npr}, PR ${pr}, CPL ${cpl}`),
  ],
  ['header encryption', ({headerEncryption}) => headerEncryption],
  ['default stream', ({defaultStream}) => yesNo(defaultStream)],
  ['TEE-limited', ({teeLimited}) => yesNo(teeLimited)],
  ['configuration requests', ({configRequests}) => yesNo(configRequests)],
  ['Requester IDs', ridText],
  ['addresses', addressText],
  ['fail message received', ({failReceived}) => yesNo(failReceived)],
]

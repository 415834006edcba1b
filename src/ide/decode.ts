/**
 * Facts of an IDE extended capability. Every count in it comes from the device, so every block is checked against the
 * end of configuration space; blocks that do not fit are a finding and are not reported.
 */
import {concat, DecodeError, type Finding, findings as reservedBits, hex, nameOf, type View} from '../bits/index.js'
import {
  ADDRESS_ASSOCIATION,
  IDE_CAPABILITY,
  IDE_REGISTERS,
  LINK_STREAM,
  SELECTIVE_STREAM,
  STREAM_STATE,
  STREAM_STATE_NAMES,
} from './registers.js'

/** Stream ID that Linux gives idle blocks at enumeration, so that an idle ID cannot alias a live one. */
export const IDLE_STREAM_ID = 255

/**
 * What a disabled block holds: `enumerated` the ID Linux reserves for idle blocks, `cleared` the zeros of a reset or of
 * Linux tearing a stream down, `disabled` anything else.
 */
export type Idle = 'enumerated' | 'cleared' | 'disabled'

interface Stream {
  readonly index: number
  /** Of the block, from the start of configuration space. */
  readonly offset: number
  readonly enabled: boolean
  /** Meaningful only when enabled. */
  readonly streamId: number
  readonly trafficClass: number
  readonly algorithm: number
  readonly pcrc: boolean
  /** Name of the state, `0x…` for reserved ones. */
  readonly state: string
  /** Enabled and in state Secure; the state of a disabled stream means nothing. */
  readonly secure: boolean
  /** An IDE fail message was received; Linux never clears it. */
  readonly failReceived: boolean
  /** Undefined when enabled. */
  readonly idle: Idle | undefined
}

export interface LinkStream extends Stream {
  readonly kind: 'link'
  readonly registers: View<typeof LINK_STREAM.fields>
}

export interface AddressRange {
  readonly index: number
  readonly valid: boolean
  readonly base: bigint
  /** Inclusive: the last byte of the last MiB. */
  readonly limit: bigint
}

export interface SelectiveStream extends Stream {
  readonly kind: 'selective'
  /** Requester IDs of the partner; base and limit inclusive. */
  readonly rid: {readonly valid: boolean; readonly base: number; readonly limit: number; readonly segment: number}
  readonly addresses: readonly AddressRange[]
  readonly defaultStream: boolean
  readonly teeLimited: boolean
  readonly configRequests: boolean
  /** Linux keeps only the blocks before the first one whose number of address association blocks differs. */
  readonly usableByLinux: boolean
  readonly registers: View<typeof SELECTIVE_STREAM.fields>
}

export interface Ide {
  readonly offset: number
  readonly capability: View<typeof IDE_CAPABILITY.fields>
  /** Blocks that the capability register promises, whether they fit or not. */
  readonly promised: {readonly link: number; readonly selective: number}
  readonly linkStreams: readonly LinkStream[]
  readonly selectiveStreams: readonly SelectiveStream[]
  /** Offset behind the last block that fits. */
  readonly end: number
  /** Every promised block lies inside the bytes at hand. */
  readonly complete: boolean
  readonly findings: readonly Finding[]
}

const CONFIG_SPACE_END = 4096
const RID_LIMIT = SELECTIVE_STREAM.fields.ridLimit.at as number
/** Address associations count in MiB. */
const MIB = 1n << 20n
/** The lower parts of base and limit hold address bits 31:20, the upper parts bits 63:32. */
const UPPER_UNIT = 1n << 32n

/** Base and limit in bytes of an address association block; the limit includes the whole of its last MiB. */
export function addressRange(block: View<typeof ADDRESS_ASSOCIATION.fields>): {base: bigint; limit: bigint} {
  const base = BigInt(block.baseLower) * MIB + BigInt(block.baseUpper) * UPPER_UNIT
  const limit = BigInt(block.limitLower) * MIB + BigInt(block.limitUpper) * UPPER_UNIT + (MIB - 1n)
  return {base, limit}
}

/** Number of Link stream blocks and of Selective stream blocks that a capability register promises. */
const promisedBlocks = (register: {
  readonly linkSupported: boolean
  readonly selectiveSupported: boolean
  readonly lastLinkTc: number
  readonly lastSelective: number
}): {link: number; selective: number} => ({
  link: register.linkSupported ? register.lastLinkTc + 1 : 0,
  selective: register.selectiveSupported ? register.lastSelective + 1 : 0,
})

function streamOf(
  registers: View<typeof LINK_STREAM.fields> | View<typeof SELECTIVE_STREAM.fields>,
  idle: Idle,
): Omit<Stream, 'index' | 'offset'> {
  const {enable, streamId, trafficClass, algorithm, pcrcEnable, state, failReceived} = registers
  return {
    enabled: enable,
    streamId,
    trafficClass,
    algorithm,
    pcrc: pcrcEnable,
    state: nameOf(STREAM_STATE_NAMES, state),
    secure: enable && state === STREAM_STATE.secure,
    failReceived,
    idle: enable ? undefined : idle,
  }
}

const idleOf = (streamId: number, clear: boolean): Idle => {
  if (streamId === IDLE_STREAM_ID) return 'enumerated'
  return clear && streamId === 0 ? 'cleared' : 'disabled'
}

/** Ranges that end before they start: nothing the kernel writes, and nothing they could match. */
function checkRanges({offset, rid, addresses}: SelectiveStream, path: string, findings: Finding[]): void {
  if (rid.valid && rid.limit < rid.base)
    findings.push({
      path: `${path}.ridLimit`,
      offset: offset + RID_LIMIT,
      message: `RID association ends at ${hex(rid.limit, 4)} before it starts at ${hex(rid.base, 4)}`,
    })
  for (const {index, valid, base, limit} of addresses)
    if (valid && limit < base)
      findings.push({
        path: `${path}.associations[${index}]`,
        offset: offset + SELECTIVE_STREAM.headSize + index * ADDRESS_ASSOCIATION.headSize,
        message: `address association ends at ${hex(limit)} before it starts at ${hex(base)}`,
      })
}

/**
 * Decodes the IDE capability at `offset` of configuration space `config`. Throws DecodeError when there is no IDE
 * capability at that place or its head does not fit; blocks behind it that do not fit are findings.
 */
export const decodeIde = (config: Uint8Array, offset: number): Ide =>
  readIde(new Uint8Array(config.subarray(0, CONFIG_SPACE_END)), offset)

/** The same without copying: the caller owns the bytes, and nobody changes them any more. */
export function readIde(config: Uint8Array, offset: number): Ide {
  const length = Math.min(config.length, CONFIG_SPACE_END)
  const data = new DataView(config.buffer, config.byteOffset, length)
  const {value: capability, end: head} = IDE_CAPABILITY.read(data, offset, length)
  const promised = promisedBlocks(capability)
  const findings = reservedBits(IDE_CAPABILITY, capability).map(found => ({...found, offset: offset + found.offset}))
  const linkStreams: LinkStream[] = []
  const selectiveStreams: SelectiveStream[] = []
  let at = head
  let complete = true

  /** Reads `count` blocks one after the other until one does not fit. */
  function blocks(kind: string, count: number, read: (index: number, path: string) => number): void {
    for (let index = 0; complete && index < count; index++) {
      const path = `${kind}[${index}]`
      try {
        at = read(index, path)
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
        complete = false
        const left = count - index
        findings.push({
          path,
          offset: at,
          message: `${left} of ${count} ${kind} stream blocks lie outside ${length} bytes`,
        })
      }
    }
  }

  blocks('link', promised.link, (index, path) => {
    const {value: registers, end} = LINK_STREAM.read(data, at, length)
    const idle = idleOf(registers.streamId, true)
    linkStreams.push({kind: 'link', index, offset: at, ...streamOf(registers, idle), registers})
    note(LINK_STREAM, registers, path)
    return end
  })

  blocks('selective', promised.selective, (index, path) => {
    const {value: registers, end} = SELECTIVE_STREAM.read(data, at, length)
    const addresses = registers.associations.map((block, i) => ({index: i, valid: block.valid, ...addressRange(block)}))
    const previous = selectiveStreams.at(-1)
    const stream: SelectiveStream = {
      kind: 'selective',
      index,
      offset: at,
      ...streamOf(registers, idleOf(registers.streamId, !registers.ridValid)),
      rid: {
        valid: registers.ridValid,
        base: registers.ridBase,
        limit: registers.ridLimit,
        segment: registers.segmentBase,
      },
      addresses,
      defaultStream: registers.defaultStream,
      teeLimited: registers.teeLimited,
      configRequests: registers.configEnable,
      usableByLinux:
        previous === undefined || (previous.usableByLinux && previous.addresses.length === addresses.length),
      registers,
    }
    selectiveStreams.push(stream)
    note(SELECTIVE_STREAM, registers, path)
    checkRanges(stream, path, findings)
    return end
  })

  function note(layout: typeof LINK_STREAM | typeof SELECTIVE_STREAM, registers: object, path: string): void {
    for (const finding of reservedBits(layout, registers))
      findings.push({...finding, path: `${path}.${finding.path}`, offset: at + finding.offset})
  }

  return {offset, capability, promised, linkStreams, selectiveStreams, end: at, complete, findings}
}

/** Extended capability header that QUERY_RESP leaves out. */
const OMITTED_HEADER = IDE_CAPABILITY.encode({}).subarray(0, IDE_CAPABILITY.headSize - IDE_REGISTERS.headSize)

/**
 * Decodes the register block of IDE_KM QUERY_RESP: the capability without its header; offsets count as if the header
 * were there. Throws DecodeError unless the promised blocks fill it exactly.
 */
export function decodeIdeRegisters(registers: Uint8Array): Ide {
  const ide = readIde(concat(OMITTED_HEADER, registers), 0)
  const length = registers.length + OMITTED_HEADER.length
  if (!ide.complete || ide.end !== length)
    throw new DecodeError({
      structure: IDE_REGISTERS.name,
      path: '',
      offset: ide.end - OMITTED_HEADER.length,
      expected: `${ide.promised.link} link and ${ide.promised.selective} selective stream blocks, and no more`,
      got: `${registers.length} bytes`,
    })
  return ide
}

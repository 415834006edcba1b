/**
 * A capture: what one machine answered, as data. `format-capture.ts` and `parse-capture.ts` turn it into the text people
 * keep and edit, `recording.ts` makes one, `replay.ts` serves one.
 */
import type {NetlinkFamily} from './port.js'
import {parentOf} from './walk.js'

/** Format written today. */
export const CAPTURE_FORMAT = 'tsmctl-capture-1'
/** Formats understood; the older one has no partial nodes and nothing but nodes. */
export const CAPTURE_FORMATS: readonly string[] = [CAPTURE_FORMAT, 'tsmtest-sysfs-1']

/** Bytes known from `offset` on. */
export interface Chunk {
  readonly offset: number
  readonly bytes: Uint8Array
}

export interface DirectoryNode {
  readonly type: 'directory'
  readonly mode: number
  /** Set when the nodes below are not the listing: `partial` if it was never asked for, else the errno it gave. */
  readonly listing?: string
}
export interface LinkNode {
  readonly type: 'link'
  readonly target: string
}
export interface FileNode {
  readonly type: 'file'
  readonly mode: number
  /** Null for a write-only attribute. */
  readonly content: Uint8Array | null
}
/** A file of which only some bytes are known; the others are not zero but unknown. */
export interface PartNode {
  readonly type: 'part'
  readonly mode: number
  /** `st_size`. */
  readonly size: number
  /** In order, neither overlapping nor touching. */
  readonly chunks: readonly Chunk[]
  /** Where reading came to the end, if it did: 64 for `config` without privilege. */
  readonly end?: number
}
/** A file that answered with an errno. */
export interface ErrorNode {
  readonly type: 'error'
  readonly mode: number
  readonly errno: string
}
export type CaptureNode = DirectoryNode | LinkNode | FileNode | PartNode | ErrorNode

/** One generic-netlink request: what was asked and what came back. */
export interface Exchange {
  /** A single request with acknowledgement; a dump unless set. */
  readonly kind?: 'single'
  readonly family: string
  readonly version: number
  readonly command: number
  /** Encoded attributes of the request. */
  readonly request: Uint8Array
  /** Payloads of the messages, or the errno. */
  readonly response: readonly Uint8Array[] | string
}

/** What the kernel said of a family by that name: its description, or the errno. */
export interface FamilyAnswer {
  readonly name: string
  readonly answer: Omit<NetlinkFamily, 'name'> | string
}

/** One ioctl(2): what was handed over and what came back. */
export interface IoctlExchange {
  readonly path: string
  readonly request: number
  readonly argument: Uint8Array
  /** The argument as the kernel left it, or the errno. */
  readonly response: Uint8Array | string
}

export interface Capture {
  readonly label: string
  /** Release of the recorded kernel; empty when unknown. */
  readonly kernel: string
  /** When it was recorded, RFC 3339. */
  readonly recorded?: string
  /** By canonical path. Directories above a node may be left out. */
  readonly nodes: ReadonlyMap<string, CaptureNode>
  readonly exchanges: readonly Exchange[]
  readonly families?: readonly FamilyAnswer[]
  readonly ioctls?: readonly IoctlExchange[]
  /** Kernel events in the order they came. */
  readonly uevents?: readonly (Uint8Array | 'lost')[]
}

const TEXT = /^[\t\n\x20-\x7e]*$/

/** Content as text if people can read it, else undefined. */
export function plainText(content: Uint8Array): string | undefined {
  const text = Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('latin1')
  return TEXT.test(text) ? text : undefined
}

/** Node of a file read to its end. Of a binary file shorter than `size` (`config` without privilege) both are kept. */
export function fileNode(mode: number, size: number, content: Uint8Array): FileNode | PartNode {
  if (content.length >= size || plainText(content) !== undefined) return {type: 'file', mode, content}
  return {type: 'part', mode, size, chunks: [{offset: 0, bytes: content}], end: content.length}
}

/** `node` with `bytes` from `offset` on, which were all there was if `isEnd`. */
export function withBytes(
  node: FileNode | PartNode,
  offset: number,
  bytes: Uint8Array,
  isEnd: boolean,
): FileNode | PartNode {
  const {mode, size, chunks, end: oldEnd} = node.type === 'part' ? node : asPart(node)
  const end = isEnd ? offset + bytes.length : oldEnd
  const merged = (bytes.length === 0 ? chunks : mergeChunk(chunks, {offset, bytes}))
    .map(chunk => ({...chunk, bytes: chunk.bytes.subarray(0, Math.max(0, (end ?? Infinity) - chunk.offset))}))
    .filter(chunk => chunk.bytes.length > 0)
  const [first] = merged
  const whole = first?.offset === 0 && merged.length === 1 ? first.bytes : new Uint8Array(0)
  if (whole.length === end || (whole.length > 0 && whole.length >= size)) return fileNode(mode, size, whole)
  return {type: 'part', mode, size, chunks: merged, ...(end === undefined ? {} : {end})}
}

/** A wholly known file in the terms of a partly known one. */
export const asPart = ({mode, content}: FileNode): PartNode => ({
  type: 'part',
  mode,
  size: content?.length ?? 0,
  chunks: content === null || content.length === 0 ? [] : [{offset: 0, bytes: content}],
})

/** Bytes of both, `bytes` winning; they overlap or touch. */
function glue(old: Chunk, offset: number, bytes: Uint8Array): Uint8Array {
  const from = Math.min(old.offset, offset)
  const out = new Uint8Array(Math.max(old.offset + old.bytes.length, offset + bytes.length) - from)
  out.set(old.bytes, old.offset - from)
  out.set(bytes, offset - from)
  return out
}

function mergeChunk(chunks: readonly Chunk[], added: Chunk): Chunk[] {
  const apart: Chunk[] = []
  let merged = added
  for (const chunk of chunks) {
    const isApart =
      chunk.offset + chunk.bytes.length < merged.offset || chunk.offset > merged.offset + merged.bytes.length
    if (isApart) apart.push(chunk)
    else merged = {offset: Math.min(chunk.offset, merged.offset), bytes: glue(chunk, merged.offset, merged.bytes)}
  }
  return [...apart, merged].sort((a, b) => a.offset - b.offset)
}

/** Up to `length` bytes of a partly known file; undefined when one of them is not known. */
export function knownBytes({chunks, size, end}: PartNode, offset: number, length: number): Uint8Array | undefined {
  // a size of 0 says nothing: configfs gives it to every blob
  const stop = Math.min(offset + length, end ?? (size === 0 ? Infinity : size))
  if (stop <= offset) return new Uint8Array(0)
  const chunk = chunks.find(({offset: at, bytes}) => at <= offset && offset < at + bytes.length)
  if (chunk === undefined || chunk.offset + chunk.bytes.length < stop) return undefined
  return chunk.bytes.slice(offset - chunk.offset, stop - chunk.offset)
}

/** Names in every directory, sorted; directories nobody wrote down included. */
export function childrenOf(nodes: ReadonlyMap<string, CaptureNode>): Map<string, string[]> {
  const children = new Map<string, string[]>([['/', []]])
  for (const [path, node] of nodes) {
    if (node.type === 'directory' && !children.has(path)) children.set(path, [])
    for (let at = path; at !== '/';) {
      const parent = parentOf(at)
      const siblings = children.get(parent)
      const name = at.slice(at.lastIndexOf('/') + 1)
      if (siblings !== undefined) {
        siblings.push(name)
        break
      }
      children.set(parent, [name])
      at = parent
    }
  }
  for (const [path, names] of children) children.set(path, [...new Set(names)].sort())
  return children
}

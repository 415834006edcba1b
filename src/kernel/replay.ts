/** Serves a capture: what it holds, the errnos it holds, and a plain refusal for what was never recorded. */
import {ErrnoError} from '../errors.js'
import {
  type Capture,
  type CaptureNode,
  childrenOf,
  type FileNode,
  knownBytes,
  type PartNode,
  plainText,
} from './capture.js'
import type {Kernel, Stat} from './port.js'
import {replayExchanges} from './replay-exchanges.js'
import {replayHost, type ReplayOptions} from './replay-host.js'
import {type Lookup, resolvePath} from './walk.js'

/** `st_size` of every sysfs text attribute. */
const PAGE = 4096

/** A directory above a node that nobody wrote down. */
const IMPLIED: CaptureNode = {type: 'directory', mode: 0o755}

/** The recording cannot answer: neither a fact about the machine nor an errno of its kernel. */
const notRecorded = (verb: string, path: string): ErrnoError =>
  new ErrnoError('EIO', verb, path, {
    kind: 'unsupported',
    got: 'not in this recording',
    hint: 'record the machine again with the command that needs it',
  })

function statOf(node: CaptureNode): Stat {
  switch (node.type) {
    case 'directory':
      return {type: 'directory', mode: node.mode, size: 0}
    case 'link':
      return {type: 'link', mode: 0o777, size: node.target.length}
    case 'part':
      return {type: 'file', mode: node.mode, size: node.size}
    case 'error':
      return {type: 'file', mode: node.mode, size: PAGE}
    case 'file':
      return {type: 'file', mode: node.mode, size: sizeOf(node.content)}
  }
}

/** Text attributes have the size of a page, binary ones that of their content. */
const sizeOf = (content: Uint8Array | null): number =>
  content !== null && plainText(content) === undefined ? content.length : Math.max(PAGE, content?.length ?? 0)

/** Serves `capture`; `label` is what the user named. */
export function replayKernel(capture: Capture, options: ReplayOptions & {readonly label?: string} = {}): Kernel {
  const {nodes} = capture
  const children = childrenOf(nodes)
  const isPartial = [...nodes.values()].some(node => node.type === 'directory' && node.listing !== undefined)
  const absent = isPartial ? {hint: 'this recording holds only what was looked at when it was made'} : {}

  const lookup: Lookup = path => {
    const node = nodes.get(path)
    if (node === undefined) return children.has(path) ? 'directory' : undefined
    if (node.type === 'link') return {link: node.target}
    return node.type === 'directory' ? 'directory' : 'file'
  }

  /** The node at `path`; throws ErrnoError as the kernel's lookup would. */
  function find(path: string, follow: boolean, verb: string): {place: string; node: CaptureNode} {
    const place = resolvePath(path, follow, lookup, verb)
    const node = nodes.get(place) ?? (children.has(place) ? IMPLIED : undefined)
    if (node === undefined) throw new ErrnoError('ENOENT', verb, path, absent)
    return {place, node}
  }

  function readable(path: string): FileNode | PartNode {
    const {node} = find(path, true, 'read')
    if (node.type === 'directory') throw new ErrnoError('EISDIR', 'read', path)
    if (node.type === 'error') throw new ErrnoError(node.errno, 'read', path)
    if (node.type === 'link') throw new ErrnoError('ELOOP', 'read', path)
    if (node.type === 'file' && node.content === null) throw new ErrnoError('EACCES', 'read', path)
    return node
  }

  return replayHost(options.label ?? capture.label, options, {
    read(path) {
      const node = readable(path)
      if (node.type === 'file') return node.content!.slice()
      const bytes = node.end === undefined ? undefined : knownBytes(node, 0, node.end)
      if (bytes === undefined) throw notRecorded('read', path)
      return bytes
    },
    readAt(path, offset, length) {
      const node = readable(path)
      if (node.type === 'file') return node.content!.slice(offset, offset + length)
      const bytes = knownBytes(node, offset, length)
      if (bytes === undefined) throw notRecorded('read', path)
      return bytes
    },
    readlink(path) {
      const {node} = find(path, false, 'readlink')
      if (node.type !== 'link') throw new ErrnoError('EINVAL', 'readlink', path)
      return node.target
    },
    list(path) {
      const {place, node} = find(path, true, 'list')
      if (node.type === 'error') throw new ErrnoError(node.errno, 'list', path)
      if (node.type !== 'directory') throw new ErrnoError('ENOTDIR', 'list', path)
      if (node.listing === 'partial') throw notRecorded('list', path)
      if (node.listing !== undefined) throw new ErrnoError(node.listing, 'list', path)
      return [...(children.get(place) ?? [])]
    },
    stat(path) {
      try {
        return statOf(find(path, false, 'stat').node)
      } catch (error) {
        if (error instanceof ErrnoError && (error.errno === 'ENOENT' || error.errno === 'ENOTDIR')) return undefined
        throw error
      }
    },
    ...replayExchanges(capture),
  })
}

/**
 * Records what another host answers. The last content wins; a refusal never replaces content, so that an attribute that
 * vanished or was busy for a moment stays as it was seen. A recording is for looking at a machine: of writes only the
 * existence of the attribute is kept, and tsmctl's own state and locks are not part of it.
 */
import {errnoOf} from '../errors.js'
import {anonymous} from './anonymise.js'
import {type Capture, type CaptureNode, fileNode, withBytes} from './capture.js'
import {attributeText, type Kernel} from './port.js'
import {exchangeRecorder} from './record-exchanges.js'
import {childOf, type Lookup, resolvePath} from './walk.js'

export interface RecordingOptions {
  /** Leave out what identifies one machine: see `anonymise.ts` for what that covers. */
  readonly anonymise?: boolean
  /** Name of the capture; that of the recorded host unless given. */
  readonly label?: string
}

export interface Recording extends Kernel {
  /** Everything recorded so far. */
  capture(): Capture
}

/** Not a fact about the node: the path was wrong, or the call was ended from outside. */
const NOT_KEPT: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EINTR'])

/** Release of the kernel, for the head of the capture; empty where there is no /proc. */
function releaseOf(kernel: Kernel): string {
  try {
    return attributeText(kernel.read('/proc/sys/kernel/osrelease'))
  } catch {
    return ''
  }
}

const isWriteOnly = (mode: number): boolean => !/[4-7]/.test(mode.toString(8).padStart(3, '0').slice(-3))

/** The nodes seen so far, and how answers become nodes. */
function recorder(inner: Kernel) {
  const nodes = new Map<string, CaptureNode>()
  const sizes = new Map<string, number>()

  /** Notes that something is at a canonical path, without reading it. */
  const notice = (path: string): CaptureNode | undefined => {
    const known = nodes.get(path)
    if (known !== undefined) return known
    const found = inner.stat(path)
    if (found === undefined) return undefined
    const {type, mode, size} = found
    sizes.set(path, size)
    let node: CaptureNode = {type: 'part', mode, size, chunks: []}
    if (type === 'directory') node = {type: 'directory', mode, listing: 'partial'}
    if (type === 'file' && isWriteOnly(mode)) node = {type: 'file', mode, content: null}
    if (type === 'link') node = {type: 'link', target: inner.readlink(path)}
    nodes.set(path, node)
    return node
  }

  const lookup: Lookup = path => {
    const node = notice(path)
    if (node === undefined) return undefined
    if (node.type === 'link') return {link: node.target}
    return node.type === 'directory' ? 'directory' : 'file'
  }

  /** Hands the canonical path and the node there to `keep`; what is gone already is not recorded. */
  function at(path: string, follow: boolean, keep: (place: string, node: CaptureNode) => void): void {
    try {
      const place = resolvePath(path, follow, lookup, 'record')
      const node = notice(place)
      if (node !== undefined) keep(place, node)
    } catch (error) {
      if (errnoOf(error) === undefined) throw error
    }
  }

  const seen = (path: string): void => at(path, false, () => undefined)

  return {
    nodes,
    seen,
    /** A refusal to read is a fact about a file of which nothing is known yet. */
    keepReadError: (path: string, errno: string): void =>
      at(path, true, (place, node) => {
        const isUnread = node.type === 'error' || (node.type === 'part' && node.chunks.length === 0)
        if (isUnread && !NOT_KEPT.has(errno)) nodes.set(place, {type: 'error', mode: node.mode, errno})
      }),
    keepListError: (path: string, errno: string): void =>
      at(path, true, (place, node) => {
        const isUnlisted = node.type === 'directory' && node.listing !== undefined
        if (isUnlisted && !NOT_KEPT.has(errno)) nodes.set(place, {...node, listing: errno})
      }),
    keepContent: (path: string, content: Uint8Array): void =>
      at(path, true, (place, node) => {
        if (node.type === 'link' || node.type === 'directory') return
        nodes.set(place, fileNode(node.mode, sizes.get(place) ?? 0, content))
      }),
    keepBytes: (path: string, offset: number, bytes: Uint8Array, isEnd: boolean): void =>
      at(path, true, (place, node) => {
        if (node.type === 'link' || node.type === 'directory') return
        const size = sizes.get(place) ?? 0
        const before = node.type === 'error' ? {type: 'part' as const, mode: node.mode, size, chunks: []} : node
        nodes.set(place, withBytes(before, offset, bytes, isEnd))
      }),
    keepListing: (path: string, names: readonly string[]): void =>
      at(path, true, (place, node) => {
        if (node.type !== 'directory') return
        nodes.set(place, {type: 'directory', mode: node.mode})
        for (const name of names) seen(childOf(place, name))
      }),
    keepLink: (path: string, target: string): void =>
      at(path, false, place => void nodes.set(place, {type: 'link', target})),
  }
}

/** What `call` answers, kept by `keep`; the errno of a refusal is kept by `keepErrno`. */
function noted<T>(call: () => T, keep: (answer: T) => void, keepErrno: (errno: string) => void): T {
  let answer: T
  try {
    answer = call()
  } catch (error) {
    const errno = errnoOf(error)
    if (errno !== undefined) keepErrno(errno)
    throw error
  }
  keep(answer)
  return answer
}

/** `inner`, with everything it answers recorded. */
export function recordingKernel(inner: Kernel, options: RecordingOptions = {}): Recording {
  const record = recorder(inner)
  const asked = exchangeRecorder(inner)

  return {
    host: inner.host,
    state: inner.state,
    lock: name => inner.lock(name),
    now: () => inner.now(),
    monotonic: () => inner.monotonic(),
    sleep: (milliseconds, signal) => inner.sleep(milliseconds, signal),
    random: length => inner.random(length),
    runProgram: (command, input, limits, signal) => inner.runProgram(command, input, limits, signal),
    actor: () => inner.actor(),
    close: () => inner.close(),
    read: path =>
      noted(
        () => inner.read(path),
        content => record.keepContent(path, content),
        errno => record.keepReadError(path, errno),
      ),
    readAt: (path, offset, length) =>
      noted(
        () => inner.readAt(path, offset, length),
        bytes => record.keepBytes(path, offset, bytes, bytes.length < length),
        errno => record.keepReadError(path, errno),
      ),
    // what a mailbox answers is a matter of the moment and cannot be replayed: it passes through, like every write
    writeAt(path, offset, bytes) {
      record.seen(path)
      inner.writeAt(path, offset, bytes)
    },
    readlink: path =>
      noted(
        () => inner.readlink(path),
        target => record.keepLink(path, target),
        () => record.seen(path),
      ),
    list: path =>
      noted(
        () => inner.list(path),
        names => record.keepListing(path, names),
        errno => record.keepListError(path, errno),
      ),
    stat(path) {
      record.seen(path)
      return inner.stat(path)
    },
    async query(path, signal) {
      try {
        const content = await inner.query(path, signal)
        record.keepContent(path, content)
        return content
      } catch (error) {
        const errno = errnoOf(error)
        if (errno !== undefined) record.keepReadError(path, errno)
        throw error
      }
    },
    async write(path, bytes, signal) {
      record.seen(path)
      await inner.write(path, bytes, signal)
    },
    makeDirectory: (path, signal) => inner.makeDirectory(path, signal),
    removeDirectory: (path, signal) => inner.removeDirectory(path, signal),
    ...asked.calls,
    capture() {
      const capture: Capture = {
        label: options.label ?? (inner.host.label || inner.host.kind),
        kernel: releaseOf(inner),
        recorded: inner.now().toISOString(),
        nodes: new Map(record.nodes),
        ...asked.recorded(),
      }
      return options.anonymise === true ? anonymous(capture) : capture
    },
  }
}

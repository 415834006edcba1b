/** The kernel port of a simulated machine. */
import {join} from 'node:path'
import {setTimeout} from 'node:timers/promises'
import {get, mask} from '../bits/index.js'
import {errnoOf, ErrnoError} from '../errors.js'
import {checkDword, directoryState, environment, fileLocks, type Kernel} from '../kernel/index.js'
import type {DumpContext} from './evidence-dump.js'
import {flipped, momentOf, takeFault} from './faults.js'
import {happen} from './host/events.js'
import {holdTsmLock} from './host/writes.js'
import type {MachineState} from './machine.js'
import {type MailboxModels, simMailboxes} from './mailboxes.js'
import {machineTree} from './machine-tree.js'
import type {FileNode, Tree} from './nodes.js'
import {openMachine} from './store.js'
import {withTsmReports} from './tsm-reports.js'
import {listen} from './uevents.js'

export interface SimOptions {
  /** What root may do; true unless given. */
  readonly privileged?: boolean
  /** Where tsmctl keeps its own state; `tsmctl` in the machine's directory unless given. */
  readonly stateDirectory?: string
  /** How time passes for delays; rejects when aborted. The real clock unless given. */
  readonly sleep?: (milliseconds: number, signal?: AbortSignal) => Promise<void>
  /** The clock that goes with `sleep`, in nanoseconds. */
  readonly monotonic?: () => bigint
  /** What is behind the DOE mailboxes instead of the machine's own devices. */
  readonly mailboxes?: MailboxModels
}

/** Permission bits that are asked for: of the owner, who is root, and of everybody else. */
const PERMISSION = {ownerRead: mask(8, 8), ownerWrite: mask(7, 7), otherRead: mask(2, 2)}

const READ_ONLY: ReadonlySet<string> = new Set(['EACCES', 'EROFS'])

const realSleep = (milliseconds: number, signal?: AbortSignal): Promise<void> =>
  setTimeout(milliseconds, undefined, signal === undefined ? {} : {signal})

function checkSignal(signal: AbortSignal | undefined, verb: string, path: string): void {
  if (signal?.aborted) throw new ErrnoError('EINTR', verb, path)
}

/** Function and attribute of a canonical path below `/sys/devices`. */
const ATTRIBUTE = /\/([0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7])\/([a-z0-9_]+(?:\/[a-z0-9_]+)?)$/

const MILLISECONDS = 1000

/** Bytes of a register. */
const DWORD = 4

/** Function of a canonical path of a configuration space. */
const CONFIG = /\/([0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7])\/config$/

/** Attributes whose reading waits for the lock that connect and disconnect hold. */
const isTsmAttribute = (path: string): boolean => /\/(?:authenticated|tsm\/(?:connect|dsm|bound))$/.test(path)

/** Opens the machine in `directory`. Throws TsmctlError `not-found` when there is none. */
export function simKernel(directory: string, options: SimOptions = {}): Kernel {
  const {privileged = true, stateDirectory = join(directory, 'tsmctl'), sleep = realSleep} = options
  const {monotonic = environment.monotonic} = options
  const store = openMachine(directory)
  const mailboxes = simMailboxes(store.machine, {
    monotonic,
    random: environment.random,
    identities: () => store.identities(),
    models: options.mailboxes,
  })
  let seen: MachineState | undefined
  let current: Tree | undefined

  function tree(): Tree {
    const state = store.state()
    if (current === undefined || state !== seen) {
      current = machineTree(store.machine, state, privileged)
      seen = state
      mailboxes.forgetAbsent(state)
    }
    return current
  }

  async function pause(milliseconds: number, signal: AbortSignal | undefined, verb: string, path: string) {
    try {
      await sleep(milliseconds, signal)
    } catch (error) {
      if (signal?.aborted) throw new ErrnoError('EINTR', verb, path)
      throw error
    }
  }

  function fileAt(path: string): {place: string; node: FileNode} {
    const {place, node} = tree().find(path, true, 'read')
    if (node.type === 'directory') throw new ErrnoError('EISDIR', 'read', path)
    if (node.type === 'link') throw new ErrnoError('ELOOP', 'read', path)
    const {ownerRead, otherRead} = PERMISSION
    if (get(privileged ? ownerRead : otherRead, node.mode) === 0) throw new ErrnoError('EACCES', 'read', path)
    return {place, node}
  }

  /** Content after whatever was scripted to happen to its reading. */
  function faultyContent(path: string, place: string, content: Uint8Array): {bytes: Uint8Array; delay: number} {
    const [, device, attribute] = ATTRIBUTE.exec(place) ?? []
    const fault = device === undefined ? undefined : takeFault(store, device, `read:${attribute!}`)
    switch (fault?.do) {
      case 'errno':
        throw new ErrnoError(fault.errno!, 'read', path)
      case 'flip-bit':
        return {bytes: flipped(content, fault.offset), delay: 0}
      case 'delay':
        return {bytes: content, delay: fault.ms ?? 0}
      case undefined:
        return {bytes: content, delay: 0}
      default:
        happen(store, fault!)
        if (momentOf(fault!) === 'after') return {bytes: content, delay: 0}
        if (fault!.do === 'vanish') throw new ErrnoError('ENODEV', 'read', path)
        return {bytes: fileAt(path).node.content, delay: 0}
    }
  }

  interface Content {
    readonly bytes: Uint8Array
    readonly delay: number
    readonly place: string
  }

  function contentOf(path: string): Content {
    const {place, node} = fileAt(path)
    // the state that the tree was just made of
    if (seen!.faults.length === 0) return {bytes: node.content, delay: 0, place}
    return {...faultyContent(path, place, node.content), place}
  }

  /** A copy of `length` bytes from `offset`, with registers as they are at this moment. */
  function part({bytes, place}: Content, offset = 0, length = bytes.length, path?: string): Uint8Array {
    const device = CONFIG.exec(place)?.[1]
    const copy = bytes.slice(offset, offset + length)
    if (device === undefined) return copy
    if (privileged && path !== undefined && length === DWORD) mailboxes.remember(path, device)
    return mailboxes.show(device, offset, copy)
  }

  /**
   * Returns when nobody holds the TSM lock; what was open and is gone by then is ENODEV. Who may only read the machine's
   * directory cannot wait for the lock.
   */
  async function passTsmLock(path: string, signal: AbortSignal | undefined): Promise<void> {
    fileAt(path)
    try {
      const release = await holdTsmLock(store, milliseconds => pause(milliseconds, signal, 'read', path))
      release()
    } catch (error) {
      if (!READ_ONLY.has(errnoOf(error) ?? '')) throw error
    }
    try {
      fileAt(path)
    } catch (error) {
      throw errnoOf(error) === 'ENOENT' ? new ErrnoError('ENODEV', 'read', path) : error
    }
  }

  /** Names in the directory at `path`: users neither make nor remove one in sysfs (Linux fs/kernfs/dir.c). */
  function directoryAt(path: string, verb: string): ReadonlySet<string> {
    const {place, node} = tree().find(path, true, verb)
    if (node.type !== 'directory') throw new ErrnoError('ENOTDIR', verb, path)
    return new Set(tree().names(place))
  }

  function netlinkContext(family: string, signal: AbortSignal | undefined): DumpContext {
    const about = `the generic-netlink family ${family}`
    checkSignal(signal, 'ask', about)
    return {
      store,
      privileged,
      random: environment.random,
      pause: milliseconds => pause(milliseconds, signal, 'ask', about),
    }
  }

  const kernel: Kernel = {
    host: {kind: 'sim', label: directory},
    state: directoryState(stateDirectory),
    lock: fileLocks(join(stateDirectory, 'lock')),
    ...environment,
    sleep: (milliseconds, signal) => sleep(milliseconds, signal),
    monotonic,
    now: () => new Date(environment.now().getTime() + store.state().world.clock * MILLISECONDS),
    read: path => part(contentOf(path)),
    readAt(path, offset, length) {
      const data = length === DWORD ? mailboxes.readData(path, offset) : undefined
      return data ?? part(contentOf(path), offset, length, path)
    },
    writeAt(path, offset, bytes) {
      checkDword(path, offset, bytes)
      if (mailboxes.writeData(path, offset, bytes)) return
      const {place, node} = tree().find(path, true, 'write')
      if (node.type !== 'file') throw new ErrnoError('EISDIR', 'write', path)
      if (!privileged) throw new ErrnoError('EACCES', 'write', path)
      if (offset >= node.size) throw new ErrnoError('EFBIG', 'write', path)
      const device = CONFIG.exec(place)?.[1]
      // no other register does anything: the answer of a kernel that is locked down
      if (device === undefined || !mailboxes.write(device, offset, bytes)) throw new ErrnoError('EPERM', 'write', path)
    },
    async query(path, signal) {
      checkSignal(signal, 'read', path)
      if (store.machine.host !== null && isTsmAttribute(path)) await passTsmLock(path, signal)
      const content = contentOf(path)
      if (content.delay > 0) await pause(content.delay, signal, 'read', path)
      return part(content)
    },
    readlink(path) {
      const {node} = tree().find(path, false, 'readlink')
      if (node.type !== 'link') throw new ErrnoError('EINVAL', 'readlink', path)
      return node.target
    },
    list(path) {
      const {place, node} = tree().find(path, true, 'list')
      if (node.type !== 'directory') throw new ErrnoError('ENOTDIR', 'list', path)
      return [...tree().names(place)]
    },
    stat(path) {
      try {
        const {node} = tree().find(path, false, 'stat')
        if (node.type === 'directory') return {type: 'directory', mode: 0o755, size: 0}
        if (node.type === 'link') return {type: 'link', mode: 0o777, size: 0}
        return {type: 'file', mode: node.mode, size: node.size}
      } catch (error) {
        if (error instanceof ErrnoError && (error.errno === 'ENOENT' || error.errno === 'ENOTDIR')) return undefined
        throw error
      }
    },
    async write(path, bytes, signal) {
      checkSignal(signal, 'write', path)
      const {node} = tree().find(path, true, 'write')
      if (node.type === 'directory') throw new ErrnoError('EISDIR', 'write', path)
      if (node.type === 'link') throw new ErrnoError('ELOOP', 'write', path)
      if (!privileged || get(PERMISSION.ownerWrite, node.mode) === 0 || node.action === undefined)
        throw new ErrnoError('EACCES', 'write', path)
      if (bytes.length === 0) return
      const {carryOut} = await import('./writes.js')
      await carryOut(node.action, path, bytes, {
        store,
        random: environment.random,
        pause: milliseconds => pause(milliseconds, signal, 'write', path),
      })
    },
    async makeDirectory(path, signal) {
      checkSignal(signal, 'make', path)
      const [, parent, name] = /^(.*)\/([^/]+)$/.exec(path) ?? []
      if (parent === undefined || directoryAt(parent, 'make').has(name!)) throw new ErrnoError('EEXIST', 'make', path)
      throw new ErrnoError(privileged ? 'EPERM' : 'EACCES', 'make', path)
    },
    async removeDirectory(path, signal) {
      checkSignal(signal, 'remove', path)
      directoryAt(path, 'remove')
      throw new ErrnoError(privileged ? 'EPERM' : 'EACCES', 'remove', path)
    },
    async netlinkDump(request, signal) {
      const context = netlinkContext(request.family, signal)
      const {dumpEvidence} = await import('./evidence-dump.js')
      return dumpEvidence(request, context)
    },
    async netlinkFamily(name, signal) {
      netlinkContext(name, signal)
      const {describeFamily} = await import('./evidence-families.js')
      return describeFamily(name, store)
    },
    async netlinkDo(request, signal) {
      const context = netlinkContext(request.family, signal)
      const {doEvidence} = await import('./evidence-dump.js')
      return doEvidence(request, context)
    },
    uevents: signal => listen(store, sleep, signal),
    async ioctl(path, _request, _argument, signal) {
      checkSignal(signal, 'talk to', path)
      throw new ErrnoError('ENOTTY', 'talk to', path)
    },
    close() {
      // nothing is kept open between calls
    },
  }
  return store.machine.host === null ? withTsmReports(kernel, privileged) : kernel
}

/** A kernel of a few files, for what no capture shows: refusals, races, machines nobody has. Directories are implied. */
import {ErrnoError, TsmctlError} from '../../src/errors.js'
import type {Kernel} from '../../src/kernel/index.js'

export type Node = string | Uint8Array | {readonly link: string} | {readonly errno: string}

const unused = (): never => {
  throw new TsmctlError({kind: 'bug', attempted: 'use a part of the kernel port these tests do not have'})
}

/** Last component of every directory above `path`, which listings must show. */
function* edges(path: string): Generator<readonly [string, string]> {
  for (let at = path; at.lastIndexOf('/') > 0; at = at.slice(0, at.lastIndexOf('/')))
    yield [at.slice(0, at.lastIndexOf('/')), at.slice(at.lastIndexOf('/') + 1)]
}

/** Paths below `/sys/bus/pci/devices/<bdf>` are files of that directory, whether or not it is a link elsewhere. */
export function mapKernel(tree: Readonly<Record<string, Node>>): Kernel {
  const nodes = new Map(Object.entries(tree))
  const directories = new Map<string, Set<string>>()
  for (const path of nodes.keys())
    for (const [directory, name] of edges(path)) {
      const names = directories.get(directory) ?? new Set()
      directories.set(directory, names.add(name))
    }
  const find = (call: string, path: string): Node => {
    const node = nodes.get(path)
    if (node === undefined) throw new ErrnoError('ENOENT', call, path)
    if (typeof node === 'object' && 'errno' in node) throw new ErrnoError(node.errno, call, path)
    return node
  }
  const read = (path: string): Uint8Array => {
    const node = find('read', path)
    if (typeof node === 'string') return Buffer.from(node, 'latin1')
    if (node instanceof Uint8Array) return node
    throw new ErrnoError('EISDIR', 'read', path)
  }
  return {
    host: {kind: 'sim', label: 'map'},
    state: {directory: '', list: unused, read: unused, append: unused, replace: unused, remove: unused},
    read,
    readAt: (path, offset, length) => read(path).subarray(offset, offset + length),
    readlink(path) {
      const node = find('readlink', path)
      if (typeof node === 'object' && 'link' in node) return node.link
      throw new ErrnoError('EINVAL', 'readlink', path)
    },
    list(path) {
      if (nodes.has(path)) find('list', path)
      const names = directories.get(path)
      if (names === undefined) throw new ErrnoError('ENOENT', 'list', path)
      return [...names].sort()
    },
    stat(path) {
      const node = nodes.get(path)
      if (node === undefined) return directories.has(path) ? {type: 'directory', mode: 0o755, size: 0} : undefined
      const size = node instanceof Uint8Array ? node.length : 4096
      return {type: typeof node === 'object' && 'link' in node ? 'link' : 'file', mode: 0o644, size}
    },
    actor: () => ({uid: null, loginuid: null, user: null, tty: null}),
    async query(path, signal) {
      if (signal?.aborted) throw new ErrnoError('EINTR', 'read', path)
      return read(path)
    },
    write: unused,
    writeAt: unused,
    makeDirectory: unused,
    removeDirectory: unused,
    netlinkDump: unused,
    netlinkFamily: unused,
    netlinkDo: unused,
    uevents: unused,
    ioctl: unused,
    lock: unused,
    now: () => new Date(0),
    monotonic: () => 0n,
    sleep: unused,
    random: unused,
    runProgram: unused,
    close() {},
  }
}

/** What the kernel prints about a function in `uevent`. */
export const uevent = (bdf: string, driver?: string): string =>
  `${driver === undefined ? '' : `DRIVER=${driver}\n`}PCI_CLASS=10802\nPCI_ID=1B36:0010\nPCI_SUBSYS_ID=1AF4:1100\nPCI_SLOT_NAME=${bdf}\n`

/** The two nodes that every function of the fast listing has. */
export const functionNodes = (bdf: string, path: string, driver?: string): Record<string, Node> => ({
  [`/sys/bus/pci/devices/${bdf}`]: {link: `../../../devices/${path}/${bdf}`},
  [`/sys/bus/pci/devices/${bdf}/uevent`]: uevent(bdf, driver),
})

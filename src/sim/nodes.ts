/** The simulated file tree: nodes by canonical path, as the kernel's lookup finds them. */
import {ErrnoError} from '../errors.js'
import {type Lookup, resolvePath} from '../kernel/index.js'

/** What writing an attribute means. */
export type Action =
  | {readonly verb: 'lock' | 'unlock' | 'accept'; readonly device: string}
  | {readonly verb: 'connect' | 'disconnect'; readonly device: string}
  | {readonly verb: 'power_control'; readonly device: string}
  | {readonly verb: 'driver_override' | 'enable'; readonly device: string}
  | {readonly verb: 'reset' | 'remove' | 'sriov_numvfs'; readonly device: string}
  | {readonly verb: 'bind' | 'unbind'; readonly driver: string}
  | {readonly verb: 'switch'; readonly device: string; readonly name: string}
  | {readonly verb: 'rescan'}
  | {readonly verb: 'drivers_probe' | 'drivers_autoprobe' | 'locked-down'}

export interface FileNode {
  readonly type: 'file'
  readonly mode: number
  readonly content: Uint8Array
  /** `st_size`: a page for text attributes. */
  readonly size: number
  readonly action?: Action
}

export type Node = FileNode | {readonly type: 'directory'} | {readonly type: 'link'; readonly target: string}

export interface Tree {
  /** The node at `path`, found as the kernel finds it. Throws ErrnoError ENOENT, ENOTDIR, ELOOP. */
  find(path: string, follow: boolean, verb: string): {readonly place: string; readonly node: Node}
  names(directory: string): readonly string[]
}

const PAGE = 4096
const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/'

export interface TreeBuilder {
  directory(path: string): void
  /** A readable text attribute; a newline is added. */
  text(path: string, text: string, mode?: number, action?: Action): void
  /** A write-only attribute. */
  command(path: string, action: Action, mode?: number): void
  /** Configuration space of `size` bytes, of which the reader may see `content`. */
  config(path: string, content: Uint8Array, size: number): void
  link(path: string, target: string): void
  done(): Tree
}

const withAction = (action: Action | undefined): {action?: Action} => (action === undefined ? {} : {action})

export function treeBuilder(): TreeBuilder {
  const nodes = new Map<string, Node>([['/', {type: 'directory'}]])
  const children = new Map<string, string[]>([['/', []]])

  function add(path: string, node: Node): void {
    const parent = parentOf(path)
    if (!nodes.has(parent)) add(parent, {type: 'directory'})
    if (!nodes.has(path)) children.get(parent)!.push(path.slice(path.lastIndexOf('/') + 1))
    nodes.set(path, node)
    if (node.type === 'directory' && !children.has(path)) children.set(path, [])
  }

  const lookup: Lookup = path => {
    const node = nodes.get(path)
    return node?.type === 'link' ? {link: node.target} : node?.type
  }

  return {
    directory: path => add(path, {type: 'directory'}),
    text(path, text, mode = 0o444, action) {
      const content = new Uint8Array(Buffer.from(`${text}\n`, 'latin1'))
      add(path, {type: 'file', mode, content, size: PAGE, ...withAction(action)})
    },
    command: (path, action, mode = 0o200) =>
      add(path, {type: 'file', mode, content: new Uint8Array(), size: PAGE, action}),
    config: (path, content, size) =>
      add(path, {type: 'file', mode: 0o644, content, size, action: {verb: 'locked-down'}}),
    link: (path, target) => add(path, {type: 'link', target}),
    done() {
      for (const names of children.values()) names.sort()
      return {
        find(path, follow, verb) {
          const place = resolvePath(path, follow, lookup, verb)
          const node = nodes.get(place)
          if (node === undefined) throw new ErrnoError('ENOENT', verb, path)
          return {place, node}
        },
        names: directory => children.get(directory) ?? [],
      }
    },
  }
}

/** A plain sysfs tree on disk (copied, unpacked, or made for a test), served read-only. */
import {join} from 'node:path'
import {ErrnoError} from '../errors.js'
import {linkTarget, listNames, readPart, readWhole, statOf, TREE_FILE} from './attribute-io.js'
import type {Kernel, Stat} from './port.js'
import {replayHost, type ReplayOptions} from './replay-host.js'
import {type Lookup, resolvePath} from './walk.js'

export interface TreeOptions extends ReplayOptions {
  /** Where the directory's content lies in the tree the reader sees: `/` for a system root, `/sys` for a sysfs. */
  readonly mount?: '/' | '/sys'
}

/** Serves the files under `directory`; links, also absolute ones, stay inside. Writes are refused with EROFS. */
export function treeKernel(directory: string, options: TreeOptions = {}): Kernel {
  const mount = options.mount ?? '/'
  const prefix = mount === '/' ? '' : mount

  /** Place on disk of a canonical path; undefined outside the mounted part. */
  const onDisk = (path: string): string | undefined =>
    path === mount || path.startsWith(`${prefix}/`) ? join(directory, path.slice(prefix.length)) : undefined

  const statCanonical = (path: string, shown = path): Stat | undefined => {
    const place = onDisk(path)
    if (place !== undefined) return statOf(place, shown)
    return path === '/' ? {type: 'directory', mode: 0o755, size: 0} : undefined
  }

  // a tree on disk is a recording: what its directories and links are is looked up once, not for every file below them
  const waypoints = new Map<string, ReturnType<Lookup>>()

  const lookup: Lookup = path => {
    const seen = waypoints.get(path)
    if (seen !== undefined) return seen
    const type = statCanonical(path)?.type
    const found = type === 'link' ? {link: linkTarget(onDisk(path)!, path)} : type
    if (found !== 'file') waypoints.set(path, found)
    return found
  }

  const locate = (path: string, follow: boolean, verb: string): string => {
    const place = onDisk(resolvePath(path, follow, lookup, verb))
    if (place === undefined) throw new ErrnoError('ENOENT', verb, path)
    return place
  }

  return replayHost(directory, options, {
    read: path => readWhole(locate(path, true, 'read'), path, TREE_FILE),
    readAt: (path, offset, length) => readPart(locate(path, true, 'read'), offset, length, path, TREE_FILE),
    readlink(path) {
      const place = locate(path, false, 'readlink')
      const found = waypoints.get(resolvePath(path, false, lookup, 'readlink'))
      return typeof found === 'object' ? found.link : linkTarget(place, path)
    },
    list(path) {
      const canonical = resolvePath(path, true, lookup, 'list')
      if (canonical === '/' && prefix !== '') return [prefix.slice(1)]
      return listNames(locate(canonical, true, 'list'), path)
    },
    stat(path) {
      try {
        return statCanonical(resolvePath(path, false, lookup, 'stat'), path)
      } catch (error) {
        if (error instanceof ErrnoError && (error.errno === 'ENOENT' || error.errno === 'ENOTDIR')) return undefined
        throw error
      }
    },
  })
}

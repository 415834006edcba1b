/** A plain sysfs tree on disk (copied, unpacked, or made for a test), served read-only. */
import {normalize} from 'node:path'
import {errnoOf, ErrnoError} from '../errors.js'
import {linkTarget, listEntries, readPart, readWhole, statOf, TREE_FILE} from './attribute-io.js'
import type {Kernel, Stat} from './port.js'
import {replayHost, type ReplayOptions} from './replay-host.js'
import {childOf, type Lookup, resolvePath} from './walk.js'

export interface TreeOptions extends ReplayOptions {
  /** Where the directory's content lies in the tree the reader sees: `/` for a system root, `/sys` for a sysfs. */
  readonly mount?: '/' | '/sys'
}

/** Serves the files under `directory`; links, also absolute ones, stay inside. Writes are refused with EROFS. */
export function treeKernel(directory: string, options: TreeOptions = {}): Kernel {
  const mount = options.mount ?? '/'
  const prefix = mount === '/' ? '' : mount
  const base = normalize(directory).replace(/\/$/, '')

  /** Place on disk of a canonical path; undefined outside the mounted part. */
  const onDisk = (path: string): string | undefined =>
    path === mount || path.startsWith(`${prefix}/`) ? `${base}${path.slice(prefix.length)}` || '/' : undefined

  const statCanonical = (path: string, shown = path): Stat | undefined => {
    const place = onDisk(path)
    if (place !== undefined) return statOf(place, shown)
    return path === '/' ? {type: 'directory', mode: 0o755, size: 0} : undefined
  }

  // a tree on disk is a recording: what its directories and links are is looked up once, not for every file below them
  const waypoints = new Map<string, ReturnType<Lookup>>()
  /** Links that a listing has shown: they need no look of their own. */
  const listedLinks = new Set<string>()

  const lookup: Lookup = path => {
    const seen = waypoints.get(path)
    if (seen !== undefined) return seen
    const type = listedLinks.has(path) ? 'link' : statCanonical(path)?.type
    const found = type === 'link' ? {link: linkTarget(onDisk(path)!, path)} : type
    if (found !== 'file') waypoints.set(path, found)
    return found
  }

  const placeOf = (canonical: string, verb: string, path: string): string => {
    const place = onDisk(canonical)
    if (place === undefined) throw new ErrnoError('ENOENT', verb, path)
    return place
  }

  const locate = (path: string, verb: string): string => placeOf(resolvePath(path, true, lookup, verb), verb, path)

  /** Canonical paths of directories that files were read from, by the paths that were asked for. */
  const directories = new Map<string, string>()

  /** Canonical path of the directory at `path`; undefined when something else is there. */
  function directoryAt(path: string): string | undefined {
    const seen = directories.get(path)
    if (seen !== undefined) return seen
    const canonical = resolvePath(path, true, lookup, 'read')
    if (lookup(canonical) !== 'directory') return undefined
    directories.set(path, canonical)
    return canonical
  }

  /** Reads the file at `path`. Few files are links, and opening says so: then, and only then, the link is looked up. */
  function reading<T>(path: string, read: (place: string) => T): T {
    const slash = path.lastIndexOf('/')
    const name = path.slice(slash + 1)
    if (slash <= 0 || /^\.{0,2}$/.test(name)) return read(locate(path, 'read'))
    const parent = directoryAt(path.slice(0, slash))
    const place = parent === undefined ? undefined : onDisk(childOf(parent, name))
    if (place === undefined) return read(locate(path, 'read'))
    try {
      return read(place)
    } catch (error) {
      if (errnoOf(error) !== 'ELOOP') throw error
      return read(locate(path, 'read'))
    }
  }

  return replayHost(directory, options, {
    read: path => reading(path, place => readWhole(place, path, TREE_FILE)),
    readAt: (path, offset, length) => reading(path, place => readPart(place, offset, length, path, TREE_FILE)),
    readlink(path) {
      const canonical = resolvePath(path, false, lookup, 'readlink')
      const found = waypoints.get(canonical)
      return typeof found === 'object' ? found.link : linkTarget(placeOf(canonical, 'readlink', path), path)
    },
    list(path) {
      const canonical = resolvePath(path, true, lookup, 'list')
      if (canonical === '/' && prefix !== '') return [prefix.slice(1)]
      const entries = listEntries(placeOf(canonical, 'list', path), path)
      for (const entry of entries) if (entry.isSymbolicLink()) listedLinks.add(childOf(canonical, entry.name))
      return entries.map(({name}) => name).sort()
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

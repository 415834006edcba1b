/** Path lookup as the kernel does it, for trees that are not mounted: component by component, following links. */
import {ErrnoError} from '../errors.js'

/** Linux `include/linux/namei.h`, MAXSYMLINKS. */
const MAX_LINKS = 40
/** Linux `include/uapi/linux/limits.h`, PATH_MAX. */
const MAX_PATH = 4096

/** What is at a canonical path (no links, no `.` or `..`); undefined when nothing is. */
export type Lookup = (path: string) => {readonly link: string} | 'directory' | 'file' | undefined

/** Parent of a canonical path; `/` is its own. */
export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/'

/** Child of a canonical directory. */
export const childOf = (directory: string, name: string): string =>
  directory === '/' ? `/${name}` : `${directory}/${name}`

/** True for paths a capture may hold: absolute, without empty, `.` or `..` components. */
export const isCanonical = (path: string): boolean =>
  path === '/' || (path.startsWith('/') && path.split('/').every((part, i) => i === 0 || !/^\.{0,2}$/.test(part)))

/**
 * Canonical path of `path`, whose last component need not exist, and is followed when it is a link only if `follow`.
 * Links, also absolute ones, and `..` never lead out of the tree. Throws ErrnoError ENOENT, ENOTDIR, ELOOP,
 * ENAMETOOLONG.
 */
export function resolvePath(path: string, follow: boolean, lookup: Lookup, verb: string): string {
  const refuse = (errno: string): ErrnoError => new ErrnoError(errno, verb, path)
  if (!path.startsWith('/')) throw refuse('ENOENT')
  if (path.length >= MAX_PATH) throw refuse('ENAMETOOLONG')
  const open = path.split('/').toReversed()
  let at = '/'
  let links = 0
  while (open.length > 0) {
    const name = open.pop()!
    if (name === '' || name === '.') continue
    if (name === '..') {
      at = parentOf(at)
      continue
    }
    const next = childOf(at, name)
    const isLast = open.every(part => part === '')
    const found = lookup(next)
    if (typeof found === 'object' && (follow || !isLast)) {
      links += 1
      if (links > MAX_LINKS) throw refuse('ELOOP')
      if (found.link.length >= MAX_PATH) throw refuse('ENAMETOOLONG')
      if (found.link.startsWith('/')) at = '/'
      open.push(...found.link.split('/').toReversed())
      continue
    }
    if (!isLast && found === undefined) throw refuse('ENOENT')
    if (!isLast && found !== 'directory') throw refuse('ENOTDIR')
    at = next
  }
  return at
}

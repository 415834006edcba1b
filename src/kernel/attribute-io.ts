/**
 * Attributes as sysfs and configfs want them treated: open with exactly the access needed, never create or truncate,
 * read to the end whatever `st_size` says (0 for configfs blobs, 4096 for text), one write per command. Synchronous:
 * asynchronous calls cost four to eight times as much, and Node's four threads would all hang on one slow device.
 */
import {
  closeSync,
  constants,
  type Dirent,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  writeSync,
} from 'node:fs'
import {ErrnoError} from '../errors.js'
import {errnoError} from './errno.js'
import type {Stat} from './port.js'

/** Nothing this tool reads is larger; a tree made by somebody else might hold a file that is. */
const LARGEST = 64 * 1024 * 1024

let buffer = new Uint8Array(64 * 1024)

/** How to open for reading, and what to refuse once open. */
export interface Access {
  readonly flags: number
  readonly check?: (fd: number, shown: string) => void
}

/** The kernel's own files: it decides itself what may be read. */
const KERNEL_FILE: Access = {flags: constants.O_RDONLY}

const {O_NOFOLLOW, O_NONBLOCK, O_RDONLY, S_IFDIR, S_IFMT, S_IFREG, S_IRGRP, S_IROTH, S_IRUSR} = constants

/**
 * A file of a tree on disk, read with the kernel's manners: an attribute without read permission is EACCES for root as
 * well, and what is not a regular file is neither waited for nor read. A link is ELOOP: whoever reads a tree follows
 * links inside the tree only.
 */
export const TREE_FILE: Access = {
  flags: O_RDONLY | O_NONBLOCK | O_NOFOLLOW,
  check(fd, shown) {
    const {mode} = fstatSync(fd)
    if ((mode & S_IFMT) === S_IFDIR) throw new ErrnoError('EISDIR', 'read', shown)
    if ((mode & S_IFMT) !== S_IFREG) throw new ErrnoError('EINVAL', 'read', shown)
    if ((mode & (S_IRUSR | S_IRGRP | S_IROTH)) === 0) throw new ErrnoError('EACCES', 'read', shown)
  },
}

/** Runs `use` on the open file; failures become ErrnoErrors about `shown`, the path the caller knows. */
function whileOpen<T>(path: string, access: Access, verb: string, shown: string, use: (fd: number) => T): T {
  let fd: number | undefined
  try {
    fd = openSync(path, access.flags)
    access.check?.(fd, shown)
    return use(fd)
  } catch (error) {
    throw errnoError(error, verb, shown)
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** Everything from the current position of `fd` on; a read of less than `page` bytes is taken for the last one. */
export function readToEnd(fd: number, shown: string, page = 0): Uint8Array {
  let length = 0
  for (;;) {
    const got = readSync(fd, buffer, length, buffer.length - length, null)
    length += got
    if (got === 0 || got < page) return buffer.slice(0, length)
    if (length < buffer.length) continue
    if (length >= LARGEST) throw new ErrnoError('EFBIG', 'read', shown)
    const larger = new Uint8Array(buffer.length * 2)
    larger.set(buffer)
    buffer = larger
  }
}

/** At most `length` bytes from the beginning of a file on disk, which gives as many as it has. */
export function readStart(fd: number, length: number): Uint8Array {
  const out = new Uint8Array(length)
  return out.subarray(0, readSync(fd, out, 0, length, 0))
}

/** sysfs, configfs and disks give less than a page only at the end; /proc stops between records as it likes. */
const pageOf = (path: string): number => (path.startsWith('/proc/') ? 0 : 4096)

/** Whole content. */
export const readWhole = (path: string, shown = path, access = KERNEL_FILE): Uint8Array =>
  whileOpen(path, access, 'read', shown, fd => readToEnd(fd, shown, pageOf(path)))

/** Up to `length` bytes from `offset`. One aligned 4-byte read of `config` is one configuration cycle. */
export const readPart = (path: string, offset: number, length: number, shown = path, access = KERNEL_FILE) =>
  whileOpen(path, access, 'read', shown, fd => {
    const out = new Uint8Array(length)
    let at = 0
    while (at < length) {
      // sysfs hands out one page per call, so a short read is not yet the end
      const got = readSync(fd, out, at, length - at, offset + at)
      if (got === 0) return out.slice(0, at)
      at += got
    }
    return out
  })

/** One open, one write, one close. A short write is a failure: the rest would be a second command. */
export const writeOnce = (path: string, bytes: Uint8Array): void =>
  whileOpen(path, {flags: constants.O_WRONLY}, 'write', path, fd => checkWritten(writeSync(fd, bytes), bytes, path))

const DWORD = 4

/** Throws EINVAL unless this is one aligned dword of a configuration space: nothing else of sysfs is written in parts. */
export function checkDword(path: string, offset: number, bytes: Uint8Array): void {
  const isAligned = Number.isSafeInteger(offset) && offset >= 0 && offset % DWORD === 0
  if (path.endsWith('/config') && isAligned && bytes.length === DWORD) return
  throw new ErrnoError('EINVAL', 'write', path, {
    kind: 'bug',
    got: `EINVAL (${bytes.length} bytes at offset ${offset}; only single aligned dwords of config are written in place)`,
  })
}

/** One aligned 4-byte write of `config` is one configuration cycle. */
export const writePart = (path: string, offset: number, bytes: Uint8Array): void => {
  checkDword(path, offset, bytes)
  whileOpen(path, {flags: constants.O_WRONLY}, 'write', path, fd =>
    checkWritten(writeSync(fd, bytes, 0, bytes.length, offset), bytes, path),
  )
}

/** Throws EIO unless the whole of `bytes` was written. */
export function checkWritten(written: number, bytes: Uint8Array, path: string): void {
  if (written !== bytes.length)
    throw new ErrnoError('EIO', 'write', path, {got: `only ${written} of ${bytes.length} bytes were taken`})
}

/** What is in a directory, in no order. */
export function listEntries(path: string, shown = path): Dirent[] {
  try {
    return readdirSync(path, {withFileTypes: true})
  } catch (error) {
    throw errnoError(error, 'list', shown)
  }
}

export function listNames(path: string, shown = path): string[] {
  try {
    return readdirSync(path).sort()
  } catch (error) {
    throw errnoError(error, 'list', shown)
  }
}

export function linkTarget(path: string, shown = path): string {
  try {
    return readlinkSync(path)
  } catch (error) {
    throw errnoError(error, 'readlink', shown)
  }
}

/** What is at `path`, not following a link there; undefined when nothing is. */
export function statOf(path: string, shown = path): Stat | undefined {
  try {
    const found = lstatSync(path, {throwIfNoEntry: false})
    if (found === undefined) return undefined
    const type = found.isDirectory() ? 'directory' : found.isSymbolicLink() ? 'link' : 'file'
    return {type, mode: found.mode & PERMISSIONS, size: found.size}
  } catch (error) {
    const refusal = errnoError(error, 'stat', shown)
    if (refusal.errno === 'ENOTDIR') return undefined
    throw refusal
  }
}

const PERMISSIONS = 0o7777

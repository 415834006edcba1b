/** Files that are either completely there or not at all, also after a power cut. */
import {closeSync, constants, fsyncSync, linkSync, openSync, renameSync, unlinkSync, writeSync} from 'node:fs'
import {basename, dirname, join} from 'node:path'
import {toHex} from '../bits/index.js'
import {random} from './environment.js'

const {O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY} = constants

/** Writes all of `bytes`, in one call unless the disk is full or a pipe is slow. */
export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at)
}

/** Makes a directory's entries durable. */
export function syncDirectory(directory: string): void {
  const fd = openSync(directory, O_RDONLY | O_DIRECTORY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

export interface Publication {
  /** By link, which fails with EEXIST when something is there already; the caller has looked, for file systems that cannot. */
  readonly exclusive?: boolean
  /** Without, a file is still complete or not there for every process, but a power cut may spoil it. */
  readonly durable?: boolean
}

/** Puts `bytes` at `path` by temporary file, fsync and rename. Throws Node's own errors. */
export function publish(
  path: string,
  bytes: Uint8Array,
  mode: number,
  {exclusive = false, durable = true}: Publication = {},
): void {
  const directory = dirname(path)
  const temporary = join(directory, `.${basename(path)}.${toHex(random(6))}`)
  const fd = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode)
  try {
    try {
      writeAll(fd, bytes)
      if (durable) fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    const isLinked = exclusive && linkIfPossible(temporary, path)
    if (isLinked) unlinkSync(temporary)
    else renameSync(temporary, path)
  } catch (error) {
    unlinkSync(temporary)
    throw error
  }
  if (durable) syncDirectory(directory)
}

/** False on file systems without hard links, where only a rename is left. */
function linkIfPossible(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    const {code} = error as NodeJS.ErrnoException
    if (code === 'EPERM' || code === 'ENOSYS' || code === 'ENOTSUP') return false
    throw error
  }
}

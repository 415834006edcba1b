/** Files that are either completely there or not at all, also after a power cut. */
import {closeSync, constants, fsyncSync, linkSync, openSync, renameSync, unlinkSync, writeSync} from 'node:fs'
import {basename, dirname, join} from 'node:path'
import {toHex} from '../bits/index.js'
import {checkWritten} from './attribute-io.js'
import {random} from './environment.js'

const {O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY} = constants

/** Writes all of `bytes`; ordinary files take them in one call unless the disk is full. */
export function writeAll(fd: number, bytes: Uint8Array, path: string): void {
  checkWritten(bytes.length === 0 ? 0 : writeSync(fd, bytes), bytes, path)
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

/**
 * Puts `bytes` at `path` by temporary file, fsync and rename; with `exclusive`, by link, which fails with EEXIST when
 * something is there already. Throws Node's own errors.
 */
export function publish(path: string, bytes: Uint8Array, mode: number, exclusive = false): void {
  const directory = dirname(path)
  const temporary = join(directory, `.${basename(path)}.${toHex(random(6))}`)
  const fd = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode)
  try {
    try {
      writeAll(fd, bytes, path)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    if (exclusive) linkSync(temporary, path)
    else renameSync(temporary, path)
  } catch (error) {
    unlinkSync(temporary)
    throw error
  }
  if (exclusive) unlinkSync(temporary)
  syncDirectory(directory)
}

/** Files that decide something: who may write to them is asked of the file that is read, not of its name. */
import {closeSync, constants, fstatSync, openSync, readSync} from 'node:fs'
import {errnoError} from './errno.js'
import {ErrnoError} from '../errors.js'
import type {Stat} from './port.js'
import {statOf} from './attribute-io.js'

export interface GuardedFile {
  readonly bytes: Uint8Array
  /** `other` for devices, pipes and sockets; their content, and that of a link, is not read. */
  readonly type: Stat['type'] | 'other'
  /** Permission bits. */
  readonly mode: number
  /** User id of the owner; null for a link. */
  readonly owner: number | null
}

const {O_NOFOLLOW, O_NONBLOCK, O_RDONLY} = constants
const PERMISSIONS = 0o7777

/** At most `limit` bytes and one, which says that there is more. */
function readUpTo(fd: number, limit: number): Uint8Array {
  const bytes = new Uint8Array(Math.min(fstatSync(fd).size, limit) + 1)
  let length = 0
  while (length < bytes.length) {
    const got = readSync(fd, bytes, length, bytes.length - length, null)
    if (got === 0) break
    length += got
  }
  return bytes.subarray(0, length)
}

/**
 * The file at `path`, opened once and never through a link, and what the open file is. Of more than `limit` bytes only
 * one more is read. Throws TsmctlError `not-found`, `not-permitted`.
 */
export function readGuardedFile(path: string, limit: number): GuardedFile {
  let fd: number | undefined
  try {
    fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    const found = fstatSync(fd)
    const type = found.isFile() ? 'file' : found.isDirectory() ? 'directory' : 'other'
    const bytes = type === 'file' ? readUpTo(fd, limit) : new Uint8Array()
    return {bytes, type, mode: found.mode & PERMISSIONS, owner: found.uid}
  } catch (error) {
    const refusal = error instanceof ErrnoError ? error : errnoError(error, 'read', path)
    const link = refusal.errno === 'ELOOP' ? statOf(path) : undefined
    if (link?.type !== 'link') throw refusal
    return {bytes: new Uint8Array(), type: 'link', mode: link.mode, owner: null}
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

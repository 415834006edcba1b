/** tsmctl's own durable state: one directory, created on the first write, closed to everybody else. */
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  unlinkSync,
} from 'node:fs'
import {dirname, join} from 'node:path'
import {concat} from '../bits/index.js'
import {ErrnoError, printablePath, TsmctlError} from '../errors.js'
import {readStart, readToEnd} from './attribute-io.js'
import {type Publication, publish, syncDirectory, writeAll} from './durable.js'
import {errnoError} from './errno.js'
import {checkedName, isName} from './names.js'
import type {StateStore} from './port.js'

const {O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY, S_IWGRP, S_IWOTH} = constants
const PRIVATE_DIRECTORY = 0o700
const PRIVATE_FILE = 0o600

/** `/var/lib/tsmctl` for root, else `tsmctl` under `XDG_STATE_HOME` or `~/.local/state`. */
export function defaultStateDirectory(env: Readonly<Record<string, string | undefined>>, uid: number): string {
  if (uid === 0) return '/var/lib/tsmctl'
  const {XDG_STATE_HOME: state, HOME: home} = env
  // the XDG specification: a relative path is invalid and must be ignored
  if (state?.startsWith('/')) return join(state, 'tsmctl')
  if (home?.startsWith('/')) return join(home, '.local', 'state', 'tsmctl')
  throw new TsmctlError({
    kind: 'usage',
    attempted: 'find the state directory',
    got: 'neither XDG_STATE_HOME nor HOME is an absolute path',
    hint: 'name one with TSMCTL_STATE_DIR',
  })
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

/**
 * Makes `directory` and those above it. Not by Node's `recursive`, which never comes back where a file system says that
 * a directory to make is missing, as /proc does.
 */
function makeDirectories(directory: string, isLast = false): void {
  try {
    mkdirSync(directory, PRIVATE_DIRECTORY)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return
    if (codeOf(error) !== 'ENOENT' || isLast || dirname(directory) === directory) throw error
    makeDirectories(dirname(directory))
    makeDirectories(directory, true)
  }
}

/** Makes `directory` if needed and refuses one that others could write to. */
export function privateDirectory(directory: string): void {
  try {
    makeDirectories(directory)
    const found = lstatSync(directory)
    if (!found.isDirectory()) throw new ErrnoError('ENOTDIR', 'use', directory)
    if ((found.mode & (S_IWGRP | S_IWOTH)) === 0) return
  } catch (error) {
    throw errnoError(error, 'create', directory)
  }
  throw new TsmctlError({
    kind: 'not-permitted',
    attempted: `keep state in ${printablePath(directory)}`,
    path: directory,
    got: 'others may write there',
    hint: `chmod go-w ${printablePath(directory)}`,
  })
}

/**
 * A StateStore in `directory`. Links in place of its files are refused (ELOOP). `durable`: what was replaced survives a
 * power cut.
 */
export function directoryState(directory: string, {durable = true}: Pick<Publication, 'durable'> = {}): StateStore {
  const pathOf = (name: string): string => join(directory, checkedName(name))
  return {
    directory,
    list() {
      try {
        return readdirSync(directory).filter(isName).sort()
      } catch (error) {
        const refusal = errnoError(error, 'list', directory)
        if (refusal.errno === 'ENOENT') return []
        throw refusal
      }
    },
    read(name, length) {
      const path = pathOf(name)
      let fd: number | undefined
      try {
        fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        return length === undefined ? readToEnd(fd, path) : readStart(fd, length)
      } catch (error) {
        const refusal = errnoError(error, 'read', path)
        if (refusal.errno === 'ENOENT') return undefined
        throw refusal
      } finally {
        if (fd !== undefined) closeSync(fd)
      }
    },
    append(name, bytes) {
      const path = pathOf(name)
      privateDirectory(directory)
      let fd: number | undefined
      try {
        fd = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, PRIVATE_FILE)
        const isNew = fstatSync(fd).size === 0
        writeAll(fd, bytes)
        fdatasyncSync(fd)
        if (isNew) syncDirectory(directory)
      } catch (error) {
        throw errnoError(error, 'append to', path)
      } finally {
        if (fd !== undefined) closeSync(fd)
      }
    },
    replace(name, bytes) {
      const path = pathOf(name)
      privateDirectory(directory)
      try {
        publish(path, bytes, PRIVATE_FILE, {durable})
      } catch (error) {
        throw errnoError(error, 'replace', path)
      }
    },
    remove(name) {
      const path = pathOf(name)
      try {
        unlinkSync(path)
        syncDirectory(directory)
      } catch (error) {
        const refusal = errnoError(error, 'remove', path)
        if (refusal.errno !== 'ENOENT') throw refusal
      }
    },
  }
}

/** A StateStore that ends with the process: for replayed hosts, which leave no traces. */
export function memoryState(): StateStore {
  const files = new Map<string, Uint8Array>()
  return {
    directory: '(memory)',
    list: () => [...files.keys()].sort(),
    read: (name, length) => files.get(checkedName(name))?.slice(0, length),
    append(name, bytes) {
      files.set(checkedName(name), concat(files.get(name) ?? new Uint8Array(0), bytes))
    },
    replace(name, bytes) {
      files.set(checkedName(name), bytes.slice())
    },
    remove: name => void files.delete(checkedName(name)),
  }
}

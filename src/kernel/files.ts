/** The user's own files: bundles, policies, captures. Apart from the kernel's tree, and the same on every host. */
import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import {basename, dirname, join as pathOf} from 'node:path'
import {join} from '../bits/index.js'
import {errnoOf, ErrnoError, type ErrorKind, printablePath, TsmctlError} from '../errors.js'
import {readToEnd, statOf} from './attribute-io.js'
import {publish, syncDirectory, writeAll} from './durable.js'
import {errnoError} from './errno.js'
import type {Stat} from './port.js'

/** Largest file or standard input read; far beyond any bundle. */
const LARGEST_INPUT = 64 * 1024 * 1024

/** The user named the wrong kind of thing: that is usage, not a transition of a device. */
const KIND: Readonly<Record<string, ErrorKind>> = {EISDIR: 'usage', ENOTDIR: 'not-found', ENOSPC: 'unsupported'}

function fileError(error: unknown, verb: string, path: string): TsmctlError {
  if (error instanceof TsmctlError && !(error instanceof ErrnoError)) return error
  const refusal = errnoError(error, verb, path)
  const kind = KIND[refusal.errno]
  return kind === undefined ? refusal : new ErrnoError(refusal.errno, verb, path, {kind, cause: error})
}

/** Names of what the process has open already: a pipe there, as of a shell's `<(command)`, has somebody at its end. */
const OPEN_ALREADY = /^\/(?:dev\/(?:stdin|fd\/\d+)|proc\/self\/fd\/\d+)$/

/** A named pipe without a writer would hold the process in open(2), deaf to signals. */
function refusePipe(path: string): void {
  if (OPEN_ALREADY.test(path) || !statSync(path).isFIFO()) return
  throw new TsmctlError({
    kind: 'usage',
    attempted: `read ${printablePath(path)}`,
    path,
    got: 'it is a named pipe',
    hint: 'Write what it carries to a file first.',
  })
}

/**
 * Whole content of a file or device the user named, or of a pipe that is open already. Throws TsmctlError `not-found`,
 * `not-permitted`, `usage`.
 */
export function readUserFile(path: string): Uint8Array {
  let fd: number | undefined
  try {
    refusePipe(path)
    fd = openSync(path, constants.O_RDONLY)
    if (fstatSync(fd).isDirectory()) throw new ErrnoError('EISDIR', 'read', path)
    return readToEnd(fd, path)
  } catch (error) {
    throw fileError(error, 'read', path)
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** Permission bits of group and others, POSIX. */
const OTHERS = constants.S_IRWXG | constants.S_IRWXO

/**
 * Whole content of a file that only its owner may touch, such as a private key. Throws TsmctlError as `readUserFile` does,
 * `not-permitted` when others may read or write it.
 */
export function readSecretFile(path: string): Uint8Array {
  let fd: number | undefined
  try {
    refusePipe(path)
    fd = openSync(path, constants.O_RDONLY)
    const found = fstatSync(fd)
    if (found.isDirectory()) throw new ErrnoError('EISDIR', 'read', path)
    if (found.isFile() && (found.mode & OTHERS) !== 0)
      throw new TsmctlError({
        kind: 'not-permitted',
        attempted: `use the secret in ${printablePath(path)}`,
        path,
        got: 'others than its owner may read or write it',
        hint: `chmod 600 ${printablePath(path)}`,
      })
    return readToEnd(fd, path)
  } catch (error) {
    throw fileError(error, 'read', path)
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** Bytes of all files of a directory together. */
const LARGEST_DIRECTORY = LARGEST_INPUT

/** An entry of a directory: a regular file of at most `room` bytes, never a link to something else. */
function readEntry(path: string, room: number): Uint8Array {
  let fd: number | undefined
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const stat = fstatSync(fd)
    if (!stat.isFile()) throw notOrdinary(path, 'it is not a regular file')
    if (stat.size > room) throw new ErrnoError('EFBIG', 'read', path, {kind: 'usage'})
    return readToEnd(fd, path)
  } catch (error) {
    const refusal = fileError(error, 'read', path)
    throw errnoOf(refusal) === 'ELOOP' ? notOrdinary(path, 'it is a symbolic link') : refusal
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

const notOrdinary = (path: string, got: string): TsmctlError =>
  new TsmctlError({
    kind: 'usage',
    attempted: `read ${printablePath(path)}`,
    path,
    got,
    hint: 'Only regular files in such a directory are read.',
  })

/**
 * Content of every file in a directory the user named, by name. Throws TsmctlError as `readUserFile` does, `usage` for
 * more than `most` entries, for more bytes than any file may have, and for anything that is no regular file: a directory
 * may come from somebody else, and a link in it would name a file of ours.
 */
export function readUserDirectory(path: string, most = 32): ReadonlyMap<string, Uint8Array> {
  const names = listUserDirectory(path)
  if (names.length > most)
    throw new TsmctlError({
      kind: 'usage',
      attempted: `read ${printablePath(path)}`,
      path,
      got: `it has ${names.length} entries, and at most ${most} are expected`,
    })
  let room = LARGEST_DIRECTORY
  return new Map(
    names.map(name => {
      const bytes = readEntry(pathOf(path, name), room)
      room -= bytes.length
      return [name, bytes]
    }),
  )
}

/**
 * Makes a directory with these files, completely or not at all. Throws TsmctlError `usage` when something is there
 * already, `not-permitted`, `not-found` without its parent.
 */
export function writeUserDirectory(path: string, files: ReadonlyMap<string, Uint8Array>, mode = 0o600): void {
  try {
    if (statOf(path) !== undefined) throw new ErrnoError('EEXIST', 'write', path)
    const making = mkdtempSync(pathOf(dirname(path), `.${basename(path)}.`))
    try {
      for (const [name, bytes] of files) publish(pathOf(making, name), bytes, mode)
      renameSync(making, path)
    } catch (error) {
      rmSync(making, {recursive: true, force: true})
      throw error
    }
    syncDirectory(dirname(path))
  } catch (error) {
    throw writeError(error, path)
  }
}

/** Names in a directory the user named, sorted. Throws TsmctlError as `readUserFile` does. */
export function listUserDirectory(path: string): readonly string[] {
  try {
    return readdirSync(path).sort()
  } catch (error) {
    throw fileError(error, 'read', path)
  }
}

/** Does the user's `path` lead to a directory? */
export function isUserDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    // reading it will say why
    return false
  }
}

/** What the user's `path` is, not following links; undefined when nothing is there or it cannot be looked at. */
export const statUserFile = (path: string): Stat | undefined => statOf(path)

export interface WriteOptions {
  /** Replace what is there already. */
  readonly force?: boolean
  /** Permission bits of a new file, 0644 unless given; for what others should not read, 0600. */
  readonly mode?: number
}

/**
 * Writes a file completely or not at all. Throws TsmctlError `usage` if something is there and `force` is not set. A
 * link is followed, a device or pipe written to directly.
 */
export function writeUserFile(path: string, bytes: Uint8Array, {force = false, mode = 0o644}: WriteOptions = {}): void {
  try {
    const there = statOf(path)
    if (there === undefined) publish(path, bytes, mode, {exclusive: true})
    else {
      const place = there.type === 'link' ? realpathSync(path) : path
      if (!isOrdinary(place)) writeInPlace(place, bytes)
      else if (force) publish(place, bytes, mode)
      else throw new ErrnoError('EEXIST', 'write', path)
    }
  } catch (error) {
    throw writeError(error, path)
  }
}

function writeError(error: unknown, path: string): TsmctlError {
  const failure = fileError(error, 'write', path)
  if (!(failure instanceof ErrnoError) || failure.errno !== 'EEXIST') return failure
  return new TsmctlError({
    kind: 'usage',
    attempted: `write ${printablePath(path)}`,
    path,
    got: 'it exists already',
    hint: 'use --force to replace it',
  })
}

/**
 * Throws what `writeUserFile` would, as far as that can be told without writing. Returns where the file will be with all
 * links resolved, or undefined for a device or pipe, which two may share.
 */
export function checkUserFile(path: string, {force = false}: WriteOptions = {}): string | undefined {
  try {
    const there = statOf(path)
    const place = there?.type === 'link' ? realpathSync(path) : path
    if (there !== undefined && !isOrdinary(place)) {
      accessSync(place, constants.W_OK)
      return undefined
    }
    if (there !== undefined && !force) throw new ErrnoError('EEXIST', 'write', path)
    const directory = realpathSync(dirname(place))
    if (path === '') throw new ErrnoError('ENOENT', 'write', path)
    if (!statSync(directory).isDirectory()) throw new ErrnoError('ENOTDIR', 'write', path)
    accessSync(directory, constants.W_OK | constants.X_OK)
    return pathOf(directory, basename(place))
  } catch (error) {
    throw writeError(error, path)
  }
}

function isOrdinary(path: string): boolean {
  const found = statSync(path)
  if (found.isDirectory()) throw new ErrnoError('EISDIR', 'write', path)
  return found.isFile()
}

/** For /dev/stdout and the like, which must never be replaced by a file. */
function writeInPlace(path: string, bytes: Uint8Array): void {
  const fd = openSync(path, constants.O_WRONLY)
  try {
    writeAll(fd, bytes)
  } finally {
    closeSync(fd)
  }
}

/** Everything on standard input. Throws TsmctlError `usage` when it is a terminal. */
export async function readStandardInput(input: NodeJS.ReadStream = process.stdin): Promise<Uint8Array> {
  if (input.isTTY)
    throw new TsmctlError({
      kind: 'usage',
      attempted: 'read standard input',
      got: 'it is a terminal',
      hint: 'name a file, or pipe one in',
    })
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of input) {
    const bytes = chunk as Uint8Array
    length += bytes.length
    if (length > LARGEST_INPUT) throw new ErrnoError('EFBIG', 'read', 'standard input', {kind: 'usage'})
    chunks.push(bytes)
  }
  return join(chunks)
}

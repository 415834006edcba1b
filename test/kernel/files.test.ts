import {execFileSync} from 'node:child_process'
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import {join} from 'node:path'
import {Readable} from 'node:stream'
import {afterEach, beforeEach, describe, expect, it} from 'vitest'
import type {TsmctlError} from '../../src/errors.js'
import {
  readStandardInput,
  readUserDirectory,
  readUserFile,
  writeUserDirectory,
  writeUserFile,
} from '../../src/kernel/index.js'
import {temporary} from './sample-tree.js'

let directory: string
let dispose: () => void
beforeEach(() => ({directory, dispose} = temporary()))
afterEach(() => dispose())

const bytes = Uint8Array.of(1, 2, 3)

function failure(call: () => unknown): TsmctlError {
  try {
    call()
  } catch (error) {
    return error as TsmctlError
  }
  return expect.unreachable('it succeeded')
}

describe('reading a file', () => {
  it('gives all of it', () => {
    writeFileSync(join(directory, 'x'), Buffer.alloc(100_000, 7))
    expect(readUserFile(join(directory, 'x'))).toHaveLength(100_000)
  })

  it('reads to the end of what arrives in pieces', () => {
    const script = 'printf one; printf two; head -c 70000 /dev/zero'
    // open already, as the shell's <(...) is; the writer cannot be done before we read: a pipe holds 64 KiB
    const pipe = join(directory, 'pipe')
    execFileSync('mkfifo', [pipe])
    execFileSync('sh', ['-c', `(${script}) > '${pipe}' 2>/dev/null & :`], {stdio: 'ignore'})
    const fd = openSync(pipe, 'r')
    expect(readUserFile(`/dev/fd/${fd}`)).toHaveLength(70_006)
    closeSync(fd)
  })

  it('does not wait for somebody to write into a named pipe', () => {
    const pipe = join(directory, 'pipe')
    execFileSync('mkfifo', [pipe])
    expect(failure(() => readUserFile(pipe))).toMatchObject({kind: 'usage', got: 'it is a named pipe'})
    symlinkSync(pipe, join(directory, 'link'))
    expect(failure(() => readUserFile(join(directory, 'link')))).toMatchObject({kind: 'usage'})
  })

  it('says what is wrong and by which exit code', () => {
    expect(failure(() => readUserFile(join(directory, 'none')))).toMatchObject({kind: 'not-found', exitCode: 3})
    expect(failure(() => readUserFile(directory))).toMatchObject({kind: 'usage', exitCode: 2})
    writeFileSync(join(directory, 'x'), '')
    expect(failure(() => readUserFile(join(directory, 'x', 'y')))).toMatchObject({kind: 'not-found'})
  })
})

describe('writing a file', () => {
  it('makes it, whole, with the mode asked for, and nothing else', () => {
    writeUserFile(join(directory, 'x'), bytes, {mode: 0o600})
    expect(readFileSync(join(directory, 'x'))).toEqual(Buffer.from(bytes))
    expect(statSync(join(directory, 'x')).mode & 0o777).toBe(0o600)
    expect(readdirSync(directory)).toEqual(['x'])
  })

  it('replaces only with force', () => {
    const path = join(directory, 'x')
    writeUserFile(path, Uint8Array.of(0))
    const error = failure(() => writeUserFile(path, bytes))
    expect(error).toMatchObject({kind: 'usage', hint: 'use --force to replace it'})
    expect(readFileSync(path)).toEqual(Buffer.from([0]))
    writeUserFile(path, bytes, {force: true})
    expect(readFileSync(path)).toEqual(Buffer.from(bytes))
    expect(readdirSync(directory)).toEqual(['x'])
  })

  it('follows a link instead of replacing it', () => {
    writeFileSync(join(directory, 'real'), '')
    symlinkSync('real', join(directory, 'link'))
    writeUserFile(join(directory, 'link'), bytes, {force: true})
    expect(lstatSync(join(directory, 'link')).isSymbolicLink()).toBe(true)
    expect(readFileSync(join(directory, 'real'))).toEqual(Buffer.from(bytes))
  })

  it('writes to a device and leaves it a device', () => {
    symlinkSync('/dev/null', join(directory, 'null'))
    writeUserFile(join(directory, 'null'), bytes, {force: true})
    writeUserFile('/dev/null', bytes)
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true)
    expect(failure(() => writeUserFile('/dev/full', bytes)).message).toContain('ENOSPC')
  })

  it('refuses a directory and a place that is not there', () => {
    mkdirSync(join(directory, 'd'))
    expect(failure(() => writeUserFile(join(directory, 'd'), bytes, {force: true}))).toMatchObject({kind: 'usage'})
    expect(failure(() => writeUserFile(join(directory, 'none', 'x'), bytes))).toMatchObject({kind: 'not-found'})
    expect(existsSync(join(directory, 'none'))).toBe(false)
  })
})

const input = (parts: readonly Uint8Array[], isTTY = false) =>
  Object.assign(Readable.from(parts), {isTTY}) as unknown as NodeJS.ReadStream

describe('standard input', () => {
  it('is read to its end', async () => {
    expect(await readStandardInput(input([bytes, bytes]))).toEqual(Uint8Array.of(1, 2, 3, 1, 2, 3))
    expect(await readStandardInput(input([]))).toEqual(new Uint8Array(0))
  })

  it('is refused when it is a terminal, and when it does not end', async () => {
    await expect(readStandardInput(input([], true))).rejects.toMatchObject({kind: 'usage'})
    const large = new Uint8Array(40 * 1024 * 1024)
    await expect(readStandardInput(input([large, large]))).rejects.toMatchObject({errno: 'EFBIG', kind: 'usage'})
  })
})

describe('a directory', () => {
  const files = new Map([
    ['a', bytes],
    ['b', new Uint8Array()],
  ])
  it('is written completely and reads back', () => {
    writeUserDirectory(join(directory, 'd'), files)
    expect(readUserDirectory(join(directory, 'd'))).toEqual(files)
    expect(readdirSync(directory)).toEqual(['d'])
    expect(statSync(join(directory, 'd')).mode & 0o777).toBe(0o700)
    expect(statSync(join(directory, 'd/a')).mode & 0o777).toBe(0o600)
  })

  it('is not written where something is, where there is no place, or in part', () => {
    writeFileSync(join(directory, 'x'), '')
    mkdirSync(join(directory, 'empty'))
    for (const name of ['x', 'empty'])
      expect(failure(() => writeUserDirectory(join(directory, name), files))).toMatchObject({kind: 'usage'})
    expect(failure(() => writeUserDirectory(join(directory, 'no/d'), files))).toMatchObject({kind: 'not-found'})
    expect(failure(() => writeUserDirectory(join(directory, 'd'), new Map([['no/a', bytes]])))).toBeDefined()
    expect(readdirSync(directory)).toEqual(['empty', 'x'])
  })

  it('is read without following what is in it', () => {
    for (const [name, make] of [
      ['link', (path: string) => symlinkSync('/etc/hostname', path)],
      ['dangling', (path: string) => symlinkSync('nowhere', path)],
      ['pipe', (path: string) => execFileSync('mkfifo', [path])],
      ['below', (path: string) => mkdirSync(path)],
    ] as const) {
      const place = join(directory, `with-${name}`)
      mkdirSync(place)
      make(join(place, name))
      expect(failure(() => readUserDirectory(place))).toMatchObject({
        kind: 'usage',
        got: expect.stringMatching(/symbolic link|not a regular file/),
      })
    }
  })

  it('is read up to a number of entries', () => {
    for (let i = 0; i < 3; i++) writeFileSync(join(directory, String(i)), '')
    expect(readUserDirectory(directory, 3).size).toBe(3)
    expect(failure(() => readUserDirectory(directory, 2))).toMatchObject({kind: 'usage'})
  })
})

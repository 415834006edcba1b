import {execFileSync} from 'node:child_process'
import {existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, it} from 'vitest'
import {defaultStateDirectory, type Kernel, liveKernel} from '../../src/kernel/index.js'
import {errno, rejectedErrno} from './errnos.js'
import {temporary} from './sample-tree.js'

let directory: string
let dispose: () => void
let kernel: Kernel

beforeEach(() => {
  ;({directory, dispose} = temporary())
  kernel = liveKernel({stateDirectory: join(directory, 'state')})
  mkdirSync(join(directory, 'tsm'))
})
afterEach(() => {
  kernel.close()
  dispose()
})

describe('reading', () => {
  it('reads blobs to their end, however large', () => {
    const blob = Uint8Array.from({length: 300_001}, (_, i) => (i * 31) & 0xff)
    writeFileSync(join(directory, 'outblob'), blob)
    expect(Buffer.compare(kernel.read(join(directory, 'outblob')), blob)).toBe(0)
  })

  it('does not trust st_size', () => {
    expect(kernel.stat('/proc/self/status')?.size).toBe(0)
    expect(Buffer.from(kernel.read('/proc/self/status')).toString()).toMatch(/^Name:/)
  })

  it('reads pages that sysfs hands out one by one', () => {
    expect(kernel.readAt('/proc/self/status', 0, 1 << 20).length).toBe(kernel.read('/proc/self/status').length)
  })

  it('reports a path the kernel would never see as EINVAL', () => {
    expect(errno(() => kernel.read('/sys/\0'))).toBe('EINVAL')
  })
})

/** Fields of `/proc/PID/stat`, without the name of the program. */
const fields = (text: Uint8Array): string[] =>
  Buffer.from(text)
    .toString()
    .replace(/ \(.*\)/, '')
    .split(' ')

describe('attributes that may block', () => {
  it('are read in a helper, also when they are large', async () => {
    const blob = Uint8Array.from({length: 200_000}, (_, i) => (i * 13) & 0xff)
    writeFileSync(join(directory, 'tsm', 'report'), blob)
    expect(Buffer.compare(await kernel.query(join(directory, 'tsm', 'report')), blob)).toBe(0)
  })

  it('are written in a helper, bytes unchanged and nothing truncated', async () => {
    const path = join(directory, 'tsm', 'connect')
    writeFileSync(path, 'before')
    await kernel.write(path, Uint8Array.of(0, 0xff, 10))
    expect(readFileSync(path)).toEqual(Buffer.from([0, 0xff, 10, ...Buffer.from('ore')]))
  })

  it('report the errno of the helper', async () => {
    const missing = join(directory, 'tsm', 'lock')
    expect(await rejectedErrno(kernel.query(missing))).toBe('ENOENT')
    expect(await rejectedErrno(kernel.write(missing, Buffer.from('tsm0')))).toBe('ENOENT')
    expect(kernel.stat(missing)).toBeUndefined()
    expect(await rejectedErrno(kernel.query(join(directory, 'tsm', '..', 'tsm')))).toBe('EISDIR')
  })

  it('are served one after the other and at the same time', async () => {
    const paths = Array.from({length: 6}, (_, i) => join(directory, 'tsm', `connect${i}`))
    for (const [i, path] of paths.entries()) writeFileSync(path, `tsm${i}\n`)
    const expected = paths.map((_, i) => `tsm${i}\n`)
    const once = []
    // oxlint-disable-next-line no-await-in-loop
    for (const path of paths) once.push(Buffer.from(await kernel.query(path)).toString())
    expect(once).toEqual(expected)
    const together = await Promise.all(paths.map(path => kernel.query(path)))
    expect(together.map(content => Buffer.from(content).toString())).toEqual(expected)
  })

  it('are served by a process group of their own, which Ctrl-C in a terminal does not reach', async () => {
    const path = join(directory, 'tsm', 'stat')
    symlinkSync('/proc/self/stat', path)
    const [pid, , , group] = fields(await kernel.query(path))
    expect(group).toBe(pid)
    expect(group).not.toBe(fields(kernel.read('/proc/self/stat'))[3])
  })

  it('can be asked again after one was interrupted, and after close', async () => {
    const pipe = join(directory, 'tsm', 'dsm')
    const path = join(directory, 'tsm', 'connect')
    execFileSync('mkfifo', [pipe])
    writeFileSync(path, 'tsm0')
    await kernel.query(path)
    const controller = new AbortController()
    const query = kernel.query(pipe, controller.signal)
    setImmediate(() => controller.abort())
    expect(await rejectedErrno(query)).toBe('EINTR')
    expect(await kernel.query(path)).toHaveLength(4)
    kernel.close()
    expect(await kernel.query(path)).toHaveLength(4)
  })

  it.each(['authenticated', 'tsm/connect'])('%s waits for the lock of the TSM core, and can be left', async name => {
    const pipe = join(directory, name)
    execFileSync('mkfifo', [pipe])
    const controller = new AbortController()
    const query = kernel.query(pipe, controller.signal)
    setImmediate(() => controller.abort())
    expect(await rejectedErrno(query)).toBe('EINTR')
  })

  it('leave a write interrupted', async () => {
    const pipe = join(directory, 'tsm', 'accept')
    execFileSync('mkfifo', [pipe])
    const controller = new AbortController()
    const write = kernel.write(pipe, Buffer.from('1'), controller.signal)
    setImmediate(() => controller.abort())
    expect(await rejectedErrno(write)).toBe('EINTR')
  })
})

describe('other writes', () => {
  it('neither truncate nor create', async () => {
    const path = join(directory, 'driver_override')
    writeFileSync(path, 'before')
    await kernel.write(path, Buffer.from('A'))
    expect(readFileSync(path, 'utf8')).toBe('Aefore')
    expect(await rejectedErrno(kernel.write(join(directory, 'none'), Buffer.from('A')))).toBe('ENOENT')
  })

  it('report what the device says', async () => {
    expect(await rejectedErrno(kernel.write('/dev/full', Buffer.from('A')))).toBe('ENOSPC')
  })
})

it('keeps its state in the default place unless told otherwise, and makes nothing before it must', () => {
  const expected = defaultStateDirectory(process.env, process.getuid?.() ?? -1)
  const before = existsSync(expected)
  expect(liveKernel().state.directory).toBe(expected)
  expect(existsSync(expected)).toBe(before)
})

it('is called live and needs no label', () => {
  expect(kernel.host).toEqual({kind: 'live', label: ''})
})

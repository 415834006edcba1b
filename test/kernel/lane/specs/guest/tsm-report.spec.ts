/**
 * configfs-tsm as the kernel answers through the port (Linux drivers/virt/coco/guest/report.c, fs/configfs/file.c): what a
 * reader of the guest's own evidence may rely on. The provider is `tsmtest_tvm`.
 */
import {closeSync, openSync, readSync, writeSync} from 'node:fs'
import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, it} from 'vitest'
import {attributeBytes, type Kernel, liveKernel, readText} from '../../../../../src/kernel/index.js'
import {errno, rejectedErrno} from '../../../errnos.js'
import {insmod, rmmod, setParameter} from '../../guest/machine.js'
import {provide, REPORTS, TVM, withdraw} from '../../guest/tvm.js'
import {until} from '../../guest/wait.js'

/** What the provider puts before its digests: magic, version, privilege level, input length, manifest version, input. */
const HEADER = 88
const REPORT = 152

let kernel: Kernel

const at = (name: string, item = 'one'): string => `${REPORTS}/${item}/${name}`
const input = (length: number, byte = 0x41): Uint8Array => new Uint8Array(length).fill(byte)
const generation = (item = 'one'): number => Number(readText(kernel, at('generation', item)))
const providerCalls = (): number => Number(readText(kernel, `/sys/module/${TVM}/parameters/calls`))
const make = (item: string): Promise<void> => kernel.makeDirectory(`${REPORTS}/${item}`)
const remove = (item: string): Promise<void> => kernel.removeDirectory(`${REPORTS}/${item}`)
const give = (bytes: Uint8Array, item = 'one'): Promise<void> => kernel.write(at('inblob', item), bytes)
const report = (item = 'one'): Promise<Uint8Array> => kernel.query(at('outblob', item))
const word = (bytes: Uint8Array, offset: number): number => Buffer.from(bytes).readUInt32LE(offset)
const inputOf = (bytes: Uint8Array): Uint8Array => bytes.slice(24, 24 + word(bytes, 16))

beforeAll(() => {
  withdraw()
  kernel = liveKernel()
})
afterAll(() => {
  withdraw()
  kernel.close()
})

describe('without a provider', () => {
  it('has a place for reports and makes none', async () => {
    expect(kernel.list(REPORTS)).toEqual([])
    expect(await rejectedErrno(make('one'))).toBe('ENXIO')
    expect(await rejectedErrno(kernel.makeDirectory('/sys/kernel/config/tsm/another'))).toBe('EPERM')
    expect(await rejectedErrno(kernel.removeDirectory(REPORTS))).toBe('EPERM')
    expect(await rejectedErrno(kernel.makeDirectory('/sys/class/tsm/another'))).toBe('EPERM')
  })
})

describe('a report', () => {
  beforeAll(() => provide())
  beforeEach(() => make('one'))
  afterEach(async () => {
    await Promise.all(kernel.list(REPORTS).map(remove))
    for (const [name, value] of [
      ['fail', 0],
      ['size', REPORT],
      ['delay_ms', 0],
    ] as const)
      setParameter(TVM, name, value)
  })

  it('begins empty, with the attributes of its provider', () => {
    expect(kernel.list(`${REPORTS}/one`)).toEqual(['generation', 'inblob', 'outblob', 'provider'])
    const modes = ['generation', 'inblob', 'outblob', 'provider'].map(name => kernel.stat(at(name)))
    expect(modes).toEqual([
      {type: 'file', mode: 0o444, size: 4096},
      {type: 'file', mode: 0o200, size: 0},
      {type: 'file', mode: 0o444, size: 0},
      {type: 'file', mode: 0o444, size: 4096},
    ])
    expect(readText(kernel, at('provider'))).toBe('tsmtest')
    expect(generation()).toBe(0)
    expect(errno(() => kernel.read(at('inblob')))).toBe('EACCES')
    expect(errno(() => kernel.read(at('outblob')))).toBe('EINVAL')
  })

  /** What one write of so many bytes is answered with, how far the generation goes, and what the report is then about. */
  const WRITES = [
    {bytes: 64, answer: 'none', advance: 1, reported: 64},
    {bytes: 1, answer: 'none', advance: 1, reported: 1},
    // refused, and yet the input is empty from then on: everything written before is gone
    {bytes: 65, answer: 'EFBIG', advance: 1, reported: 'EINVAL'},
    {bytes: 0, answer: 'EFAULT', advance: 1, reported: 'EINVAL'},
  ] as const

  it.each(WRITES)('takes $bytes bytes of input with $answer', async ({bytes, answer, advance, reported}) => {
    await give(input(8))
    const before = generation()
    expect(await rejectedErrno(give(input(bytes)))).toBe(answer)
    expect(generation()).toBe(before + advance)
    if (typeof reported === 'string') expect(await rejectedErrno(report())).toBe(reported)
    else expect(inputOf(await report())).toEqual(input(reported))
  })

  /** Several writes on one descriptor, which the port never does: its one write is one input. */
  const SPLIT = [
    {pieces: [], answers: [], advance: 0, reported: 8},
    {pieces: [32, 32], answers: [32, 32], advance: 1, reported: 64},
    {pieces: [40, 40], answers: [40, 'EFBIG'], advance: 1, reported: 40},
  ] as const

  it.each(SPLIT)('takes $pieces bytes on one descriptor at its close', async ({pieces, answers, advance, reported}) => {
    await give(input(8))
    const before = generation()
    const fd = openSync(at('inblob'), 'w')
    const answered = pieces.map(length => {
      try {
        return writeSync(fd, input(length))
      } catch (error) {
        return (error as NodeJS.ErrnoException).code
      }
    })
    expect(answered).toEqual(answers)
    expect(generation()).toBe(before)
    expect(inputOf(await report())).toEqual(input(8))
    closeSync(fd)
    expect(generation()).toBe(before + advance)
    expect(inputOf(await report())).toEqual(input(reported))
  })

  it('is made once per input, however often it is read', async () => {
    await give(input(64, 1))
    await give(input(64, 2))
    const before = providerCalls()
    const first = await report()
    expect(inputOf(first)).toEqual(input(64, 2))
    expect(await report()).toEqual(first)
    expect(kernel.read(at('outblob'))).toEqual(first)
    expect(providerCalls()).toBe(before + 1)
    expect(generation()).toBe(2)
  })

  it('is asked for again after each failure of its provider, whose errno is passed on', async () => {
    await give(input(64))
    setParameter(TVM, 'fail', 5)
    const before = providerCalls()
    expect([await rejectedErrno(report()), await rejectedErrno(report())]).toEqual(['EIO', 'EIO'])
    expect(providerCalls()).toBe(before + 2)
    setParameter(TVM, 'fail', 16)
    expect(await rejectedErrno(report())).toBe('EBUSY')
    setParameter(TVM, 'fail', 0)
    expect(await report()).toHaveLength(REPORT)
    expect(generation()).toBe(1)
  })

  it('is read whole when it is large', async () => {
    setParameter(TVM, 'size', 200_000)
    await give(input(64, 4))
    const large = await report()
    expect(large).toHaveLength(200_000)
    // what a matcher does byte by byte takes half a minute here
    expect(Buffer.compare(kernel.read(at('outblob')), large)).toBe(0)
    // the digest behind the header repeats up to the end, in the middle of one
    const rest = (large.length - HEADER - 32) % 64
    expect(large.slice(-32)).toEqual(large.slice(HEADER + rest, HEADER + rest + 32))
    expect(inputOf(large)).toEqual(input(64, 4))
  })

  it('has nothing to do with another one', async () => {
    await make('two')
    await give(input(64, 1))
    await give(input(32, 2), 'two')
    expect([inputOf(await report()), inputOf(await report('two'))]).toEqual([input(64, 1), input(32, 2)])
    expect([generation(), generation('two')]).toEqual([1, 1])
    expect(await rejectedErrno(make('one'))).toBe('EEXIST')
    expect(await rejectedErrno(remove('three'))).toBe('ENOENT')
  })

  it('stays the old one for whoever began to read it: only the generation tells', async () => {
    await give(input(64, 5))
    const fd = openSync(at('outblob'), 'r')
    const piece = new Uint8Array(8)
    expect(readSync(fd, piece, 0, 8, null)).toBe(8)
    await give(input(64, 6))
    const rest = new Uint8Array(REPORT)
    const got = readSync(fd, rest, 0, REPORT, null)
    closeSync(fd)
    expect(rest.slice(16, got)[0]).toBe(5)
    expect(generation()).toBe(2)
    expect(inputOf(await report())).toEqual(input(64, 6))
  })

  it('can be removed while it is read', async () => {
    await give(input(64))
    const fd = openSync(at('outblob'), 'r')
    await remove('one')
    expect(() => readSync(fd, new Uint8Array(8), 0, 8, null)).toThrow('ENOENT')
    closeSync(fd)
    expect(await rejectedErrno(report())).toBe('ENOENT')
  })

  it('can be given up while its provider works, and is asked for anew', async () => {
    await give(input(64, 9))
    setParameter(TVM, 'delay_ms', 60_000)
    const before = providerCalls()
    const leaving = new AbortController()
    const reading = rejectedErrno(kernel.query(at('outblob'), leaving.signal))
    await until('the provider to begin', () => providerCalls() === before + 1)
    // whoever wants anything else of any report waits behind it, and cannot be killed before it is over
    const impatient = new AbortController()
    const waiting = rejectedErrno(kernel.query(at('generation'), impatient.signal))
    const order: string[] = []
    void waiting.then(() => order.push('generation'))
    void reading.then(() => order.push('outblob'))
    setTimeout(() => impatient.abort(), 100)
    expect(await waiting).toBe('EINTR')
    leaving.abort()
    expect(await reading).toBe('EINTR')
    expect(order).toEqual(['generation', 'outblob'])
    setParameter(TVM, 'delay_ms', 0)
    expect(generation()).toBe(1)
    expect(inputOf(await report())).toEqual(input(64, 9))
    expect(providerCalls()).toBe(before + 2)
  })
})

describe('a report of a provider with everything', () => {
  beforeAll(() => {
    provide({attrmask: 0x7f, binmask: 0xf, floor: 1, provider: 'sev_guest'})
    return make('one')
  })

  it('shows what can be asked for', () => {
    const shown = kernel.list(`${REPORTS}/one`).map(name => [name, kernel.stat(at(name))!.mode.toString(8)])
    expect(Object.fromEntries(shown)).toEqual({
      auxblob: '444',
      generation: '444',
      inblob: '200',
      manifestblob: '444',
      outblob: '444',
      privlevel: '200',
      privlevel_floor: '444',
      provider: '444',
      service_guid: '200',
      service_manifest_version: '200',
      service_provider: '200',
    })
    expect([readText(kernel, at('provider')), readText(kernel, at('privlevel_floor'))]).toEqual(['sev_guest', '1'])
    expect(errno(() => kernel.read(at('privlevel')))).toBe('EACCES')
  })

  /** One write each, what it is answered with, and whether it counts. */
  const OPTIONS = [
    ['privlevel', '0', 'EINVAL', 0],
    ['privlevel', '1', 'none', 1],
    ['privlevel', '3\n', 'none', 1],
    ['privlevel', '4', 'EINVAL', 0],
    ['privlevel', 'x', 'EINVAL', 0],
    ['privlevel', '', 'EFAULT', 0],
    ['privlevel', '4294967296', 'ERANGE', 0],
    ['service_provider', 'svsm\n', 'none', 1],
    ['service_guid', 'c476f1eb-0123-45a5-9641-b4e7dde5bfe3', 'none', 1],
    // refused, and yet it counts: the one set before is gone
    ['service_guid', 'junk', 'EINVAL', 1],
    ['service_manifest_version', '1', 'none', 1],
    ['service_manifest_version', '-1', 'EINVAL', 0],
    ['generation', '1', 'EACCES', 0],
  ] as const

  it.each(OPTIONS)('%s takes %j: %s', async (name, text, answer, advance) => {
    const before = generation()
    expect(await rejectedErrno(kernel.write(at(name), attributeBytes(text)))).toBe(answer)
    expect(generation()).toBe(before + advance)
  })

  it('is made as asked, with what belongs to it', async () => {
    await give(input(64, 9))
    const made = await report()
    expect([word(made, 12), word(made, 20)]).toEqual([3, 1])
    expect(await kernel.query(at('auxblob'))).toEqual(made.slice(HEADER, HEADER + 64))
    expect(await kernel.query(at('manifestblob'))).toEqual(new Uint8Array(0))
  })

  it('stays readable when its provider is gone, and nothing more', async () => {
    const made = await report()
    const before = generation()
    rmmod(TVM)
    expect(errno(() => kernel.read(at('provider')))).toBe('ENXIO')
    expect(errno(() => kernel.read(at('privlevel_floor')))).toBe('ENXIO')
    expect(await report()).toEqual(made)
    await give(input(64, 10))
    expect(generation()).toBe(before + 1)
    expect(await rejectedErrno(report())).toBe('ENXIO')
    expect(await rejectedErrno(make('two'))).toBe('ENXIO')
    // whoever leaves an item behind keeps every provider out
    expect(() => insmod(TVM)).toThrow('Device or resource busy')
    await remove('one')
    expect(() => insmod(TVM)).not.toThrow()
  })
})

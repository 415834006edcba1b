/** Reading a machine for accounting: what is refused, what vanishes, what changes while it is read. */
import {beforeEach, describe, expect, it} from 'vitest'
import {accountOf, decodeIde} from '../../src/ide/index.js'
import type {Kernel} from '../../src/kernel/index.js'
import {valueOf} from '../../src/known.js'
import {readFabric} from '../../src/operations/index.js'
import {EXTENDED_HEADER} from '../../src/pci/index.js'
import {mapKernel, type Node} from '../pci/map-kernel.js'
import {config, DEVICE, IDE_AT, ROOT, space, tree, VF} from './ide-tree.js'

const ideIn = async (kernel: Kernel, bdf: string) =>
  (await readFabric(kernel)).functions.find(fn => fn.bdf === bdf)!.ide

/** To another domain. */
const move = (text: string): string => text.replaceAll('0000:0', '0001:0')

describe('the fabric', () => {
  it('is places, ports, registers and links', async () => {
    const fabric = await readFabric(mapKernel(tree(true)))
    expect(fabric.bridges).toMatchObject([
      {name: 'pci0000:00', available: {present: true}, links: {known: true, value: [{name: 'stream0.0.0', slot: 0}]}},
    ])
    expect(fabric.functions).toMatchObject([
      {bdf: ROOT, rid: 8, ports: [], portType: {value: 4}, buses: {first: 1, last: 1}, physfn: null},
      {bdf: DEVICE, rid: 0x100, bridge: 'pci0000:00', ports: [ROOT], portType: {value: 0}, teeIo: {value: true}},
      {bdf: VF, physfn: DEVICE, portType: {known: false}, ide: {known: true, value: undefined}},
    ])
    expect(accountOf(fabric).streams).toMatchObject([{name: 'stream0.0.0', streamId: 0, state: 'secure'}])
  })

  it('does not read the configuration space of virtual functions', async () => {
    const read: string[] = []
    const kernel = mapKernel(tree(true))
    await readFabric({...kernel, readAt: (path, at, length) => (read.push(path), kernel.readAt(path, at, length))})
    expect(new Set(read)).toEqual(new Set([config(ROOT), config(DEVICE)]))
  })

  it('of one host bridge reads nothing below the others, and their streams do not count as moving', async () => {
    const here = tree(true)
    const there = Object.entries(here).map(([path, node]): [string, Node] => {
      return [move(path), typeof node === 'object' && 'link' in node ? {link: move(node.link)} : node]
    })
    const kernel = mapKernel({...here, ...Object.fromEntries(there)})
    const read: string[] = []
    const noting: Kernel = {
      ...kernel,
      readAt: (path, at, length) => (read.push(path), kernel.readAt(path, at, length)),
    }
    const fabric = await readFabric(noting, undefined, 'pci0000:00')
    expect(fabric).toEqual(await readFabric(mapKernel(here)))
    // each once for everything, and once more for its IDE registers
    expect(read.sort()).toEqual([ROOT, ROOT, DEVICE, DEVICE].map(config))
    expect((await readFabric(kernel)).bridges.map(({name}) => name)).toEqual(['pci0000:00', 'pci0001:00'])
  })

  it('of an unprivileged reader is unknown, never without IDE', async () => {
    const kernel = mapKernel(tree(true))
    const short: Kernel = {
      ...kernel,
      readAt: (path, at, n) => kernel.readAt(path, at, Math.max(0, Math.min(n, 64 - at))),
    }
    const account = accountOf(await readFabric(short))
    expect(account.ports.map(({ide}) => ide)).toEqual(
      account.ports.map(() => ({known: false, reason: expect.stringContaining('CAP_SYS_ADMIN')})),
    )
    expect(account.ports).toHaveLength(2)
    expect(account.bridges[0]!.unread).toEqual([ROOT, DEVICE])
    expect(account.streams).toMatchObject([{name: 'stream0.0.0', state: 'unknown', streamId: null}])
    expect(account.findings.map(({code}) => code)).toEqual(['registers-unread'])
  })

  it.each(['EACCES', 'EIO'])('keeps the reason when configuration space is refused with %s', async errno => {
    const ide = await ideIn(mapKernel({...tree(true), [config(DEVICE)]: {errno}}), DEVICE)
    expect(ide).toMatchObject({known: false, reason: expect.stringContaining(errno)})
  })

  it('a device that answers with all ones is unknown', async () => {
    const ide = await ideIn(mapKernel({...tree(true), [config(DEVICE)]: new Uint8Array(4096).fill(0xff)}), DEVICE)
    expect(ide).toMatchObject({known: false, reason: expect.stringContaining('does not answer')})
  })

  it('a capability that runs out of configuration space is unknown', async () => {
    const bytes = space(0, false)
    bytes.set(EXTENDED_HEADER.encode({id: 3, version: 1, next: 0xffc}), IDE_AT)
    bytes.set(EXTENDED_HEADER.encode({id: 0x30, version: 1, next: 0}), 0xffc)
    expect(await ideIn(mapKernel({...tree(false), [config(DEVICE)]: bytes}), DEVICE)).toMatchObject({known: false})
  })

  it('leaves out a function that goes while it is read', async () => {
    const {[config(DEVICE)]: _, ...rest} = tree(false)
    const {functions} = await readFabric(mapKernel(rest))
    expect(functions.map(({bdf}) => bdf)).toEqual([ROOT, VF])
  })

  it('ends with EINTR when it is called off', async () => {
    const abort = new AbortController()
    abort.abort()
    await expect(readFabric(mapKernel(tree(true)), abort.signal)).rejects.toMatchObject({errno: 'EINTR'})
  })
})

describe('a machine that changes while it is read', () => {
  const before = mapKernel(tree(false))
  const after = mapKernel(tree(true))
  let reads = 0
  beforeEach(() => {
    reads = 0
  })
  /** The kernel that `which` names for each read of registers, and for the links meanwhile. */
  const changing = (which: (read: number) => Kernel): Kernel => ({
    ...before,
    readAt: (...args) => which(reads++).readAt(...args),
    read: path => which(reads).read(path),
    list: path => which(reads).list(path),
    readlink: path => which(reads).readlink(path),
  })

  it.each([
    [1, ['secure']],
    [2, ['secure']],
    [3, ['secure']],
    // both readings were over before the first register changed
    [4, []],
  ])('is read until two readings agree: a connect after %i reads shows as %j', async (turn, states) => {
    const {streams, findings} = accountOf(await readFabric(changing(read => (read < turn ? before : after))))
    expect(streams.map(({name, state}) => name === 'stream0.0.0' && state)).toEqual(states)
    expect(findings).toEqual([])
  })

  it('is unknown where it never stands still', async () => {
    const bytes = space(0, true)
    const restless: Kernel = {
      ...after,
      readAt(path, at, length) {
        if (path !== config(DEVICE)) return after.readAt(path, at, length)
        const now = bytes.slice()
        const ide = decodeIde(now, IDE_AT)
        // the status register of the first block
        now[ide.selectiveStreams[0]!.offset + 8] = reads++ % 2 === 0 ? 0 : 2
        return now.slice(at, at + length)
      },
    }
    const {functions} = await readFabric(restless)
    expect(functions.find(({bdf}) => bdf === DEVICE)!.ide).toMatchObject({
      known: false,
      reason: expect.stringContaining('changed at every reading'),
    })
    expect(valueOf(functions.find(({bdf}) => bdf === ROOT)!.ide)).toBeDefined()
  })
})

/** The device's side of a mailbox, register by register. */
import {describe, expect, it} from 'vitest'
import {attributeBytes, type Kernel} from '../../src/kernel/index.js'
import {CMA_SPDM, discoverFeatures, DOE_REGISTER, type DoeInstance, doeInstances} from '../../src/pci/index.js'
import {mailboxSetup, virtualClock} from '../pci/mailbox-kernel.js'
import {errno} from '../kernel/errnos.js'
import {attributePath, GPU, machines, NVME, PLAIN} from './machines.js'

const GO = 0x8000_0000
const ABORT = 1
const READY = 0x8000_0000
const BUSY = 1
const ERROR = 4
const {control, status, write, read} = DOE_REGISTER

/** The one mailbox of a function, not used yet. */
function only(kernel: Kernel, bdf = GPU): DoeInstance {
  const instances = doeInstances(kernel, bdf)
  expect(instances).toHaveLength(1)
  return instances[0]!
}

describe('the registers', () => {
  /** DOE Discovery of entry 0, word by word. */
  const discovery = [0x0000_0001, 0x0000_0003, 0x0000_0000]

  it('answer discovery by themselves, and keep the head until it is taken', () => {
    const {box} = mailboxSetup()
    for (const word of discovery) box.write(write, word)
    expect(box.read(status)).toBe(0)
    box.write(control, GO)
    expect(box.read(status)).toBe(READY)
    const words = [0, 1, 2].map(() => {
      const head = box.read(read)
      expect(box.read(read)).toBe(head)
      box.write(read, 0xffff_ffff)
      return head
    })
    // vendor 0001h, type 0, next index 1
    expect(words).toEqual([0x0000_0001, 0x0000_0003, 0x0100_0001])
    expect([box.read(status), box.read(read)]).toEqual([0, 0])
  })

  it.each([
    ['a type it does not take', [0x0009_0001, 3, 0]],
    ['a length that is not what was written', [0x0001_0001, 4, 0]],
    ['nothing at all', []],
    ['discovery of another version', [0x0000_0001, 3, 0x0000_0200]],
    ['a body that is too short', [0x0000_0001, 2]],
  ])('discard in silence %s', (_, words) => {
    const {box} = mailboxSetup()
    for (const word of words) box.write(write, word)
    box.write(control, GO)
    expect(box.read(status)).toBe(0)
    for (const word of discovery) box.write(write, word)
    box.write(control, GO)
    expect(box.read(status)).toBe(READY)
  })

  it('report an error when a second object comes before the first was answered, until an abort', () => {
    const {box} = mailboxSetup({faults: [{do: 'slow', ms: 1000}]})
    for (let i = 0; i < 2; i++) {
      for (const word of discovery) box.write(write, word)
      box.write(control, GO)
      expect(box.read(status) % READY).toBe(i === 0 ? BUSY : BUSY + ERROR)
    }
    box.write(control, ABORT)
    expect([box.read(status), box.read(control)]).toEqual([0, 0])
  })
})

describe('in a machine', () => {
  const make = machines()
  const REQUEST = {...CMA_SPDM, payload: Uint8Array.of(0x10, 0x84, 0, 0)}
  const config = attributePath(GPU, 'config')

  it('a mailbox takes what doe_features says', async () => {
    const {kernel} = await make('bare-device')
    expect(await discoverFeatures(only(kernel))).toEqual([{vendor: 1, type: 0}, CMA_SPDM, {vendor: 1, type: 2}])
    expect(doeInstances(kernel, PLAIN)).toEqual([])
  })

  it('all mailboxes of a host are there, each with its protocols', async () => {
    const text = [
      'title: Two mailboxes',
      'tsm: none',
      'bridges: [{at: "0000:00"}]',
      'devices: [{at: "0000:00:04.0", kind: gpu, doe: [["1234:05"], ["0001:01", "0001:02"]]}]',
    ].join('\n')
    const {kernel} = await make({name: 'two', text})
    const features = await Promise.all(doeInstances(kernel, '0000:00:04.0').map(each => discoverFeatures(each)))
    expect(features.map(list => list.map(({vendor}) => vendor))).toEqual([
      [1, 0x1234],
      [1, 1, 1],
    ])
  })

  it('whoever is plugged in answers', async () => {
    const {open} = await make('bare-device')
    const asked: string[] = []
    const kernel = open({
      mailboxes: (device, index) => ({answer: ({payload}) => (asked.push(`${device} ${index}`), payload.toReversed())}),
    })
    expect((await only(kernel).exchange(REQUEST)).payload).toEqual(REQUEST.payload.toReversed())
    expect((await only(kernel, NVME).exchange(REQUEST)).payload).toHaveLength(4)
    expect(asked).toEqual([`${GPU} 0`, `${NVME} 0`])
  })

  it('whole readings of configuration space show the registers of the moment, and change nothing', async () => {
    const {open} = await make('bare-device')
    const kernel = open({mailboxes: () => ({faults: [{do: 'left-over'}]})})
    const {offset} = only(kernel)
    const whole = kernel.read(config)
    expect(whole.slice(offset + status, offset + status + 4)).toEqual(Uint8Array.of(0, 0, 0, 0x80))
    expect(kernel.read(config)).toEqual(whole)
    expect(kernel.readAt(config, offset + status + 2, 3)).toEqual(whole.slice(offset + status + 2, offset + status + 5))
    expect(open({privileged: false}).read(config)).toHaveLength(64)
  })

  it('refuses every other register, and whoever is not root', async () => {
    const {kernel, open} = await make('bare-device')
    const {offset} = only(kernel)
    const dword = new Uint8Array(4)
    for (const at of [0, 4, offset, offset + 4, 4092])
      expect(errno(() => kernel.writeAt(config, at, dword))).toBe('EPERM')
    expect(errno(() => kernel.writeAt(config, 4096, dword))).toBe('EFBIG')
    expect(errno(() => open({privileged: false}).writeAt(config, offset + control, dword))).toBe('EACCES')
    expect(errno(() => kernel.writeAt(attributePath(PLAIN, 'config'), 0x108, dword))).toBe('EPERM')
  })

  it('a dead mailbox comes back with a new enumeration of its function, and only then', async () => {
    const machine = await make('bare-device')
    const clock = virtualClock()
    let made = 0
    const kernel = machine.open({
      ...clock,
      mailboxes: () => ({answer: ({payload}) => payload, faults: made++ === 0 ? [{do: 'error', stubborn: true}] : []}),
    })
    await expect(only(kernel).exchange(REQUEST)).rejects.toThrow(/the mailbox is dead/)
    await expect(only(kernel).exchange(REQUEST)).rejects.toThrow(/the mailbox is dead/)
    await kernel.write(attributePath(GPU, 'remove'), attributeBytes('1'))
    expect(errno(() => kernel.readAt(config, 0, 4))).toBe('ENOENT')
    await kernel.write('/sys/bus/pci/rescan', attributeBytes('1'))
    expect((await only(kernel).exchange(REQUEST)).payload).toEqual(REQUEST.payload)
  })
})

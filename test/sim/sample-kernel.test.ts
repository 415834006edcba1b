/** Both sides in one kernel, step by step as an operator of the kernel's samples goes, in both load orders. */
import {describe, expect, it} from 'vitest'
import {attributeBytes, readText} from '../../src/kernel/index.js'
import {
  accept,
  admit,
  collectEvidence,
  connect,
  disconnect,
  lock,
  reviewDevice,
  unlock,
} from '../../src/operations/index.js'
import {machineStatus, SCENARIO_TEXTS} from '../../src/sim/index.js'
import {openMachine} from '../../src/sim/store.js'
import {type LabMachine, labMachine} from '../support/lab.js'
import {attributePath} from './machines.js'

const DEVICE = '10000:01:00.0'
const OTHER = '10001:03:00.0'
const BRIDGE = '/sys/devices/pci10000:00'
const CLASS = '/sys/class/tsm'
const TEXT = SCENARIO_TEXTS['sample-kernel']!

const tsmOf = ({kernel}: LabMachine, mode: string): string =>
  kernel.list(CLASS).find(name => readText(kernel, `${CLASS}/${name}/pci_mode`) === mode)!

const write = ({kernel}: LabMachine, attribute: string, text: string): Promise<void> =>
  kernel.write(attributePath(DEVICE, attribute), attributeBytes(text))

const read = ({kernel}: LabMachine, attribute: string): string => readText(kernel, attributePath(DEVICE, attribute))
const streams = ({kernel}: LabMachine): string => readText(kernel, `${BRIDGE}/available_secure_streams`)
const isThere = ({kernel}: LabMachine, path: string): boolean => {
  try {
    kernel.list(path)
    return true
  } catch {
    return false
  }
}

describe.each([
  ['last', 'tsm0', 'tsm1'],
  ['first', 'tsm1', 'tsm0'],
])('the guest-side TSM registers %s', (order, linkName, devsecName) => {
  const make = () => labMachine({name: 'sample', text: TEXT.replace('devsec: last', `devsec: ${order}`)})

  it('shows what the samples show, through connect, disconnect, lock, accept and unlock', async () => {
    const machine = await make()
    const {kernel} = machine
    const [link, devsec] = [tsmOf(machine, 'link'), tsmOf(machine, 'devsec')]
    expect([link, devsec]).toEqual([linkName, devsecName])
    expect(kernel.list('/sys/bus/pci/devices')).toEqual(expect.arrayContaining([DEVICE, OTHER]))
    expect(kernel.list(attributePath(DEVICE, 'tsm'))).toEqual(
      expect.arrayContaining(['accept', 'connect', 'disconnect', 'lock', 'unlock']),
    )

    expect(streams(machine)).toBe('4')
    await write(machine, 'tsm/connect', link)
    expect(streams(machine)).toBe('3')
    expect(read(machine, 'tsm/connect')).toBe(link)
    expect(kernel.readlink(`${BRIDGE}/stream0.0.0`)).toBe(`10000:00:00.0/${DEVICE}`)
    expect(isThere(machine, `${CLASS}/${link}/pci10000:00/stream0.0.0`)).toBe(true)
    await write(machine, 'tsm/disconnect', link)
    expect(streams(machine)).toBe('4')
    expect(read(machine, 'tsm/connect')).toBe('')
    expect(isThere(machine, `${BRIDGE}/stream0.0.0`)).toBe(false)
    expect(isThere(machine, `${CLASS}/${link}/pci10000:00`)).toBe(false)

    await write(machine, 'tsm/lock', devsec)
    expect(read(machine, 'tsm/lock')).toBe(devsec)
    const {objects} = await collectEvidence(kernel, DEVICE)
    for (const label of ['cert0', 'vca', 'measurements', 'report'] as const)
      expect(objects.get(label)!.length).toBeGreaterThan(64)
    // a name that begins with t is true to the kernel's boolean parser
    await write(machine, 'tsm/accept', devsec)
    expect(read(machine, 'tsm/accept')).toBe('1')
    await write(machine, 'tsm/unlock', devsec)
    expect([read(machine, 'tsm/lock'), read(machine, 'tsm/accept')]).toEqual(['', '0'])
    expect(machineStatus(machine.directory).violations).toEqual([])
  })

  it('gives the same with the verbs of tsmctl, which find the right TSM by themselves', async () => {
    const machine = await make()
    const {kernel, policy} = machine
    expect(await connect(kernel, DEVICE)).toMatchObject({changed: true, failure: null})
    expect([streams(machine), read(machine, 'tsm/connect')]).toEqual(['3', linkName])
    expect(await disconnect(kernel, DEVICE)).toMatchObject({changed: true})
    expect(await lock(kernel, DEVICE)).toMatchObject({after: {state: 'CONFIG_LOCKED', lockedBy: devsecName}})
    const {bundle, appraisal} = await reviewDevice(kernel, DEVICE, {policy})
    expect(appraisal.decision).toBe('accept')
    expect(await accept(kernel, DEVICE, bundle.digest, {policy})).toMatchObject({after: {state: 'RUN'}})
    expect(await unlock(kernel, DEVICE)).toMatchObject({after: {state: 'CONFIG_UNLOCKED'}})
    expect(await admit(kernel, OTHER, {policy})).toMatchObject({admitted: true, after: {state: 'RUN'}})
    expect(machineStatus(machine.directory).violations).toEqual([])
  })

  it('refuses a TSM of the other side before anything is written', async () => {
    const {kernel} = await make()
    await expect(lock(kernel, DEVICE, {tsm: linkName})).rejects.toMatchObject({kind: 'usage'})
    expect(await connect(kernel, DEVICE, {tsm: devsecName})).toMatchObject({
      changed: false,
      writes: [],
      failure: {exitCode: expect.any(Number)},
    })
  })
})

describe('one context for both sides', () => {
  it('lets nobody lock what is connected, nor connect what is locked', async () => {
    const machine = await labMachine('sample-kernel')
    await write(machine, 'tsm/connect', 'tsm0')
    await expect(write(machine, 'tsm/lock', 'tsm1')).rejects.toMatchObject({errno: 'EBUSY'})
    await write(machine, 'tsm/disconnect', 'tsm0')
    await write(machine, 'tsm/lock', 'tsm1')
    await expect(write(machine, 'tsm/connect', 'tsm0')).rejects.toMatchObject({errno: 'EBUSY'})
  })

  it('names the link TSM in tsm/lock, where a null pointer waits for whoever believes it is a lock', async () => {
    const machine = await labMachine('sample-kernel')
    await write(machine, 'tsm/connect', 'tsm0')
    expect(read(machine, 'tsm/lock')).toBe('tsm0')
    await write(machine, 'tsm/accept', '1')
    await write(machine, 'tsm/unlock', 'tsm0')
    expect(machineStatus(machine.directory).violations).toMatchObject([{kind: 'wrong-tsm'}, {kind: 'wrong-tsm'}])
  })

  it('has one session per device, whichever TSM opened it, and none after the device was removed', async () => {
    const machine = await labMachine('sample-kernel')
    const link = () => openMachine(machine.directory).state().links[DEVICE]
    const sessions = () => [link()?.tsm?.session.id, ...(link()?.device.sessions ?? []).map(({id}) => id)]
    await write(machine, 'tsm/lock', 'tsm1')
    await write(machine, 'tsm/unlock', 'tsm1')
    const secret = link()!.tsm!.session.requester.secret
    await write(machine, 'tsm/connect', 'tsm0')
    expect(link()!.tsm!.session.requester.secret).not.toBe(secret)
    expect(sessions()).toHaveLength(2)
    expect(new Set(sessions()).size).toBe(1)
    await write(machine, 'tsm/disconnect', 'tsm0')
    expect(sessions()).toEqual([undefined])
    await write(machine, 'tsm/lock', 'tsm1')
    await write(machine, 'tsm/accept', '1')
    await write(machine, 'remove', '1')
    expect(link()).toBeUndefined()
    await machine.kernel.write('/sys/bus/pci/rescan', attributeBytes('1'))
    expect(machineStatus(machine.directory).devices[0]).toMatchObject({tdi: 'CONFIG_UNLOCKED', link: {session: null}})
  })

  it('is not believed by tsmctl', async () => {
    const {kernel, policy, directory} = await labMachine('sample-kernel')
    await connect(kernel, DEVICE)
    await expect(admit(kernel, DEVICE, {policy})).rejects.toMatchObject({kind: 'busy'})
    expect(await unlock(kernel, DEVICE)).toMatchObject({changed: false})
    await expect(reviewDevice(kernel, DEVICE, {policy})).rejects.toMatchObject({kind: 'busy'})
    expect(machineStatus(directory).violations).toEqual([])
  })
})

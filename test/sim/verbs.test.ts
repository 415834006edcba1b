import {beforeEach, describe, expect, it} from 'vitest'
import {machineStatus} from '../../src/sim/index.js'
import {rejectedErrno} from '../kernel/errnos.js'
import {BUS, DRIVERS, GPU, lockDevice, machines, NIC, PLAIN, type TestMachine} from './machines.js'

const make = machines()
let machine: TestMachine
beforeEach(async () => {
  machine = await make()
})

const tdi = (bdf: string) => machineStatus(machine.directory).devices.find(device => device.bdf === bdf)!

type State = 'bound' | 'unbound' | 'locked' | 'running' | 'locked and bound' | 'running and bound' | 'broken'

/** Brings the GPU into a state by the means a guest has. */
async function bring(state: State): Promise<void> {
  if (state === 'bound') return
  if (state === 'unbound') return machine.write(`${DRIVERS}/acmegpu`, 'unbind', GPU)
  await lockDevice(machine, GPU)
  if (state === 'broken') await machine.write(GPU, 'reset', '1')
  if (state.startsWith('running')) await machine.write(GPU, 'tsm/accept', '1')
  if (state.endsWith('and bound')) await machine.write(BUS, 'drivers_probe', GPU)
}

const OK = 'none'

/** Verb, state before, what is written, errno; where several things are wrong, the row pins which is told first. */
const TABLE: readonly (readonly [string, State, string, string])[] = [
  ['lock', 'unbound', 'tsm0', OK],
  ['lock', 'unbound', 'tsm0\n', OK],
  ['lock', 'unbound', 'tsm00 and so on', OK],
  ['lock', 'unbound', 'tsm', 'EINVAL'],
  ['lock', 'unbound', '1', 'EINVAL'],
  ['lock', 'unbound', 'tsm1', 'ENXIO'],
  ['lock', 'bound', 'nonsense', 'EINVAL'],
  ['lock', 'bound', 'tsm1', 'ENXIO'],
  ['lock', 'bound', 'tsm0', 'EBUSY'],
  ['lock', 'locked', 'nonsense', 'EINVAL'],
  ['lock', 'locked', 'tsm1', 'EBUSY'],
  ['lock', 'locked', 'tsm0', 'EBUSY'],
  ['lock', 'running', 'tsm0', 'EBUSY'],
  ['lock', 'broken', 'tsm0', 'EBUSY'],
  ['unlock', 'bound', 'tsm0', 'EINVAL'],
  ['unlock', 'unbound', 'tsm0', 'EINVAL'],
  ['unlock', 'locked', 'tsm0', OK],
  ['unlock', 'locked', 'tsm0\n', OK],
  ['unlock', 'locked', 'tsm00', 'EINVAL'],
  ['unlock', 'locked', 'tsm1', 'EINVAL'],
  ['unlock', 'locked and bound', 'tsm1', 'EINVAL'],
  ['unlock', 'locked and bound', 'tsm0', 'EBUSY'],
  ['unlock', 'running', 'tsm0', OK],
  ['unlock', 'running and bound', 'tsm0', 'EBUSY'],
  ['unlock', 'broken', 'tsm0', OK],
  ['accept', 'unbound', '1', 'EINVAL'],
  ['accept', 'bound', '1', 'EINVAL'],
  ['accept', 'locked', '0', 'EINVAL'],
  ['accept', 'locked', 'off', 'EINVAL'],
  ['accept', 'locked', '2', 'EINVAL'],
  ['accept', 'locked', 'o', 'EINVAL'],
  ['accept', 'locked', '1', OK],
  ['accept', 'locked', 'Yes', OK],
  ['accept', 'locked', 'true\n', OK],
  ['accept', 'locked', 'on', OK],
  ['accept', 'locked and bound', '0', 'EINVAL'],
  ['accept', 'locked and bound', '1', 'EBUSY'],
  ['accept', 'running and bound', '1', 'EBUSY'],
  ['accept', 'broken', '1', 'EIO'],
]

describe('tsm/lock, tsm/unlock and tsm/accept', () => {
  it.each(TABLE)('%s of a TDI that is %s, writing %j: %s', async (verb, state, text, errno) => {
    await bring(state)
    const before = tdi(GPU)
    expect(await rejectedErrno(machine.write(GPU, `tsm/${verb}`, text))).toBe(errno)
    if (errno !== OK) return expect(tdi(GPU)).toEqual(before)
    const [lock, accept, tdisp] = {
      lock: ['tsm0', '0', 'CONFIG_LOCKED'],
      unlock: ['', '0', 'CONFIG_UNLOCKED'],
      accept: ['tsm0', '1', 'RUN'],
    }[verb]!
    expect([machine.read(GPU, 'tsm/lock'), machine.read(GPU, 'tsm/accept'), tdi(GPU).tdi]).toEqual([
      lock,
      accept,
      tdisp,
    ])
    return undefined
  })

  it('a lock is a new epoch', async () => {
    await lockDevice(machine, GPU)
    expect(tdi(GPU).lockEpoch).toBe(1)
    await machine.write(GPU, 'tsm/unlock', 'tsm0')
    await machine.write(GPU, 'tsm/lock', 'tsm0')
    expect(tdi(GPU).lockEpoch).toBe(2)
  })

  it('writing accept again is carried out again, and counted', async () => {
    await bring('running')
    expect(machineStatus(machine.directory).violations).toEqual([])
    expect(await rejectedErrno(machine.write(GPU, 'tsm/accept', '1'))).toBe(OK)
    expect(machineStatus(machine.directory).violations).toMatchObject([{kind: 'repeated-accept', device: GPU}])
    expect(machine.read(GPU, 'tsm/accept')).toBe('1')
  })

  it('a driver bound between lock and accept is noticed, one bound after accept is right', async () => {
    await bring('locked and bound')
    expect(machineStatus(machine.directory).violations).toMatchObject([{kind: 'bound-while-locked', device: GPU}])
    await lockDevice(machine, NIC)
    await machine.write(NIC, 'tsm/accept', '1')
    await machine.write(BUS, 'drivers_probe', NIC)
    expect(machine.kernel.readlink(`/sys/bus/pci/devices/${NIC}/driver`)).toMatch(/\/acmenic$/)
    expect(machineStatus(machine.directory).violations).toHaveLength(1)
  })

  it('a reset breaks a locked TDI: the kernel goes on showing the lock, accept fails, unlock heals', async () => {
    await bring('broken')
    expect(tdi(GPU).tdi).toBe('ERROR')
    expect(machine.read(GPU, 'tsm/lock')).toBe('tsm0')
    expect(await rejectedErrno(machine.write(GPU, 'tsm/accept', '1'))).toBe('EIO')
    await machine.write(GPU, 'tsm/unlock', 'tsm0')
    expect(tdi(GPU).tdi).toBe('CONFIG_UNLOCKED')
  })

  it('a reset of an unlocked device is harmless', async () => {
    await machine.write(GPU, 'reset', '1')
    expect(tdi(GPU).tdi).toBe('CONFIG_UNLOCKED')
  })

  it('nobody but root writes, and nothing is written by writing nothing', async () => {
    await bring('unbound')
    const nobody = machine.open({privileged: false})
    const path = `/sys/bus/pci/devices/${GPU}/tsm/lock`
    expect(await rejectedErrno(nobody.write(path, Buffer.from('tsm0')))).toBe('EACCES')
    await machine.kernel.write(path, new Uint8Array())
    expect(machine.read(GPU, 'tsm/lock')).toBe('')
  })
})

const tsmsOf = (kernel: TestMachine['kernel']): readonly string[] | string =>
  kernel.stat('/sys/class/tsm') === undefined ? 'no TSM core' : kernel.list('/sys/class/tsm')

describe('where the attributes are', () => {
  it('only on functions with TEE-IO, in a guest with a TSM; link attributes nowhere', async () => {
    expect(machine.kernel.list(`/sys/bus/pci/devices/${GPU}/tsm`)).toEqual(['accept', 'lock', 'unlock'])
    expect(machine.kernel.stat(`/sys/bus/pci/devices/${PLAIN}/tsm`)).toBeUndefined()
    for (const scenario of ['empty', 'bare']) {
      const {kernel} = await make(scenario)
      expect(kernel.stat(`/sys/bus/pci/devices/${GPU}/vendor`)?.type).toBe('file')
      expect(kernel.stat(`/sys/bus/pci/devices/${GPU}/tsm`)).toBeUndefined()
    }
  })

  it('the TSM class says which of the three kernels this is', async () => {
    expect(tsmsOf(machine.kernel)).toEqual(['tsm0'])
    expect(Buffer.from(machine.kernel.read('/sys/class/tsm/tsm0/pci_mode')).toString()).toBe('devsec\n')
    expect(tsmsOf((await make('empty')).kernel)).toEqual([])
    expect(tsmsOf((await make('bare')).kernel)).toBe('no TSM core')
  })
})

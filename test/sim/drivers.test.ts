import {beforeEach, describe, expect, it} from 'vitest'
import {attributeBytes} from '../../src/kernel/index.js'
import {machineStatus} from '../../src/sim/index.js'
import {errno, rejectedErrno} from '../kernel/errnos.js'
import {attributePath, BUS, DRIVERS, GPU, lockDevice, machines, NIC, type TestMachine} from './machines.js'

const make = machines()
let machine: TestMachine
beforeEach(async () => {
  machine = await make()
})

const driverOf = (bdf: string): string | undefined =>
  machine.kernel.stat(attributePath(bdf, 'driver')) === undefined
    ? undefined
    : machine.kernel.readlink(attributePath(bdf, 'driver')).split('/').at(-1)

const unbind = (): Promise<void> => machine.write(`${DRIVERS}/acmegpu`, 'unbind', GPU)

describe('binding', () => {
  it('a bound driver shows on both sides, an unbound one on neither', async () => {
    expect(driverOf(GPU)).toBe('acmegpu')
    expect(machine.kernel.list(`${DRIVERS}/acmegpu`)).toEqual([GPU, 'bind', 'unbind'])
    expect(machine.read(GPU, 'uevent')).toContain('DRIVER=acmegpu\n')
    expect(machine.kernel.list(`${DRIVERS}/acmegpu/${GPU}/driver/${GPU}`)).toContain('config')
    await unbind()
    expect(driverOf(GPU)).toBeUndefined()
    expect(machine.kernel.list(`${DRIVERS}/acmegpu`)).toEqual(['bind', 'unbind'])
    expect(machine.read(GPU, 'uevent')).not.toContain('DRIVER=')
  })

  it.each([
    ['acmegpu', 'unbind', NIC, 'ENODEV'],
    ['acmegpu', 'unbind', '0000:99:00.0', 'ENODEV'],
    ['acmegpu', 'bind', GPU, 'EBUSY'],
    ['acmegpu', 'bind', '0000:99:00.0', 'ENODEV'],
    ['nvme', 'bind', GPU, 'ENODEV'],
  ])('driver %s, %s of %s: %s', async (driver, verb, bdf, refusal) => {
    expect(await rejectedErrno(machine.write(`${DRIVERS}/${driver}`, verb, bdf))).toBe(refusal)
    expect(driverOf(GPU)).toBe('acmegpu')
  })

  it('bind and drivers_probe bind again; the newline of echo does not matter', async () => {
    await unbind()
    await machine.write(`${DRIVERS}/acmegpu`, 'bind', `${GPU}\n`)
    expect(driverOf(GPU)).toBe('acmegpu')
    await unbind()
    await machine.write(BUS, 'drivers_probe', `${GPU}\n`)
    expect(driverOf(GPU)).toBe('acmegpu')
  })

  it('drivers_probe succeeds although nothing was bound, and refuses what is not there', async () => {
    await unbind()
    await machine.write(GPU, 'driver_override', 'no-such-driver')
    await machine.write(BUS, 'drivers_probe', GPU)
    expect(driverOf(GPU)).toBeUndefined()
    expect(await rejectedErrno(machine.write(BUS, 'drivers_probe', '0000:99:00.0'))).toBe('ENODEV')
  })

  it('an override beats ids, until a newline clears it', async () => {
    expect(machine.read(GPU, 'driver_override')).toBe('(null)')
    await unbind()
    await machine.write(GPU, 'driver_override', 'vfio-pci\nrest')
    expect(machine.read(GPU, 'driver_override')).toBe('vfio-pci')
    expect(await rejectedErrno(machine.write(`${DRIVERS}/acmegpu`, 'bind', GPU))).toBe('ENODEV')
    await machine.write(BUS, 'drivers_probe', GPU)
    expect(driverOf(GPU)).toBe('vfio-pci')
    await machine.kernel.write(attributePath(GPU, 'driver_override'), new Uint8Array())
    expect(machine.read(GPU, 'driver_override')).toBe('vfio-pci')
    await machine.write(GPU, 'driver_override', '\n')
    expect(machine.read(GPU, 'driver_override')).toBe('(null)')
    expect(await rejectedErrno(machine.write(GPU, 'driver_override', 'x'.repeat(4096)))).toBe('EINVAL')
  })
})

describe('removal and rescan', () => {
  it('a removed function is gone with its links, and comes back unlocked and bound', async () => {
    await lockDevice(machine, GPU)
    await machine.write(GPU, 'remove', '1')
    expect(machine.kernel.list('/sys/bus/pci/devices')).not.toContain(GPU)
    expect(errno(() => machine.read(GPU, 'vendor'))).toBe('ENOENT')
    expect(await rejectedErrno(machine.write(GPU, 'tsm/unlock', 'tsm0'))).toBe('ENOENT')
    await machine.write(BUS, 'rescan', '1')
    expect(machine.read(GPU, 'tsm/lock')).toBe('')
    expect(driverOf(GPU)).toBe('acmegpu')
  })

  it('without autoprobe nothing binds to what appears', async () => {
    await machine.write(BUS, 'drivers_autoprobe', '0')
    expect(Buffer.from(machine.kernel.read(`${BUS}/drivers_autoprobe`)).toString()).toBe('0\n')
    await machine.write(GPU, 'remove', '1')
    await machine.write(BUS, 'rescan', '1')
    expect(driverOf(GPU)).toBeUndefined()
  })

  it('a removed port takes what is below it along', async () => {
    await machine.write('0000:00:01.0', 'remove', '1')
    expect(machine.kernel.list('/sys/bus/pci/devices')).not.toContain(GPU)
    await machine.write(BUS, 'rescan', '1')
    expect(machine.read(GPU, 'vendor')).toBe('0x7e57')
  })
})

describe('other attributes', () => {
  it.each([
    [GPU, 'enable', '0', 'EBUSY'],
    [GPU, 'enable', 'x', 'EINVAL'],
    [GPU, 'reset', '2', 'EINVAL'],
    [GPU, 'reset', 'x', 'EINVAL'],
    [GPU, 'remove', 'x', 'EINVAL'],
    [GPU, 'remove', '0', 'none'],
    [GPU, 'config', '\0\0\0\0', 'EPERM'],
    [GPU, 'vendor', '1', 'EACCES'],
    [GPU, 'tsm', '1', 'EISDIR'],
    [GPU, 'tsm/connect', 'tsm0', 'ENOENT'],
    [NIC, 'sriov_numvfs', '9', 'ERANGE'],
    [NIC, 'sriov_numvfs', '8', 'ENOENT'],
    [NIC, 'sriov_numvfs', '0', 'none'],
    [BUS, 'rescan', 'x', 'EINVAL'],
    [BUS, 'drivers_autoprobe', 'x', 'EINVAL'],
  ])('%s %s, writing %j: %s', async (place, attribute, text, refusal) => {
    expect(await rejectedErrno(machine.write(place, attribute, text))).toBe(refusal)
  })

  it('enable counts, and disabling the last time breaks a locked TDI', async () => {
    await lockDevice(machine, GPU)
    expect(await rejectedErrno(machine.write(GPU, 'enable', '0'))).toBe('EIO')
    await machine.write(GPU, 'enable', '1')
    expect(machine.read(GPU, 'enable')).toBe('1')
    await machine.write(GPU, 'enable', '0')
    expect(machineStatus(machine.directory).devices[0]!.tdi).toBe('ERROR')
  })

  it('of more than a page one page is taken', async () => {
    const long = attributeBytes(`0${' '.repeat(5000)}`)
    await expect(machine.kernel.write(`${BUS}/drivers_autoprobe`, long)).rejects.toThrow('EINVAL')
    await machine.write(`${DRIVERS}/acmegpu`, 'unbind', GPU)
    const path = attributePath(GPU, 'tsm/lock')
    await expect(machine.kernel.write(path, attributeBytes(`tsm0${' '.repeat(5000)}`))).rejects.toThrow(
      'only 4096 of 5004 bytes were taken',
    )
    expect(machine.read(GPU, 'tsm/lock')).toBe('tsm0')
  })

  it('without privilege 64 bytes of configuration space are readable, and no serial number', () => {
    const nobody = machine.open({privileged: false})
    const path = attributePath(GPU, 'config')
    expect(machine.kernel.read(path)).toHaveLength(4096)
    expect(nobody.read(path)).toEqual(machine.kernel.read(path).slice(0, 64))
    expect(nobody.readAt(path, 64, 4)).toEqual(new Uint8Array())
    expect(nobody.stat(path)?.size).toBe(4096)
    expect(errno(() => nobody.read(attributePath(GPU, 'serial_number')))).toBe('EACCES')
    expect(machine.read(GPU, 'serial_number')).toMatch(/^(?:[0-9a-f]{2}-){7}[0-9a-f]{2}$/)
  })
})

/** What happens to a guest from outside: now, before an operation, after it. */
import {beforeEach, describe, expect, it} from 'vitest'
import {readText} from '../../src/kernel/index.js'
import {clearFaults, type Fault, injectFault, machineStatus, resetMachine} from '../../src/sim/index.js'
import {errno, rejectedErrno} from '../kernel/errnos.js'
import {dump} from './dump.js'
import {attributePath, BUS, DRIVERS, GPU, lockDevice, machines, NVME, type TestMachine} from './machines.js'

const make = machines()
let machine: TestMachine
beforeEach(async () => {
  machine = await make()
})

const inject = (fault: Omit<Fault, 'device'>) => injectFault(machine.directory, {device: GPU, ...fault})
const now = (what: Fault['do'], more: Partial<Fault> = {}) => inject({at: 'now', do: what, ...more})
const status = () => machineStatus(machine.directory)
const gpu = () => status().devices[0]!
const write = (attribute: string, text: string) => rejectedErrno(machine.write(GPU, attribute, text))

/** What binding is about. */
const bound = () => [gpu().driver, machine.read(GPU, 'driver_override')]

describe('now', () => {
  it.each([
    ['reset', {tdi: 'ERROR', lockedBy: 'tsm0', accepted: true, dma: false}],
    ['bme-clear', {tdi: 'ERROR', lockedBy: 'tsm0', accepted: true}],
    ['relock', {tdi: 'CONFIG_LOCKED', lockedBy: 'tsm0', accepted: false, lockEpoch: 2}],
    ['vanish', {present: false, tdi: 'CONFIG_UNLOCKED', lockedBy: null}],
    ['bind-driver', {driver: 'acmegpu', tdi: 'RUN'}],
    ['regenerate', {generation: 2, tdi: 'RUN'}],
    ['tsm-gone', {tdi: 'CONFIG_UNLOCKED', lockedBy: null, accepted: false}],
  ] as const)('%s changes a device in RUN', async (what, expected) => {
    await lockDevice(machine, GPU)
    await machine.write(GPU, 'tsm/accept', '1')
    await now(what)
    expect(gpu()).toMatchObject(expected)
    expect(status().faults).toEqual([])
  })

  it('a driver goes, and its bus mastering with it', async () => {
    await now('unbind')
    expect([gpu().driver, machine.read(GPU, 'enable')]).toEqual([null, '0'])
  })

  it('what was removed is found again, with its driver', async () => {
    await now('vanish')
    expect(machine.kernel.stat(attributePath(GPU, 'vendor'))).toBeUndefined()
    await now('rescan')
    expect([machine.read(GPU, 'vendor'), gpu().driver]).toEqual(['0x7e57', 'acmegpu'])
  })

  it('nothing happens to what is not there, or not locked', async () => {
    await now('regenerate')
    await now('vanish')
    for (const what of ['reset', 'relock', 'bind-driver', 'unbind', 'vanish', 'bme-clear'] as const) await now(what)
    expect(gpu()).toMatchObject({present: false, driver: null, lockEpoch: 0, generation: 0})
  })

  it.each([86_400, -3600])('the clock jumps by %i s, for every process', async seconds => {
    const before = machine.kernel.now().getTime()
    await now('clock', {seconds})
    await now('clock', {seconds})
    expect(status().clock).toBe(2 * seconds)
    for (const kernel of [machine.kernel, machine.open()])
      expect(Math.abs(kernel.now().getTime() - before - 2000 * seconds)).toBeLessThan(60_000)
    await resetMachine(machine.directory)
    expect(Math.abs(machine.kernel.now().getTime() - before)).toBeLessThan(60_000)
  })

  it('what a guest has and a host has not is refused there, and the other way round', async () => {
    const host = await make('gpu-host')
    for (const what of ['relock', 'regenerate', 'host-refuses', 'bme-clear'] as const)
      await expect(injectFault(host.directory, {device: '0000:41:00.0', at: 'now', do: what})).rejects.toThrow(
        'this machine is no guest',
      )
    await injectFault(host.directory, {device: '0000:41:00.0', at: 'now', do: 'clock', seconds: 5})
    expect(machineStatus(host.directory).clock).toBe(5)
    await expect(now('ide-fail', {block: 0})).rejects.toThrow('on hosts only')
  })
})

describe('a host that refuses', () => {
  it('makes lock and accept EIO until it relents; unlock has no way to fail', async () => {
    await lockDevice(machine, GPU)
    await now('host-refuses')
    expect(status().hostRefuses).toBe(true)
    expect([
      await write('tsm/accept', '1'),
      await write('tsm/unlock', 'tsm0'),
      await write('tsm/lock', 'tsm0'),
    ]).toEqual(['EIO', 'none', 'EIO'])
    expect([await write('tsm/lock', 'tsm9'), await write('tsm/accept', '1')]).toEqual(['ENXIO', 'EINVAL'])
    await now('host-relents')
    expect([await write('tsm/lock', 'tsm0'), await write('tsm/accept', '1')]).toEqual(['none', 'none'])
  })

  it('relents when all faults are cleared, and after a boot', async () => {
    await now('host-refuses')
    clearFaults(machine.directory)
    expect(status().hostRefuses).toBe(false)
    await now('host-refuses')
    clearFaults(machine.directory, NVME)
    expect(status().hostRefuses).toBe(true)
    await resetMachine(machine.directory)
    expect(status().hostRefuses).toBe(false)
  })
})

describe('a TSM that goes', () => {
  it('takes its directory and the attributes with it, and comes back with both', async () => {
    await now('tsm-gone')
    const {kernel} = machine
    expect([kernel.list('/sys/class/tsm'), kernel.stat(attributePath(GPU, 'tsm/lock'))]).toEqual([[], undefined])
    await now('tsm-back')
    expect(readText(kernel, '/sys/class/tsm/tsm0/pci_mode')).toBe('devsec')
    await lockDevice(machine, GPU)
    expect(gpu().tdi).toBe('CONFIG_LOCKED')
  })

  it('may go under the hands of who writes', async () => {
    await machine.write(`${DRIVERS}/acmegpu`, 'unbind', GPU)
    await inject({at: 'lock', do: 'tsm-gone'})
    expect(await write('tsm/lock', 'tsm0')).toBe('ENXIO')
  })
})

describe('around an operation', () => {
  it.each([
    ['lock', 'before', 'ERROR', 'EIO'],
    ['lock', 'after', 'ERROR', 'none'],
    ['accept', 'before', 'ERROR', 'EIO'],
    ['accept', 'after', 'ERROR', 'none'],
  ] as const)('a reset of a locked device at %s, %s', async (verb, when, tdi, outcome) => {
    await machine.write(`${DRIVERS}/acmegpu`, 'unbind', GPU)
    if (verb === 'accept') await machine.write(GPU, 'tsm/lock', 'tsm0')
    await inject({at: verb, do: 'reset', when})
    const isHarmless = verb === 'lock' && when === 'before'
    expect(await write(`tsm/${verb}`, verb === 'lock' ? 'tsm0' : '1')).toBe(isHarmless ? 'none' : outcome)
    expect(gpu().tdi).toBe(isHarmless ? 'CONFIG_LOCKED' : tdi)
  })

  it('a device that vanishes after a verb was there for it', async () => {
    await machine.write(`${DRIVERS}/acmegpu`, 'unbind', GPU)
    await inject({at: 'lock', do: 'vanish', when: 'after'})
    expect(await write('tsm/lock', 'tsm0')).toBe('none')
    expect(gpu().present).toBe(false)
  })

  it('a rival that was there before the dump is in it', async () => {
    await lockDevice(machine, GPU)
    const before = (await dump(machine.kernel, GPU))['measurements']
    await inject({at: 'evidence', do: 'relock', when: 'before'})
    expect((await dump(machine.kernel, GPU))['measurements']).not.toEqual(before)
    expect(gpu().lockEpoch).toBe(2)
  })

  it.each([
    ['before', 'tsm0'],
    ['after', ''],
  ] as const)('a rival lock %s a reading', async (when, seen) => {
    await machine.write(`${DRIVERS}/acmegpu`, 'unbind', GPU)
    await inject({at: 'read:tsm/lock', do: 'relock', when})
    expect(machine.read(GPU, 'tsm/lock')).toBe(seen)
    expect(machine.read(GPU, 'tsm/lock')).toBe('tsm0')
  })

  it('a device that vanishes after a reading was still read', async () => {
    await inject({at: 'read:vendor', do: 'vanish', when: 'after'})
    expect(machine.read(GPU, 'vendor')).toBe('0x7e57')
    expect(errno(() => machine.read(GPU, 'vendor'))).toBe('ENOENT')
  })
})

describe('at driver binding', () => {
  const acts = {
    unbind: () => machine.write(`${DRIVERS}/acmegpu`, 'unbind', GPU),
    bind: () => machine.write(`${DRIVERS}/acmegpu`, 'bind', GPU),
    probe: () => machine.write(BUS, 'drivers_probe', GPU),
    override: () => machine.write(GPU, 'driver_override', 'vfio-pci'),
  } as const
  const POINTS = Object.keys(acts) as (keyof typeof acts)[]

  it.each(POINTS)('%s is refused, has no effect, or takes its time, as told', async point => {
    if (point === 'bind' || point === 'probe') await acts.unbind()
    const before = bound()
    await inject({at: point, do: 'errno', errno: 'EPROBE'})
    expect([await rejectedErrno(acts[point]()), bound()]).toEqual(['EPROBE', before])
    await inject({at: point, do: 'stuck'})
    expect([await rejectedErrno(acts[point]()), bound()]).toEqual(['none', before])
    await inject({at: point, do: 'clock', seconds: 1, when: 'after'})
    expect([await rejectedErrno(acts[point]()), status().clock]).toEqual(['none', 1])
    expect(bound()).not.toEqual(before)
  })

  it('the checks of the kernel come first', async () => {
    await inject({at: 'bind', do: 'errno', errno: 'EIO'})
    expect(await rejectedErrno(acts.bind())).toBe('EBUSY')
    await inject({at: 'unbind', do: 'vanish'})
    expect(await rejectedErrno(acts.unbind())).toBe('ENODEV')
    expect(gpu().present).toBe(false)
  })
})

/** What a kernel of each generation of the guest ABI shows, takes and refuses. */
import {readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {attributeBytes, readText} from '../../src/kernel/index.js'
import {injectFault, machineStatus, SCENARIO_TEXTS, simKernel} from '../../src/sim/index.js'
import {rejectedErrno} from '../kernel/errnos.js'
import {attributePath, BUS, GPU, lockDevice, machines, NVME, type TestMachine} from './machines.js'

const make = machines()
const ABIS = ['G1n', 'G2', 'P2'] as const
const withAbi = (abi: string) => ({name: abi, text: `abi: ${abi}\n${SCENARIO_TEXTS['guest']!}`})
const on = (abi: string): Promise<TestMachine> => make(withAbi(abi))
const gpu = ({directory}: TestMachine) => machineStatus(directory).devices[0]!
const accept = (machine: TestMachine, value = '1') => rejectedErrno(machine.write(GPU, 'tsm/accept', value))

const SHOWN = [
  ['G1n', '6.17.0-sim-g1n', undefined, []],
  ['G2', '7.0.0-rc2-sim-g2', 'devsec', ['pci-tsm']],
  ['P2', '7.2.0-rc1-sim-p2', 'devsec', ['device-evidence']],
] as const

describe('a kernel of generation', () => {
  it.each(SHOWN)('%s says its release, and what its TSM is for', async (abi, release, mode, families) => {
    const {kernel, directory} = await on(abi)
    expect(readText(kernel, '/proc/sys/kernel/osrelease')).toBe(release)
    const path = '/sys/class/tsm/tsm0/pci_mode'
    expect(kernel.stat(path) === undefined ? undefined : readText(kernel, path)).toBe(mode)
    for (const name of ['pci-tsm', 'device-evidence'])
      expect([name, await rejectedErrno(kernel.netlinkFamily(name))]).toEqual([
        name,
        (families as readonly string[]).includes(name) ? 'none' : 'ENOENT',
      ])
    expect(machineStatus(directory)).toMatchObject({abi})
  })

  it.each(ABIS)('%s has lock, unlock and accept, and the same checks before them', async abi => {
    const machine = await on(abi)
    expect(machine.read(GPU, 'tsm/lock')).toBe('')
    expect(await accept(machine)).toBe('EINVAL')
    await lockDevice(machine, GPU)
    expect([machine.read(GPU, 'tsm/lock'), machine.read(GPU, 'tsm/accept')]).toEqual(['tsm0', '0'])
    expect(await accept(machine, '0')).toBe('EINVAL')
    expect(await accept(machine, 'yes')).toBe('none')
    expect([gpu(machine).tdi, machine.read(GPU, 'tsm/accept')]).toEqual(['RUN', '1'])
    expect(await rejectedErrno(machine.write(GPU, 'tsm/unlock', 'tsm1'))).toBe('EINVAL')
    await machine.write(GPU, 'tsm/unlock', 'tsm0')
    expect([gpu(machine).tdi, machine.read(GPU, 'tsm/accept')]).toEqual(['CONFIG_UNLOCKED', '0'])
  })

  it.each([
    ['G1n', ['repeated-accept']],
    ['G2', ['repeated-accept']],
    ['P2', []],
  ])('%s does not mind a second accept, whatever it makes of it', async (abi, violations) => {
    const machine = await on(abi)
    await lockDevice(machine, GPU)
    expect([await accept(machine), await accept(machine)]).toEqual(['none', 'none'])
    expect(machineStatus(machine.directory).violations.map(({kind}) => kind)).toEqual(violations)
  })

  it('P2 says yes again to a device that has left RUN, but not to one with a driver', async () => {
    const machine = await on('P2')
    await lockDevice(machine, GPU)
    await accept(machine)
    await machine.write(GPU, 'reset', '1')
    expect([gpu(machine).tdi, await accept(machine)]).toEqual(['ERROR', 'none'])
    expect([gpu(machine).tdi, gpu(machine).dma]).toEqual(['ERROR', false])
    await machine.write(BUS, 'drivers_probe', GPU)
    expect(await accept(machine)).toBe('EBUSY')
  })

  it.each([
    ['G1n', [false, true, true]],
    ['G2', [false, true, true]],
    ['P2', [false, false, true]],
  ])('%s lets an accepted device reach private memory when it does: locked, accepted, bound', async (abi, expected) => {
    const machine = await on(abi)
    const seen: boolean[] = []
    await lockDevice(machine, GPU)
    seen.push(gpu(machine).dma)
    await accept(machine)
    seen.push(gpu(machine).dma)
    await machine.write(BUS, 'drivers_probe', GPU)
    seen.push(gpu(machine).dma)
    expect(seen).toEqual(expected)
    expect(machineStatus(machine.directory).violations).toEqual([])
  })

  it.each(ABIS)('%s binds a device that is locked and not accepted, which nobody should ask for', async abi => {
    const machine = await on(abi)
    await lockDevice(machine, GPU)
    await machine.write(BUS, 'drivers_probe', GPU)
    expect(machineStatus(machine.directory).violations).toMatchObject([{kind: 'bound-while-locked', device: GPU}])
    expect(gpu(machine).dma).toBe(false)
  })
})

describe("the vendor kernel's switches", () => {
  it('are booleans on functions 0, of G1n alone', async () => {
    const machine = await on('G1n')
    for (const name of ['enable_spdm', 'enable_link_ide', 'enable_sel_ide']) {
      const attribute = `tsm/${name}`
      expect(machine.read(GPU, attribute)).toBe('0')
      await machine.write(GPU, attribute, 'Yes')
      expect([machine.read(GPU, attribute), machine.read(NVME, attribute)]).toEqual(['1', '0'])
      expect(await rejectedErrno(machine.write(GPU, attribute, 'maybe'))).toBe('EINVAL')
      await machine.write(GPU, attribute, 'off')
      expect(machine.read(GPU, attribute)).toBe('0')
    }
    expect((await on('P2')).kernel.stat(attributePath(GPU, 'tsm/enable_spdm'))).toBeUndefined()
  })
})

describe('a host of the staging series', () => {
  it('says what its TSM is for, and links the bridges that have streams', async () => {
    const gpuHost = '0000:41:00.0'
    const {kernel} = await make({name: 'staging host', text: `abi: G2\n${SCENARIO_TEXTS['gpu-host']!}`})
    const path = '/sys/class/tsm/tsm0'
    const bridges = (): string[] => kernel.list(path).filter(name => name.startsWith('pci0'))
    expect(readText(kernel, `${path}/pci_mode`)).toBe('link')
    expect(bridges()).toEqual([])
    await kernel.write(attributePath(gpuHost, 'tsm/connect'), attributeBytes('tsm0'))
    expect(bridges()).toEqual(['pci0000:40'])
    expect(kernel.list(`${path}/pci0000:40`)).toContain('available_secure_streams')
    await kernel.write(attributePath(gpuHost, 'tsm/disconnect'), attributeBytes('tsm0'))
    expect(bridges()).toEqual([])
    expect((await make('gpu-host')).kernel.stat(`${path}/pci_mode`)).toBeUndefined()
  })
})

describe('a machine that an earlier version made', () => {
  it('is one of G2, with the evidence it had', async () => {
    const {directory} = await make()
    const edit = (name: string, change: (content: Record<string, unknown>) => void): void => {
      const path = join(directory, name)
      const content = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
      change(content)
      writeFileSync(path, JSON.stringify(content))
    }
    edit('machine.json', content => {
      delete content['abi']
      delete content['validate']
    })
    edit('state.json', content => {
      delete content['world']
      delete content['events']
      for (const {tdi} of Object.values(content['functions'] as Record<string, {tdi: Record<string, unknown>}>)) {
        delete tdi['generation']
        delete tdi['validated']
      }
    })
    expect(machineStatus(directory)).toMatchObject({abi: 'G2', clock: 0, hostRefuses: false})
    const kernel = simKernel(directory)
    await injectFault(directory, {device: GPU, at: 'now', do: 'unbind'})
    await kernel.write(attributePath(GPU, 'tsm/lock'), attributeBytes('tsm0'))
    expect(machineStatus(directory).devices[0]).toMatchObject({tdi: 'CONFIG_LOCKED', generation: 1, validated: null})
  })

  it.each([
    ['machine.json', 'abi', 'G3'],
    ['state.json', 'events', {next: 0}],
    ['state.json', 'world', {clock: 0.5, refuses: false, tsm: true}],
  ])('is refused when its %s has no sound %s', async (file, key, value) => {
    const {directory} = await make()
    const path = join(directory, file)
    writeFileSync(path, JSON.stringify({...(JSON.parse(readFileSync(path, 'utf8')) as object), [key]: value}))
    expect(() => machineStatus(directory)).toThrow('simulated machine')
  })
})

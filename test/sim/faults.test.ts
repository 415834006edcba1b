import {createHash} from 'node:crypto'
import {beforeEach, describe, expect, it} from 'vitest'
import {clearFaults, type Fault, injectFault, KINDS_AT, machineStatus, resetMachine} from '../../src/sim/index.js'
import {errno, rejectedErrno} from '../kernel/errnos.js'
import {dump} from './dump.js'
import {attributePath, DRIVERS, GPU, lockDevice, machines, NVME, type TestMachine} from './machines.js'

const make = machines()
let machine: TestMachine
beforeEach(async () => {
  machine = await make()
})

const inject = (fault: Omit<Fault, 'device'>): Promise<void> => injectFault(machine.directory, {device: GPU, ...fault})
const status = () => machineStatus(machine.directory)
const gpu = () => status().devices[0]!
const sha384 = (bytes: Uint8Array): Buffer => createHash('sha384').update(bytes).digest()
const NONCE = new Uint8Array(32).fill(7)

describe('a fault', () => {
  it('strikes as often as told, after as many as told, and is then gone', async () => {
    await inject({at: 'read:vendor', do: 'errno', errno: 'EIO', times: 2, after: 1})
    const outcomes = [1, 2, 3, 4].map(() => errno(() => machine.read(GPU, 'vendor')))
    expect(outcomes).toEqual(['none', 'EIO', 'EIO', 'none'])
    expect(status().faults).toEqual([])
  })

  it('once unless told, and always if told', async () => {
    await inject({at: 'read:vendor', do: 'errno', errno: 'EIO'})
    await inject({at: 'read:class', do: 'errno', errno: 'ENXIO', times: 'always'})
    expect(errno(() => machine.read(GPU, 'vendor'))).toBe('EIO')
    expect(errno(() => machine.read(GPU, 'vendor'))).toBe('none')
    for (let i = 0; i < 5; i++) expect(errno(() => machine.read(GPU, 'class'))).toBe('ENXIO')
    expect(status().faults).toMatchObject([{at: 'read:class'}])
  })

  it('concerns one device, and is there for every process', async () => {
    await inject({at: 'lock', do: 'errno', errno: 'EIO'})
    await lockDevice(machine, NVME)
    const other = machine.open()
    await other.write(`${DRIVERS}/acmegpu/unbind`, Buffer.from(GPU))
    expect(await rejectedErrno(other.write(attributePath(GPU, 'tsm/lock'), Buffer.from('tsm0')))).toBe('EIO')
    expect(gpu().tdi).toBe('CONFIG_UNLOCKED')
  })

  it('can be taken back, by device or all at once', async () => {
    await inject({at: 'lock', do: 'stuck'})
    await injectFault(machine.directory, {device: NVME, at: 'lock', do: 'stuck'})
    expect(clearFaults(machine.directory, NVME)).toBe(1)
    expect(status().faults).toMatchObject([{device: GPU}])
    expect(clearFaults(machine.directory)).toBe(1)
    await lockDevice(machine, GPU)
    expect(gpu().tdi).toBe('CONFIG_LOCKED')
  })

  it.each([
    [{at: 'lock', do: 'flip-bit'}, 'do: flip-bit is nothing that can happen at lock'],
    [{at: 'evidence', do: 'stuck'}, 'do: stuck is nothing that can happen at evidence'],
    [{at: 'read:vendor', do: 'replay'}, 'do: replay is nothing that can happen at read:vendor'],
    [{at: 'lock', do: 'errno'}, 'errno is missing'],
    [{at: 'lock', do: 'delay'}, 'ms is missing'],
    [{at: 'evidence', do: 'flip-bit'}, 'object is missing'],
    [{at: 'lock', do: 'stuck', errno: 'EIO'}, 'errno: stuck at lock takes none'],
    [{at: 'lock', do: 'stuck', offset: 1}, 'offset: stuck takes none'],
    [{at: 'lock', do: 'errno', errno: 'EIO', times: 0}, 'times'],
    [
      {at: 'enable', do: 'stuck'},
      'lock, accept, unlock, evidence, validate, unbind, bind, probe, override, connect, disconnect, now or read:ATTRIBUTE is needed',
    ],
    [{at: 'evidence', do: 'truncate'}, 'object is missing'],
    [{at: 'evidence', do: 'hostile-text'}, 'errno is missing'],
    [{at: 'evidence', do: 'duplicate', object: 'vca', offset: 1}, 'offset: duplicate takes none'],
    [{at: 'evidence', do: 'oversize', object: 'vca', offset: 2 ** 25 + 1}, 'offset: at most 33554432'],
    [{at: 'validate', do: 'truncate', object: 'vca'}, 'do: truncate is nothing that can happen at validate'],
    [{at: 'now', do: 'clock'}, 'seconds is missing'],
    [{at: 'now', do: 'reset', when: 'after'}, 'when: reset at now takes none'],
    [{at: 'lock', do: 'stuck', when: 'after'}, 'when: stuck at lock takes none'],
    [{at: 'lock', do: 'regenerate', when: 'during'}, 'when: only regenerate at evidence can come during'],
    [{at: 'evidence', do: 'relock', when: 'during'}, 'when: only regenerate at evidence can come during'],
    [{at: 'lock', do: 'stick'}, 'is not one of'],
    [{at: 'lock', do: 'stuck', time: 3}, 'time: unknown key'],
  ])('%j is refused', async (fault, message) => {
    await expect(inject(fault as unknown as Fault)).rejects.toThrow(message)
    expect(status().faults).toEqual([])
  })

  it('needs a device', async () => {
    await expect(injectFault(machine.directory, {device: '0000:77:00.0', at: 'lock', do: 'stuck'})).rejects.toThrow(
      'this machine has no such function',
    )
  })
})

const lock = (): Promise<string> => rejectedErrno(machine.write(GPU, 'tsm/lock', 'tsm0'))
const accept = (): Promise<string> => rejectedErrno(machine.write(GPU, 'tsm/accept', '1'))

describe('faults at verbs', () => {
  beforeEach(() => machine.write(`${DRIVERS}/acmegpu`, 'unbind', GPU))
  it('errno comes where the TSM would refuse: after the checks of the kernel', async () => {
    await inject({at: 'lock', do: 'errno', errno: 'EIO'})
    expect(await rejectedErrno(machine.write(GPU, 'tsm/lock', 'tsm7'))).toBe('ENXIO')
    await inject({at: 'lock', do: 'errno', errno: 'EIO'})
    expect(await lock()).toBe('EIO')
    expect(machine.read(GPU, 'tsm/lock')).toBe('')
  })

  it.each(['lock', 'accept', 'unlock'] as const)('a stuck %s succeeds and does nothing', async verb => {
    if (verb !== 'lock') await lock()
    const before = gpu()
    await inject({at: verb, do: 'stuck'})
    await machine.write(GPU, `tsm/${verb}`, verb === 'accept' ? '1' : 'tsm0')
    expect(gpu()).toEqual(before)
  })

  it('a vanishing device is ENODEV, then not there', async () => {
    await inject({at: 'lock', do: 'vanish'})
    expect(await lock()).toBe('ENODEV')
    expect(machine.kernel.stat(attributePath(GPU, 'tsm/lock'))).toBeUndefined()
  })

  it('a rival driver makes lock and accept EBUSY, whatever the override says', async () => {
    await machine.write(GPU, 'driver_override', 'nobody')
    await inject({at: 'lock', do: 'bind-driver'})
    expect(await lock()).toBe('EBUSY')
    await lockDevice(machine, GPU)
    await inject({at: 'accept', do: 'bind-driver'})
    expect(await accept()).toBe('EBUSY')
    expect(status().violations).toMatchObject([{kind: 'bound-while-locked', device: GPU}])
  })

  it('a rival lock is a new epoch with new measurements, and accept does not notice', async () => {
    await lock()
    const seen = await dump(machine.kernel, GPU, {digests: true})
    await inject({at: 'accept', do: 'relock'})
    expect(await accept()).toBe('none')
    expect(gpu()).toMatchObject({tdi: 'RUN', lockEpoch: 2})
    const now = await dump(machine.kernel, GPU, {digests: true})
    expect(now['measurements']).not.toEqual(seen['measurements'])
    expect(now['cert0']).toEqual(seen['cert0'])
  })

  it('a delay passes on the clock of the port, and can be interrupted', async () => {
    const slept: number[] = []
    const kernel = machine.open({
      sleep: async (milliseconds, signal) => {
        slept.push(milliseconds)
        if (slept.length > 1) throw new DOMException(String(signal?.reason), 'AbortError')
      },
    })
    await inject({at: 'lock', do: 'delay', ms: 1234, times: 2})
    const path = attributePath(GPU, 'tsm/lock')
    await kernel.write(path, Buffer.from('tsm0'))
    expect(slept).toEqual([1234])
    const controller = new AbortController()
    const write = kernel.write(path, Buffer.from('tsm0'), controller.signal)
    controller.abort()
    expect(await rejectedErrno(write)).toBe('EINTR')
  })
})

describe('faults at evidence', () => {
  beforeEach(() => lockDevice(machine, GPU))

  it.each(['cert0', 'vca', 'measurements', 'report'] as const)(
    'a flipped bit of %s is not in the digest',
    async object => {
      await inject({at: 'evidence', do: 'flip-bit', object, offset: 60})
      const altered = (await dump(machine.kernel, GPU))[object]!
      const digest = (await dump(machine.kernel, GPU, {digests: true}))[object]!
      expect(sha384(altered)).not.toEqual(digest)
      altered[60]! += altered[60]! % 2 === 0 ? 1 : -1
      expect(sha384(altered)).toEqual(digest)
      expect((await dump(machine.kernel, GPU))[object]).toEqual(altered)
    },
  )

  it('an alteration waits for the dump that carries its object', async () => {
    await inject({at: 'evidence', do: 'flip-bit', object: 'report'})
    await dump(machine.kernel, GPU, {mask: 1})
    await dump(machine.kernel, GPU, {digests: true})
    expect(status().faults).toHaveLength(1)
    await dump(machine.kernel, GPU)
    expect(status().faults).toEqual([])
  })

  it('a replay serves the measurements of the nonce before', async () => {
    const old = (await dump(machine.kernel, GPU, {nonce: NONCE}))['measurements']!
    await inject({at: 'evidence', do: 'replay'})
    const replayed = (await dump(machine.kernel, GPU, {nonce: new Uint8Array(32).fill(8)}))['measurements']!
    expect(replayed).toEqual(old)
    expect((await dump(machine.kernel, GPU, {digests: true}))['measurements']).not.toEqual(sha384(replayed))
  })

  it('a rival locks or binds after the dump', async () => {
    await inject({at: 'evidence', do: 'relock'})
    const {measurements} = await dump(machine.kernel, GPU, {nonce: NONCE})
    expect(gpu().lockEpoch).toBe(2)
    expect((await dump(machine.kernel, GPU, {digests: true}))['measurements']).not.toEqual(sha384(measurements!))
    await inject({at: 'evidence', do: 'bind-driver'})
    await dump(machine.kernel, GPU)
    expect(gpu().driver).toBe('acmegpu')
  })

  it.each([
    [{do: 'errno', errno: 'EAGAIN'}, 'EAGAIN'],
    [{do: 'vanish'}, 'ENODEV'],
  ] as const)('%j refuses the dump', async (fault, refusal) => {
    await inject({at: 'evidence', ...fault})
    expect(await rejectedErrno(dump(machine.kernel, GPU))).toBe(refusal)
  })
})

describe('faults at reading', () => {
  it('alter, refuse, or remove', async () => {
    await inject({at: 'read:config', do: 'flip-bit', offset: 2})
    const config = machine.kernel.read(attributePath(GPU, 'config'))
    const honest = machine.kernel.read(attributePath(GPU, 'config'))
    expect([config[2], honest[2]]).toEqual([0x00, 0x01])
    await inject({at: 'read:tsm/lock', do: 'vanish'})
    expect(errno(() => machine.read(GPU, 'tsm/lock'))).toBe('ENODEV')
    expect(errno(() => machine.read(GPU, 'tsm/lock'))).toBe('ENOENT')
  })
})

describe('what can happen', () => {
  it('is listed for every point', () => {
    expect(Object.keys(KINDS_AT)).toEqual([
      'verb',
      'evidence',
      'validate',
      'binding',
      'reading',
      'connect',
      'disconnect',
      'now',
    ])
    for (const [point, kinds] of Object.entries(KINDS_AT)) expect(kinds.includes('errno')).toBe(point !== 'now')
  })

  it('reset ends it all: faults, violations, locks, drivers, and the boot id', async () => {
    await lockDevice(machine, GPU)
    await machine.write('/sys/bus/pci', 'drivers_probe', GPU)
    await inject({at: 'lock', do: 'stuck'})
    const before = status()
    await resetMachine(machine.directory)
    const after = status()
    expect(before.violations).toHaveLength(1)
    expect(after).toMatchObject({faults: [], violations: []})
    expect(after.bootId).not.toBe(before.bootId)
    expect(gpu()).toMatchObject({identity: before.devices[0]!.identity, tdi: 'CONFIG_UNLOCKED', driver: 'acmegpu'})
  })
})

/** Kernel events of a simulated machine: who sends them, what they say, and who misses them. */
import {setImmediate} from 'node:timers/promises'
import {describe, expect, it} from 'vitest'
import {attributeBytes, type Kernel, parseUevent} from '../../src/kernel/index.js'
import {type Fault, injectFault, resetMachine} from '../../src/sim/index.js'
import {RING_SIZE} from '../../src/sim/event-ring.js'
import {attributePath, BUS, DRIVERS, GPU, lockDevice, machines, type TestMachine} from './machines.js'

const make = machines()

/** No time passes, and others have their turn. */
const idle = async (_: number, signal?: AbortSignal): Promise<void> => {
  await setImmediate()
  signal?.throwIfAborted()
}

type Heard = 'lost' | ReturnType<typeof parseUevent>

/** What is heard while `act` runs, and as long after as it takes to hear the last of it. */
async function during(kernel: Kernel, act: () => Promise<unknown>): Promise<Heard[]> {
  const controller = new AbortController()
  const heard: Heard[] = []
  const events = kernel.uevents(controller.signal)
  const listening = (async () => {
    for await (const event of events) heard.push(event === 'lost' ? event : parseUevent(event))
  })()
  await act()
  for (let i = 0; i < 5; i++) await setImmediate()
  controller.abort()
  await listening
  return heard
}

const NAMES = ['PCI_SLOT_NAME', 'DRIVER', 'ERROR_EVENT', 'DEVICE_ONLINE']
/** Action and device, with what tells one event from another. */
const short = (heard: readonly Heard[]): string[] =>
  heard.map(event => {
    if (event === 'lost') return event
    const {action, devpath, properties} = event
    const told = NAMES.flatMap(name => properties.get(name) ?? [])
    return [action, ...(told.length === 0 ? [devpath] : told)].join(' ')
  })

const listener = (machine: TestMachine): Kernel => machine.open({sleep: idle})
const now = ({directory}: TestMachine, what: Fault['do'], device = GPU, more: Partial<Fault> = {}) =>
  injectFault(directory, {device, at: 'now', do: what, ...more})

describe('an event', () => {
  it('says what the kernel says of a function, in its order', async () => {
    const machine = await make()
    const [event] = await during(listener(machine), () => machine.write(`${DRIVERS}/acmegpu`, 'unbind', GPU))
    const [bound] = await during(listener(machine), () => machine.write(`${DRIVERS}/acmegpu`, 'bind', GPU))
    const devpath = `/devices/pci0000:00/0000:00:01.0/${GPU}`
    const ids = [
      ['PCI_CLASS', '30200'],
      ['PCI_ID', '7E57:0001'],
      ['PCI_SUBSYS_ID', '7E57:1001'],
      ['PCI_SLOT_NAME', GPU],
    ]
    expect([...(event as Exclude<Heard, 'lost'>).properties]).toEqual([
      ['ACTION', 'unbind'],
      ['DEVPATH', devpath],
      ['SUBSYSTEM', 'pci'],
      ...ids,
      ['SEQNUM', '1'],
    ])
    expect([...(bound as Exclude<Heard, 'lost'>).properties]).toEqual([
      ['ACTION', 'bind'],
      ['DEVPATH', devpath],
      ['SUBSYSTEM', 'pci'],
      ['DRIVER', 'acmegpu'],
      ...ids,
      ['MODALIAS', machine.read(GPU, 'modalias')],
      ['SEQNUM', '2'],
    ])
  })

  it('of a TSM has nothing but what every event has', async () => {
    const machine = await make()
    const heard = await during(listener(machine), async () => {
      await now(machine, 'tsm-gone')
      await now(machine, 'tsm-gone')
      await now(machine, 'tsm-back')
    })
    const path = '/devices/faux/sim_devsec_tsm/tsm/tsm0'
    expect(short(heard)).toEqual([`remove ${path}`, `add ${path}`, `change ${path}`])
    expect([...(heard[0] as Exclude<Heard, 'lost'>).properties.keys()]).toEqual([
      'ACTION',
      'DEVPATH',
      'SUBSYSTEM',
      'SEQNUM',
    ])
    expect(machine.kernel.stat(`/sys${path}/pci_mode`)).toBeDefined()
  })
})

describe('a guest', () => {
  it('sends none for lock, evidence, accept and unlock', async () => {
    const machine = await make()
    await machine.write(`${DRIVERS}/acmegpu`, 'unbind', GPU)
    const heard = await during(listener(machine), async () => {
      await lockDevice(machine, GPU)
      await machine.write(GPU, 'tsm/accept', '1')
      await machine.write(GPU, 'tsm/unlock', 'tsm0')
      await machine.write(GPU, 'driver_override', 'nobody')
      await machine.write(BUS, 'drivers_probe', GPU)
    })
    expect(heard).toEqual([])
  })

  it('sends them for drivers and for functions that go and come', async () => {
    const machine = await make()
    const heard = await during(listener(machine), async () => {
      await machine.write(GPU, 'remove', '1')
      await machine.write(BUS, 'rescan', '1')
      await now(machine, 'unbind')
      await now(machine, 'bind-driver')
      await now(machine, 'vanish')
      await machine.write(BUS, 'drivers_autoprobe', '0')
      await now(machine, 'rescan')
    })
    expect(short(heard)).toEqual([
      `unbind ${GPU}`,
      `remove ${GPU}`,
      `add ${GPU}`,
      `bind ${GPU} acmegpu`,
      `unbind ${GPU}`,
      `bind ${GPU} acmegpu`,
      `unbind ${GPU}`,
      `remove ${GPU}`,
      `add ${GPU}`,
    ])
    const numbers = heard.map(event => (event === 'lost' ? 0 : Number(event.properties.get('SEQNUM'))))
    expect(numbers).toEqual(numbers.map((_, i) => numbers[0]! + i))
  })
})

describe('a host', () => {
  const DEVICE = '0000:41:00.0'

  it('sends none for connect and disconnect', async () => {
    const machine = await make('gpu-host')
    const heard = await during(listener(machine), async () => {
      await machine.kernel.write(attributePath(DEVICE, 'tsm/connect'), attributeBytes('tsm0'))
      await machine.kernel.write(attributePath(DEVICE, 'tsm/disconnect'), attributeBytes('tsm0'))
    })
    expect(heard).toEqual([])
  })

  it('sends them for its TSM, and for errors that the kernel recovers from', async () => {
    const machine = await make('gpu-host')
    await machine.kernel.write(attributePath(DEVICE, 'tsm/connect'), attributeBytes('tsm0'))
    const heard = await during(listener(machine), async () => {
      await now(machine, 'insecure', DEVICE, {end: 'endpoint'})
      await now(machine, 'ide-fail', DEVICE, {block: 0})
      await now(machine, 'tsm-gone', DEVICE)
      await now(machine, 'tsm-back', DEVICE)
    })
    const driver = machine.kernel.readlink(attributePath(DEVICE, 'driver')).split('/').at(-1)!
    const error = ['BEGIN_RECOVERY', 'FAILED_RECOVERY'].map(event => `change ${DEVICE} ${driver} ${event} 0`)
    const tsm = machine.kernel.readlink('/sys/class/tsm/tsm0').replace(/^(?:\.\.\/)+/, '/')
    expect(short(heard)).toEqual([...error, ...error, `remove ${tsm}`, `add ${tsm}`, `change ${tsm}`])
  })

  it('sends them for virtual functions, and for the one that has them', async () => {
    const machine = await make('nvme-host')
    const {kernel} = machine
    const pf = kernel
      .list('/sys/bus/pci/devices')
      .find(
        bdf =>
          kernel.stat(attributePath(bdf, 'sriov_totalvfs')) !== undefined && kernel.stat(attributePath(bdf, 'driver')),
      )!
    const heard = short(await during(listener(machine), () => now(machine, 'vfs', pf, {count: 2})))
    const vfs = [0, 1].map(i => kernel.readlink(attributePath(pf, `virtfn${i}`)).slice('../'.length))
    expect(heard.filter(text => !text.startsWith('bind'))).toEqual([
      ...vfs.flatMap(vf => [`add ${vf}`, `change ${vf}`]),
      expect.stringMatching(`^change ${pf}`),
    ])
    const gone = short(await during(listener(machine), () => now(machine, 'vfs', pf, {count: 0})))
    expect(gone.filter(text => text.startsWith('remove'))).toEqual(vfs.toReversed().map(vf => `remove ${vf}`))
  })
})

describe('a listener', () => {
  it('hears nothing that was before, and everything that is after, also from other processes', async () => {
    const machine = await make()
    await now(machine, 'unbind')
    const heard = await during(listener(machine), () => now(machine, 'bind-driver'))
    expect(short(heard)).toEqual([`bind ${GPU} acmegpu`])
  })

  it('hears what happens between the call and the first look', async () => {
    const machine = await make()
    const controller = new AbortController()
    const events = listener(machine).uevents(controller.signal)
    await now(machine, 'unbind')
    for await (const event of events) {
      expect(short([event === 'lost' ? event : parseUevent(event)])).toEqual([`unbind ${GPU}`])
      break
    }
    controller.abort()
  })

  it('that fell behind is told so once, and then goes on', async () => {
    const machine = await make()
    const controller = new AbortController()
    const events = listener(machine).uevents(controller.signal)[Symbol.asyncIterator]()
    for (let i = 0; i <= RING_SIZE / 2; i++) {
      await now(machine, 'unbind')
      await now(machine, 'bind-driver')
    }
    expect((await events.next()).value).toBe('lost')
    await now(machine, 'unbind')
    const next = (await events.next()).value as Uint8Array
    expect(short([parseUevent(next)])).toEqual([`unbind ${GPU}`])
    controller.abort()
    expect((await events.next()).done).toBe(true)
  })

  it('is told that everything is lost when the machine boots', async () => {
    const machine = await make()
    const heard = await during(listener(machine), async () => {
      await resetMachine(machine.directory)
      await setImmediate()
      await setImmediate()
      await setImmediate()
      await now(machine, 'unbind')
    })
    expect(short(heard)[0]).toBe('lost')
    expect(heard).toHaveLength(2)
  })

  it('ends when it is told to, even before it began', async () => {
    const machine = await make()
    for await (const event of listener(machine).uevents(AbortSignal.abort())) expect(event).toBe('nothing at all')
    expect(await during(listener(machine), async () => {})).toEqual([])
  })
})

/** What goes wrong while a host connects and disconnects: by the device, by the TSM, by somebody else, by waiting. */
import {beforeEach, describe, expect, it} from 'vitest'
import {type Fault, injectFault, machineStatus, type SimOptions} from '../../src/sim/index.js'
import {rejectedErrno} from '../kernel/errnos.js'
import {ideOf, shell} from './host-machines.js'
import {attributePath, machines, type TestMachine} from './machines.js'

const make = machines()
const DEVICE = '0000:03:00.0'
const ROOT = '0000:00:01.0'
const BRIDGE = 'pci0000:00'
const CLEAN = 'avail=256'

let machine: TestMachine
beforeEach(async () => {
  machine = await make('nvme-host')
})

const inject = (fault: Omit<Fault, 'device'>, device = DEVICE): Promise<void> =>
  injectFault(machine.directory, {device, ...fault})
const write = (verb: string): Promise<string> => shell(machine).write(`${DEVICE}/tsm/${verb}`, 'tsm0')
const host = () => machineStatus(machine.directory).host!
const ends = () => host().streams.map(({rootPortState, endpointState}) => [rootPortState, endpointState])

describe('connect', () => {
  it.each([
    ['errno', {errno: 'EIO'}, 'EIO'],
    ['errno', {errno: 'ETIMEDOUT'}, 'ETIMEDOUT'],
    ['insecure', {}, 'ENXIO'],
    ['insecure', {end: 'endpoint'}, 'ENXIO'],
    ['stream-id', {id: 255}, 'EBUSY'],
    ['stream-id', {id: 256}, 'ENXIO'],
    ['vanish', {}, 'ENODEV'],
    ['tsm-gone', {}, 'ENXIO'],
  ] as const)('with %s %j is refused with %s and leaves nothing behind', async (kind, more, errno) => {
    await inject({at: 'connect', do: kind, ...more})
    expect(await write('connect')).toBe(errno)
    expect(shell(machine).bridge(BRIDGE)).toBe(CLEAN)
    expect(host().connected).toEqual([])
    expect(ideOf(machine, ROOT)!.selectiveStreams.some(({enabled}) => enabled)).toBe(false)
  })

  it('succeeds without effect when it is stuck', async () => {
    await inject({at: 'connect', do: 'stuck'})
    expect([await write('connect'), host().connected]).toEqual(['ok', []])
  })

  it.each([
    ['root-port', ['disabled', 'secure']],
    ['endpoint', ['secure', 'disabled']],
  ] as const)('may leave the %s disabled', async (end, states) => {
    await inject({at: 'connect', do: 'one-sided', end})
    expect([await write('connect'), ends()]).toEqual(['ok', [states]])
  })

  it.each([
    ['root-port', ['insecure', 'secure']],
    ['endpoint', ['secure', 'insecure']],
  ] as const)('of AMD succeeds although the %s is insecure', async (end, states) => {
    machine = await make('gpu-host')
    const device = '0000:01:00.0'
    await inject({at: 'connect', do: 'insecure', end}, device)
    expect([await shell(machine).write(`${device}/tsm/connect`, 'tsm0'), ends()]).toEqual(['ok', [states]])
  })

  it('is EBUSY when a rival was faster, and the device is connected', async () => {
    await inject({at: 'connect', do: 'rival'})
    expect([await write('connect'), shell(machine).read(`${DEVICE}/tsm/connect`)]).toEqual(['EBUSY', 'tsm0'])
  })
})

describe('a suspended device', () => {
  it('answers no mailbox until it is held awake', async () => {
    const text = `title: Asleep
bridges: [{at: "0000:00"}]
ports: [{at: "0000:00:01.0", bus: 3, ide: {}}]
devices: [{at: "${DEVICE}", kind: nvme, power: D3hot}]
`
    machine = await make({name: 'asleep', text})
    const {read} = shell(machine)
    const power = () => [read(`${DEVICE}/power_state`), read(`${DEVICE}/power/runtime_status`)]
    expect([power(), await write('connect')]).toEqual([['D3hot', 'suspended'], 'EIO'])
    expect(await shell(machine).write(`${DEVICE}/power/control`, 'off')).toBe('EINVAL')
    expect(await shell(machine).write(`${DEVICE}/power/control`, 'on')).toBe('ok')
    expect([power(), await write('connect')]).toEqual([['D0', 'active'], 'ok'])
  })
})

it('the TSM goes with the function behind it', async () => {
  machine = await make('gpu-host')
  const {write: writeTo, list, bridge} = shell(machine)
  await writeTo('0000:01:00.0/tsm/connect', 'tsm0')
  await writeTo('0000:c0:00.5/remove', '1')
  expect([list('/sys/class/tsm'), list('0000:01:00.0/tsm'), bridge(BRIDGE)]).toEqual(['', 'ENOENT', CLEAN])
})

it('who is not root reads what is connected, and changes nothing', async () => {
  await write('connect')
  const user = shell({kernel: machine.open({privileged: false})})
  expect([user.read(`${DEVICE}/tsm/connect`), user.read(`${DEVICE}/authenticated`)]).toEqual(['tsm0', 'tsm0'])
  expect(user.bridge(BRIDGE)).toBe('stream0.0.0 avail=255')
  for (const verb of ['connect', 'disconnect']) expect(await user.write(`${DEVICE}/tsm/${verb}`, 'tsm0')).toBe('EACCES')
  expect(user.read(`${DEVICE}/tsm/disconnect`)).toBe('EACCES')
})

describe('disconnect', () => {
  beforeEach(async () => void (await write('connect')))

  it.each([
    ['rival', 'ENXIO'],
    ['tsm-gone', 'ENXIO'],
    ['vanish', 'ENODEV'],
  ] as const)('with %s is refused with %s, and the stream is gone', async (kind, errno) => {
    await inject({at: 'disconnect', do: kind})
    expect(await write('disconnect')).toBe(errno)
    expect(shell(machine).bridge(BRIDGE)).toBe(CLEAN)
  })

  it('may be stuck or refused, and the stream stays', async () => {
    await inject({at: 'disconnect', do: 'stuck'})
    await inject({at: 'disconnect', do: 'errno', errno: 'EIO'})
    expect([await write('disconnect'), await write('disconnect')]).toEqual(['ok', 'EIO'])
    expect(ends()).toEqual([['secure', 'secure']])
  })
})

describe('a connection', () => {
  beforeEach(async () => void (await write('connect')))

  it('goes with its device, and the device comes back without', async () => {
    const {read, bridge} = shell(machine)
    await shell(machine).write(`${DEVICE}/remove`, '1')
    expect([read(`${DEVICE}/tsm/connect`), bridge(BRIDGE)]).toEqual(['ENOENT', CLEAN])
    await shell(machine).write('/sys/bus/pci/rescan', '1')
    expect(read(`${DEVICE}/tsm/connect`)).toBe('')
    expect(ideOf(machine, DEVICE)!.selectiveStreams.map(({streamId}) => streamId)).toEqual([255, 255])
  })

  it('goes with the switch above its device', async () => {
    await shell(machine).write('0000:01:00.0/remove', '1')
    expect([shell(machine).list(DEVICE), shell(machine).bridge(BRIDGE)]).toEqual(['ENOENT', CLEAN])
    await shell(machine).write('/sys/bus/pci/rescan', '1')
    expect(await write('connect')).toBe('ok')
  })

  it('outlives its driver', async () => {
    await shell(machine).write('/sys/bus/pci/drivers/nvme/unbind', DEVICE)
    expect(shell(machine).read(`${DEVICE}/tsm/connect`)).toBe('tsm0')
  })

  it('stays when its stream fails: only the registers show it', async () => {
    await inject({at: 'now', do: 'insecure'})
    await inject({at: 'now', do: 'ide-fail', block: 0})
    expect(shell(machine).read(`${DEVICE}/tsm/connect`)).toBe('tsm0')
    expect(ideOf(machine, ROOT)!.selectiveStreams[0]).toMatchObject({enabled: true, secure: false})
    expect(ideOf(machine, DEVICE)!.selectiveStreams[0]).toMatchObject({secure: true, failReceived: true})
  })

  it('outlives a reset, its security does not', async () => {
    await shell(machine).write(`${DEVICE}/reset`, '1')
    expect([shell(machine).read(`${DEVICE}/tsm/connect`), ends()]).toEqual(['tsm0', [['secure', 'insecure']]])
  })

  it('may be gone when it is read back', async () => {
    await inject({at: 'read:tsm/connect', do: 'rival', after: 1})
    const {read} = shell(machine)
    expect([read(`${DEVICE}/tsm/connect`), read(`${DEVICE}/tsm/connect`)]).toEqual(['tsm0', ''])
    await write('connect')
    await inject({at: 'read:tsm/connect', do: 'tsm-gone'})
    expect(read(`${DEVICE}/tsm/connect`)).toBe('ENOENT')
  })

  it.each([
    [{at: 'now', do: 'vfs', count: 5}, 'has fewer'],
    [{at: 'now', do: 'ide-fail', block: 2}, 'no such Selective block'],
    [{at: 'now', do: 'errno', errno: 'EIO'}, 'nothing that can happen at now'],
    [{at: 'connect', do: 'stream-id'}, 'id is missing'],
    [{at: 'connect', do: 'delay', ms: 1, end: 'endpoint'}, 'end: delay takes none'],
  ] as const)('%j is no event', async (fault, message) => {
    await expect(inject(fault)).rejects.toThrow(message)
  })

  it('on a guest nothing of a host happens', async () => {
    const guest = await make()
    const fault = {device: '0000:01:00.0', at: 'connect', do: 'errno', errno: 'EIO'} as const
    await expect(injectFault(guest.directory, fault)).rejects.toThrow('this machine is a guest')
  })
})

const nothing = (): void => undefined

/** Whoever pauses waits here until let go. */
function gate(): {sleep: NonNullable<SimOptions['sleep']>; reached: Promise<void>; open: () => void} {
  let open = nothing
  let reach = nothing
  const opened = new Promise<void>(resolve => (open = resolve))
  const reached = new Promise<void>(resolve => (reach = resolve))
  const sleep = (_: number, signal?: AbortSignal): Promise<void> => {
    reach()
    return new Promise((resolve, reject) => {
      void opened.then(resolve)
      signal?.addEventListener('abort', () => reject(new Error('aborted')))
    })
  }
  return {sleep, reached, open}
}

describe('while a connect takes its time', () => {
  const connectPath = attributePath(DEVICE, 'tsm/connect')
  const OTHER = '0000:04:00.0'

  async function slow(signal?: AbortSignal) {
    const writer = gate()
    await inject({at: 'connect', do: 'delay', ms: 60_000})
    const done = rejectedErrno(machine.open({sleep: writer.sleep}).write(connectPath, Buffer.from('tsm0'), signal))
    await writer.reached
    return {done, finish: writer.open}
  }

  it('readers of any device’s tsm attributes wait, and see the outcome', async () => {
    const {done, finish} = await slow()
    const reader = gate()
    const read = machine.open({sleep: reader.sleep}).query(connectPath)
    await reader.reached
    finish()
    expect(await done).toBe('none')
    reader.open()
    expect(Buffer.from(await read).toString()).toBe('tsm0\n')
  })

  it('a reader whose file goes meanwhile gets ENODEV', async () => {
    const {done, finish} = await slow()
    const reader = gate()
    const read = rejectedErrno(machine.open({sleep: reader.sleep}).query(connectPath))
    await reader.reached
    const event = inject({at: 'now', do: 'vanish'})
    finish()
    expect(await done).toBe('none')
    await event
    reader.open()
    expect(await read).toBe('ENODEV')
  })

  it.each([connectPath, attributePath(OTHER, 'authenticated'), attributePath(OTHER, 'tsm/bound')])(
    'a reader of %s who gives up is interrupted',
    async path => {
      const {done, finish} = await slow()
      const reader = gate()
      const abort = new AbortController()
      const read = rejectedErrno(machine.open({sleep: reader.sleep}).query(path, abort.signal))
      await reader.reached
      abort.abort()
      expect(await read).toBe('EINTR')
      finish()
      expect(await done).toBe('none')
    },
  )

  it('what needs no lock can be read', async () => {
    const {done, finish} = await slow()
    const vendor = await machine.kernel.query(attributePath(DEVICE, 'vendor'))
    expect(Buffer.from(vendor).toString()).toBe('0x7e57\n')
    finish()
    await done
  })

  it.each([
    ['tsm/connect', 'tsm0'],
    ['remove', '1'],
    ['sriov_numvfs', '0'],
  ])('a writer of %s waits, and changes nothing when interrupted', async (attribute, text) => {
    const {done, finish} = await slow()
    const writer = gate()
    const abort = new AbortController()
    const waiting = machine.open({sleep: writer.sleep})
    const written = rejectedErrno(waiting.write(attributePath(DEVICE, attribute), Buffer.from(text), abort.signal))
    await writer.reached
    abort.abort()
    expect(await written).toBe('EINTR')
    finish()
    expect([await done, ends()]).toEqual(['none', [['secure', 'secure']]])
  })

  it('the writer can be interrupted, the TSM cannot', async () => {
    const abort = new AbortController()
    const {done} = await slow(abort.signal)
    abort.abort()
    expect([await done, ends()]).toEqual(['EINTR', [['secure', 'secure']]])
  })

  it.each(['tsm-gone', 'vanish'] as const)('%s has to wait, and ends what was just made', async kind => {
    const {done, finish} = await slow()
    const event = inject({at: 'now', do: kind})
    finish()
    expect(await done).toBe('none')
    await event
    expect([host().connected, host().streams]).toEqual([[], []])
  })

  it('the connect may still fail', async () => {
    await inject({at: 'connect', do: 'errno', errno: 'ETIMEDOUT'})
    const {done, finish} = await slow()
    finish()
    expect(await done).toBe('ETIMEDOUT')
  })
})

/** connect and disconnect on simulated hosts: the tables of steps and errnos, and everything that goes wrong between. */
import {beforeEach, describe, expect, it, vi} from 'vitest'
import {ErrnoError, TsmctlError} from '../../src/errors.js'
import type {Kernel} from '../../src/kernel/index.js'
import {connect, type ConnectResult, disconnect, type DisconnectResult, lock} from '../../src/operations/index.js'
import {type Fault, injectFault, type ScenarioSource} from '../../src/sim/index.js'
import {allowSleep, machines, type TestMachine} from '../sim/machines.js'

const GPU = '0000:01:00.0'
const SECOND = '0000:41:00.0'
const NVME = '0000:03:00.0'
const device = (bdf: string): string => `/sys/bus/pci/devices/${bdf}`

const make = machines()
let machine: TestMachine
let kernel: Kernel

async function use(scenario: ScenarioSource): Promise<void> {
  machine = await make(scenario)
  ;({kernel} = machine)
  await allowSleep(machine)
}

const inject = (fault: Omit<Fault, 'device'>, bdf = GPU): Promise<void> =>
  injectFault(machine.directory, {device: bdf, ...fault})
const attribute = (bdf: string, name: string): string =>
  Buffer.from(kernel.read(`${device(bdf)}/${name}`))
    .toString()
    .trim()
/** Functions that the kernel has connected. */
const connected = (): string[] =>
  kernel
    .list('/sys/bus/pci/devices')
    .filter(bdf => kernel.stat(`${device(bdf)}/tsm/connect`) !== undefined && attribute(bdf, 'tsm/connect') !== '')
const freeSlots = (): string =>
  Buffer.from(kernel.read('/sys/devices/pci0000:00/available_secure_streams')).toString().trim()

/** What it threw, or what its result says is wrong. */
async function failureOf(act: Promise<ConnectResult | DisconnectResult>): Promise<TsmctlError> {
  const error = await act.then(
    ({failure}) => failure,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(TsmctlError)
  return error as TsmctlError
}

/** `inner` with its writes and long readings watched, changed or refused. */
const altered = (inner: Kernel, changes: Partial<Kernel>): Kernel => ({...inner, ...changes})
const powerOf = (bdf: string): string => attribute(bdf, 'power/control')

/** A kernel that shows `text` in an attribute. */
const showing = (path: string, text: string | null): Kernel =>
  altered(kernel, {
    async query(at, signal) {
      if (at !== path) return kernel.query(at, signal)
      if (text === null) throw new ErrnoError('EIO', 'read', at)
      return Buffer.from(`${text}\n`)
    },
  })

/** A kernel whose write of `verb` takes until `act` has been called and is done. */
const slow = (verb: string, act: () => void): Kernel =>
  altered(kernel, {
    async write(path, bytes, signal) {
      if (path.endsWith(`/tsm/${verb}`)) act()
      if (signal?.aborted) throw new ErrnoError('EINTR', 'write', path)
      await kernel.write(path, bytes, signal)
    },
  })

describe('connect', () => {
  beforeEach(() => use('gpu-host'))

  it('connects, says what changed at both ends, and is idempotent', async () => {
    const first = await connect(kernel, GPU)
    expect(first).toMatchObject({
      changed: true,
      tsm: 'tsm0',
      failure: null,
      before: {tsm: null, streams: [], pool: {available: 256}},
      after: {
        tsm: 'tsm0',
        dsm: GPU,
        pool: {bridge: 'pci0000:00', available: 255, size: 256},
        streams: [
          {
            name: 'stream0.0.0',
            streamId: 0,
            state: 'secure',
            rootPort: {bdf: '0000:00:01.1', block: 0, enabled: true, state: 'secure'},
            endpoint: {bdf: GPU, block: 0, enabled: true, state: 'secure'},
          },
        ],
      },
    })
    expect(first.preflight.verdict.outcome).toBe('will-succeed')
    expect(await connect(kernel, GPU)).toMatchObject({changed: false, failure: null, writes: []})
    expect(powerOf(GPU)).toBe('auto')
  })

  it('holds the device awake only while it connects', async () => {
    const seen: string[] = []
    const watched = altered(kernel, {
      async write(path, bytes, signal) {
        seen.push(`${path.slice(device(GPU).length + 1)}=${Buffer.from(bytes).toString()}`)
        await kernel.write(path, bytes, signal)
      },
    })
    await connect(watched, GPU)
    expect(seen).toEqual(['power/control=on', 'tsm/connect=tsm0', 'power/control=auto'])
  })

  it('writes nothing in a dry run, and prints what it would write', async () => {
    const result = await connect(kernel, GPU, {dryRun: true})
    expect(result).toMatchObject({changed: false, dryRun: true, failure: null})
    expect(result.writes.map(({value}) => value)).toEqual(['on', 'tsm0', 'auto'])
    expect(connected()).toEqual([])
  })

  it('refuses what is bound to fail before it writes', async () => {
    await use('firmware-stream')
    const bdf = '0000:42:00.0'
    expect(await failureOf(connect(kernel, bdf))).toMatchObject({
      kind: 'busy',
      details: {check: 'stream-id', errno: 'EBUSY'},
    })
    expect(await failureOf(connect(kernel, bdf, {force: true}))).toMatchObject({
      kind: 'busy',
      details: {key: 'stream-id-in-use'},
    })
    expect(connected()).toEqual([])
  })

  it('does not let --force write what would mean something else', async () => {
    const options = {force: true}
    expect(await failureOf(connect(kernel, '0000:02:00.0', options))).toMatchObject({details: {check: 'interface'}})
    expect(await failureOf(connect(kernel, GPU, {...options, tsm: 'tsm0junk'}))).toMatchObject({kind: 'not-found'})
    expect(await failureOf(connect(kernel, GPU, {...options, tsm: 'tsm9'}))).toMatchObject({kind: 'not-found'})
    expect(await failureOf(connect(kernel, '0000:01:00.7', options))).toMatchObject({kind: 'not-found'})
  })

  /** Fault, kind, key of the explanation, part of the text. */
  const refusals: [Omit<Fault, 'device' | 'at'>, string, string, RegExp][] = [
    [{do: 'errno', errno: 'EIO'}, 'transition', 'spdm-or-firmware-failure', /SPDM with the device failed/],
    [{do: 'errno', errno: 'ETIMEDOUT'}, 'timeout', 'platform-timeout', /did not answer in time/],
    [{do: 'errno', errno: 'EBUSY'}, 'busy', 'platform-busy', /mailbox is busy/],
    [{do: 'errno', errno: 'EFAULT'}, 'unsupported', 'no-secured-cma-or-no-stream', /no IDE stream could be had/],
    [{do: 'errno', errno: 'ENXIO'}, 'transition', 'stream-refused', /offers CMA-SPDM, so its IDE stream did not/],
    [{do: 'errno', errno: 'EINTR'}, 'interrupted', 'interrupted', /by a signal/],
    [{do: 'errno', errno: 'ENOMEM'}, 'transition', 'refused', /out of memory/],
    [{do: 'rival'}, 'busy', 'already-connected', /somebody else connected it to tsm0/],
    [{do: 'tsm-gone'}, 'not-found', 'tsm-gone', /unregistered meanwhile/],
    [{do: 'vanish'}, 'not-found', 'device-gone', /removed meanwhile/],
    [{do: 'stuck'}, 'busy', 'rival-disconnected', /not connected/],
  ]
  it('does not blame the mailbox when a TSM gives up an insecure stream', async () => {
    await use({
      name: 'refusing',
      text: `
title: A TSM that passes on what the kernel says of the stream
provider: {like: generic}
bridges: [{at: "0000:00"}]
ports: [{at: "0000:00:01.0", bus: 1, ide: {selective: 1}}]
devices: [{at: "${GPU}", kind: gpu, ide: {selective: 1}}]
`,
    })
    await inject({at: 'connect', do: 'insecure', end: 'endpoint'})
    const {message} = await failureOf(connect(kernel, GPU))
    expect(message).toMatch(/ENXIO.*its IDE stream did not become secure/)
    expect(message).not.toMatch(/has no CMA-SPDM/)
  })

  it.each(refusals)('explains %j', async (fault, kind, key, text) => {
    await inject({at: 'connect', ...fault})
    const error = await failureOf(connect(kernel, GPU))
    expect(error).toMatchObject({kind, details: {key}})
    expect(error.message).toMatch(text)
    expect(error.message).toContain('The device was left')
    expect(error.hint).toBeTruthy()
    expect(connected()).toEqual(fault.do === 'rival' ? [GPU] : [])
    if (fault.do !== 'vanish') expect(powerOf(GPU)).toBe('auto')
  })

  it.each([
    [
      'insecure',
      'root-port',
      /root port 0000:00:01.1 block 0: enabled, Stream ID 0, state insecure; device.*state secure/,
    ],
    [
      'insecure',
      'endpoint',
      /root port.*state secure; device 0000:01:00.0 block 0: enabled, Stream ID 0, state insecure/,
    ],
    ['one-sided', 'root-port', /root port 0000:00:01.1 block 0: not enabled; device.*state secure/],
    ['one-sided', 'endpoint', /root port.*state secure; device 0000:01:00.0 block 0: not enabled/],
  ] as const)('takes a stream down that is %s at the %s', async (what, end, text) => {
    await inject({at: 'connect', do: what, end})
    const error = await failureOf(connect(kernel, GPU))
    expect(error).toMatchObject({kind: 'transition', exitCode: 12, details: {key: 'stream-not-secure'}})
    expect(error.message).toMatch(text)
    expect(error.message).toContain('disconnected again')
    expect([connected(), freeSlots()]).toEqual([[], '256'])
    expect(powerOf(GPU)).toBe('auto')
  })

  it('says so when such a stream cannot be taken down', async () => {
    await inject({at: 'connect', do: 'insecure'})
    await inject({at: 'disconnect', do: 'errno', errno: 'EIO'})
    const error = await failureOf(connect(kernel, GPU))
    expect(error.message).toMatch(/NOT disconnected again.*left connected to tsm0, stream0.0.0 insecure/)
  })

  it('does not call a connection fine whose stream is lost', async () => {
    await connect(kernel, GPU)
    await inject({at: 'now', do: 'insecure', end: 'endpoint'})
    const again = await connect(kernel, GPU)
    expect(again).toMatchObject({changed: false, failure: {kind: 'transition'}})
    expect(connected()).toEqual([GPU])
  })

  it('notices a rival between the write and the look at both ends', async () => {
    // the reading before the write and the reading back come first
    await inject({at: 'read:tsm/connect', do: 'rival', after: 2})
    const error = await failureOf(connect(kernel, GPU))
    expect(error).toMatchObject({kind: 'busy', details: {key: 'rival-disconnected'}})
    expect(error.message).toContain('The device was left not connected')
  })

  it('says that an unknown TSM made no stream', async () => {
    const text = `title: T\nprovider: {like: generic, stream: never}\nbridges: [{at: "0000:00"}]\nports: [{at: "0000:00:01.0", bus: 1, ide: {selective: 2}}]\ndevices: [{at: "${GPU}", kind: gpu, ide: {selective: 1}}]\n`
    await use({name: 'no-stream', text})
    const {after, notes, failure} = await connect(kernel, GPU)
    expect({streams: after.streams, failure}).toEqual({streams: [], failure: null})
    expect(notes.join()).toContain('made no IDE stream')
  })

  it('says that a block of its stream received an IDE fail message', async () => {
    await connect(kernel, GPU)
    await inject({at: 'now', do: 'ide-fail', block: 0})
    const {failure, notes} = await connect(kernel, GPU)
    expect({failure, notes}).toEqual({
      failure: null,
      notes: [`Selective block 0 of ${GPU} received an IDE fail message, now or earlier`],
    })
  })

  it('says that virtual functions lie outside the range of its stream', async () => {
    await use('nvme-host')
    await connect(kernel, NVME)
    await inject({at: 'now', do: 'vfs', count: 2}, NVME)
    const {failure, notes} = await connect(kernel, NVME)
    expect(failure).toBeNull()
    expect(notes).toEqual([expect.stringMatching(/^rid-misses-vfs pci0000:00\/stream0\.0\.0: .*leaves out 2 virtual/)])
  })

  it('does not put the connection of one moment beside the streams of another', async () => {
    await connect(kernel, GPU)
    // somebody disconnects it between the two: tsm/bound is read after tsm/connect
    await inject({at: 'read:tsm/bound', do: 'rival'})
    expect(await connect(kernel, GPU, {dryRun: true})).toMatchObject({before: {tsm: null, streams: []}})
  })

  it('lists the functions that depend on the device now', async () => {
    await use('nvme-host')
    await inject({at: 'now', do: 'vfs', count: 2}, NVME)
    const {after, notes} = await connect(kernel, NVME)
    expect(after.subfunctions.map(({bdf}) => bdf)).toHaveLength(2)
    expect(notes.join()).toContain(after.subfunctions[0]!.bdf)
  })
})

describe('disconnect', () => {
  beforeEach(async () => {
    await use('gpu-host')
    await connect(kernel, GPU)
  })

  it('disconnects, leaves nothing behind, and is idempotent', async () => {
    const first = await disconnect(kernel, GPU)
    expect(first).toMatchObject({
      changed: true,
      tsm: 'tsm0',
      leftovers: [],
      failure: null,
      before: {tsm: 'tsm0', pool: {available: 255}},
      after: {tsm: null, streams: [], pool: {available: 256}},
    })
    expect(await disconnect(kernel, GPU)).toMatchObject({changed: false, tsm: null, failure: null})
    expect(powerOf(GPU)).toBe('auto')
  })

  it('takes only the TSM that was named', async () => {
    expect(await failureOf(disconnect(kernel, GPU, {tsm: 'tsm1'}))).toMatchObject({kind: 'busy'})
    expect(connected()).toEqual([GPU])
    expect(await disconnect(kernel, GPU, {tsm: 'tsm0'})).toMatchObject({changed: true})
  })

  it.each([
    ['rival', 'somebody else disconnected it meanwhile'],
    ['tsm-gone', 'tsm0 was unregistered meanwhile, which ended the connection'],
  ] as const)('finds the work done by %s', async (fault, note) => {
    await inject({at: 'disconnect', do: fault})
    const result = await disconnect(kernel, GPU)
    expect(result).toMatchObject({changed: false, failure: null, after: {tsm: null}})
    expect(result.notes).toEqual([note])
    expect(powerOf(GPU)).toBe('auto')
  })

  it('finds the work done, and power/control as it could not be set back', async () => {
    await inject({at: 'disconnect', do: 'rival'})
    const stubborn = altered(kernel, {
      async write(path, bytes, signal) {
        if (path.endsWith('power/control') && Buffer.from(bytes).toString() === 'auto')
          throw new ErrnoError('EIO', 'write', path)
        await kernel.write(path, bytes, signal)
      },
    })
    const {notes} = await disconnect(stubborn, GPU)
    expect(notes.join()).toMatch(/somebody else.*NOT undone: power\/control is auto again/)
    expect(powerOf(GPU)).toBe('on')
  })

  it('does not end a connection that was made meanwhile, nor call that done', async () => {
    const raced = altered(kernel, {
      async write(path, bytes, signal) {
        await kernel.write(path, bytes, signal)
        if (!path.endsWith('tsm/disconnect')) return
        await kernel.write(path.replace('disconnect', 'connect'), bytes)
        throw new ErrnoError('ENXIO', 'write', path)
      },
    })
    const {failure, changed} = await disconnect(raced, GPU)
    expect({failure, changed}).toMatchObject({failure: {kind: 'busy', exitCode: 8}, changed: false})
    expect(failure!.message).toMatch(/somebody connected it anew. The device was left connected to tsm0/)
  })

  it.each([
    ['a neighbour has it for a moment', 1, []],
    ['it stays away', Infinity, ['1 of 256 stream slots of pci0000:00 did not come back']],
  ])('a slot that is not back at once: %s', async (_, looks, leftovers) => {
    let left = 0
    const busy = altered(kernel, {
      read(path) {
        const bytes = kernel.read(path)
        if (!path.endsWith('pci0000:00/available_secure_streams') || left === 0) return bytes
        left--
        return Buffer.from('255\n')
      },
      async write(path, bytes, signal) {
        await kernel.write(path, bytes, signal)
        // every look reads it twice at least
        if (path.endsWith('tsm/disconnect')) left = looks * 2
      },
    })
    expect((await disconnect(busy, GPU)).leftovers).toEqual(leftovers)
  })

  it('writes no name that is none to the kernel, and prints none', async () => {
    const error = await failureOf(disconnect(showing(`${device(GPU)}/tsm/connect`, 'tsm0\u001b[2J\n../x'), GPU))
    expect(error).toMatchObject({kind: 'unsupported'})
    expect(error.message).toMatch(/^[\x20-\x7e]+$/)
    expect(connected()).toEqual([GPU])
  })

  it.each([
    [{do: 'vanish'}, 'not-found', 'device-gone'],
    [{do: 'errno', errno: 'EINTR'}, 'interrupted', 'interrupted'],
    [{do: 'errno', errno: 'EIO'}, 'transition', 'refused'],
    [{do: 'stuck'}, 'busy', 'rival-connected'],
  ] as [Omit<Fault, 'device' | 'at'>, string, string][])('explains %j', async (fault, kind, key) => {
    await inject({at: 'disconnect', ...fault})
    const error = await failureOf(disconnect(kernel, GPU))
    expect(error).toMatchObject({kind, details: {key}})
    expect(error.message).toContain('The device was left')
  })

  it.each(['0000:00:01.1', '0000:02:00.0'])('has nothing to say to %s', async bdf => {
    expect(await failureOf(disconnect(kernel, bdf))).toMatchObject({kind: 'unsupported'})
  })

  it.each([
    ['tsm0', /0000:01:00.0 \(bound by tsm0\)/],
    [null, /0000:01:00.0 \(unknown: .*EIO/],
  ])('leaves a device alone whose bound reads %j', async (text, words) => {
    const bound = showing(`${device(GPU)}/tsm/bound`, text)
    const error = await failureOf(disconnect(bound, GPU))
    expect(error).toMatchObject({kind: 'busy', exitCode: 8})
    expect(error.message).toMatch(words)
    expect(connected()).toEqual([GPU])
    expect(await disconnect(bound, GPU, {force: true})).toMatchObject({changed: true})
  })

  it('leaves a device alone of which a function is bound', async () => {
    await use('nvme-host')
    await inject({at: 'now', do: 'vfs', count: 1}, NVME)
    const {after} = await connect(kernel, NVME)
    const vf = after.subfunctions[0]!.bdf
    const error = await failureOf(disconnect(showing(`${device(vf)}/tsm/bound`, 'tsm0'), NVME))
    expect(error.message).toContain(`${vf} (bound by tsm0)`)
  })

  it('reports what was left behind', async () => {
    // registers as they were while it was connected, for everybody who looks later
    const remembered = new Map<string, Uint8Array>()
    let isOver = false
    const forgetful = altered(kernel, {
      readAt(path, offset, length) {
        const key = `${path} ${offset} ${length}`
        if (isOver && path.startsWith(device(GPU))) return remembered.get(key) ?? kernel.readAt(path, offset, length)
        const bytes = kernel.readAt(path, offset, length)
        remembered.set(key, bytes)
        return bytes
      },
      async write(path, bytes, signal) {
        await kernel.write(path, bytes, signal)
        if (path.endsWith('tsm/disconnect')) isOver = true
      },
    })
    const result = await disconnect(forgetful, GPU)
    expect(result).toMatchObject({changed: true, failure: {kind: 'transition', exitCode: 12}})
    expect(result.leftovers).toEqual([`Selective block 0 of ${GPU} is still enabled`])
  })
})

describe('waiting', () => {
  beforeEach(() => use('gpu-host'))

  it('Ctrl-C during the write waits for it, and tells how the device was left', async () => {
    const abort = new AbortController()
    const lines: string[] = []
    const result = await connect(
      slow('connect', () => abort.abort()),
      GPU,
      {signal: abort.signal, onStep: line => lines.push(line)},
    )
    expect(result).toMatchObject({changed: true, after: {tsm: 'tsm0'}, failure: {kind: 'interrupted', exitCode: 130}})
    expect(result.failure!.message).toContain('left connected to tsm0, stream0.0.0 (Stream ID 0) secure at both ends')
    expect(lines.join('\n')).toContain('Ctrl-C again abandons it')
    expect(powerOf(GPU)).toBe('auto')
  })

  it.each(['connect', 'disconnect'] as const)('Ctrl-C between two steps of %s takes back the first', async verb => {
    if (verb === 'disconnect') await connect(kernel, GPU)
    const abort = new AbortController()
    const options = {signal: abort.signal, onStep: (line: string) => line.includes('power/control') && abort.abort()}
    const error = await failureOf((verb === 'connect' ? connect : disconnect)(kernel, GPU, options))
    expect(error).toMatchObject({kind: 'interrupted', exitCode: 130})
    expect(error.message).toContain(`left ${verb === 'connect' ? 'not connected' : 'connected to tsm0'}`)
    expect(powerOf(GPU)).toBe('auto')
  })

  it('a second Ctrl-C abandons a disconnect too', async () => {
    await connect(kernel, GPU)
    const abandon = new AbortController()
    const error = await failureOf(
      disconnect(
        slow('disconnect', () => abandon.abort()),
        GPU,
        {abandon: abandon.signal},
      ),
    )
    expect(error).toMatchObject({kind: 'interrupted', details: {key: 'abandoned'}})
  })

  it('a second Ctrl-C abandons the write, and does not claim to know the outcome', async () => {
    const [signal, abandon] = [new AbortController(), new AbortController()]
    const both = slow('connect', () => {
      signal.abort()
      abandon.abort()
    })
    const error = await failureOf(connect(both, GPU, {signal: signal.signal, abandon: abandon.signal}))
    expect(error).toMatchObject({kind: 'interrupted', details: {key: 'abandoned'}})
    expect(error.message).toMatch(/may yet complete it.*left unknown/)
  })

  it('a second Ctrl-C while both ends are looked at is still an interruption', async () => {
    const first = new AbortController()
    const second = new AbortController()
    let isWritten = false
    const watched = altered(kernel, {
      async query(path, signal) {
        if (isWritten && path.endsWith('tsm/bound')) {
          first.abort()
          second.abort()
        }
        if (signal?.aborted) throw new ErrnoError('EINTR', 'read', path)
        return kernel.query(path, signal)
      },
      async write(path, bytes, signal) {
        if (signal?.aborted) throw new ErrnoError('EINTR', 'write', path)
        await kernel.write(path, bytes, signal)
        isWritten ||= path.endsWith('tsm/connect')
      },
    })
    const error = await failureOf(connect(watched, GPU, {signal: first.signal, abandon: second.signal}))
    expect(error).toMatchObject({kind: 'interrupted', exitCode: 130})
    expect(error.message).toContain('NOT disconnected again')
    expect([connected(), powerOf(GPU)]).toEqual([[GPU], 'auto'])
  })

  it('so does the end of the time that was given', async () => {
    const late = new AbortController()
    const act = slow('connect', () => late.abort(new DOMException('late', 'TimeoutError')))
    const error = await failureOf(connect(act, GPU, {signal: late.signal, abandon: late.signal}))
    expect(error).toMatchObject({kind: 'timeout', exitCode: 9, details: {key: 'abandoned'}})
  })

  it.each(['connect', 'disconnect'] as const)('Ctrl-C before %s writes nothing', async verb => {
    const abort = new AbortController()
    abort.abort()
    const act = verb === 'connect' ? connect : disconnect
    expect(await failureOf(act(kernel, GPU, {signal: abort.signal}))).toMatchObject({kind: 'interrupted'})
    expect(connected()).toEqual([])
  })

  it('time that is up before the write is exit code 9', async () => {
    const late = AbortSignal.abort(new DOMException('late', 'TimeoutError'))
    const error = await failureOf(connect(kernel, GPU, {signal: late}))
    expect(error).toMatchObject({kind: 'timeout', exitCode: 9})
    expect(error.message).toContain('nothing was written')
  })

  it('a reading that takes more than a second is said to wait for somebody else', async () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    try {
      const lines: string[] = []
      let isFirst = true
      const waiting = altered(kernel, {
        async query(path, signal) {
          if (isFirst) vi.advanceTimersByTime(1001)
          isFirst = false
          return kernel.query(path, signal)
        },
      })
      await connect(waiting, GPU, {dryRun: true, onStep: line => lines.push(line)})
      expect(lines).toEqual([expect.stringContaining('another TSM operation is in progress')])
    } finally {
      vi.useRealTimers()
    }
  })

  it('is refused while another tsmctl works on the device', async () => {
    const release = kernel.lock(`device-${GPU}`)
    expect(await failureOf(connect(kernel, GPU))).toMatchObject({kind: 'busy'})
    release()
    expect(await connect(kernel, SECOND)).toMatchObject({changed: true})
  })

  it('of what is connected, who may not see the registers hears that, and no advice to disconnect', async () => {
    await connect(kernel, GPU)
    const error = await failureOf(connect(machine.open({privileged: false}), GPU))
    expect(error).toMatchObject({kind: 'not-permitted', exitCode: 6, hint: expect.stringContaining('Run as root')})
    expect(error.message).not.toContain('not found secure')
  })
})

it('a look that is interrupted says of which device, and that nothing was written', async () => {
  await use('gpu-host')
  const error = await failureOf(connect(kernel, GPU, {signal: AbortSignal.abort()}))
  expect(error).toMatchObject({kind: 'interrupted', subject: GPU})
  expect(error.message).toContain('nothing was written')
  expect(connected()).toEqual([])
})

const readOnly = (): Kernel =>
  altered(kernel, {
    lock: name => {
      throw new ErrnoError('EACCES', 'create', `/state/lock/${name}`)
    },
  })

describe('a state directory that cannot be written', () => {
  it('keeps nobody from a dry run, and says what it needs before anything is written', async () => {
    await use('gpu-host')
    expect(await connect(readOnly(), GPU, {dryRun: true})).toMatchObject({failure: null, dryRun: true})
    const error = await failureOf(connect(readOnly(), GPU))
    expect(error).toMatchObject({kind: 'not-permitted', subject: GPU})
    expect(error.hint).toContain('TSMCTL_STATE_DIR')
    expect(connected()).toEqual([])
  })
})

describe('a connect that finds no room', () => {
  const POOR = `
title: one stream, and nobody has made any
tsm: link
bridges: [{at: "0000:00", pool: 256}]
ports: [{at: "0000:00:01.0", bus: 1, ide: {selective: 1, streams: [{block: 0, id: 9}]}}]
devices: [{at: "0000:01:00.0", kind: gpu}]
`

  it('is refused before the write when the TSM is seen to make streams', async () => {
    await use('few-streams')
    for (const bdf of [GPU, '0000:02:00.0']) await connect(kernel, bdf)
    const error = await failureOf(connect(kernel, NVME))
    expect(error).toMatchObject({kind: 'busy', details: {check: 'slot', errno: 'EFAULT', predicted: true}})
    const forced = await failureOf(connect(kernel, NVME, {force: true}))
    expect(forced.message).toContain('EFAULT')
    expect(forced.message).toContain('no stream slot is free on pci0000:00 (2 in use)')
  })

  it('names the causes that were foretold when the TSM has an errno of its own for want of a stream', async () => {
    await use('few-streams')
    for (const bdf of [GPU, '0000:02:00.0']) await connect(kernel, bdf)
    await inject({at: 'connect', do: 'errno', errno: 'ENOSPC'}, NVME)
    const error = await failureOf(connect(kernel, NVME, {force: true}))
    expect(error).toMatchObject({details: {key: 'refused', errno: 'ENOSPC'}})
    expect(error.message).toContain(
      'perhaps because, as the prediction warned, no stream slot is free on pci0000:00 (2 in use)',
    )
    expect(error.hint).toContain('Disconnect a device below this host bridge')
  })

  it('says which of the causes it was, when only the kernel could tell', async () => {
    await use({name: 'poor', text: POOR})
    const error = await failureOf(connect(kernel, GPU))
    expect(error.message).toContain(
      'as the prediction warned, root port 0000:00:01.0 has no Selective stream block free',
    )
    expect(error.hint).toContain('firmware')
  })
})

it('lock on a host points to connect', async () => {
  await use('gpu-host')
  await expect(lock(kernel, GPU)).rejects.toMatchObject({kind: 'unsupported', hint: expect.stringContaining('connect')})
})

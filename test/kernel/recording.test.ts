import {describe, expect, it} from 'vitest'
import {ErrnoError, TsmctlError} from '../../src/errors.js'
import {
  type Capture,
  type CaptureNode,
  encodeAttributes,
  formatCapture,
  type Kernel,
  parseCapture,
  PCI_TSM,
  recordingKernel,
  replayKernel,
} from '../../src/kernel/index.js'
import {errno, rejectedErrno} from './errnos.js'

const text = (content: string, mode = 0o444): CaptureNode => ({type: 'file', mode, content: Buffer.from(content)})
const DEVICE = '/sys/devices/pci0000:00/0000:00:01.0'
const LINK = '/sys/bus/pci/devices/0000:00:01.0'
const CONFIG = Uint8Array.from({length: 4096}, (_, i) => (i * 5 + 1) & 0xff)

/** A machine as a capture, so that what its recording holds can be compared with it. */
const machine = (more: Readonly<Record<string, CaptureNode>> = {}, exchanges: Capture['exchanges'] = []): Kernel =>
  replayKernel({
    label: 'machine',
    kernel: '',
    exchanges,
    nodes: new Map<string, CaptureNode>([
      [`${DEVICE}/vendor`, text('0x8086\n')],
      [`${DEVICE}/device`, text('0x1234\n')],
      [`${DEVICE}/config`, {type: 'file', mode: 0o644, content: CONFIG}],
      [`${DEVICE}/tsm/dsm`, {type: 'error', mode: 0o444, errno: 'ENXIO'}],
      [`${DEVICE}/tsm/disconnect`, {type: 'file', mode: 0o200, content: null}],
      [LINK, {type: 'link', target: '../../../devices/pci0000:00/0000:00:01.0'}],
      ...Object.entries(more),
    ]),
  })

/** What `look` sees, as a replay of the text of its recording. */
function replayOf(inner: Kernel, look: (kernel: Kernel) => void): Kernel {
  const kernel = recordingKernel(inner)
  look(kernel)
  return replayKernel(parseCapture(formatCapture(kernel.capture())))
}

describe('a recording', () => {
  it('keeps content where it is, reached by a link or not', () => {
    const kernel = replayOf(machine(), host => host.read(`${LINK}/vendor`))
    expect(kernel.read(`${DEVICE}/vendor`)).toEqual(new Uint8Array(Buffer.from('0x8086\n')))
    expect(kernel.read(`${LINK}/vendor`)).toEqual(new Uint8Array(Buffer.from('0x8086\n')))
    expect(kernel.readlink(LINK)).toBe('../../../devices/pci0000:00/0000:00:01.0')
  })

  it('keeps errnos and write-only attributes', () => {
    const kernel = replayOf(machine(), host => {
      errno(() => host.read(`${LINK}/tsm/dsm`))
      host.list(`${LINK}/tsm`)
    })
    expect(errno(() => kernel.read(`${LINK}/tsm/dsm`))).toBe('ENXIO')
    expect(errno(() => kernel.read(`${LINK}/tsm/disconnect`))).toBe('EACCES')
    expect(kernel.stat(`${LINK}/tsm/disconnect`)?.mode).toBe(0o200)
  })

  it('lists a directory as it was listed, and refuses to list what was not', () => {
    const kernel = replayOf(machine(), host => {
      host.list(DEVICE)
      host.read('/sys/devices/pci0000:00/0000:00:01.0/vendor')
    })
    expect(kernel.list(DEVICE)).toEqual(['config', 'device', 'tsm', 'vendor'])
    for (const path of [`${DEVICE}/tsm`, '/sys/devices']) {
      expect(() => kernel.list(path)).toThrow('not in this recording')
      expect(errno(() => kernel.list(path))).toBe('EIO')
    }
  })

  it('takes a wrong question for no fact about the node', () => {
    const kernel = replayOf(machine(), host => {
      host.list(DEVICE)
      for (const wrong of [() => host.read(DEVICE), () => host.readlink(DEVICE), () => host.list(`${DEVICE}/vendor`)])
        expect(errno(wrong)).not.toBe('none')
      expect(errno(() => host.readlink(`${DEVICE}/vendor`))).toBe('EINVAL')
      host.read(`${DEVICE}/vendor`)
    })
    expect(kernel.list(DEVICE)).toHaveLength(4)
    expect(kernel.read(`${DEVICE}/vendor`)).toHaveLength(7)
  })

  it('keeps why a directory could not be listed', () => {
    const inner = machine({'/sys/kernel/secret': {type: 'directory', mode: 0o700, listing: 'EACCES'}})
    const kernel = replayOf(inner, host => errno(() => host.list('/sys/kernel/secret')))
    expect(errno(() => kernel.list('/sys/kernel/secret'))).toBe('EACCES')
    expect(kernel.stat('/sys/kernel/secret')).toEqual({type: 'directory', mode: 0o700, size: 0})
  })

  it('refuses content it only saw the name of', () => {
    const kernel = replayOf(machine(), host => host.list(DEVICE))
    expect(kernel.stat(`${DEVICE}/device`)?.type).toBe('file')
    expect(() => kernel.read(`${DEVICE}/device`)).toThrow('not in this recording')
    expect(() => kernel.readAt(`${DEVICE}/device`, 0, 4)).toThrow('not in this recording')
  })

  it('keeps the parts of a config space that were read, and makes nothing up', () => {
    const path = `${DEVICE}/config`
    const kernel = replayOf(machine(), host => {
      for (const at of [0x100, 0, 4, 0x34, 0x104]) host.readAt(path, at, 4)
      host.readAt(path, 2, 4)
      host.readAt(path, 4094, 8)
    })
    expect(kernel.readAt(path, 0, 8)).toEqual(CONFIG.slice(0, 8))
    expect(kernel.readAt(path, 0x101, 6)).toEqual(CONFIG.slice(0x101, 0x107))
    expect(kernel.readAt(path, 4094, 4)).toEqual(CONFIG.slice(4094))
    expect(kernel.readAt(path, 4096, 4)).toEqual(new Uint8Array(0))
    expect(kernel.stat(path)?.size).toBe(4096)
    for (const [at, length] of [
      [8, 4],
      [6, 4],
      [0xfe, 4],
    ] as const)
      expect(() => kernel.readAt(path, at, length)).toThrow('not in this recording')
    expect(() => kernel.read(path)).toThrow('not in this recording')
  })

  it('joins parts to the whole', () => {
    const path = `${DEVICE}/config`
    const kernel = replayOf(machine(), host => {
      for (let at = 0; at < 4096; at += 512) host.readAt(path, 4096 - 512 - at, 512)
    })
    expect(kernel.read(path)).toEqual(CONFIG)
  })

  it('keeps 64 bytes of 4096 as what they are', () => {
    const bytes = CONFIG.slice(0, 64)
    const inner = machine({
      [`${DEVICE}/config`]: {type: 'part', mode: 0o644, size: 4096, chunks: [{offset: 0, bytes}], end: 64},
    })
    for (const look of [(k: Kernel) => k.read(`${LINK}/config`), (k: Kernel) => k.readAt(`${LINK}/config`, 0, 256)]) {
      const kernel = replayOf(inner, look)
      expect(kernel.read(`${LINK}/config`)).toEqual(bytes)
      expect(kernel.readAt(`${LINK}/config`, 0x100, 4)).toEqual(new Uint8Array(0))
      expect(kernel.stat(`${DEVICE}/config`)?.size).toBe(4096)
    }
  })

  it('says what it does not know where something is missing', () => {
    const kernel = replayOf(machine(), host => host.read(`${LINK}/vendor`))
    expect(errno(() => kernel.read(`${LINK}/device`))).toBe('ENOENT')
    try {
      kernel.read(`${LINK}/device`)
    } catch (error) {
      expect((error as TsmctlError).hint).toContain('only what was looked at')
    }
  })

  it('keeps the last content and does not forget it over a later refusal', () => {
    const contents = ['first', 'second']
    const path = `${DEVICE}/vendor`
    const inner: Kernel = {
      ...machine(),
      read() {
        const content = contents.shift()
        return content === undefined ? machine().read(`${DEVICE}/tsm/dsm`) : new Uint8Array(Buffer.from(content))
      },
    }
    const kernel = recordingKernel(inner)
    kernel.read(path)
    kernel.read(path)
    expect(errno(() => kernel.read(path))).toBe('ENXIO')
    expect(formatCapture(kernel.capture())).toContain('"second"')
  })

  it('names the machine and when it was', () => {
    const capture = recordingKernel(machine({'/proc/sys/kernel/osrelease': text('7.3.4\n')}), {label: 'mine'}).capture()
    expect(capture).toMatchObject({label: 'mine', kernel: '7.3.4'})
    expect(Date.parse(capture.recorded!)).toBeGreaterThan(0)
    expect(recordingKernel(machine()).capture()).toMatchObject({label: 'machine', kernel: ''})
  })
})

/** An evidence request as a guest makes it. */
const request = (nonce: string, device = '0000:00:01.0') => ({
  family: PCI_TSM.name,
  version: PCI_TSM.version,
  command: PCI_TSM.evidenceRead,
  attributes: encodeAttributes([
    {type: PCI_TSM.attribute.deviceName, value: Buffer.from(`${device}\0`)},
    {type: PCI_TSM.attribute.nonce, value: Buffer.from(nonce)},
  ]),
})
/** A machine whose netlink dumps give these answers, one after the other. */
const answering = (answers: (Uint8Array | Error)[]): Kernel => ({
  ...machine(),
  async netlinkDump() {
    const answer = answers.shift()!
    if (answer instanceof Error) throw answer
    return [answer, Uint8Array.of(9)]
  },
})

describe('generic-netlink exchanges', () => {
  it('are answered in the order they were recorded, the last one for good, whatever the nonce', async () => {
    const recording = recordingKernel(answering([Uint8Array.of(1), Uint8Array.of(2)]))
    await recording.netlinkDump(request('one'))
    await recording.netlinkDump(request('two'))
    const kernel = replayKernel(parseCapture(formatCapture(recording.capture())))
    for (const expected of [1, 2, 2])
      expect(await kernel.netlinkDump(request('fresh'))).toEqual([Uint8Array.of(expected), Uint8Array.of(9)])
  })

  it('keep their errno', async () => {
    const refusal = await machine()
      .query('/none')
      .catch((error: Error) => error)
    const recording = recordingKernel(answering([refusal as Error]))
    expect(await rejectedErrno(recording.netlinkDump(request('x')))).toBe('ENOENT')
    const kernel = replayKernel(recording.capture())
    expect(await rejectedErrno(kernel.netlinkDump(request('x')))).toBe('ENOENT')
    expect(recording.capture().exchanges[0]?.response).toBe('ENOENT')
  })

  it('are compared as they are when they cannot be decoded', async () => {
    const broken = {...request('x'), attributes: Uint8Array.of(1, 2, 3)}
    const recording = recordingKernel(answering([Uint8Array.of(1)]))
    await recording.netlinkDump(broken)
    const kernel = replayKernel(recording.capture())
    expect(await kernel.netlinkDump(broken)).toHaveLength(2)
    expect(await rejectedErrno(kernel.netlinkDump(request('x')))).toBe('EIO')
  })

  it('are refused when there were none, or none like it', async () => {
    expect(await rejectedErrno(machine().netlinkDump(request('x')))).toBe('ENOENT')
    const recording = recordingKernel(answering([Uint8Array.of(1)]))
    await recording.netlinkDump(request('one'))
    const kernel = replayKernel(recording.capture())
    const failure = kernel.netlinkDump(request('one', '0000:00:02.0'))
    await expect(failure).rejects.toMatchObject({errno: 'EIO', kind: 'unsupported'})
  })
})

/** A machine that answers whatever is asked. */
const talkative = (): Kernel => ({
  ...answering([Uint8Array.of(1)]),
  async netlinkFamily(name) {
    if (name === 'none') throw new ErrnoError('ENOENT', 'ask', name)
    return {name, version: 1, maxAttribute: 10, commands: new Set([1, 2]), policy: new Map([[1, 4]])}
  },
  netlinkDo: async () => [],
  async *uevents() {
    yield* [Uint8Array.of(1), 'lost' as const, Uint8Array.of(2)]
  },
  async ioctl(path, _, argument) {
    if (path === '/dev/null') throw new ErrnoError('ENOTTY', 'talk to', path)
    return argument.map(byte => byte + 1)
  },
})

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = []
  for await (const item of items) out.push(item)
  return out
}

async function talk(kernel: Kernel): Promise<unknown[]> {
  return [
    await kernel.netlinkFamily('device-evidence'),
    await rejectedErrno(kernel.netlinkFamily('none')),
    await kernel.netlinkDo(request('one')),
    await kernel.ioctl('/dev/a', 1, Uint8Array.of(1)),
    await rejectedErrno(kernel.ioctl('/dev/null', 1, Uint8Array.of(1))),
    await all(kernel.uevents(new AbortController().signal)),
  ]
}

describe('other questions', () => {
  it('are answered as they were recorded', async () => {
    const recording = recordingKernel(talkative())
    const answers = await talk(recording)
    expect(answers[3]).toEqual(Uint8Array.of(2))
    expect(answers[5]).toHaveLength(3)
    const kernel = replayKernel(parseCapture(formatCapture(recording.capture())))
    expect(await talk(kernel)).toEqual(answers)
    expect(await talk(kernel)).toEqual(answers)
    expect(await rejectedErrno(kernel.netlinkDump({...request('one'), family: 'none'}))).toBe('ENOENT')
    expect(await all(kernel.uevents(AbortSignal.abort()))).toEqual([])
  })

  it('are no dumps, and dumps are none of them', async () => {
    const recording = recordingKernel(talkative())
    await recording.netlinkDo(request('one'))
    const kernel = replayKernel(recording.capture())
    expect(await rejectedErrno(kernel.netlinkDump(request('one')))).toBe('EIO')
  })

  it('that nobody asked are refused as not recorded', async () => {
    for (const asked of [
      machine().netlinkFamily('device-evidence'),
      machine().netlinkDo(request('x')),
      machine().ioctl('/dev/a', 1, new Uint8Array(1)),
    ])
      await expect(asked).rejects.toMatchObject({kind: 'unsupported'})
    expect(errno(() => machine().uevents(new AbortController().signal))).toBe('EOPNOTSUPP')
  })

  it('about a family are answered as far as an older recording knows', async () => {
    const base = {version: 1, command: 1, request: new Uint8Array(0)}
    const kernel = machine({}, [
      {...base, family: 'absent', response: 'ENOENT'},
      {...base, family: 'there', response: 'EINVAL'},
    ])
    await expect(kernel.netlinkFamily('absent')).rejects.toMatchObject({errno: 'ENOENT', kind: 'not-found'})
    expect(await kernel.netlinkFamily('there')).toMatchObject({version: 1, commands: new Set([1])})
  })

  it('keep no more events than are bearable, and say so', async () => {
    const many: Kernel = {
      ...machine(),
      async *uevents() {
        for (let i = 0; i < 1500; i++) yield Uint8Array.of(1)
      },
    }
    const recording = recordingKernel(many)
    expect(await all(recording.uevents(new AbortController().signal))).toHaveLength(1500)
    const {uevents} = recording.capture()
    expect([uevents?.length, uevents?.at(-1)]).toEqual([1001, 'lost'])
  })

  it('leave nothing of the platform in an anonymous recording', async () => {
    const recording = recordingKernel(talkative(), {anonymise: true})
    await talk(recording)
    const {ioctls, uevents, exchanges, families} = recording.capture()
    expect([ioctls, uevents, exchanges]).toEqual([undefined, undefined, []])
    expect(families?.map(({name}) => name)).toEqual(['device-evidence', 'none'])
  })
})

describe('an anonymous recording', () => {
  const config = CONFIG.slice().fill(0, 0x100)
  const word = new DataView(config.buffer)
  word.setUint32(0x100, 0x14810001, true) // AER, next at 0x148
  word.setUint32(0x148, 0x20010003, true) // Device Serial Number, next at 0x200
  config.set([1, 2, 3, 4, 5, 6, 7, 8], 0x14c)
  word.setUint32(0x200, 0x00010030, true)
  const expected = config.slice().fill(0, 0x14c, 0x154)

  const inner = machine(
    {
      [`${DEVICE}/config`]: {type: 'file', mode: 0o644, content: config},
      [`${DEVICE}/serial_number`]: text('01-02-03-04-aa-bb-cc-dd\n'),
      '/proc/cmdline': text('root=UUID=1234 amd_iommu=off ip=10.0.0.1 ccp.tio=0 nohibernate "key=a b" -- secret\n'),
      '/sys/kernel/config/tsm/report/r/outblob': text('quote with a chip id'),
    },
    [{family: 'pci-tsm', version: 1, command: 1, request: new Uint8Array(0), response: [Uint8Array.of(1)]}],
  )

  function anonymousReplay(look: (kernel: Kernel) => void): Kernel {
    const kernel = recordingKernel(inner, {anonymise: true, label: 'hostname'})
    look(kernel)
    const written = formatCapture(kernel.capture())
    expect(written).not.toContain('hostname')
    return replayKernel(parseCapture(written))
  }

  it('has serial numbers of the same shape without their digits', () => {
    const kernel = anonymousReplay(host => host.read(`${LINK}/serial_number`))
    expect(Buffer.from(kernel.read(`${LINK}/serial_number`)).toString()).toBe('00-00-00-00-00-00-00-00\n')
  })

  it('has a zero Device Serial Number and the rest of the config space, read whole or in parts', () => {
    const whole = anonymousReplay(host => host.read(`${LINK}/config`))
    expect(whole.read(`${LINK}/config`)).toEqual(expected)
    const parts = anonymousReplay(host => {
      for (const at of [0x100, 0x148, 0x14c, 0x150, 0x200]) host.readAt(`${LINK}/config`, at, 4)
    })
    for (const at of [0x100, 0x148, 0x14c, 0x150, 0x200])
      expect(parts.readAt(`${LINK}/config`, at, 4)).toEqual(expected.slice(at, at + 4))
  })

  it('has no digits in parts of a serial number either', () => {
    const kernel = anonymousReplay(host => host.readAt(`${LINK}/serial_number`, 3, 5))
    expect(Buffer.from(kernel.readAt(`${LINK}/serial_number`, 3, 5)).toString()).toBe('00-00')
  })

  it('has only what explains the platform of the kernel command line', () => {
    const kernel = anonymousReplay(host => host.read('/proc/cmdline'))
    expect(Buffer.from(kernel.read('/proc/cmdline')).toString()).toBe('amd_iommu=off ccp.tio=0 nohibernate\n')
  })

  it('has neither reports nor evidence', async () => {
    const recording = recordingKernel(inner, {anonymise: true})
    recording.read('/sys/kernel/config/tsm/report/r/outblob')
    await recording.netlinkDump({family: 'pci-tsm', version: 1, command: 1, attributes: new Uint8Array(0)})
    const capture = recording.capture()
    expect(capture.exchanges).toEqual([])
    expect(() => replayKernel(capture).read('/sys/kernel/config/tsm/report/r/outblob')).toThrow('not in this recording')
  })
})

/** The native bridge on the running kernel, by what every Linux has: the family nlctrl, kernel events, /dev/random. */
import {spawn, spawnSync} from 'node:child_process'
import {once} from 'node:events'
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import {createRequire} from 'node:module'
import {join} from 'node:path'
import {build} from 'esbuild'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {errnoOf, TsmctlError} from '../../src/errors.js'
import {encodeAttributes, ioctlNumber, type Kernel, liveKernel, parseUevent} from '../../src/kernel/index.js'
import {helperPool} from '../../src/kernel/helper-process.js'
import {LIBC_SCRIPT, remoteLibc} from '../../src/kernel/native/libc.js'
import {AF_NETLINK, PROTOCOL, RAW} from '../../src/kernel/native/socket.js'
import {errno, rejectedErrno} from './errnos.js'
import {temporary} from './sample-tree.js'

const hasKoffi = ((): boolean => {
  try {
    return createRequire(import.meta.url)('koffi') !== undefined
  } catch {
    return false
  }
})()

let directory: string
let dispose: () => void
let kernel: Kernel

// one for all: its helper is started once
beforeAll(() => {
  ;({directory, dispose} = temporary())
  kernel = liveKernel({stateDirectory: join(directory, 'state')})
})
afterAll(() => {
  kernel.close()
  dispose()
})

const NLCTRL = {family: 'nlctrl', version: 2, command: 3, attributes: new Uint8Array(0)}

/** The running kernel's answer; skips where there is no koffi or no netlink. */
async function native<T>(context: {skip(why: string): never}, ask: () => Promise<T>): Promise<T> {
  if (!hasKoffi) context.skip('koffi is not installed')
  try {
    return await ask()
  } catch (error) {
    if (['EPROTONOSUPPORT', 'EAFNOSUPPORT', 'EPERM', 'EACCES'].includes(errnoOf(error) ?? ''))
      context.skip(`no netlink here: ${errnoOf(error)}`)
    throw error
  }
}

describe('generic netlink', () => {
  it('describes the family nlctrl with its commands and policy', async context => {
    const family = await native(context, () => kernel.netlinkFamily('nlctrl'))
    expect(family).toMatchObject({name: 'nlctrl', version: 2})
    expect(family.commands).toContain(3)
    // Linux 5.7 and later: CTRL_ATTR_FAMILY_ID is a u16, CTRL_ATTR_FAMILY_NAME has GENL_NAMSIZ bytes
    if (family.policy === undefined) return
    expect([family.policy.get(1), family.policy.get(2)]).toEqual([2, 16])
    expect(family.maxAttribute).toBe(Math.max(...family.policy.keys()))
  })

  it('lists all families by a dump', async context => {
    const dump = await native(context, () => kernel.netlinkDump(NLCTRL))
    expect(dump.length).toBeGreaterThan(0)
    expect(dump.map(payload => Buffer.from(payload).toString('latin1')).join('')).toContain('nlctrl\0')
  })

  it('knows what is not there', async context => {
    await native(context, () => kernel.netlinkFamily('nlctrl'))
    for (const name of ['no-such-family', 'x'.repeat(200), 'a\0b', ''])
      expect(await rejectedErrno(kernel.netlinkFamily(name))).toMatch(/^(?:ENOENT|EINVAL)$/)
    expect(await rejectedErrno(kernel.netlinkDump({...NLCTRL, family: 'no-such-family'}))).toBe('ENOENT')
    expect(await rejectedErrno(kernel.netlinkDo({...NLCTRL, command: 99}))).toBe('EOPNOTSUPP')
    expect(await rejectedErrno(kernel.netlinkDump({...NLCTRL, command: 99}))).toBe('EOPNOTSUPP')
  })

  it('reports a refusal in the words of the kernel', async context => {
    await native(context, () => kernel.netlinkFamily('nlctrl'))
    const attributes = encodeAttributes([{type: 2, value: new Uint8Array(40).fill(0x41)}])
    const failure = await kernel.netlinkDo({...NLCTRL, attributes}).catch((error: unknown) => error as TsmctlError)
    expect(failure).toMatchObject({errno: 'EINVAL'})
    const {got} = failure as TsmctlError
    if (!got!.includes('the kernel says')) context.skip('this kernel gives no words')
    expect(got).toContain('the kernel says: "Attribute failed policy validation", at byte 20 of the request')
  })

  it('does nothing once aborted, and serves again after close', async context => {
    await native(context, () => kernel.netlinkFamily('nlctrl'))
    const signal = AbortSignal.abort()
    expect(await rejectedErrno(kernel.netlinkFamily('nlctrl', signal))).toBe('EINTR')
    expect(await rejectedErrno(kernel.netlinkDump(NLCTRL, signal))).toBe('EINTR')
    expect(await rejectedErrno(kernel.netlinkDo(NLCTRL, signal))).toBe('EINTR')
    kernel.close()
    expect((await kernel.netlinkFamily('nlctrl')).name).toBe('nlctrl')
  })

  it('serves several at the same time', async context => {
    await native(context, () => kernel.netlinkFamily('nlctrl'))
    const both = await Promise.all([kernel.netlinkFamily('nlctrl'), kernel.netlinkDump(NLCTRL)])
    expect(both[0].name).toBe('nlctrl')
    expect(both[1].length).toBeGreaterThan(0)
  })
})

describe('ioctl', () => {
  const RNDGETENTCNT = ioctlNumber('read', 0x52, 0, 4)

  it('returns the argument as the kernel left it', async context => {
    const answer = await native(context, () => kernel.ioctl('/dev/random', RNDGETENTCNT, new Uint8Array(4)))
    const expected = Number(readFileSync('/proc/sys/kernel/random/entropy_avail', 'latin1'))
    expect(new DataView(answer.buffer).getUint32(0, true)).toBe(expected)
    expect(answer).toHaveLength(4)
  })

  it('reports what the driver, or the file system, refuses', async context => {
    await native(context, () => kernel.ioctl('/dev/random', RNDGETENTCNT, new Uint8Array(4)))
    for (const [path, expected] of [
      ['/dev/null', 'ENOTTY'],
      ['/dev/none', 'ENOENT'],
      [directory, 'ENOTTY'],
    ] as const)
      expect(await rejectedErrno(kernel.ioctl(path, RNDGETENTCNT, new Uint8Array(4)))).toBe(expected)
  })

  it('hands no buffer to the kernel that is shorter than the request says', async () => {
    expect(await rejectedErrno(kernel.ioctl('/dev/random', RNDGETENTCNT, new Uint8Array(3)))).toBe('EINVAL')
    expect(await rejectedErrno(kernel.ioctl('/dev/\0', RNDGETENTCNT, new Uint8Array(4)))).toBe('EINVAL')
  })
})

it('a receive that blocks in the kernel is left at once', async context => {
  if (!hasKoffi) context.skip('koffi is not installed')
  const pool = helperPool(LIBC_SCRIPT)
  const controller = new AbortController()
  const about = {verb: 'ask', subject: 'nobody'}
  const blocked = pool.use(about, controller.signal, async ask => {
    const call = remoteLibc(ask, 'ask nobody')
    const {result} = await call('socket', AF_NETLINK, RAW, PROTOCOL.generic)
    setImmediate(() => controller.abort())
    return call('recvfrom', result, {room: 64}, 64, 0, {inout: new Uint8Array(12)}, {inout: Uint8Array.of(12, 0, 0, 0)})
  })
  expect(await rejectedErrno(blocked)).toBe('EINTR')
  const next = await pool.use(about, undefined, ask => remoteLibc(ask, 'ask nobody')('close', 1_000_000))
  expect(next).toEqual({result: -9, out: []}) // EBADF, from a new helper
  pool.close()
})

const LOOPBACK = '/sys/class/net/lo/uevent'
const mayTrigger = ((): boolean => {
  try {
    accessSync(LOOPBACK, constants.W_OK)
    return process.getuid?.() === 0
  } catch {
    return false
  }
})()

const children = (): readonly string[] =>
  readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1').trim().split(' ')

/** Netlink sockets that this process holds open. */
function netlinkSockets(): number {
  const inodes = new Set(readFileSync('/proc/self/net/netlink', 'latin1').match(/\d+(?=\s*$)/gm))
  return readdirSync('/proc/self/fd').filter(fd => {
    try {
      return inodes.has(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1] ?? '')
    } catch {
      return false // the one of this listing
    }
  }).length
}

describe('kernel events', () => {
  it('arrive from the moment of the call', async context => {
    if (!mayTrigger) context.skip('no event may be triggered here')
    const controller = new AbortController()
    const events = await native(context, async () => kernel.uevents(controller.signal))
    writeFileSync(LOOPBACK, 'change 01234567-89ab-cdef-0123-456789abcdef')
    for await (const event of events) {
      if (event === 'lost') continue
      const {action, devpath, properties} = parseUevent(event)
      if (properties.get('SYNTH_UUID') !== '01234567-89ab-cdef-0123-456789abcdef') continue
      expect([action, devpath]).toEqual(['change', '/devices/virtual/net/lo'])
      expect(properties.get('SUBSYSTEM')).toBe('net')
      break
    }
    expect(await events[Symbol.asyncIterator]().next()).toMatchObject({done: true})
    controller.abort()
  })

  it('end without error on abort, and leave no process and no file behind', async context => {
    const before = new Set(children())
    const controller = new AbortController()
    const events = await native(context, async () => kernel.uevents(controller.signal))
    expect(netlinkSockets()).toBe(1)
    const ended = (async () => {
      for await (const event of events) expect(event === 'lost' || event.length > 0).toBe(true)
    })()
    const patience = AbortSignal.timeout(10_000)
    const until = async (condition: () => boolean): Promise<void> => {
      while (!condition() && !patience.aborted) await new Promise(setImmediate)
      expect(condition()).toBe(true)
    }
    let helpers: readonly string[] = []
    await until(() => (helpers = children().filter(pid => !before.has(pid))).length > 0 && netlinkSockets() === 0)
    expect(helpers).toHaveLength(1)
    controller.abort()
    await ended
    await until(() => !children().includes(helpers[0]!))
  })

  it('are none for who has left already', async context => {
    const events = await native(context, async () => kernel.uevents(AbortSignal.abort()))
    expect(await events[Symbol.asyncIterator]().next()).toMatchObject({done: true})
  })
})

const file = (): string => join(directory, 'state', 'lock', 'tsm0.lock')
const isFree = (): boolean => spawnSync('flock', ['-n', file(), 'true']).status === 0

describe('flock', () => {
  it('is held with the lock and let go with it', context => {
    if (!hasKoffi || spawnSync('flock', ['--version']).status !== 0) context.skip('no koffi or no flock(1)')
    const release = kernel.lock('tsm0')
    expect(isFree()).toBe(false)
    expect(errno(() => kernel.lock('tsm0'))).toBe('EBUSY')
    expect(isFree()).toBe(false)
    release()
    expect(isFree()).toBe(true)
    kernel.lock('tsm0')()
  })

  it('of a script keeps tsmctl out, and leaves nothing behind', async context => {
    if (!hasKoffi || spawnSync('flock', ['--version']).status !== 0) context.skip('no koffi or no flock(1)')
    mkdirSync(join(directory, 'state', 'lock'), {recursive: true, mode: 0o700})
    const script = spawn('flock', [file(), 'sh', '-c', 'echo; exec cat'], {stdio: ['pipe', 'pipe', 'ignore']})
    await once(script.stdout, 'data')
    expect(() => kernel.lock('tsm0')).toThrow(/held by (?:process \d+|another process), with flock/)
    expect(readdirSync(join(directory, 'state', 'lock'))).toEqual(['tsm0.lock'])
    script.stdin.end()
    await once(script, 'exit')
    kernel.lock('tsm0')()
  })
})

const root = join(import.meta.dirname, '..', '..')

/** A program of ours as one file, away from all packages; nothing of a package is in it. */
async function bundle(name: string, contents: string): Promise<string> {
  const outfile = join(directory, name)
  const {metafile} = await build({
    stdin: {contents, resolveDir: root, loader: 'ts'},
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile,
    metafile: true,
    logLevel: 'silent',
  })
  expect(Object.keys(metafile.inputs).filter(input => input.includes('node_modules'))).toEqual([])
  return outfile
}

it('the helper that waits for events ends with tsmctl, however that ends', async context => {
  await native(context, async () => kernel.uevents(AbortSignal.abort()))
  const program = await bundle(
    'listen.mjs',
    `import {liveKernel} from './src/kernel/index.ts'
     const events = liveKernel({stateDirectory: process.argv[2]}).uevents(new AbortController().signal)
     console.log()
     for await (const _ of events);`,
  )
  const listener = spawn(process.execPath, [program, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {...process.env, NODE_PATH: join(root, 'node_modules')},
  })
  const childrenOf = (): string => readFileSync(`/proc/${listener.pid}/task/${listener.pid}/children`, 'latin1').trim()
  await once(listener.stdout, 'data')
  const patience = AbortSignal.timeout(5000)
  let helper = ''
  /** Waits in recvfrom: nothing else sleeps interruptibly with a netlink socket. */
  const isListening = (): boolean => {
    helper = childrenOf()
    if (helper === '') return false
    return /\.(?:recv|datagram)|wait_for_more_packets|^recv/.test(readFileSync(`/proc/${helper}/wchan`, 'latin1'))
  }
  while (!isListening() && !patience.aborted) await new Promise(resolve => setTimeout(resolve, 10))
  listener.kill('SIGKILL')
  await once(listener, 'exit')
  while (existsSync(`/proc/${helper}`) && !patience.aborted) await new Promise(resolve => setTimeout(resolve, 5))
  expect(helper).not.toBe('')
  expect(existsSync(`/proc/${helper}`)).toBe(false)
})

it('an architecture whose numbers are not known is refused before anything is called', async () => {
  const known = Object.getOwnPropertyDescriptor(process, 'arch')!
  Object.defineProperty(process, 'arch', {...known, value: 'mips64el'})
  const failures = await Promise.all([
    kernel.netlinkFamily('nlctrl').catch((error: unknown) => error),
    (async () => kernel.uevents(AbortSignal.abort()))().catch((error: unknown) => error),
  ])
  const release = kernel.lock('tsm1')
  Object.defineProperty(process, 'arch', known)
  release()
  const got = expect.stringMatching(/on this architecture, mips64el|koffi/)
  expect(failures).toMatchObject([
    {kind: 'unsupported', got},
    {errno: 'EOPNOTSUPP', kind: 'unsupported', got},
  ])
})

describe('without koffi', () => {
  it('everything else works, and what needs it says so', async () => {
    const program = await bundle(
      'without.mjs',
      `
      import {liveKernel} from './src/kernel/index.ts'
      const kernel = liveKernel({stateDirectory: process.argv[2]})
      kernel.lock('tsm0')()
      const said = async call => {
        try { await call() } catch (error) { return [error.name, error.kind, error.errno, error.message, error.hint] }
      }
      console.log(JSON.stringify([
        await said(() => kernel.netlinkFamily('nlctrl')),
        await said(() => kernel.ioctl('/dev/random', 0x80045200, new Uint8Array(4))),
        await said(() => kernel.uevents(new AbortController().signal)),
      ]))
      kernel.close()`,
    )
    const {stdout, stderr} = spawnSync(process.execPath, [program, join(directory, 'state')], {encoding: 'utf8'})
    expect(stderr).toBe('')
    const [family, ioctl, uevents] = JSON.parse(stdout)
    const absent = 'this needs the optional package "koffi", which is not installed'
    expect(family.slice(0, 2)).toEqual(['TsmctlError', 'unsupported'])
    expect(family[3]).toBe(`cannot ask the generic-netlink family nlctrl: ${absent}`)
    expect(family[4]).toContain('npm install koffi@3')
    expect(ioctl[3]).toBe(`cannot talk to /dev/random: ${absent}`)
    expect(uevents.slice(0, 4)).toEqual([
      'ErrnoError',
      'unsupported',
      'EOPNOTSUPP',
      `cannot listen to kernel events: ${absent}`,
    ])
  })
})

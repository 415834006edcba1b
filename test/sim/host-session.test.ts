/** What a connect says to the device: the session, the keys of the stream, and how everything is taken back. */
import {spawn} from 'node:child_process'
import {mkdtempSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {build} from 'esbuild'
import {afterAll, beforeEach, describe, expect, it} from 'vitest'
import {CONNECT_STEPS} from '../../src/sim/conversation.js'
import {type Fault, injectFault, machineStatus, publications} from '../../src/sim/index.js'
import {openMachine} from '../../src/sim/store.js'
import {keysInCommon, type StoredLink} from '../../src/sim/tsm/index.js'
import {parseCertificateChain} from '../../src/spdm/index.js'
import {ideOf, shell} from './host-machines.js'
import {attributePath, machines, type TestMachine, withoutSpdm} from './machines.js'

const make = machines()
const DEVICE = '0000:03:00.0'
const OTHER = '0000:04:00.0'
const BRIDGE = 'pci0000:00'
const ALL_KEYS = 6

let machine: TestMachine
beforeEach(async () => {
  machine = await make('nvme-host')
})

const write = (attribute: string, text = 'tsm0', device = DEVICE): Promise<string> =>
  shell(machine).write(`${device}/${attribute}`, text)
const status = () => machineStatus(machine.directory).host!
const links = () => openMachine(machine.directory).state().links
const state = () => ({...openMachine(machine.directory).state().host!, ...sidesOf(links())})
const inject = (fault: Omit<Fault, 'device'>, device = DEVICE): Promise<void> =>
  injectFault(machine.directory, {device, ...fault})
const states = () => status().streams.map(({rootPortState, endpointState}) => [rootPortState, endpointState])

interface Side {
  readonly session: number
  readonly keys: readonly {readonly place: string; readonly key: string}[]
}

/** What the TSM has of every device, and what every device has, if anything. */
function sidesOf(all: Readonly<Record<string, StoredLink>>) {
  const sides = {links: {} as Record<string, Side>, devices: {} as Record<string, Side>}
  for (const [bdf, {device, tsm}] of Object.entries(all)) {
    const near = Object.entries(tsm?.stream?.keys ?? {}).map(([place, key]) => ({place, key}))
    const far = Object.entries(device.dsm.ports[0]?.lanes ?? {}).flatMap(([place, {keys, active}]) =>
      Object.entries(keys).map(([set, key]) => ({place: `${place} K${set} ${active}`, key})),
    )
    if (tsm !== null) sides.links[bdf] = {session: tsm.session.id, keys: near}
    for (const {id} of device.sessions) sides.devices[bdf] = {session: id, keys: far}
  }
  return sides
}

const places = ({keys}: Side): string[] => keys.map(({place}) => place).sort()

async function makeAndRemoveVfs(): Promise<void> {
  await inject({at: 'now', do: 'vfs', count: 2})
  await write('sriov_numvfs', '0')
}

describe('connect', () => {
  it('opens a session and leaves both ends with the same six keys in use', async () => {
    expect(await write('tsm/connect')).toBe('ok')
    const {links: near, devices, streams} = state()
    const [stream] = streams
    expect(streams).toHaveLength(1)
    expect(devices[DEVICE]!.session).toBe(near[DEVICE]!.session)
    expect(devices[DEVICE]!.keys).toHaveLength(ALL_KEYS)
    expect(near[DEVICE]!.keys).toHaveLength(ALL_KEYS)
    expect(new Set(devices[DEVICE]!.keys.map(({key}) => key)).size).toBe(ALL_KEYS)
    const {device, tsm} = links()[DEVICE]!
    expect(tsm!.stream).toMatchObject({streamId: stream!.id, running: ['receive', 'transmit']})
    expect(keysInCommon(tsm!.stream!, device.dsm.ports[0]!)).toBe(ALL_KEYS)
    expect(ideOf(machine, DEVICE)!.selectiveStreams[stream!.endpointBlock]).toMatchObject({
      enabled: true,
      secure: true,
      streamId: stream!.id,
    })
    expect(status().strays).toEqual([])
  })

  it('says so to the owner of the machine', async () => {
    await write('tsm/connect')
    const {session} = state().devices[DEVICE]!
    expect(status()).toMatchObject({
      connected: [{bdf: DEVICE, session}],
      streams: [{session, keySets: [0], rootPortKeys: ALL_KEYS, endpointKeys: ALL_KEYS}],
    })
  })

  it('of a device without IDE opens a session, and keys nothing', async () => {
    const text = `title: No IDE
bridges: [{at: "0000:00"}]
ports: [{at: "0000:00:01.0", bus: 1}]
devices: [{at: "0000:01:00.0", kind: nic}]
`
    machine = await make({name: 'no-ide', text})
    expect(await write('tsm/connect', 'tsm0', '0000:01:00.0')).toBe('ok')
    const {links: near, devices} = state()
    expect([near['0000:01:00.0']!.keys, devices['0000:01:00.0']!.keys]).toEqual([[], []])
    expect(near['0000:01:00.0']!.session).toBe(devices['0000:01:00.0']!.session)
  })

  it('by a TSM that does not authenticate has neither, and says so', async () => {
    machine = await make(withoutSpdm('nvme-host'))
    expect([await write('tsm/connect'), states()]).toEqual(['ok', [['secure', 'secure']]])
    expect([state().links, state().devices, status().connected[0]!.session]).toEqual([{}, {}, null])
  })

  it('by a rival looks the same', async () => {
    await write('tsm/connect')
    const {links: near, devices} = state()
    await write('tsm/disconnect')
    await inject({at: 'now', do: 'rival'})
    const other = state()
    expect(other.links[DEVICE]!.session).toBe(other.devices[DEVICE]!.session)
    expect(places(other.links[DEVICE]!)).toEqual(places(near[DEVICE]!))
    expect(places(other.devices[DEVICE]!)).toEqual(places(devices[DEVICE]!))
    expect(states()).toEqual([['secure', 'secure']])
  })

  it('makes each device an identity once, below the root that is published', async () => {
    const {root, models} = await publications(machine.directory)
    const {devices} = openMachine(machine.directory).identities()!
    expect(Object.keys(devices)).toEqual([DEVICE, OTHER])
    for (const {chain} of Object.values(devices))
      expect(parseCertificateChain(Buffer.from(chain, 'base64'), 48).certificates[0]!.der).toEqual(root.der)
    await write('tsm/connect')
    expect(openMachine(machine.directory).identities()!.devices).toEqual(devices)
    expect(models).toEqual([])
  })
})

/** Faults of a conversation, and whether the device hears that it is over. */
const TROUBLES: readonly (readonly [fault: Pick<Fault, 'do' | 'step'>, keeps: boolean])[] = [
  [{do: 'bad-signature'}, false],
  [{do: 'bad-certificate'}, false],
  [{do: 'km-refuses'}, false],
  [{do: 'wrong-registers'}, false],
  ...CONNECT_STEPS.map(step => [{do: 'spdm-error' as const, step}, false] as const),
  // silent from then on: what it has by then it keeps, but for a handshake that nobody finished
  ...CONNECT_STEPS.map((step, i) => [{do: 'no-answer' as const, step}, i > CONNECT_STEPS.indexOf('FINISH')] as const),
]

describe.each(TROUBLES)('a connect with %j', (fault, keeps) => {
  it('is refused with EIO and leaves nothing to the kernel; the next one works', async () => {
    await inject({at: 'now', do: 'rival'}, OTHER)
    const before = {...state(), ide: structuredClone(state().ide)}
    const waited: number[] = []
    machine = {...machine, kernel: machine.open({sleep: async ms => void waited.push(ms)})}
    await inject({at: 'connect', ...fault})
    expect(await write('tsm/connect')).toBe('EIO')
    expect(waited.slice(0, 1)).toEqual(fault.do === 'no-answer' ? [1000] : [])
    const {devices, ...after} = state()
    expect({...after, devices: {[OTHER]: devices[OTHER]}}).toEqual(before)
    expect(status().strays.map(({bdf}) => bdf)).toEqual(keeps ? [DEVICE] : [])
    expect(await write('tsm/connect')).toBe('ok')
    expect(status().strays).toEqual([])
    expect(states()).toEqual([
      ['secure', 'secure'],
      ['secure', 'secure'],
    ])
  })
})

describe('a stream that fails when its keys are in use', () => {
  it('is taken down with session and keys', async () => {
    await inject({at: 'connect', do: 'insecure'})
    expect(await write('tsm/connect')).toBe('ENXIO')
    expect([state().links, state().devices]).toEqual([{}, {}])
  })

  it('by a Stream ID that AMD finds taken at the end leaves the device its session', async () => {
    const GPU = '0000:01:00.0'
    machine = await make('gpu-host')
    await inject({at: 'connect', do: 'stream-id', id: 255}, GPU)
    expect(await write('tsm/connect', 'tsm0', GPU)).toBe('EBUSY')
    expect(state().links).toEqual({})
    expect(status().strays).toMatchObject([{bdf: GPU, keys: ALL_KEYS}])
    expect(await write('tsm/connect', 'tsm0', GPU)).toBe('ok')
    expect(status().strays).toEqual([])
  })
})

describe('a session', () => {
  beforeEach(async () => {
    await write('tsm/connect')
    await inject({at: 'now', do: 'rival'}, OTHER)
  })

  const CLEAN = `stream1.1.0 avail=255`

  it('ends with disconnect, and the other device keeps its own', async () => {
    const {links: near, devices} = state()
    expect(await write('tsm/disconnect')).toBe('ok')
    expect(state().links).toEqual({[OTHER]: near[OTHER]})
    expect(state().devices).toEqual({[OTHER]: devices[OTHER]})
    expect(shell(machine).bridge(BRIDGE)).toBe(CLEAN)
  })

  it.each(['spdm-error', 'no-answer'] as const)('stays at the device that is disconnected with %s', async kind => {
    const {session} = state().devices[DEVICE]!
    const waited: number[] = []
    machine = {...machine, kernel: machine.open({sleep: async ms => void waited.push(ms)})}
    await inject({at: 'disconnect', do: kind})
    expect([await write('tsm/disconnect'), shell(machine).bridge(BRIDGE)]).toEqual(['ok', CLEAN])
    expect(waited).toEqual(kind === 'no-answer' ? [1000] : [])
    expect(status().strays).toEqual([{bdf: DEVICE, session, keys: ALL_KEYS}])
    expect([await write('tsm/connect'), status().strays]).toEqual(['ok', []])
  })

  it('is lost in a reset: only the registers of the device show it, and connecting again helps', async () => {
    await write('reset', '1')
    expect(Object.keys(state().devices)).toEqual([OTHER])
    expect(shell(machine).read(`${DEVICE}/tsm/connect`)).toBe('tsm0')
    expect(states()[0]).toEqual(['secure', 'insecure'])
    expect(status().streams[0]).toMatchObject({rootPortKeys: ALL_KEYS, endpointKeys: 0})
    expect([await write('tsm/disconnect'), await write('tsm/connect'), states()[1]]).toEqual([
      'ok',
      'ok',
      ['secure', 'secure'],
    ])
  })

  it('that is lost while the TSM speaks stays lost: what was said meanwhile is worth nothing', async () => {
    await inject({at: 'disconnect', do: 'no-answer'})
    const kernel = machine.open({sleep: async () => {}})
    const waiting = machine.open({sleep: async () => void (await write('reset', '1'))})
    machine = {...machine, kernel}
    await write('tsm/disconnect')
    expect(status().strays).toHaveLength(1)
    await inject({at: 'connect', do: 'no-answer', step: 'K_SET_GO'})
    machine = {...machine, kernel: waiting}
    expect(await write('tsm/connect')).toBe('EIO')
    expect([state().links[DEVICE], state().devices[DEVICE]]).toEqual([undefined, undefined])
  })

  it.each([
    ['the removal of its device', () => write('remove', '1'), [OTHER]],
    ['no virtual function', () => makeAndRemoveVfs(), [DEVICE, OTHER]],
    ['the TSM', () => inject({at: 'now', do: 'tsm-gone'}), []],
    ['a rival', () => inject({at: 'now', do: 'rival'}), [OTHER]],
  ] as const)('ends with %s', async (_, event, left) => {
    await event()
    expect([Object.keys(state().links), Object.keys(state().devices)]).toEqual([left, left])
  })

  it('does not survive D3cold', async () => {
    const text = `title: Sleeps deeply
bridges: [{at: "0000:00"}]
ports: [{at: "0000:00:01.0", bus: 1, ide: {selective: 1}}]
devices: [{at: "0000:01:00.0", kind: nvme, power: D3cold}]
`
    machine = await make({name: 'deep', text})
    const at = '0000:01:00.0'
    expect(await write('tsm/connect', 'tsm0', at)).toBe('EIO')
    await write('power/control', 'on', at)
    expect([await write('tsm/connect', 'tsm0', at), states()]).toEqual(['ok', [['secure', 'secure']]])
    await write('power/control', 'auto', at)
    expect([state().devices, states()]).toEqual([{}, [['secure', 'insecure']]])
  })
})

describe('a process that is killed in the middle of a conversation', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tsmctl-sim-killed-'))
  afterAll(() => rmSync(directory, {recursive: true, force: true}))

  it('leaves the machine as it was, and the next connect works', async () => {
    const outfile = join(directory, 'connect.mjs')
    await build({
      stdin: {
        contents: `import {simKernel} from './src/sim/kernel.js'
          const sleep = () => new Promise(() => { console.log('silent'); setInterval(() => {}, 1000) })
          await simKernel(process.argv[2], {sleep}).write(process.argv[3], Buffer.from('tsm0'))`,
        resolveDir: new URL('../../', import.meta.url).pathname,
        loader: 'js',
      },
      bundle: true,
      platform: 'node',
      format: 'esm',
      banner: {js: "import {createRequire} from 'node:module'; const require = createRequire(import.meta.url)"},
      outfile,
      logLevel: 'silent',
    })
    const before = state()
    await inject({at: 'connect', do: 'no-answer', step: 'KEY_PROG'})
    const child = spawn(process.execPath, [outfile, machine.directory, attributePath(DEVICE, 'tsm/connect')])
    await new Promise(resolve => child.stdout.once('data', resolve))
    child.kill('SIGKILL')
    await new Promise(resolve => child.once('exit', resolve))
    expect(state()).toEqual(before)
    expect([await write('tsm/connect'), states()]).toEqual(['ok', [['secure', 'secure']]])
  })
})

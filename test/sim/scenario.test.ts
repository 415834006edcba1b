import {mkdtempSync, rmSync, statSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, describe, expect, it} from 'vitest'
import {TsmctlError} from '../../src/errors.js'
import {
  createMachine,
  machineExists,
  machineStatus,
  publications,
  SCENARIO_GROUPS,
  SCENARIOS,
  simKernel,
} from '../../src/sim/index.js'
import {nearest} from '../../src/sim/strict-schema.js'
import {dump} from './dump.js'
import {GPU, lockDevice, machines} from './machines.js'

const make = machines()
const root = mkdtempSync(join(tmpdir(), 'tsmctl-scenario-'))
afterAll(() => rmSync(root, {recursive: true, force: true}))
let count = 0
const place = (): string => join(root, String(count++))

const GPU_LINE = `  - at: "${GPU}"\n    kind: gpu\n`
const scenario = (rest: string): string => `title: A test\n${rest}`
const withGpu = (rest = ''): string => scenario(`devices:\n${GPU_LINE}${rest}`)

async function refusal(text: string): Promise<TsmctlError> {
  const directory = place()
  const error: unknown = await createMachine(directory, {name: 'mine.yaml', text}).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(TsmctlError)
  expect(machineExists(directory)).toBe(false)
  return error as TsmctlError
}

describe('a scenario is refused, by place and reason', () => {
  it.each([
    ['', 'not a mapping with title and devices', undefined],
    ['- 1', 'not a mapping', undefined],
    ['title: [', 'not the YAML of a scenario', undefined],
    ['title: a\ntitle: b', 'not the YAML of a scenario', undefined],
    [scenario(''), 'devices: is missing', undefined],
    [scenario('device: []\ndevices: []'), 'device: unknown key', 'Did you mean devices?'],
    [scenario('devices: []\ncolour: red'), 'colour: unknown key', 'Known here: title, tsm, nonce'],
    [
      scenario('devices: []\ntsm: devsecc'),
      'tsm: "devsecc" is not one of devsec, none, absent',
      'Did you mean devsec?',
    ],
    [scenario('devices: []\nnonce: honored'), 'nonce: "honored" is not one of', 'Did you mean honoured?'],
    [withGpu('    knd: gpu\n'), 'devices[0].knd: unknown key', 'Did you mean kind?'],
    [scenario('devices:\n  - at: "01:00.0"\n    kind: gpu\n'), 'devices[0].at: a function such as', undefined],
    [
      scenario(`devices:\n  - at: "${GPU}"\n    kind: gpuu\n`),
      'devices[0].kind: "gpuu" is not one of',
      'Did you mean gpu?',
    ],
    [withGpu(GPU_LINE), `devices[1].at: ${GPU} is there already`, undefined],
    [scenario('devices:\n  - at: "0000:40:00.0"\n    kind: gpu\n'), 'buses beyond 1f', undefined],
    [withGpu('  - at: "0000:00:01.0"\n    kind: nic\n'), '0000:00:01.0 is the root port of bus 1', undefined],
    [withGpu('    bars: [{bar: 0, size: 3 MiB}]\n'), 'devices[0].bars[0].size: a power of two', undefined],
    [withGpu('    bars: [{bar: 0, size: large}]\n'), 'devices[0].bars[0].size: a size such as 16 MiB', undefined],
    [withGpu('    bars: [{bar: 0, size: 64 KiB}, {bar: 1, size: 64 KiB}]\n'), 'BAR 1 does not fit', undefined],
    [withGpu('    bars: [{bar: 5, size: 64 KiB}]\n'), 'BAR 5 does not fit', undefined],
    [withGpu('    mode: [debug]\n'), 'devices[0].mode[0]: "debug" is not one of', undefined],
    [withGpu('    measurements: [{index: 0, of: x}]\n'), 'devices[0].measurements[0].index', undefined],
    [withGpu('    measurements: [{index: 2}]\n'), 'exactly one of of, digest, raw, svn and absent', undefined],
    [withGpu('    measurements: [{index: 2, of: x, svn: 1}]\n'), 'exactly one of', undefined],
    [withGpu('    measurements: [{index: 2, digest: ab}]\n'), 'a SHA-384 digest', undefined],
    [withGpu('    ranges: [{bar: 0, first: -1, pages: 1}]\n'), 'devices[0].ranges[0].first', undefined],
    [
      withGpu('    faults: [{at: lock, do: replay}]\n'),
      'devices[0].faults[0].do: replay is nothing',
      'Known there: errno',
    ],
    [
      scenario('devices:\n  - {at: "0000:00:10.0", kind: virtio-net, mode: [invasive-debug]}\n'),
      'has no DSM',
      undefined,
    ],
    [scenario('devices: &x []\nextra: *x'), 'aliases are not allowed', undefined],
    [scenario('title: again\n'), 'Map keys must be unique', undefined],
    [scenario('? [x]\n: y\n'), 'keys must be words', undefined],
    [
      scenario('devices:\n  - {at: "0000:00:10.0", kind: {toString: 1}}\n'),
      'devices[0].kind: a mapping or list is not one of',
      undefined,
    ],
    ['#'.repeat(1024 * 1024 + 1), 'larger than 1048576', undefined],
    ['['.repeat(20_000), 'not the YAML of a scenario', undefined],
  ])('%#: %j', async (text, message, hint) => {
    const error = await refusal(text)
    expect(error.kind).toBe('malformed')
    expect(error.message).toContain('cannot use scenario mine.yaml')
    expect(error.message).toContain(message)
    if (hint !== undefined) expect(error.hint).toContain(hint)
  })

  it('by an unknown name with the ones there are', async () => {
    await expect(createMachine(place(), 'gest')).rejects.toMatchObject({
      kind: 'usage',
      hint: 'Did you mean guest? tsmctl sim list names them all.',
    })
  })

  it('with terminal escapes made visible', async () => {
    const error = await refusal(scenario('devices: []\n"\\e[31m": 1'))
    expect(error.message).toContain('\\x1b[31m: unknown key')
  })
})

describe('nearest', () => {
  it.each([
    ['knd', ['kind', 'at'], 'kind'],
    ['KIND', ['kind'], 'kind'],
    ['x', ['kind'], undefined],
    ['', [], undefined],
  ])('%j of %j is %j', (wanted, known, meant) => {
    expect(nearest(wanted, known)).toBe(meant)
  })
})

/** MeasurementRecord: behind request (37 bytes) and head (8), before nonce, opaque length and signature. */
const record = (objects: Record<string, Buffer>): Buffer => objects['measurements']!.subarray(45, -130)

describe('a scenario says', () => {
  it('what a device measures, and the vendor goes on publishing what it should', async () => {
    const machine = await make({
      name: 'old',
      text: withGpu(
        '    measurements:\n      - {index: 2, of: firmware 0.1}\n      - {index: 16, svn: 3}\n      - {index: 4, absent: true}\n      - {index: 32, type: manifest, raw: 0a0b}\n',
      ),
    })
    const sound = await make({name: 'sound', text: withGpu()})
    await lockDevice(machine, GPU)
    await lockDevice(sound, GPU)
    const [old, good] = [await dump(machine.kernel, GPU), await dump(sound.kernel, GPU)]
    expect(record(old).includes(Buffer.from('0a0b', 'hex'))).toBe(true)
    expect(record(old).includes(Buffer.from('10010b0087080003', 'hex'))).toBe(true)
    expect(record(good).includes(Buffer.from('10010b0087080007', 'hex'))).toBe(true)
    expect(record(old).length).toBe(record(good).length - 55 + 9)
    expect((await publications(machine.directory)).models).toMatchObject(
      (await publications(sound.directory)).models.map(({reference}) => ({reference})),
    )
  })

  it('ids, driver, BARs and model', async () => {
    const machine = await make({
      name: 'ids',
      text: withGpu(
        '    ids: {vendor: 0x1234, revision: 9}\n    driver: mygpu\n    bound: false\n    model: BIGGPU\n    bars: [{bar: 0, size: 1 GiB, prefetchable: true}]\n',
      ),
    })
    expect([machine.read(GPU, 'vendor'), machine.read(GPU, 'device'), machine.read(GPU, 'revision')]).toEqual([
      '0x1234',
      '0x0001',
      '0x09',
    ])
    expect(machine.kernel.list('/sys/bus/pci/drivers/mygpu')).toEqual(['bind', 'unbind'])
    const [first] = machine.read(GPU, 'resource').split('\n')
    const [start, end] = first!.split(' ').map(BigInt) as [bigint, bigint]
    expect(end - start + 1n).toBe(1n << 30n)
    expect((await publications(machine.directory)).models).toMatchObject([
      {model: 'BIGGPU', vendor: 0x1234, device: 1, identityPrefix: 'ACME:BIGGPU:'},
    ])
  })

  it('faults that come back with every boot', async () => {
    const machine = await make({name: 'faulty', text: withGpu('    faults: [{at: lock, do: stuck}]\n')})
    await lockDevice(machine, GPU)
    expect(machine.read(GPU, 'tsm/lock')).toBe('')
    await lockDevice(machine, GPU)
    expect(machine.read(GPU, 'tsm/lock')).toBe('tsm0')
  })

  it('any number of devices', async () => {
    const lines = Array.from(
      {length: 40},
      (_, i) => `  - {at: "0000:01:${(i >>> 3).toString(16).padStart(2, '0')}.${i % 8}", kind: gpu}\n`,
    )
    const machine = await make({name: 'many', text: scenario(`devices:\n${lines.join('')}`)})
    expect(machineStatus(machine.directory).devices).toHaveLength(40)
    expect(new Set(machineStatus(machine.directory).devices.map(({identity}) => identity)).size).toBe(40)
  })

  it('a machine without any device that has a certificate', async () => {
    const machine = await make({
      name: 'plain',
      text: scenario('devices:\n  - {at: "0000:00:10.0", kind: virtio-net}\n'),
    })
    expect(machineStatus(machine.directory).devices).toEqual([])
    await expect(publications(machine.directory)).rejects.toThrow('no device of this machine has a certificate')
  })
})

describe('creating and opening', () => {
  it('every built-in scenario has a title and makes a machine', async () => {
    // hostile ones are made where they are met, test/lab
    for (const name of [...SCENARIO_GROUPS.guests, ...SCENARIO_GROUPS.hosts]) {
      const title = SCENARIOS[name]
      const {directory} = await make(name)
      expect(machineStatus(directory)).toMatchObject({scenario: name, title})
    }
  })

  it('keeps keys to the owner', async () => {
    const directory = place()
    await createMachine(directory, 'empty')
    expect(statSync(directory).mode % 0o1000).toBe(0o700)
    for (const file of ['machine.json', 'state.json']) expect(statSync(join(directory, file)).mode % 0o1000).toBe(0o600)
  })

  it('does not replace a machine unless told', async () => {
    const directory = place()
    await createMachine(directory, 'bare')
    await expect(createMachine(directory, 'empty')).rejects.toMatchObject({kind: 'usage'})
    expect(machineStatus(directory).scenario).toBe('bare')
    await createMachine(directory, 'empty', {replace: true})
    expect(machineStatus(directory).scenario).toBe('empty')
  })

  it('a directory without a machine says how to make one', () => {
    const directory = place()
    expect(machineExists(directory)).toBe(false)
    expect(() => simKernel(directory)).toThrow(/cannot open a simulated machine.*there is none/)
  })

  it.each([
    ['machine.json', '{', 'malformed'],
    ['machine.json', '{"format": "tsmctl-sim-9"}', 'unsupported'],
    ['machine.json', 'null', 'malformed'],
    ['machine.json', '{"format": "tsmctl-sim-2"}', 'malformed'],
    ['machine.json', `${'['.repeat(2000)}${']'.repeat(2000)}`, 'malformed'],
    ['state.json', '', 'malformed'],
    ['state.json', 'null', 'malformed'],
    ['state.json', '{"functions": {}}', 'malformed'],
  ])('a spoilt %s is reported, not trusted', async (file, content, kind) => {
    const {directory} = await make('bare')
    writeFileSync(join(directory, file), content)
    expect(() => simKernel(directory).list('/sys')).toThrow(TsmctlError)
    const failure = (): unknown => {
      try {
        return simKernel(directory).list('/sys')
      } catch (error) {
        const {kind: told, hint} = error as TsmctlError
        return [told, hint]
      }
    }
    expect(failure()).toEqual([kind, `tsmctl sim create ${directory} --replace makes a new one.`])
  })
})

import {execFile} from 'node:child_process'
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {build} from 'esbuild'
import {afterAll, beforeAll, beforeEach, describe, expect, it} from 'vitest'
import {injectFault, machineStatus} from '../../src/sim/index.js'
import {openMachine} from '../../src/sim/store.js'
import {rejectedErrno} from '../kernel/errnos.js'
import {attributePath, DRIVERS, GPU, lockDevice, machines, type TestMachine} from './machines.js'

const make = machines()
let machine: TestMachine
beforeEach(async () => {
  machine = await make()
})

describe('two openings of one machine', () => {
  it('see what the other did', async () => {
    const other = machine.open()
    expect(other.stat(attributePath(GPU, 'driver'))?.type).toBe('link')
    await lockDevice(machine, GPU)
    expect(other.stat(attributePath(GPU, 'driver'))).toBeUndefined()
    expect(Buffer.from(other.read(attributePath(GPU, 'tsm/lock'))).toString()).toBe('tsm0\n')
    await other.write(attributePath(GPU, 'tsm/unlock'), Buffer.from('tsm0'))
    expect(machine.read(GPU, 'tsm/lock')).toBe('')
  })

  it('contend for a lock, and one gets it', async () => {
    await machine.write(`${DRIVERS}/acmegpu`, 'unbind', GPU)
    const kernels = [machine.kernel, machine.open(), machine.open()]
    const outcomes = await Promise.all(
      kernels.map(kernel => rejectedErrno(kernel.write(attributePath(GPU, 'tsm/lock'), Buffer.from('tsm0')))),
    )
    expect(outcomes.sort()).toEqual(['EBUSY', 'EBUSY', 'none'])
    expect(machineStatus(machine.directory).devices[0]!.lockEpoch).toBe(1)
  })

  it('share locks and state of tsmctl, unless told where else to keep them', () => {
    const other = machine.open()
    const release = machine.kernel.lock('device-x')
    expect(() => other.lock('device-x')).toThrow('EBUSY')
    machine.open({stateDirectory: join(machine.directory, 'elsewhere')}).lock('device-x')()
    release()
    machine.kernel.state.append('audit.jsonl', Buffer.from('one\n'))
    expect(Buffer.from(other.state.read('audit.jsonl')!).toString()).toBe('one\n')
  })

  it('a change that fails leaves nothing behind', () => {
    const store = openMachine(machine.directory)
    const before = structuredClone(store.state())
    expect(() =>
      store.update(state => {
        state.violations.push({kind: 'repeated-accept', device: GPU, detail: 'x'})
        throw new RangeError('changed my mind')
      }),
    ).toThrow('changed my mind')
    expect(store.state()).toEqual(before)
    expect(openMachine(machine.directory).state()).toEqual(before)
  })

  it('a process that died in the middle of a change blocks nobody', async () => {
    const locks = join(machine.directory, 'lock')
    mkdirSync(locks, {recursive: true, mode: 0o700})
    writeFileSync(join(locks, 'machine@4194304@1'), '')
    await injectFault(machine.directory, {device: GPU, at: 'lock', do: 'stuck'})
    expect(machineStatus(machine.directory).faults).toHaveLength(1)
  })
})

describe('several processes', () => {
  let program: string
  let bundle: string
  beforeAll(async () => {
    bundle = mkdtempSync(join(tmpdir(), 'tsmctl-sim-process-'))
    program = join(bundle, 'count.mjs')
    await build({
      stdin: {
        contents: `import {openMachine} from './src/sim/store.js'
          const store = openMachine(process.argv[2])
          for (let i = 0; i < 20; i++)
            store.update(state => state.violations.push({kind: 'repeated-accept', device: process.argv[3], detail: String(i)}))`,
        resolveDir: new URL('../../', import.meta.url).pathname,
        loader: 'js',
      },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: program,
      logLevel: 'silent',
    })
  })
  afterAll(() => rmSync(bundle, {recursive: true, force: true}))

  it('lose none of each other’s changes', async () => {
    const run = promisify(execFile)
    const names = ['a', 'b', 'c', 'd']
    await Promise.all(names.map(name => run(process.execPath, [program, machine.directory, name])))
    const {violations} = machineStatus(machine.directory)
    expect(violations).toHaveLength(80)
    for (const name of names)
      expect(violations.filter(({device}) => device === name).map(({detail}) => detail)).toEqual(
        Array.from({length: 20}, (_, i) => String(i)),
      )
    expect(openMachine(machine.directory).state().revision).toBe(81)
  })
})

import fc from 'fast-check'
import {mkdtempSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {ErrnoError, TsmctlError} from '../../src/errors.js'
import {createMachine, machineExists, machineStatus, resetMachine} from '../../src/sim/index.js'
import {attribute, dump, request} from './dump.js'
import {attributePath, BUS, DRIVERS, GPU, lockDevice, machines, type TestMachine} from './machines.js'

const make = machines()
let machine: TestMachine
beforeAll(async () => {
  machine = await make()
})

/** The errno of a refused promise; anything else that is thrown fails the property. */
async function refusedOnlyByErrno(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'none'
  } catch (error) {
    if (error instanceof ErrnoError) return error.errno
    throw error
  }
}

const ACTIONS: readonly (readonly [place: string, attribute: string, text: string])[] = [
  [GPU, 'tsm/lock', 'tsm0'],
  [GPU, 'tsm/unlock', 'tsm0'],
  [GPU, 'tsm/accept', '1'],
  [GPU, 'reset', '1'],
  [GPU, 'enable', '1'],
  [GPU, 'enable', '0'],
  [GPU, 'remove', '1'],
  [BUS, 'rescan', '1'],
  [BUS, 'drivers_probe', GPU],
  [`${DRIVERS}/acmegpu`, 'bind', GPU],
  [`${DRIVERS}/acmegpu`, 'unbind', GPU],
]

describe('whatever is done to a device', () => {
  it('attributes, TDISP state, evidence and violations stay in step', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...ACTIONS), {maxLength: 14}), async actions => {
        await resetMachine(machine.directory)
        for (const [place, name, text] of actions) {
          await refusedOnlyByErrno(machine.write(place, name, text))
          const {devices, violations} = machineStatus(machine.directory)
          const {present, driver, tdi, lockedBy, accepted} = devices[0]!
          if (tdi === 'RUN') expect(accepted).toBe(true)
          if (tdi === 'CONFIG_LOCKED') expect([lockedBy, accepted]).toEqual(['tsm0', false])
          expect(lockedBy === null).toBe(tdi === 'CONFIG_UNLOCKED')
          if (accepted) expect(lockedBy).toBe('tsm0')
          if (lockedBy !== null && !accepted && driver !== null)
            expect(violations.map(({kind}) => kind)).toContain('bound-while-locked')
          expect(machine.kernel.stat(attributePath(GPU, 'tsm/lock')) !== undefined).toBe(present)
          expect(await refusedOnlyByErrno(dump(machine.kernel, GPU, {mask: 0x400}))).toBe(
            present ? (lockedBy === null ? 'ENXIO' : 'none') : 'ENODEV',
          )
        }
      }),
      {numRuns: 15},
    )
  })
})

describe('whatever is asked', () => {
  it('a dump request is answered or refused with an errno of the family', async () => {
    await resetMachine(machine.directory)
    await lockDevice(machine, GPU)
    const attributes = fc.array(
      fc
        .tuple(fc.integer({min: 0, max: 9}), fc.uint8Array({maxLength: 40}))
        .map(([type, value]) => attribute(type, value)),
      {maxLength: 6},
    )
    const bytes = fc.uint8Array({maxLength: 64}).map(raw => [Buffer.from(raw)])
    await fc.assert(
      fc.asyncProperty(fc.oneof(attributes, bytes), async parts => {
        const refusal = await refusedOnlyByErrno(machine.kernel.netlinkDump(request(...parts)))
        expect(['none', 'EINVAL', 'ENODEV']).toContain(refusal)
      }),
      {numRuns: 300},
    )
  })

  it('a write is carried out or refused with an errno', async () => {
    const paths = ACTIONS.map(([place, name]) =>
      place.startsWith('/') ? `${place}/${name}` : attributePath(place, name),
    )
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), fc.uint8Array({maxLength: 40}), async (path, text) => {
        await refusedOnlyByErrno(machine.kernel.write(path, text))
      }),
      {numRuns: 60},
    )
    expect(machine.kernel.list('/sys/bus/pci/devices')).toContain('0000:02:00.0')
  })
})

describe('whatever a scenario says', () => {
  const root = mkdtempSync(join(tmpdir(), 'tsmctl-scenarios-'))
  afterAll(() => rmSync(root, {recursive: true, force: true}))

  it('a machine is made, or the text refused', async () => {
    const keys = fc.constantFrom('title', 'tsm', 'nonce', 'devices', 'at', 'kind', 'bars', 'size', 'faults', 'x')
    const {node} = fc.letrec(tie => ({
      node: fc.oneof(
        {depthSize: 'small'},
        fc.constantFrom<unknown>('gpu', 'devsec', GPU, 'lock', 0, 1, -1, 1.5, null, true, '16 MiB', ''),
        fc.string(),
        fc.array(tie('node'), {maxLength: 3}),
        fc.dictionary(keys, tie('node'), {maxKeys: 5}),
      ),
    }))
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          node.map(value => JSON.stringify(value)),
          fc.string(),
        ),
        async text => {
          const directory = join(root, 'machine')
          try {
            await createMachine(directory, {name: 'fuzz', text})
            expect(machineExists(directory)).toBe(true)
          } catch (error) {
            expect(error).toBeInstanceOf(TsmctlError)
            expect((error as TsmctlError).kind).toBe('malformed')
          } finally {
            rmSync(directory, {recursive: true, force: true})
          }
        },
      ),
      {numRuns: 300},
    )
  })
})

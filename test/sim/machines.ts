/** Simulated machines for tests, each in a directory of its own that goes when the file's tests are done. */
import {mkdtempSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll} from 'vitest'
import {attributeBytes, type Kernel, readText} from '../../src/kernel/index.js'
import {createMachine, SCENARIO_TEXTS, type ScenarioSource, simKernel, type SimOptions} from '../../src/sim/index.js'
import {prepared} from '../support/prepared.js'

export const GPU = '0000:01:00.0'
export const NVME = '0000:02:00.0'
export const NIC = '0000:03:00.0'
export const PLAIN = '0000:00:10.0'

export interface TestMachine {
  readonly directory: string
  readonly kernel: Kernel
  open(options?: SimOptions): Kernel
  /** Text of an attribute of a function. */
  read(bdf: string, attribute: string): string
  /** Writes an attribute of a function, or a path. */
  write(place: string, attribute: string, text: string): Promise<void>
}

export const attributePath = (bdf: string, attribute: string): string => `/sys/bus/pci/devices/${bdf}/${attribute}`

const copyMachine = prepared<ScenarioSource>(createMachine)

/** Registers the clean-up and returns the maker. */
export function machines(): (source?: ScenarioSource, copy?: typeof copyMachine) => Promise<TestMachine> {
  const root = mkdtempSync(join(tmpdir(), 'tsmctl-sim-'))
  let count = 0
  afterAll(() => rmSync(root, {recursive: true, force: true}))

  return async (source = 'guest', copy = copyMachine) => {
    const directory = join(root, String(count++))
    await copy(directory, source)
    const kernel = simKernel(directory)
    return {
      directory,
      kernel,
      open: options => simKernel(directory, options),
      read: (bdf, attribute) => readText(kernel, attributePath(bdf, attribute)),
      write: (place, attribute, text) =>
        kernel.write(
          place.startsWith('/') ? `${place}/${attribute}` : attributePath(place, attribute),
          attributeBytes(text),
        ),
    }
  }
}

/**
 * A host whose TSM opens no SPDM session: for tests of books and answers that connect hundreds of times. Built-in
 * scenarios by name.
 */
export function withoutSpdm(source: ScenarioSource): ScenarioSource {
  const {name, text} = typeof source === 'string' ? {name: source, text: SCENARIO_TEXTS[source]!} : source
  const changed = text.replace('provider: {', 'provider: {spdm: none, ')
  return {name, text: changed === text ? `${text}provider: {spdm: none}\n` : changed}
}

/** Lets functions be suspended when they are idle, as a laptop's udev rules do: a kernel alone lets none. */
export async function allowSleep({kernel}: Pick<TestMachine, 'kernel'>): Promise<void> {
  for (const bdf of kernel.list('/sys/bus/pci/devices')) {
    const path = attributePath(bdf, 'power/control')
    // each is a change of the machine's one state
    // oxlint-disable-next-line no-await-in-loop
    if (kernel.stat(path) !== undefined) await kernel.write(path, attributeBytes('auto'))
  }
}

export const DRIVERS = '/sys/bus/pci/drivers'
export const BUS = '/sys/bus/pci'

/** Unbinds whatever is bound, and locks. */
export async function lockDevice(machine: TestMachine, bdf: string): Promise<void> {
  const {kernel} = machine
  const driver = attributePath(bdf, 'driver')
  if (kernel.stat(driver) !== undefined)
    await machine.write(`${DRIVERS}/${kernel.readlink(driver).split('/').at(-1)!}`, 'unbind', bdf)
  await machine.write(bdf, 'tsm/lock', 'tsm0')
}

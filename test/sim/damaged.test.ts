/** A machine's files after an accident: refused by name when it is opened, never an error of ours later. */
import {cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, expect, it} from 'vitest'
import {TsmctlError} from '../../src/errors.js'
import {createMachine, simKernel} from '../../src/sim/index.js'

const root = mkdtempSync(join(tmpdir(), 'tsmctl-damaged-'))
afterAll(() => rmSync(root, {recursive: true, force: true}))
beforeAll(() => createMachine(join(root, 'sound'), 'gpu-host'))

// oxlint-disable-next-line typescript/no-explicit-any
type Loose = any

/** Whatever a listing of a host looks at. */
function look(directory: string): void {
  const kernel = simKernel(directory)
  for (const name of kernel.list('/sys/bus/pci/devices')) kernel.read(`/sys/bus/pci/devices/${name}/config`)
}

/** The function that has an IDE capability. */
const withIde = (machine: Loose): Loose => machine.functions.find((fn: Loose) => fn.host?.ide)

it.each<[string, string, (file: Loose) => void]>([
  ['a path that is none', 'machine.json', file => (file.functions[0].path = 'x')],
  ['a path below nothing', 'machine.json', file => (file.functions[0].path = '/sys/devices')],
  ['a driver called ..', 'machine.json', file => file.drivers.push('../..')],
  ['a vendor of more than 16 bits', 'machine.json', file => (file.functions[0].ids.vendor = 65_536)],
  ['more Link blocks than there can be', 'machine.json', file => (withIde(file).host.ide.link = 2 ** 32)],
  ['an extended capability behind configuration space', 'machine.json', file => (withIde(file).host.ide.at = 4096)],
  [
    'a stream state of more than 4 bits',
    'state.json',
    file => ((Object.values(file.host.ide) as Loose)[0].selective[0].state = 255),
  ],
])('%s is refused', (_, name, damage) => {
  const directory = mkdtempSync(join(root, 'm-'))
  cpSync(join(root, 'sound'), directory, {recursive: true})
  look(directory)
  const file = JSON.parse(readFileSync(join(directory, name), 'utf8'))
  damage(file)
  writeFileSync(join(directory, name), JSON.stringify(file))
  let refusal: unknown
  try {
    look(directory)
  } catch (error) {
    refusal = error
  }
  expect(refusal).toBeInstanceOf(TsmctlError)
  expect(refusal).toMatchObject({kind: 'malformed', path: join(directory, name)})
})

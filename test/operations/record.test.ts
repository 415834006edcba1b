/** What was recorded answers every read verb as the machine itself did. */
import {describe, expect, it} from 'vitest'
import {errnoOf} from '../../src/errors.js'
import {attributeBytes, type Kernel, openReplay, parseCapture, replayKernel} from '../../src/kernel/index.js'
import {COLUMNS, listColumns, listDevices, recordMachine, rowJson, simScenarios} from '../../src/operations/index.js'
import {simKernel} from '../../src/sim/index.js'
import {guest} from '../support/guest.js'
import {READ_VERBS} from '../support/read-verbs.js'

/** Guests that differ in their devices only are recorded alike, and hostile ones like `guest`. */
const ALIKE = new Set(['guest-one', 'guest-two', 'guest-eight', 'guest-slow'])
const SCENARIOS = (await simScenarios()).flatMap(({name, group}) =>
  group === 'hostile' || ALIKE.has(name) ? [] : [name],
)
const CAPTURES = ['host-connected', 'guest-locked']

const record = async (kernel: Kernel, anonymise = false): Promise<Kernel> =>
  replayKernel(parseCapture((await recordMachine(kernel, {anonymise})).text))

const expectErrno = (error: unknown): void => expect(errnoOf(error)).toBeDefined()

const opened = new Map<string, Promise<Kernel>>()

/** Nothing here changes a machine: one of each will do. */
const machineOf = (scenario: string): Promise<Kernel> => {
  const kernel = opened.get(scenario) ?? connected(scenario)
  opened.set(scenario, kernel)
  return kernel
}

/** The machine with VFs enabled and every device connected that can be: then there are streams and contexts to record. */
async function connected(scenario: string): Promise<Kernel> {
  const {kernel} = await guest(scenario)
  const {devices} = await listDevices(kernel)
  for (const {bdf} of devices) {
    const vfs = `/sys/bus/pci/devices/${bdf}/sriov_numvfs`
    if (kernel.stat(vfs) !== undefined) await kernel.write(vfs, attributeBytes('2')).catch(expectErrno)
    const connect = `/sys/bus/pci/devices/${bdf}/tsm/connect`
    if (kernel.stat(connect) === undefined) continue
    // some have no stream left
    await kernel.write(connect, attributeBytes('tsm0')).catch(expectErrno)
  }
  return kernel
}

const machines: readonly (readonly [string, () => Promise<Kernel>])[] = [
  ...SCENARIOS.map(name => [`scenario ${name}`, () => machineOf(name)] as const),
  [
    'scenario nvme-host without privilege',
    async () => simKernel((await guest('nvme-host')).directory, {privileged: false}),
  ],
  ...CAPTURES.map(name => {
    const path = new URL(`../../fixtures/captures/${name}.json`, import.meta.url).pathname
    return [`capture ${name}`, async () => openReplay(path)] as const
  }),
]

describe.each(machines)('a recording of %s', (_, open) => {
  it('answers every read verb as the machine does', async () => {
    const kernel = await open()
    const replay = await record(kernel)
    for (const [name, verb] of Object.entries(READ_VERBS))
      expect({[name]: await verb(replay)}).toEqual({[name]: await verb(kernel)})
  })

  it('can be recorded again, to the same text', async () => {
    const kernel = await open()
    const first = await recordMachine(kernel, {anonymise: false})
    const second = await recordMachine(replayKernel(parseCapture(first.text)), {anonymise: false})
    expect(second.text.slice(second.text.indexOf('"tree"'))).toBe(first.text.slice(first.text.indexOf('"tree"')))
  })

  it('that is anonymous answers every read verb, and differs only in what identifies', async () => {
    const kernel = await open()
    const replay = await record(kernel, true)
    for (const [name, verb] of Object.entries(READ_VERBS))
      expect({[name]: withoutSerials(await verb(replay))}).toEqual({[name]: withoutSerials(await verb(kernel))})
  })
})

const serials = async (from: Kernel) =>
  (await listColumns(from, {columns: COLUMNS})).devices.flatMap(device => rowJson(device)['serialNumber'] ?? [])

it('the hosts have streams, contexts and a DSM where topology predicts it', async () => {
  const states: Record<string, unknown> = {}
  let vfs = 0
  for (const name of SCENARIOS) {
    const kernel = await machineOf(name)
    const devices = (await listColumns(kernel, {columns: COLUMNS})).devices.map(rowJson)
    states[name] = devices.filter(({state}) => state === 'connected').length
    vfs += devices.filter(({physfn}) => physfn !== null).length
    const named = devices.filter(({dsm}) => dsm !== null)
    expect(named.map(({bdf, dsm}) => [bdf, dsm])).toEqual(named.map(({bdf, topologyDsm}) => [bdf, topologyDsm]))
  }
  expect(vfs).toBeGreaterThan(0)
  for (const host of ['gpu-host', 'nvme-host', 'multi-segment', 'few-streams']) expect(states[host]).toBeGreaterThan(0)
})

it('the scenario has serial numbers, which an anonymous recording does not', async () => {
  const {kernel} = await guest()
  expect(await serials(kernel)).toContainEqual(expect.stringMatching(/[1-9a-f]/))
  for (const serial of await serials(await record(kernel, true))) expect(serial).toBe('00-00-00-00-00-00-00-00')
})

/** The same without serial numbers: in the registers, and in any text as the rest of the line. */
function withoutSerials(value: unknown): unknown {
  const text = JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? String(item) : item))
  return JSON.parse(
    text
      .replaceAll(/"serialNumber":"[^"]*"/g, '"serialNumber":""')
      .replaceAll(/serialNumber  0x[0-9a-f]{16}/g, 'serialNumber')
      .replaceAll(/\b(?:[0-9a-f]{2}-){7}[0-9a-f]{2}\b/g, 'serial'),
  )
}

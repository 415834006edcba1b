/** What the owner of the lab does: choose a scenario, have it explained, break the machine, and repair it. */
import {expect, it} from 'vitest'
import {explainScenario, simScenarios} from '../../src/operations/index.js'
import {clearSimFaults, injectSimFault} from '../../src/operations/sim.js'
import {kindsByPoint} from '../../src/operations/sim-kinds.js'
import {machineStatus, NOT_SIMULATED} from '../../src/sim/index.js'
import {labMachine} from '../support/lab.js'

const GPU = '0000:01:00.0'
const NVME = '0000:02:00.0'

it('every attack from A1 to A38 has a machine, or a reason why not, and never both', async () => {
  const simulated = (await simScenarios()).flatMap(({attack}) => attack ?? [])
  const all = [...new Set(simulated), ...Object.keys(NOT_SIMULATED)].map(id => Number(id.slice(1)))
  expect(all.toSorted((a, b) => a - b)).toEqual(Array.from({length: 38}, (_, i) => i + 1))
})

it('a scenario is explained with the attack, the check and the exit code', async () => {
  const text = await explainScenario('hostile-a07')
  for (const part of ['Attack A7.', 'tsm.digest.report', 'exit code 4']) expect(text).toContain(part)
  await expect(explainScenario('hostile-a7')).rejects.toMatchObject({hint: expect.stringContaining('hostile-a07')})
})

it('faults are cleared of one device, or all', async () => {
  const {directory} = await labMachine('guest-two')
  const fault = {at: 'lock', do: 'errno', errno: 'EIO'}
  for (const device of [GPU, NVME, NVME]) await injectSimFault(directory, {...fault, device})
  expect(await clearSimFaults(directory, NVME)).toBe(2)
  expect(machineStatus(directory).faults).toEqual([{...fault, device: GPU}])
  expect(await clearSimFaults(directory, undefined)).toBe(1)
  expect(machineStatus(directory).faults).toEqual([])
})

it('an object is swapped only with one that there is', async () => {
  const {directory} = await labMachine('guest-two')
  const swap = {device: GPU, at: 'evidence', do: 'swap', object: 'report'}
  await expect(injectSimFault(directory, {...swap, with: '0000:09:00.0'})).rejects.toMatchObject({kind: 'not-found'})
  await expect(injectSimFault(directory, swap)).rejects.toThrow('fault.with is missing')
  await injectSimFault(directory, {...swap, with: NVME})
  expect(machineStatus(directory).faults).toHaveLength(1)
})

it('the help says what can go wrong at every point', () => {
  for (const {kinds} of kindsByPoint()) expect(kinds.length).toBeGreaterThan(0)
  expect(kindsByPoint().map(({points}) => points)).toEqual(
    expect.arrayContaining(['evidence', 'now', 'read:ATTRIBUTE']),
  )
})

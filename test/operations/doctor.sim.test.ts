/** `doctor` on every built-in scenario: what fails, what root alone can see, and that a recording says the same. */
import {describe, expect, it} from 'vitest'
import {formatCapture, parseCapture, recordingKernel, replayKernel} from '../../src/kernel/index.js'
import {type Diagnosis, examineMachine, readDiagnosedMachine} from '../../src/operations/index.js'
import {SCENARIOS} from '../../src/sim/index.js'
import {machines} from '../sim/machines.js'

const make = machines()
const withStatus = ({checks}: Diagnosis, wanted: string): string[] =>
  checks.flatMap(({id, status}) => (status === wanted ? [id] : []))

/** What fails in each scenario: nothing in the ones that work. */
const EXPECTED: Readonly<Record<string, {readonly use: string; readonly fails: readonly string[]}>> = {
  bare: {use: 'guest', fails: ['kernel.tsm-core']},
  'bare-device': {use: 'guest', fails: ['kernel.tsm-core']},
  empty: {use: 'guest', fails: ['tsm.registered']},
  'few-streams': {use: 'host', fails: []},
  'firmware-stream': {use: 'host', fails: ['topology.firmware-streams', 'topology.streams']},
  'gpu-host': {use: 'host', fails: []},
  guest: {use: 'guest', fails: []},
  'multi-segment': {use: 'host', fails: []},
  'nvme-host': {use: 'host', fails: []},
  'sample-kernel': {use: 'host', fails: []},
}

/** Their kernels are all that of `guest`. */
const MORE_GUESTS = /^(?:guest|hostile)-/

it('has an expectation for every kernel of the built-in scenarios', () => {
  const names = Object.keys(SCENARIOS).filter(name => !MORE_GUESTS.test(name))
  expect(Object.keys(EXPECTED)).toEqual(names.sort())
})

describe.each(Object.entries(EXPECTED))('%s', (scenario, {use, fails}) => {
  it('fails in what it is made to lack, and leaves nothing unknown', async () => {
    const {kernel} = await make(scenario)
    const diagnosis = await examineMachine(kernel)
    expect(diagnosis.for).toBe(use)
    expect(withStatus(diagnosis, 'FAIL')).toEqual(fails)
    const open = withStatus(diagnosis, 'UNKNOWN')
    expect(open.filter(id => !id.startsWith('kernel.'))).toEqual([])
  })

  it('fails in nothing more without privilege', async () => {
    const {open} = await make(scenario)
    const diagnosis = await examineMachine(open({privileged: false}))
    expect(fails).toEqual(expect.arrayContaining(withStatus(diagnosis, 'FAIL')))
    expect(withStatus(diagnosis, 'UNKNOWN')).toEqual(
      expect.arrayContaining(['privilege.root', 'privilege.config-space', 'topology.endpoint-tee']),
    )
  })

  it('says the same of its recording', async () => {
    const {kernel} = await make(scenario)
    const direct = await examineMachine(kernel)
    const recording = recordingKernel(kernel)
    await readDiagnosedMachine(recording)
    const replayed = replayKernel(parseCapture(formatCapture(recording.capture())))
    expect(await examineMachine(replayed)).toEqual(direct)
  })
})

it('gives an AMD host every answer', async () => {
  const {kernel} = await make('gpu-host')
  const {checks} = await examineMachine(kernel)
  const skipped = withStatus({checks} as Diagnosis, 'SKIP').filter(id => !id.startsWith('intel.'))
  expect(skipped).toEqual(['topology.dsm-distance'])
  expect(checks.find(({id}) => id === 'amd.sev-tio')!.reason).toContain('tsm0, AMD Secure Processor')
  expect(checks.find(({id}) => id === 'tsm.connectable')!.items).toEqual(['0000:01:00.0', '0000:41:00.0'])
})

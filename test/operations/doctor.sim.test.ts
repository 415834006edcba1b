/** `doctor` on every built-in scenario: what fails, what root alone can see, and that a recording says the same. */
import {describe, expect, it} from 'vitest'
import {formatCapture, parseCapture, recordingKernel, replayKernel} from '../../src/kernel/index.js'
import {type Diagnosis, examineMachine, readDiagnosedMachine} from '../../src/operations/index.js'
import {ATTACK_SCENARIOS, SCENARIO_GROUPS, SCENARIO_TEXTS, SCENARIOS} from '../../src/sim/index.js'
import {machines} from '../sim/machines.js'

const make = machines()
const withStatus = ({checks}: Diagnosis, wanted: string): string[] =>
  checks.flatMap(({id, status}) => (status === wanted ? [id] : []))

/** What fails where something is missing. The other machines are in order, whoever lies on them: that is no diagnosis. */
const FAILS: Readonly<Record<string, readonly string[]>> = {
  bare: ['kernel.tsm-core'],
  'bare-device': ['kernel.tsm-core'],
  empty: ['tsm.registered'],
  'firmware-stream': ['topology.firmware-streams', 'topology.streams'],
}
const failsOf = (scenario: string): readonly string[] => FAILS[scenario] ?? []

const {guests, hosts} = SCENARIO_GROUPS

/** What a scenario says of the machine itself, by its keys outside of its devices. */
const machineOf = (name: string): string =>
  SCENARIO_TEXTS[name]!.split('\n')
    .filter(line => /^\w+:/.test(line) && !line.startsWith('title:'))
    .join()

/** One hostile scenario of each kind of machine: they differ in their devices, which are not diagnosed. */
const hostile = [...new Map(SCENARIO_GROUPS.hostile.map(name => [machineOf(name), name])).values()]

it('excepts scenarios that there are', () => {
  expect(Object.keys(FAILS).filter(name => !(name in SCENARIOS))).toEqual([])
})

it.each([...guests, ...hosts, ...hostile])(
  '%s fails in what it is made to lack, and leaves nothing unknown',
  async scenario => {
    const {kernel} = await make(scenario)
    const diagnosis = await examineMachine(kernel)
    const isHost = hosts.includes(scenario) || ATTACK_SCENARIOS[scenario]?.command === 'connect'
    expect(diagnosis.for).toBe(isHost ? 'host' : 'guest')
    expect(withStatus(diagnosis, 'FAIL')).toEqual(failsOf(scenario))
    const open = withStatus(diagnosis, 'UNKNOWN')
    expect(open.filter(id => !id.startsWith('kernel.'))).toEqual([])
  },
)

// what lies says nothing else of itself to who has no privilege, or to a recording
describe.each([...guests, ...hosts])('%s', scenario => {
  it('fails in nothing more without privilege', async () => {
    const {open} = await make(scenario)
    const diagnosis = await examineMachine(open({privileged: false}))
    expect(failsOf(scenario)).toEqual(expect.arrayContaining(withStatus(diagnosis, 'FAIL')))
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

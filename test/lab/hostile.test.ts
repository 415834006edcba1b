/** Every hostile machine: what meets the attack ends as the scenario says, and leaves nothing behind. */
import {describe, expect, it} from 'vitest'
import {CHECK_IDS} from '../../src/appraisal/index.js'
import {TsmctlError} from '../../src/errors.js'
import {admit, type AdmitResult, connect} from '../../src/operations/index.js'
import {
  type Attack,
  ATTACK_SCENARIOS,
  createMachine,
  machineStatus,
  SCENARIO_GROUPS,
  SCENARIO_TEXTS,
  simKernel,
} from '../../src/sim/index.js'
import {readTdi} from '../../src/tsm/index.js'
import {labDirectory, labMachine} from '../support/lab.js'

interface End {
  readonly exit: number
  readonly failing: readonly string[]
}

const failingIn = ({appraisal}: AdmitResult): string[] =>
  appraisal.results.flatMap(({id, result, blocking}) => (blocking && result === 'fail' ? [id] : []))

async function admitted(result: Promise<AdmitResult>): Promise<End> {
  try {
    const ended = await result
    return {exit: ended.failure?.exitCode ?? 0, failing: failingIn(ended)}
  } catch (error) {
    if (!(error instanceof TsmctlError)) throw error
    return {exit: error.exitCode, failing: []}
  }
}

const ON = (command: Attack['command']) => Object.entries(ATTACK_SCENARIOS).filter(([, one]) => one.command === command)
/** What only the rival did. */
const OF_THE_RIVAL: Readonly<Record<string, readonly string[]>> = {'hostile-a12': ['bound-while-locked']}

describe('a hostile machine', () => {
  it.each(ON(undefined))('%s does not get its device admitted', async (name, {target, checks, exit, gone = false}) => {
    const {kernel, policy, directory} = await labMachine(name)
    const end = await admitted(admit(kernel, target, {policy}))
    expect(end.exit).toBe(exit)
    // those of the commit step come after the appraisal, and are in the failure
    const named = checks.filter(id => !id.startsWith('commit.'))
    expect(named.filter(id => !end.failing.includes(id))).toEqual([])
    if (checks.length === 0) expect(end.failing).toEqual([])
    const {violations, devices} = machineStatus(directory)
    expect(violations.map(({kind}) => kind)).toEqual(OF_THE_RIVAL[name] ?? [])
    if (gone) return
    expect(await readTdi(kernel, target)).toMatchObject({state: 'CONFIG_UNLOCKED', driverOverride: null})
    expect(devices.find(({bdf}) => bdf === target)).toMatchObject({tdi: 'CONFIG_UNLOCKED', driver: expect.any(String)})
  })

  it.each(ON('connect'))('%s does not get its device connected', async (name, {target, exit}) => {
    const directory = labDirectory()
    await createMachine(directory, name)
    await expect(connect(simKernel(directory), target)).rejects.toMatchObject({exitCode: exit})
    expect(machineStatus(directory).host!.connected).toEqual([])
  })

  it('names checks that there are, and says what it does', () => {
    const known: readonly string[] = CHECK_IDS
    for (const [name, attack] of Object.entries(ATTACK_SCENARIOS)) {
      expect(attack.checks.filter(id => !known.includes(id))).toEqual([])
      expect(attack.checks.length > 0 || attack.stopper !== undefined).toBe(true)
      expect(SCENARIO_TEXTS[name]).toContain(`# Attack ${attack.id}.`)
    }
  })
})

const ready = (name: string) => labMachine(name, {sleep: () => Promise.resolve()})

describe('an honest machine', () => {
  it.each([
    ['guest-one', 1],
    ['guest-two', 2],
    ['guest-eight', 8],
    ['guest-sriov', 3],
    ['guest-slow', 2],
  ])('%s gets all of its %i devices admitted', async (name, count) => {
    const {kernel, policy, directory} = await ready(name)
    const bdfs = machineStatus(directory).devices.map(({bdf}) => bdf)
    expect(bdfs).toHaveLength(count)
    for (const bdf of bdfs) expect(await admit(kernel, bdf, {policy})).toMatchObject({admitted: true})
    const {devices, violations} = machineStatus(directory)
    expect([...new Set(devices.map(({tdi}) => tdi))]).toEqual(['RUN'])
    expect(violations).toEqual([])
  })

  it('with virtual functions has one identity for all of them', async () => {
    const {directory} = await ready('guest-sriov')
    expect(new Set(machineStatus(directory).devices.map(({identity}) => identity)).size).toBe(1)
  })

  it('is in one group with others of its kind', () => {
    expect(Object.values(SCENARIO_GROUPS).flat().toSorted()).toEqual(Object.keys(SCENARIO_TEXTS).toSorted())
  })
})

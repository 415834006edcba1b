/** The simulated machine's owner: create, explain, break, reset. */
import {quoted, TsmctlError} from '../errors.js'
import {readUserFile, statUserFile, writeUserFile} from '../kernel/index.js'
import type {Fault, HostStatus, LinkStatus, MachineStatus, ScenarioGroup} from '../sim/index.js'
import {simPolicyText} from './sim-policy.js'

export type {HostStatus, LinkStatus, MachineStatus}

const POLICY = 'policy.yaml'
const ROOT = 'vendor-root.der'

export interface CreatedMachine {
  readonly directory: string
  readonly scenario: string
  /** The vendor's root certificate; null for a machine whose devices have none. */
  readonly root: string | null
  /** Null for a machine without any device to write a policy for, and for hosts, where nothing is admitted. */
  readonly policy: string | null
}

export const SCENARIO_GROUP_TITLES: Readonly<Record<ScenarioGroup, string>> = {
  guests: 'Confidential guests, and machines beside them',
  hosts: 'Hosts, which connect devices',
  hostile: 'Hostile machines: sim explain NAME says what is wrong and what must notice',
}

export interface ScenarioRow {
  readonly name: string
  readonly title: string
  readonly group: ScenarioGroup
  /** The attack a hostile machine is there for, A1 to A38. */
  readonly attack: string | null
}

/** Built-in scenarios, group by group. */
export async function simScenarios(): Promise<readonly ScenarioRow[]> {
  const {ATTACK_SCENARIOS, SCENARIO_GROUPS, SCENARIOS} = await import('../sim/index.js')
  return (Object.keys(SCENARIO_GROUP_TITLES) as ScenarioGroup[]).flatMap(group =>
    SCENARIO_GROUPS[group].map(name => ({
      name,
      title: SCENARIOS[name]!,
      group,
      attack: ATTACK_SCENARIOS[name]?.id ?? null,
    })),
  )
}

/** The text of a built-in scenario: the documentation of the scenario language by example. */
export async function explainScenario(name: string): Promise<string> {
  const {nearest, SCENARIO_TEXTS} = await import('../sim/index.js')
  const text = Object.hasOwn(SCENARIO_TEXTS, name) ? SCENARIO_TEXTS[name] : undefined
  const meant = text === undefined ? nearest(name, Object.keys(SCENARIO_TEXTS)) : undefined
  if (text === undefined)
    throw new TsmctlError({
      kind: 'not-found',
      attempted: `explain scenario ${quoted(name)}`,
      got: 'no built-in scenario has this name',
      hint: `${meant === undefined ? '' : `Did you mean ${meant}? `}tsmctl sim list names them all.`,
    })
  return text
}

/** What lies beside no machine is not ours to replace. */
function refuseForeignFiles(directory: string): void {
  const there = [ROOT, POLICY].filter(name => statUserFile(`${directory}/${name}`) !== undefined)
  if (there.length === 0) return
  throw new TsmctlError({
    kind: 'usage',
    attempted: `create a simulated machine in ${quoted(directory, 512)}`,
    path: directory,
    got: `${there.join(' and ')} would be overwritten, and no machine is there that they belong to`,
    hint: 'Name an empty directory.',
  })
}

/**
 * Makes a machine in `directory` from a built-in scenario's name or from a scenario file, and beside it its vendor's
 * root certificate and, for a guest, a policy that accepts what the vendor publishes.
 */
export async function createSimMachine(
  directory: string,
  scenario: string,
  {replace = false, fromFile = false}: {readonly replace?: boolean; readonly fromFile?: boolean} = {},
): Promise<CreatedMachine> {
  const {createMachine, machineExists, publications} = await import('../sim/index.js')
  if (!machineExists(directory)) refuseForeignFiles(directory)
  const source = fromFile ? {name: scenario, text: Buffer.from(readUserFile(scenario)).toString('utf8')} : scenario
  await createMachine(directory, source, {replace})
  const published = await publications(directory).catch((error: unknown) => {
    if (error instanceof TsmctlError && error.kind === 'not-found') return undefined
    throw error
  })
  if (published === undefined) return {directory, scenario, root: null, policy: null}
  const root = `${directory}/${ROOT}`
  writeUserFile(root, published.root.der, {force: true})
  if (published.models.length === 0) return {directory, scenario, root, policy: null}
  const policy = `${directory}/${POLICY}`
  writeUserFile(policy, new Uint8Array(Buffer.from(simPolicyText(published, ROOT))), {force: true})
  return {directory, scenario, root, policy}
}

/** True states, faults and violations, which no kernel would show. */
export async function simStatus(directory: string): Promise<MachineStatus> {
  const {machineStatus} = await import('../sim/index.js')
  return machineStatus(directory)
}

/** `fault` is unchecked: the simulator refuses what is none. */
export async function injectSimFault(directory: string, fault: object): Promise<void> {
  const {injectFault} = await import('../sim/index.js')
  await injectFault(directory, fault as Fault)
}

/** Removes all faults, or those of `device`; returns how many there were. */
export async function clearSimFaults(directory: string, device: string | undefined): Promise<number> {
  const {clearFaults} = await import('../sim/index.js')
  return clearFaults(directory, device)
}

export async function resetSimMachine(directory: string): Promise<void> {
  const {resetMachine} = await import('../sim/index.js')
  await resetMachine(directory)
}

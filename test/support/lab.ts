/** Machines of the lab with the policy that their simulated vendor's publications lead to. */
import {mkdtempSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import type {Policy} from '../../src/appraisal/index.js'
import type {Kernel} from '../../src/kernel/index.js'
import {readPolicy} from '../../src/operations/index.js'
import {simPolicyText} from '../../src/operations/sim-policy.js'
import {createMachine, publications, type ScenarioSource, simKernel, type SimOptions} from '../../src/sim/index.js'
import {prepared} from './prepared.js'

const scratch = mkdtempSync(join(tmpdir(), 'tsmctl-lab-'))
let machines = 0

/** Where nothing is yet. */
export const labDirectory = (): string => join(scratch, String(machines++))

export interface LabMachine {
  readonly directory: string
  readonly kernel: Kernel
  readonly policy: Policy
}

const copyMachine = prepared<ScenarioSource>(async (directory, source) => {
  await createMachine(directory, source)
  const published = await publications(directory)
  writeFileSync(join(directory, 'root.der'), published.root.der)
  writeFileSync(join(directory, 'policy.yaml'), simPolicyText(published, 'root.der'))
})

export async function labMachine(source: ScenarioSource, options: SimOptions = {}): Promise<LabMachine> {
  const directory = labDirectory()
  await copyMachine(directory, source)
  const kernel = simKernel(directory, options)
  return {directory, kernel, policy: readPolicy([join(directory, 'policy.yaml')], new Date())}
}

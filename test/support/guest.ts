/** A simulated guest in a directory of its own, gone with the directory of the whole run. */
import {mkdtempSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {createSimMachine} from '../../src/operations/index.js'
import {SCENARIO_TEXTS, simKernel} from '../../src/sim/index.js'
import {prepared} from './prepared.js'

const scratch = mkdtempSync(join(tmpdir(), 'tsmctl-test-'))
let machines = 0

export const GOOD = '0000:01:00.0'
export const DEBUG = '0000:02:00.0'
export const MISFIT = '0000:03:00.0'
export const PLAIN = '0000:00:10.0'

const copyGuest = prepared<string>(createSimMachine)

/** Directory of a fresh machine, with its policy beside it. */
export async function guestDirectory(scenario = 'guest'): Promise<string> {
  const directory = join(scratch, `machine-${machines++}`)
  await copyGuest(directory, scenario)
  return directory
}

const copyGuestWith = prepared<string>(async (directory, keys) => {
  const file = `${directory}.yaml`
  writeFileSync(file, `${keys}\n${SCENARIO_TEXTS['guest']!}`)
  await createSimMachine(directory, file, {fromFile: true})
})

/** The guest of scenario `guest` with these keys of a scenario as well, `abi: P2`. */
export async function guestWith(keys: string, directory = join(scratch, `machine-${machines++}`)) {
  await copyGuestWith(directory, keys)
  return {directory, kernel: simKernel(directory), policy: join(directory, 'policy.yaml')}
}

export async function guest(scenario = 'guest') {
  const directory = await guestDirectory(scenario)
  return {directory, kernel: simKernel(directory), policy: join(directory, 'policy.yaml')}
}

/** The machine in `directory`, whose waiting takes no time. */
export const unhurried = (directory: string) => simKernel(directory, {sleep: () => Promise.resolve()})

/** A guest whose waiting takes no time. */
export async function guestCopy(abi: 'G2' | 'P2' = 'G2', directory?: string) {
  const machine = await guestWith(`abi: ${abi}`, directory)
  return {...machine, kernel: unhurried(machine.directory)}
}

/** A simulated guest in a directory of its own, gone with the directory of the whole run. */
import {mkdtempSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {createSimMachine} from '../../src/operations/index.js'
import {simKernel} from '../../src/sim/index.js'

const scratch = mkdtempSync(join(tmpdir(), 'tsmctl-test-'))
let machines = 0

export const GOOD = '0000:01:00.0'
export const DEBUG = '0000:02:00.0'
export const MISFIT = '0000:03:00.0'
export const PLAIN = '0000:00:10.0'

/** Directory of a fresh machine, with its policy beside it. */
export async function guestDirectory(scenario = 'guest'): Promise<string> {
  const directory = join(scratch, `machine-${machines++}`)
  await createSimMachine(directory, scenario)
  return directory
}

export async function guest(scenario = 'guest') {
  const directory = await guestDirectory(scenario)
  return {directory, kernel: simKernel(directory), policy: join(directory, 'policy.yaml')}
}

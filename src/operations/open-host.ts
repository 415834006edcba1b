/** Opens the machine that `--host` names. */
import {printablePath, quoted, TsmctlError} from '../errors.js'
import {defaultStateDirectory, type Kernel, liveKernel, openReplay} from '../kernel/index.js'

export type Environment = Readonly<Record<string, string | undefined>>

/** Directory of the simulated machine used when `--host sim` names none. */
export const defaultSimDirectory = (env: Environment, uid: number): string => `${defaultStateDirectory(env, uid)}/sim`

/**
 * `live`, `sim[:DIR]` or `replay:PATH`. A simulated machine that does not exist yet is created from scenario `guest`,
 * and `notice` is told. Throws TsmctlError of kind `usage` for anything else.
 */
export async function openHost(
  spec: string,
  env: Environment,
  uid: number,
  notice: (message: string) => void,
): Promise<Kernel> {
  if (spec === 'live') return liveKernel({stateDirectory: env['TSMCTL_STATE_DIR'] ?? defaultStateDirectory(env, uid)})
  const [kind, ...rest] = spec.split(':')
  const argument = rest.join(':')
  if (kind === 'replay' && argument !== '') return openReplay(argument)
  if (spec === 'sim') return openSim(defaultSimDirectory(env, uid), notice)
  if (kind === 'sim' && argument !== '') return openSim(argument, notice)
  throw new TsmctlError({
    kind: 'usage',
    attempted: `use host ${quoted(spec)}`,
    got: 'not a host',
    hint: 'A host is live, sim, sim:DIRECTORY or replay:PATH (a capture, an lspci -xxxx text or a sysfs tree).',
  })
}

async function openSim(directory: string, notice: (message: string) => void): Promise<Kernel> {
  const {machineExists, simKernel} = await import('../sim/index.js')
  if (!machineExists(directory)) {
    const {createSimMachine} = await import('./sim.js')
    try {
      await createSimMachine(directory, 'guest')
      notice(`created a simulated machine (scenario guest) in ${printablePath(directory)}`)
    } catch (error) {
      // another process was faster: then there is a machine to open
      if (!machineExists(directory)) throw error
    }
  }
  return simKernel(directory)
}

/** The machine a spec runs on: kernel modules with parameters, the modelled hardware, and what the devices are told. */
import {spawnSync} from 'node:child_process'
import {existsSync, readdirSync, writeFileSync} from 'node:fs'

/** Functions with an SPDM mailbox, and the root ports above them: see host/machine.ts. */
export const ENDPOINTS = ['0000:01:00.0', '0000:02:00.0', '0000:05:00.0', '0000:41:00.0'] as const
export const ROOT_PORTS = ['0000:00:03.0', '0000:00:04.0', '0000:00:05.0', '0000:40:00.0'] as const

export const deviceOf = (bdf: string): string => `/sys/bus/pci/devices/${bdf}`

type Parameters = Readonly<Record<string, string | number | readonly string[]>>

const text = (value: string | number | readonly string[]): string =>
  Array.isArray(value) ? value.join(',') : String(value)

function run(program: string, ...args: readonly string[]): void {
  const {status, stderr} = spawnSync(`/bin/${program}`, args, {encoding: 'utf8'})
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr.trim()}`)
}

export const isLoaded = (module: string): boolean => existsSync(`/sys/module/${module}`)

/** Modules that others call. */
const NEEDED: Readonly<Record<string, string>> = {tsmtest_link: 'tsmtest_spdm', tsmtest_devsec: 'tsmtest_spdm'}

/** Loads a module, after the one it needs. */
export function insmod(module: string, parameters: Parameters = {}): void {
  const needed = NEEDED[module]
  if (needed !== undefined && !isLoaded(needed)) insmod(needed)
  run('insmod', `/modules/${module}.ko`, ...Object.entries(parameters).map(([name, value]) => `${name}=${text(value)}`))
}

export const rmmod = (module: string): void => run('rmmod', module)

/** Changes a parameter of a loaded module. Throws with the kernel's errno. */
export const setParameter = (module: string, name: string, value: string | number): void =>
  writeFileSync(`/sys/module/${module}/parameters/${name}`, String(value))

/** Removes what is below the root ports and looks again: the PCI core reads capabilities at enumeration only. */
export function rescan(): void {
  for (const port of ROOT_PORTS) if (existsSync(deviceOf(port))) writeFileSync(`${deviceOf(port)}/remove`, '1')
  writeFileSync('/sys/bus/pci/rescan', '1')
  // probing a virtual function fails: QEMU gives it no queues
  writeFileSync(`${deviceOf(ENDPOINTS[0])}/sriov_drivers_autoprobe`, '0')
}

const TEST_MODULES = ['tsmtest_devsec', 'tsmtest_link', 'tsmtest_spdm', 'tsmtest_tvm', 'tsmtest_hw']

/** The machine as it booted: no test module, all functions there, no virtual functions. */
export function reset(): void {
  const loaded = TEST_MODULES.filter(isLoaded)
  for (const module of loaded) rmmod(module)
  rescan()
}

/** A machine with modelled IDE and TEE bits on everything, unless `parameters` of `tsmtest_hw` say otherwise. */
export function modelHardware(parameters: Parameters = {}): void {
  reset()
  insmod('tsmtest_hw', {funcs: [...ROOT_PORTS, ...ENDPOINTS], streams: 4, ...parameters})
  rescan()
}

/** Name of the one TSM there is. */
export function tsmName(): string {
  const [name, ...others] = readdirSync('/sys/class/tsm')
  if (name === undefined || others.length > 0) throw new Error('not one TSM')
  return name
}

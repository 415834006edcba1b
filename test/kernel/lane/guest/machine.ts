/** The machine a spec runs on: kernel modules with parameters, the modelled hardware, and how it stands. */
import {spawnSync} from 'node:child_process'
import {existsSync, readdirSync, readFileSync, writeFileSync} from 'node:fs'

/** Functions with an SPDM mailbox, and the root ports above them: see host/machine.ts. */
export const ENDPOINTS = ['0000:01:00.0', '0000:02:00.0', '0000:05:00.0', '0000:41:00.0'] as const
export const ROOT_PORTS = ['0000:00:03.0', '0000:00:04.0', '0000:00:05.0', '0000:40:00.0'] as const

export const BRIDGES = ['pci0000:00', 'pci0000:40'] as const

export const deviceOf = (bdf: string): string => `/sys/bus/pci/devices/${bdf}`

/** Text of an attribute of a function; null where there is no such attribute. */
export function attribute(bdf: string, name: string): string | null {
  const path = `${deviceOf(bdf)}/${name}`
  return existsSync(path) ? readFileSync(path, 'utf8').trimEnd() : null
}

type Value = string | number | readonly string[]
export type Parameters = Readonly<Record<string, Value>>

const text = (value: Value): string => (Array.isArray(value) ? value.join(',') : String(value))

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

const parameterOf = (module: string, name: string): string => `/sys/module/${module}/parameters/${name}`

/** Changes a parameter of a loaded module. Throws with the kernel's errno. */
export const setParameter = (module: string, name: string, value: string | number): void =>
  writeFileSync(parameterOf(module, name), String(value))

export const remove = (bdf: string): void => writeFileSync(`${deviceOf(bdf)}/remove`, '1')

/** Probing a virtual function fails, in its own time: QEMU gives it no queues. */
const leaveVirtualFunctionsAlone = (): void => writeFileSync(`${deviceOf(ENDPOINTS[0])}/sriov_drivers_autoprobe`, '0')

/** Looks for functions that are not there. */
export function rescan(): void {
  writeFileSync('/sys/bus/pci/rescan', '1')
  leaveVirtualFunctionsAlone()
}

/** Removes what is below the root ports and looks again: the PCI core reads capabilities at enumeration only. */
export function enumerate(): void {
  for (const port of ROOT_PORTS) if (existsSync(deviceOf(port))) remove(port)
  rescan()
}

const HARDWARE = 'tsmtest_hw'
/** What may be loaded beside it, in the order of unloading. */
const PROVIDERS = ['tsmtest_devsec', 'tsmtest_link', 'tsmtest_spdm', 'tsmtest_tvm']

export const unload = (...modules: readonly string[]): void => modules.filter(isLoaded).forEach(rmmod)

/** No test module is left; what functions showed with them, they show until they are enumerated. */
export const unloadAll = (): void => unload(...PROVIDERS, HARDWARE)

/** Streams of a host bridge, as Linux has them; the module's own default leaves what an earlier one set. */
export const POOL = 256
const MODELLED: Parameters = {
  funcs: [...ROOT_PORTS, ...ENDPOINTS],
  notee: '',
  noide: '',
  streams: 4,
  assoc: 2,
  pool: POOL,
}

const isModelled = (parameters: Parameters): boolean =>
  isLoaded(HARDWARE) &&
  Object.entries(parameters).every(
    ([name, value]) => readFileSync(parameterOf(HARDWARE, name), 'utf8').trimEnd() === text(value),
  )

/**
 * A machine without any provider, with IDE and TEE bits on everything unless `parameters` of `tsmtest_hw` say otherwise.
 * What is modelled so already is not enumerated anew, which takes a second.
 */
export function modelHardware(parameters: Parameters = {}): void {
  unload(...PROVIDERS)
  if (isModelled({...MODELLED, ...parameters})) leaveVirtualFunctionsAlone()
  else powerOn(parameters)
}

/**
 * The same, made anew: when its functions are enumerated, `firmware` has already been there. What comes after must not
 * take this machine for its own: unload the modules.
 */
export function powerOn(parameters: Parameters = {}, firmware: () => void = () => undefined): void {
  unloadAll()
  insmod(HARDWARE, {...MODELLED, ...parameters})
  firmware()
  enumerate()
}

const LINK = 'tsmtest_link'
const LINK_DEFAULTS: Parameters = {spdm: 1, ide: 1, stream_id: -1, fail: 0, delay_ms: 0}

/** A host-side TSM that behaves as `parameters` of `tsmtest_link` say, and otherwise well. */
export function linkTsm(parameters: Parameters = {}): void {
  if (!isLoaded(LINK)) insmod(LINK)
  for (const [name, value] of Object.entries({...LINK_DEFAULTS, ...parameters})) setParameter(LINK, name, text(value))
}

/** Name of the one TSM there is. */
export function tsmName(): string {
  const [name, ...others] = readdirSync('/sys/class/tsm')
  if (name === undefined || others.length > 0) throw new Error('not one TSM')
  return name
}

/** Stream links of a host bridge, by name. */
export const streamLinks = (bridge: string): readonly string[] =>
  readdirSync(`/sys/devices/${bridge}`).filter(name => /^stream\d/.test(name))

export const freeStreams = (bridge: string): number =>
  Number(readFileSync(`/sys/devices/${bridge}/available_secure_streams`, 'utf8'))

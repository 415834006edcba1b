/** Questions about the functions of a host: who is there, below what, and who may be a DSM. */
import {bdfParts, formatBdf, PORT_TYPE} from '../../pci/index.js'
import {FIRST_TSM, type Machine, type MachineState, SECOND_TSM, type SimFunction} from '../machine.js'
import type {HostFunction, HostPlatform, HostState} from './types.js'

/** Data object types as `doe_features` names them. */
export const CMA_SPDM = '0001:01'
export const SECURED_CMA_SPDM = '0001:02'

/** Whether a function has a certificate: it speaks SPDM. */
export const hasIdentity = ({host}: SimFunction): boolean =>
  host?.mailboxes.some(mailbox => mailbox.includes(CMA_SPDM)) === true

/** A host machine with its state: what everything in this directory works on. */
export interface Host {
  readonly machine: Machine
  readonly platform: HostPlatform
  readonly functions: ReadonlyMap<string, HostSimFunction>
  readonly state: MachineState
  readonly now: HostState
}

export type HostSimFunction = SimFunction & {readonly host: HostFunction}

const indices = new WeakMap<Machine, ReadonlyMap<string, HostSimFunction>>()

function functionsOf(machine: Machine): ReadonlyMap<string, HostSimFunction> {
  const known = indices.get(machine)
  if (known !== undefined) return known
  const made = new Map(machine.functions.map(fn => [fn.bdf, fn as HostSimFunction]))
  indices.set(machine, made)
  return made
}

/** The host behind `machine`; undefined when it is a guest. */
export function hostOf(machine: Machine, state: MachineState): Host | undefined {
  if (machine.host === null || state.host === null) return undefined
  return {machine, platform: machine.host, functions: functionsOf(machine), state, now: state.host}
}

/** What the link TSM is called: the name that is free. */
export const linkTsmName = ({devsec}: Machine): string => (devsec === FIRST_TSM ? SECOND_TSM : FIRST_TSM)

export const isPresent = ({state}: Host, bdf: string): boolean => state.functions[bdf]?.present === true

/** Types that may hold a DSM (Linux include/linux/pci-tsm.h, is_pci_tsm_pf0). */
const DSM_TYPES: readonly number[] = [PORT_TYPE.endpoint, PORT_TYPE.upstreamPort, PORT_TYPE.rcIntegratedEndpoint]

/** Has `tsm/connect` as soon as there is a link TSM: function 0 with IDE that the kernel uses, or with TEE-IO. */
export function isCandidate({now}: Host, {bdf, host}: HostSimFunction): boolean {
  return (
    host.vf === null &&
    bdfParts(bdf).fn === 0 &&
    DSM_TYPES.includes(host.portType) &&
    (host.teeIo || (now.ide[bdf]?.kernel ?? null) !== null)
  )
}

const isConnected = ({now}: Host, bdf: string): boolean => now.contexts[bdf]?.dsm === bdf

/** The DSM that `fn` depends on, and is connected (Linux drivers/pci/tsm.c, find_dsm_dev). */
export function dsmAbove(host: Host, {bdf, host: facts}: HostSimFunction): string | undefined {
  const physical = facts.vf?.physfn ?? bdf
  const first = formatBdf({...bdfParts(physical), fn: 0})
  if (isConnected(host, first)) return first
  const port = host.functions.get(facts.upstream ?? '')?.host.upstream ?? undefined
  const above = port === undefined ? undefined : host.functions.get(port)
  if (above?.host.portType !== PORT_TYPE.upstreamPort) return undefined
  return isConnected(host, above.bdf) ? above.bdf : undefined
}

/** The PCI core forbids runtime suspension (Linux drivers/pci/pci.c, pci_pm_init); who is suspended was allowed to. */
export const powerControl = ({now}: Host, {bdf, host}: HostSimFunction): string =>
  now.powerControl[bdf] ?? (host.power === 'D0' ? 'on' : 'auto')

/** A suspended function stays so until somebody forbids it. */
export const powerState = ({now}: Host, {bdf, host}: HostSimFunction): string =>
  now.powerControl[bdf] === 'on' ? 'D0' : host.power

/** Functions below `bdf` in the tree of directories, itself first. */
export function subtreeOf(host: Host, bdf: string): HostSimFunction[] {
  const root = host.functions.get(bdf)!
  const below = [...host.functions.values()].filter(
    fn => fn.path.startsWith(`${root.path}/`) || fn.host.vf?.physfn === bdf,
  )
  return [root, ...below]
}

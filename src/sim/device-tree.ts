/** The directory of one PCI function (Linux Documentation/ABI/testing/sysfs-bus-pci). */
import {traitsOf, VENDOR_SWITCHES} from './abi.js'
import type {Action, TreeBuilder} from './nodes.js'
import type {FunctionState, Ids, Machine, SimFunction, World} from './machine.js'

const digits = (value: number, width: number): string => value.toString(16).padStart(width, '0')
const capitals = (value: number, width: number): string => digits(value, width).toUpperCase()

/** Size of configuration space that anybody may read. */
const OPEN_CONFIG = 64

function modalias({vendor, device, subsystemVendor, subsystemDevice, classCode}: Ids): string {
  const code = capitals(classCode, 6)
  return [
    `pci:v${capitals(vendor, 8)}d${capitals(device, 8)}sv${capitals(subsystemVendor, 8)}`,
    `sd${capitals(subsystemDevice, 8)}bc${code.slice(0, 2)}sc${code.slice(2, 4)}i${code.slice(4)}`,
  ].join('')
}

/** The variables that a PCI function brings to its events, and its `uevent` file shows. */
export function ueventVariables({bdf, ids}: SimFunction, driver: string | null): readonly string[] {
  return [
    ...(driver === null ? [] : [`DRIVER=${driver}`]),
    `PCI_CLASS=${capitals(ids.classCode, 4)}`,
    `PCI_ID=${capitals(ids.vendor, 4)}:${capitals(ids.device, 4)}`,
    `PCI_SUBSYS_ID=${capitals(ids.subsystemVendor, 4)}:${capitals(ids.subsystemDevice, 4)}`,
    `PCI_SLOT_NAME=${bdf}`,
    `MODALIAS=${modalias(ids)}`,
  ]
}

/** `../` as often as leads from the directory `path` up to `/sys`. */
const up = (path: string): string => '../'.repeat(path.split('/').length - 2)

export interface DeviceView {
  readonly machine: Machine
  readonly fn: SimFunction
  readonly state: FunctionState
  readonly world: World
  readonly privileged: boolean
  /** Configuration space as it is now. */
  readonly config: Uint8Array
  /** Link TSM that the function has a context of. */
  readonly connectedTo: string | undefined
}

function addIdentity(tree: TreeBuilder, {fn, state}: DeviceView): void {
  const {path, ids} = fn
  tree.text(`${path}/uevent`, ueventVariables(fn, state.driver).join('\n'))
  tree.text(`${path}/modalias`, modalias(ids))
  tree.text(`${path}/vendor`, `0x${digits(ids.vendor, 4)}`)
  tree.text(`${path}/device`, `0x${digits(ids.device, 4)}`)
  tree.text(`${path}/subsystem_vendor`, `0x${digits(ids.subsystemVendor, 4)}`)
  tree.text(`${path}/subsystem_device`, `0x${digits(ids.subsystemDevice, 4)}`)
  tree.text(`${path}/class`, `0x${digits(ids.classCode, 6)}`)
  tree.text(`${path}/revision`, `0x${digits(ids.revision, 2)}`)
  if (fn.serialNumber !== null) tree.text(`${path}/serial_number`, fn.serialNumber, 0o400)
}

function addConfiguration(tree: TreeBuilder, {fn, state, privileged, config}: DeviceView): void {
  const {path, bdf: device} = fn
  // the kernel is locked down, and writing configuration space is EPERM
  tree.config(`${path}/config`, privileged ? config : config.slice(0, OPEN_CONFIG), config.length)
  tree.text(`${path}/resource`, fn.resources.join('\n'))
  tree.text(`${path}/enable`, String(state.enabled), 0o644, {verb: 'enable', device})
  tree.text(`${path}/numa_node`, String(fn.host?.numaNode ?? -1))
  if (fn.host === null) tree.text(`${path}/power_state`, 'D0')
  tree.text(`${path}/driver_override`, state.override ?? '(null)', 0o644, {verb: 'driver_override', device})
  tree.command(`${path}/remove`, {verb: 'remove', device}, 0o220)
  if (!fn.isBridge) tree.command(`${path}/reset`, {verb: 'reset', device})
  for (const name of fn.doeFeatures) tree.text(`${path}/doe_features/${name}`, name)
}

function addSriov(tree: TreeBuilder, {fn: {path, bdf: device, totalVfs, vfDevice, host}}: DeviceView): void {
  if (totalVfs === 0 || host !== null) return
  tree.text(`${path}/sriov_totalvfs`, String(totalVfs))
  tree.text(`${path}/sriov_numvfs`, '0', 0o644, {verb: 'sriov_numvfs', device})
  tree.text(`${path}/sriov_offset`, '1')
  tree.text(`${path}/sriov_stride`, '1')
  tree.text(`${path}/sriov_vf_device`, digits(vfDevice, 1))
}

function addLinks(tree: TreeBuilder, {fn, state}: DeviceView): void {
  const {path, bdf, iommuGroup} = fn
  const root = up(path)
  tree.link(`${path}/subsystem`, `${root}bus/pci`)
  tree.link(`/sys/bus/pci/devices/${bdf}`, `../../../${path.slice('/sys/'.length)}`)
  if (state.driver !== null) {
    tree.link(`${path}/driver`, `${root}bus/pci/drivers/${state.driver}`)
    tree.link(`/sys/bus/pci/drivers/${state.driver}/${bdf}`, `../../../../${path.slice('/sys/'.length)}`)
  }
  if (iommuGroup === null) return
  const group = `/sys/kernel/iommu_groups/${iommuGroup}`
  tree.link(`${path}/iommu_group`, `${root}kernel/iommu_groups/${iommuGroup}`)
  tree.link(`${group}/devices/${bdf}`, `../../../../${path.slice('/sys/'.length)}`)
  tree.text(`${group}/type`, 'DMA')
}

/**
 * The guest-side attributes. A function has one context, and the attributes of both sides name its TSM, whichever side
 * that is (staging tree drivers/pci/tsm/core.c, lock_show).
 */
function addTsm(tree: TreeBuilder, {machine, fn, state: {tdi, switches}, world, connectedTo}: DeviceView): void {
  const {path, bdf: device, dsm} = fn
  if (!world.tsm || dsm === null) return
  const action = (verb: 'lock' | 'unlock' | 'accept'): Action => ({verb, device})
  tree.text(`${path}/tsm/lock`, tdi.lockedBy ?? connectedTo ?? '', 0o644, action('lock'))
  tree.command(`${path}/tsm/unlock`, action('unlock'))
  tree.text(`${path}/tsm/accept`, tdi.accepted ? '1' : '0', 0o644, action('accept'))
  if (!traitsOf(machine.abi).vendorSwitches || !device.endsWith('.0')) return
  for (const name of VENDOR_SWITCHES)
    tree.text(`${path}/tsm/${name}`, switches?.[name] ? '1' : '0', 0o644, {verb: 'switch', device, name})
}

export function addFunction(tree: TreeBuilder, view: DeviceView): void {
  addIdentity(tree, view)
  addConfiguration(tree, view)
  addSriov(tree, view)
  addLinks(tree, view)
  addTsm(tree, view)
}

/** What a host shows beside what every machine shows: streams, TSM attributes, virtual functions, the platform. */
import {traitsOf} from '../abi.js'
import {sriovPart} from '../config-space.js'
import {VF_AUTOPROBE} from '../drivers.js'
import {fromBase64} from '../machine.js'
import type {Action, TreeBuilder} from '../nodes.js'
import {ideBytes} from './config.js'
import {type Host, type HostSimFunction, isCandidate, isPresent, powerControl, powerState} from './facts.js'
import {tsmDevpath} from './link-tsm.js'
import {available} from './streams.js'

const SYS = '/sys/'.length

/** Configuration space as it is now. */
export function hostConfig({now}: Host, {bdf, config, host, totalVfs, vfDevice}: HostSimFunction): Uint8Array {
  const bytes = fromBase64(config)
  const {sriov, ide} = host
  if (sriov !== null) {
    const {at, next, offset, stride} = sriov
    bytes.set(sriovPart({totalVfs, vfDevice, offset, stride, numVfs: now.numVfs[bdf] ?? 0})(next), at)
  }
  if (ide !== null) bytes.set(ideBytes(ide, now.ide[bdf]!), ide.at)
  return bytes
}

/** `../` as often as leads from the directory `path` up to `/sys`. */
const up = (path: string): string => '../'.repeat(path.split('/').length - 2)

function addBridges(tree: TreeBuilder, host: Host): void {
  const {platform, now, functions} = host
  for (const {name, pool} of platform.bridges) {
    const directory = `/sys/devices/${name}`
    tree.text(`${directory}/uevent`, '')
    // a pool of no size hides the attribute
    if (pool > 0 && host.machine.tsm !== 'absent')
      tree.text(`${directory}/available_secure_streams`, String(available(host, name)))
    for (const {bridge, slot, rootPortBlock, endpointBlock, endpoint} of now.streams)
      if (bridge === name)
        tree.link(
          `${directory}/stream${slot}.${rootPortBlock}.${endpointBlock}`,
          functions.get(endpoint)!.path.slice(directory.length + 1),
        )
  }
}

function addTsmClass(tree: TreeBuilder, host: Host): void {
  const {machine, now} = host
  if (machine.tsm === 'absent') return
  tree.directory('/sys/class/tsm')
  if (now.tsm === null) return
  const directory = `/sys${tsmDevpath(host, now.tsm)}`
  const [, owner] = /([^/]+)\/tsm\/[^/]+$/.exec(directory)!
  tree.text(`${directory}/uevent`, '')
  tree.text(`${directory}/power/control`, 'auto')
  tree.link(`${directory}/device`, `../../../${owner}`)
  tree.link(`${directory}/subsystem`, `${up(directory)}class/tsm`)
  tree.link(`/sys/class/tsm/${now.tsm}`, `../../${directory.slice(SYS)}`)
  if (!traitsOf(machine.abi).describesTsm) return
  tree.text(`${directory}/pci_mode`, 'link')
  for (const {bridge} of now.streams) tree.link(`${directory}/${bridge}`, `${up(directory)}devices/${bridge}`)
}

const CPU = {
  'sev-tio': {vendor: 'AuthenticAMD', model: 'Simulated AMD processor', flags: 'sev sev_es sev_snp', iommu: 'ivhd0'},
  generic: {vendor: 'SimulatedCPU', model: 'Simulated processor', flags: 'fpu', iommu: 'iommu0'},
} as const

function addPlatform(tree: TreeBuilder, host: Host): void {
  const {like} = host.platform.provider
  const {vendor, model, flags, iommu} = CPU[like]
  tree.text('/proc/cmdline', 'BOOT_IMAGE=/boot/vmlinuz-7.3.4-sim root=/dev/vda1 ro iommu=on')
  tree.text('/proc/cpuinfo', `processor\t: 0\nvendor_id\t: ${vendor}\nmodel name\t: ${model}\nflags\t\t: ${flags}\n`)
  const unit = `/sys/devices/virtual/iommu/${iommu}`
  tree.link(`/sys/class/iommu/${iommu}`, `../../${unit.slice(SYS)}`)
  tree.directory(`${unit}/devices`)
  for (const {bdf, path, isBridge} of host.functions.values())
    if (!isBridge && isPresent(host, bdf))
      tree.link(`${unit}/devices/${bdf}`, `${up(`${unit}/devices`)}${path.slice(SYS)}`)
  if (like !== 'sev-tio') return
  tree.text('/sys/module/ccp/parameters/tio', 'Y')
  tree.text('/sys/module/ccp/parameters/psp_init_on_probe', 'Y')
  tree.text('/sys/module/kvm_amd/parameters/sev_snp', 'Y')
}

export function addHost(tree: TreeBuilder, host: Host): void {
  addBridges(tree, host)
  addTsmClass(tree, host)
  addPlatform(tree, host)
}

function addTsm(tree: TreeBuilder, host: Host, fn: HostSimFunction): void {
  const {now, functions} = host
  if (now.tsm === null) return
  const {bdf: device, path} = fn
  const candidate = isCandidate(host, fn)
  const context = now.contexts[device]
  // one context for both sides, and every attribute names its TSM
  const {lockedBy} = host.state.functions[device]!.tdi
  const dsmHasTee = context !== undefined && functions.get(context.dsm)!.host.teeIo
  const action = (verb: 'connect' | 'disconnect'): Action => ({verb, device})
  if (candidate) {
    tree.text(`${path}/tsm/connect`, context?.tsm ?? lockedBy ?? '', 0o644, action('connect'))
    tree.command(`${path}/tsm/disconnect`, action('disconnect'))
  }
  if (candidate || dsmHasTee) tree.text(`${path}/tsm/dsm`, context?.dsm ?? '')
  // nothing in Linux 7.3 binds, so there is never a name
  if ((candidate && fn.host.teeIo) || dsmHasTee) tree.text(`${path}/tsm/bound`, '')
  if (candidate || context !== undefined) tree.text(`${path}/authenticated`, context?.tsm ?? '')
}

function addVirtual(
  tree: TreeBuilder,
  host: Host,
  {bdf: device, path, host: {vf, sriov}, ...fn}: HostSimFunction,
): void {
  if (vf !== null) tree.link(`${path}/physfn`, `../${vf.physfn}`)
  if (sriov === null) return
  tree.text(`${path}/sriov_totalvfs`, String(fn.totalVfs))
  tree.text(`${path}/sriov_numvfs`, String(host.now.numVfs[device] ?? 0), 0o644, {verb: 'sriov_numvfs', device})
  const name = VF_AUTOPROBE
  const isOn = host.state.functions[device]!.switches?.[name] ?? true
  tree.text(`${path}/${name}`, isOn ? '1' : '0', 0o644, {verb: 'switch', device, name})
  tree.text(`${path}/sriov_offset`, String(sriov.offset))
  tree.text(`${path}/sriov_stride`, String(sriov.stride))
  tree.text(`${path}/sriov_vf_device`, fn.vfDevice.toString(16))
  for (const one of host.functions.values())
    if (one.host.vf?.physfn === device && isPresent(host, one.bdf))
      tree.link(`${path}/virtfn${one.host.vf.index}`, `../${one.bdf}`)
}

/** Attributes of one function that a guest's function does not have. */
export function addHostFunction(tree: TreeBuilder, host: Host, fn: HostSimFunction): void {
  const {bdf: device, path} = fn
  const power = powerState(host, fn)
  tree.text(`${path}/power_state`, power)
  tree.text(`${path}/power/runtime_status`, power === 'D0' ? 'active' : 'suspended')
  tree.text(`${path}/power/control`, powerControl(host, fn), 0o644, {verb: 'power_control', device})
  addVirtual(tree, host, fn)
  addTsm(tree, host, fn)
}

/** Everything a simulated machine shows under `/sys`, `/proc` and `/etc`, from what it is and what has happened. */
import {traitsOf} from './abi.js'
import {addFunction} from './device-tree.js'
import {hostOf, type HostSimFunction} from './host/facts.js'
import {addHost, addHostFunction, hostConfig} from './host/tree.js'
import {fromBase64, guestTsmPath, type Machine, type MachineState} from './machine.js'
import {type Tree, treeBuilder, type TreeBuilder} from './nodes.js'
import {REPORTS} from './tsm-reports.js'

/** Every bridge starts with as many, IDE or not (Linux drivers/pci/ide.c). */
const STREAM_SLOTS = '256'

function addBus(tree: TreeBuilder, {drivers}: Machine, {autoprobe}: MachineState): void {
  tree.directory('/sys/bus/pci/devices')
  tree.command('/sys/bus/pci/drivers_probe', {verb: 'drivers_probe'})
  tree.text('/sys/bus/pci/drivers_autoprobe', autoprobe ? '1' : '0', 0o644, {verb: 'drivers_autoprobe'})
  tree.command('/sys/bus/pci/rescan', {verb: 'rescan'})
  for (const driver of drivers) {
    tree.command(`/sys/bus/pci/drivers/${driver}/bind`, {verb: 'bind', driver})
    tree.command(`/sys/bus/pci/drivers/${driver}/unbind`, {verb: 'unbind', driver})
  }
}

function addGuestBridges(tree: TreeBuilder, {functions}: Machine): void {
  for (const {path} of functions) {
    const bridge = /^\/sys\/devices\/pci[^/]+/.exec(path)![0]
    tree.text(`${bridge}/available_secure_streams`, STREAM_SLOTS)
  }
}

function addDevsecTsm(tree: TreeBuilder, machine: Machine, {world}: MachineState): void {
  const {devsec, abi} = machine
  if (devsec === null || !world.tsm) return
  const tsmDirectory = `/sys${guestTsmPath(machine)}`
  if (traitsOf(abi).describesTsm) tree.text(`${tsmDirectory}/pci_mode`, 'devsec')
  tree.text(`${tsmDirectory}/uevent`, '')
  tree.link(`${tsmDirectory}/device`, '../../../sim_devsec_tsm')
  tree.link(`${tsmDirectory}/subsystem`, '../../../../../class/tsm')
  tree.link(`/sys/class/tsm/${devsec}`, `../../${tsmDirectory.slice('/sys/'.length)}`)
}

const CAPABILITIES = {all: '000001ffffffffff', none: '0000000000000000'} as const

/** What a process finds out about itself, and about the kernel it runs on. */
function addProcess(tree: TreeBuilder, privileged: boolean): void {
  tree.text('/proc/self/status', `Name:\tnode\nCapEff:\t${privileged ? CAPABILITIES.all : CAPABILITIES.none}`)
  tree.text('/sys/kernel/security/lockdown', '[none] integrity confidentiality')
}

/** A confidential VM: what it runs on is the host's business. */
function addGuestProcessor(tree: TreeBuilder): void {
  tree.text('/proc/cmdline', 'BOOT_IMAGE=/boot/vmlinuz-sim root=/dev/vda1 ro')
  tree.text(
    '/proc/cpuinfo',
    'processor\t: 0\nvendor_id\t: SimulatedCPU\nmodel name\t: Simulated processor\nflags\t\t: hypervisor tdx_guest\n',
  )
}

/** Ports above a function that was removed take it with them. */
const isThere = (state: MachineState, path: string): boolean =>
  path.split('/').every(name => state.functions[name]?.present !== false)

export function machineTree(machine: Machine, state: MachineState, privileged: boolean): Tree {
  const tree = treeBuilder()
  addBus(tree, machine, state)
  const host = hostOf(machine, state)
  if (host === undefined) {
    if (machine.tsm !== 'absent') tree.directory('/sys/class/tsm')
    addGuestBridges(tree, machine)
    addGuestProcessor(tree)
    tree.directory(REPORTS)
  } else addHost(tree, host)
  addDevsecTsm(tree, machine, state)
  for (const fn of machine.functions) {
    if (!isThere(state, fn.path)) continue
    const config = host === undefined ? fromBase64(fn.config) : hostConfig(host, fn as HostSimFunction)
    addFunction(tree, {
      machine,
      fn,
      state: state.functions[fn.bdf]!,
      world: state.world,
      privileged,
      config,
      connectedTo: state.host?.contexts[fn.bdf]?.tsm,
    })
    if (host !== undefined) addHostFunction(tree, host, fn as HostSimFunction)
  }
  addProcess(tree, privileged)
  tree.text('/sys/kernel/uevent_seqnum', String(state.events.next - 1))
  tree.text('/proc/sys/kernel/random/boot_id', state.bootId)
  tree.text('/proc/sys/kernel/osrelease', traitsOf(machine.abi).release)
  tree.text('/etc/machine-id', machine.machineId)
  return tree.done()
}

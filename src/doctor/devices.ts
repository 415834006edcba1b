/** Which functions TDISP is about, as far as configuration space could be read. */
import {type Known, known, mapKnown} from '../known.js'
import {bdfParts, formatBdf, PORT_TYPE} from '../pci/index.js'
import type {DiagnosedDevice, DiagnosedMachine} from './machine.js'

/** Selective IDE: what Linux makes streams of. */
export function hasIde(machine: DiagnosedMachine, bdf: string): Known<boolean> {
  const port = machine.portAt.get(bdf)
  return port === undefined ? known(false) : mapKnown(port.ide, ide => ide.promised.selective > 0)
}

/** The kernel offers a function to a TSM for either of the two. */
function hasIdeOrTee(machine: DiagnosedMachine, {bdf, teeIo}: DiagnosedDevice): Known<boolean> {
  const ide = hasIde(machine, bdf)
  if ((ide.known && ide.value) || (teeIo.known && teeIo.value)) return known(true)
  return ide.known ? teeIo : ide
}

export interface Selection {
  readonly wanted: readonly DiagnosedDevice[]
  /** Functions that may belong to it: with the reason why that is not known. */
  readonly unread: readonly string[]
}

/** Functions of `devices` for which `test` holds. */
export function select(
  devices: readonly DiagnosedDevice[],
  test: (device: DiagnosedDevice) => Known<boolean>,
): Selection {
  const wanted: DiagnosedDevice[] = []
  const unread: string[] = []
  for (const device of devices) {
    const holds = test(device)
    if (!holds.known) unread.push(`${device.bdf}: ${holds.reason}`)
    else if (holds.value) wanted.push(device)
  }
  return {wanted, unread}
}

const isType = (...types: readonly number[]) => {
  const set = new Set<number | undefined>(types)
  return ({portType}: DiagnosedDevice): Known<boolean> => mapKnown(portType, type => set.has(type))
}

/** Where a type could not be read the function may be one. */
const both = (a: Known<boolean>, b: () => Known<boolean>): Known<boolean> => (a.known && a.value ? b() : a)

export const isRootPort = isType(PORT_TYPE.rootPort)
export const isUpstreamPort = isType(PORT_TYPE.upstreamPort)
const isLeaf = isType(PORT_TYPE.endpoint, PORT_TYPE.legacyEndpoint, PORT_TYPE.rcIntegratedEndpoint)

/** A virtual function has no port type, no IDE and no DSM of its own. */
const physical = (devices: readonly DiagnosedDevice[]): readonly DiagnosedDevice[] =>
  devices.filter(({virtual}) => !virtual)

export const rootPorts = ({devices}: DiagnosedMachine): Selection => select(physical(devices), isRootPort)
/** Physical functions that are no ports. */
export const leaves = ({devices}: DiagnosedMachine): Selection => select(physical(devices), isLeaf)

/** Physical functions, no ports, with IDE or TEE-IO: those an operator may want in a confidential VM. */
export const protectable = (machine: DiagnosedMachine): Selection =>
  select(physical(machine.devices), device => both(isLeaf(device), () => hasIdeOrTee(machine, device)))

export const functionNumber = (bdf: string): number => bdfParts(bdf).fn

/** Function 0 of the slot. */
export const functionZero = (bdf: string): string => formatBdf({...bdfParts(bdf), fn: 0})

/** Types whose function 0 the kernel offers to a TSM; a legacy endpoint never is. */
const isCandidateType = isType(PORT_TYPE.endpoint, PORT_TYPE.upstreamPort, PORT_TYPE.rcIntegratedEndpoint)

/** The function itself can be connected and then holds the DSM of its slot. Linux drivers/pci/tsm.c. */
export const canHoldDsm = (machine: DiagnosedMachine, bdf: string): Known<boolean> => {
  const device = machine.deviceAt.get(bdf)
  if (device === undefined || device.virtual || functionNumber(bdf) !== 0) return known(false)
  return both(isCandidateType(device), () => hasIdeOrTee(machine, device))
}

/**
 * The fast listing: one `readlink` and one `uevent` read per function, no configuration space, nothing that can block.
 * The link says where a function sits, the uevent what it is.
 */
import {attributeText, type Kernel} from '../kernel/index.js'
import {type Bdf, compareBdf, isBdf} from './bdf.js'
import {isGone, type Known, known, refusal, unknown} from '../known.js'

export const DEVICES = '/sys/bus/pci/devices'

export interface Ids {
  readonly vendor: number
  readonly device: number
  readonly subsystemVendor: number
  readonly subsystemDevice: number
  /** 24 bits: base class, sub-class, programming interface. */
  readonly classCode: number
}

export interface Place {
  /** Real directory of the device below `/sys/devices`. */
  readonly path: string
  /** Name of the host bridge, `pciDDDD:BB`; undefined when the path names none. */
  readonly hostBridge: string | undefined
  /** Ports above the function, from the host bridge down: the first is the root port. */
  readonly ports: readonly Bdf[]
}

export interface PciFunction {
  readonly bdf: Bdf
  readonly place: Known<Place>
  readonly ids: Known<Ids>
  /** Name of the bound driver; undefined when none is bound. */
  readonly driver: Known<string | undefined>
}

export interface Listing {
  /** In BDF order. */
  readonly functions: readonly PciFunction[]
  /** Functions that were listed and gone when they were read. */
  readonly vanished: readonly Bdf[]
}

export const deviceDirectory = (bdf: Bdf): string => `${DEVICES}/${bdf}`

const HOST_BRIDGE = /^pci[0-9a-f]{4,8}:[0-9a-f]{2}$/
export const isHostBridge = (name: string): boolean => HOST_BRIDGE.test(name)

/** Resolves the target of a link in `/sys/bus/pci/devices`, three directories below `/sys`. */
const resolveDeviceLink = (target: string): string => target.replace(/^(?:\.\.\/)+/, '/sys/')

/** Reads a place off a real device path; the chain of directories is the chain of buses. */
export function placeOf(path: string): Place {
  const names = path.split('/')
  const bridge = names.findLastIndex(isHostBridge)
  const ports = bridge < 0 ? [] : names.slice(bridge + 1, -1).filter(isBdf)
  return {path, hostBridge: names[bridge], ports}
}

/** Directory of the host bridge above; undefined when the path names none. */
export const hostBridgePath = ({path, hostBridge}: Place): string | undefined =>
  hostBridge === undefined
    ? undefined
    : path.slice(0, path.lastIndexOf(`/${hostBridge}/`) + '/'.length + hostBridge.length)

function readPlace(kernel: Kernel, bdf: Bdf): Known<Place> {
  const link = deviceDirectory(bdf)
  try {
    return known(placeOf(resolveDeviceLink(kernel.readlink(link))))
  } catch (error) {
    // a dump of configuration spaces has directories where sysfs has links
    return refusal(error, link)
  }
}

const HEXADECIMAL = /^[0-9a-f]{1,6}$/i
const number = (text = ''): number => (HEXADECIMAL.test(text) ? Number.parseInt(text, 16) : Number.NaN)

/** Values of a uevent file. The kernel may write lines in any order. */
function parseUevent(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=')
    if (equals > 0) values.set(line.slice(0, equals), line.slice(equals + 1))
  }
  return values
}

function idsOf(uevent: ReadonlyMap<string, string>): Known<Ids> {
  const [vendor, device] = (uevent.get('PCI_ID') ?? '').split(':')
  const [subsystemVendor, subsystemDevice] = (uevent.get('PCI_SUBSYS_ID') ?? '').split(':')
  const ids = {
    vendor: number(vendor),
    device: number(device),
    subsystemVendor: number(subsystemVendor),
    subsystemDevice: number(subsystemDevice),
    classCode: number(uevent.get('PCI_CLASS')),
  }
  return Object.values(ids).some(Number.isNaN) ? unknown('the uevent file does not identify the device') : known(ids)
}

/** Without a driver the kernel leaves the line out; a dump of configuration spaces knows neither line nor link. */
function driverOf(kernel: Kernel, directory: string, uevent: ReadonlyMap<string, string>): PciFunction['driver'] {
  const name = uevent.get('DRIVER')
  const isUntold =
    name === undefined && kernel.host.kind === 'replay' && kernel.stat(`${directory}/driver`)?.type === 'file'
  return isUntold ? unknown('not in this recording') : known(name)
}

/** What the listing says about one function, or undefined when it is gone. */
export function readFunction(kernel: Kernel, bdf: Bdf): PciFunction | undefined {
  const directory = deviceDirectory(bdf)
  const path = `${directory}/uevent`
  const place = readPlace(kernel, bdf)
  try {
    const uevent = parseUevent(attributeText(kernel.read(path)))
    return {bdf, place, ids: idsOf(uevent), driver: driverOf(kernel, directory, uevent)}
  } catch (error) {
    // a recording may lack this one file; on a running machine a device's files go together
    const reason = refusal(error, path)
    return isGone(error) && kernel.stat(`${directory}/config`) === undefined
      ? undefined
      : {bdf, place, ids: reason, driver: reason}
  }
}

/** Every PCI function. Throws ErrnoError when there is no PCI bus to list. */
export function listFunctions(kernel: Kernel): Listing {
  const functions: PciFunction[] = []
  const vanished: Bdf[] = []
  for (const bdf of kernel.list(DEVICES).filter(isBdf).sort(compareBdf)) {
    const found = readFunction(kernel, bdf)
    if (found === undefined) vanished.push(bdf)
    else functions.push(found)
  }
  return {functions, vanished}
}

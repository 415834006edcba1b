/**
 * `lspci -xxxx` text as a capture. Each device becomes its `config`, the attributes the kernel derives from it and a
 * place in the tree: below the innermost bridge of the dump whose bus range holds its bus (PCIe r6.x § 7.5.1.3), else
 * directly below a host bridge of its own bus. Drivers, links to other subsystems and everything else are absent; what
 * the kernel holds on host bridges is unknown.
 */
import {get, hex, mask} from '../bits/index.js'
import {printable, TsmctlError} from '../errors.js'
import type {Capture, CaptureNode} from './capture.js'

const HEADER_LINE = /^(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])(?:\s|$)/i
const HEX_LINE = /^([0-9a-f]{2,3}):((?: [0-9a-f]{2}){1,16})\s*$/i
/** Begins as a line of bytes does: what follows is damaged if it is none. */
const HEX_START = /^[0-9a-f]{2,3}:(?:\s|$)/i
const LAST_DOMAIN = 0x7fff_ffff
const LAST_DEVICE = 0x1f

/** Type 0/1 configuration header, PCIe r6.x § 7.5.1. */
const AT = {
  vendor: 0,
  device: 2,
  revision: 8,
  class: 9,
  headerType: 0x0e,
  secondary: 0x19,
  subordinate: 0x1a,
  subsystem: 0x2c,
}
const LAYOUT_OF_HEADER = mask(6, 0)
const BRIDGE = 1
/** Sizes lspci dumps: without privilege, conventional, extended. */
const SIZES: readonly number[] = [64, 128, 256, 4096]

interface Device {
  readonly bdf: string
  readonly domain: string
  readonly bus: number
  readonly config: number[]
  readonly line: number
}

const malformed = (line: number, got: string, hint?: string): TsmctlError =>
  new TsmctlError({kind: 'malformed', attempted: 'read the lspci dump', got: `line ${line}: ${got}`, hint})

/** True if the text has what every `lspci -x` dump has: a device line and a first line of bytes. */
export const looksLikeLspci = (text: string): boolean =>
  /^(?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]\s/im.test(text) && /^00: [0-9a-f]{2} /im.test(text)

function devicesOf(text: string): Device[] {
  const devices: Device[] = []
  const seen = new Set<string>()
  for (const [index, content] of text.split(/\r?\n/).entries()) {
    const line = index + 1
    const header = HEADER_LINE.exec(content)
    if (header !== null) {
      const [, segment = '0', bus, device, fn] = header.map(group => group?.toLowerCase()) as string[]
      const domain = Number.parseInt(segment, 16).toString(16).padStart(4, '0')
      const bdf = `${domain}:${bus}:${device}.${fn}`
      if (Number.parseInt(domain, 16) > LAST_DOMAIN || Number.parseInt(device!, 16) > LAST_DEVICE)
        throw malformed(line, `${bdf} is no PCI function: domains end at 7fffffff, devices at 1f`)
      if (seen.has(bdf)) throw malformed(line, `${bdf} a second time`)
      seen.add(bdf)
      devices.push({bdf, domain, bus: Number.parseInt(bus!, 16), config: [], line})
      continue
    }
    const row = HEX_LINE.exec(content)
    if (row === null && HEX_START.test(content)) throw malformed(line, 'neither a device nor whole bytes')
    if (row === null) continue
    const current = devices.at(-1)
    if (current === undefined) throw malformed(line, 'bytes before the first device')
    const offset = Number.parseInt(row[1]!, 16)
    if (offset !== current.config.length)
      throw malformed(line, `offset ${hex(offset)} of ${current.bdf}, expected ${hex(current.config.length)}`)
    current.config.push(
      ...row[2]!
        .trim()
        .split(' ')
        .map(byte => Number.parseInt(byte, 16)),
    )
  }
  for (const {bdf, config, line} of devices)
    if (!SIZES.includes(config.length))
      throw malformed(line, `${config.length} bytes of ${printable(bdf)}`, 'make the dump with lspci -xxxx as root')
  return devices
}

/** Bus range behind a bridge; undefined for anything else and for a bridge that was never given one. */
function busesBehind({config, bus}: Device): {from: number; to: number} | undefined {
  if (get(LAYOUT_OF_HEADER, config[AT.headerType]!) !== BRIDGE) return undefined
  const from = config[AT.secondary]!
  const to = config[AT.subordinate]!
  return from > bus && to >= from ? {from, to} : undefined
}

/** The innermost bridge above each bus, by domain and bus. */
function bridgesAbove(devices: readonly Device[]): Map<string, {from: number; device: Device}> {
  const above = new Map<string, {from: number; device: Device}>()
  for (const device of devices) {
    const {from, to} = busesBehind(device) ?? {from: 0, to: -1}
    for (let bus = from; bus <= to; bus++) {
      const key = busName(device.domain, bus)
      if ((above.get(key)?.from ?? -1) < from) above.set(key, {from, device})
    }
  }
  return above
}

/** Directory of each device. Buses behind a bridge have higher numbers than its own, so this comes to an end. */
function placesOf(devices: readonly Device[]): (device: Device) => string {
  const bridges = bridgesAbove(devices)
  const places = new Map<Device, string>()
  const place = (device: Device): string => {
    const known = places.get(device)
    if (known !== undefined) return known
    const bus = busName(device.domain, device.bus)
    const bridge = bridges.get(bus)?.device
    const found = `${bridge === undefined ? `/sys/devices/pci${bus}` : place(bridge)}/${device.bdf}`
    places.set(device, found)
    return found
  }
  return place
}

const digits = (value: number, width: number): string => value.toString(16).padStart(width, '0')
const twoDigits = (value: number): string => digits(value, 2)
const busName = (domain: string, bus: number): string => `${domain}:${twoDigits(bus)}`
const upper = (value: number, width: number): string => digits(value, width).toUpperCase()

/** Attributes Linux derives from the header: `drivers/pci/pci-sysfs.c` and `pci_uevent` of `pci-driver.c`. */
function attributesOf(device: Device): Record<string, string> {
  const data = new DataView(Uint8Array.from(device.config).buffer)
  const word = (at: number): number => data.getUint16(at, true)
  const [vendor, id] = [word(AT.vendor), word(AT.device)]
  // only type 0 headers have subsystem IDs at a fixed place; the kernel shows zero where it finds none
  const isEndpoint = get(LAYOUT_OF_HEADER, data.getUint8(AT.headerType)) === 0
  const [subVendor, subDevice] = isEndpoint ? [word(AT.subsystem), word(AT.subsystem + 2)] : [0, 0]
  const [programming, sub, base] = [0, 1, 2].map(byte => data.getUint8(AT.class + byte)) as [number, number, number]
  const classCode = Number.parseInt(`${twoDigits(base)}${twoDigits(sub)}${twoDigits(programming)}`, 16)
  const modalias =
    `pci:v${upper(vendor, 8)}d${upper(id, 8)}sv${upper(subVendor, 8)}sd${upper(subDevice, 8)}` +
    `bc${upper(base, 2)}sc${upper(sub, 2)}i${digits(programming, 2)}`
  return {
    vendor: hex(vendor, 4),
    device: hex(id, 4),
    subsystem_vendor: hex(subVendor, 4),
    subsystem_device: hex(subDevice, 4),
    class: hex(classCode, 6),
    revision: hex(data.getUint8(AT.revision), 2),
    modalias,
    uevent: [
      `PCI_CLASS=${upper(classCode, 4)}`,
      `PCI_ID=${upper(vendor, 4)}:${upper(id, 4)}`,
      `PCI_SUBSYS_ID=${upper(subVendor, 4)}:${upper(subDevice, 4)}`,
      `PCI_SLOT_NAME=${device.bdf}`,
      `MODALIAS=${modalias}`,
    ].join('\n'),
  }
}

/** What a running kernel would show and a dump cannot tell: neither there nor absent. */
const UNTOLD: CaptureNode = {type: 'part', mode: 0o444, size: 4096, chunks: []}
const UNTOLD_DIRECTORY: CaptureNode = {type: 'directory', mode: 0o755, listing: 'partial'}

/** Reads the dump. Throws TsmctlError `malformed` naming the line. */
export function parseLspci(text: string): Capture {
  const nodes = new Map<string, CaptureNode>([
    ['/sys/bus/pci/devices', {type: 'directory', mode: 0o755}],
    ['/sys/class/tsm', UNTOLD_DIRECTORY],
  ])
  const devices = devicesOf(text)
  const place = placesOf(devices)
  for (const device of devices) {
    const at = place(device)
    const hostBridge = at.split('/', 4).join('/')
    nodes.set(hostBridge, UNTOLD_DIRECTORY)
    nodes.set(`${hostBridge}/available_secure_streams`, UNTOLD)
    nodes.set(`${at}/doe_features`, UNTOLD_DIRECTORY)
    nodes.set(`${at}/driver`, UNTOLD)
    for (const [name, value] of Object.entries(attributesOf(device)))
      nodes.set(`${at}/${name}`, {type: 'file', mode: 0o444, content: Buffer.from(`${value}\n`)})
    nodes.set(`${at}/config`, configNode(device))
    nodes.set(`/sys/bus/pci/devices/${device.bdf}`, {type: 'link', target: `../../..${at.slice('/sys'.length)}`})
  }
  return {label: 'lspci', kernel: '', nodes, exchanges: []}
}

/** What lspci could not read, or was not asked to print (-x, -xxx), is unknown here and not the end of the file. */
function configNode({config}: Device): CaptureNode {
  const bytes = Uint8Array.from(config)
  if (bytes.length >= 4096) return {type: 'file', mode: 0o644, content: bytes}
  return {type: 'part', mode: 0o644, size: 4096, chunks: [{offset: 0, bytes}], end: bytes.length}
}

/**
 * Leaves out of a capture what identifies one machine, so that it can be attached to a bug report:
 *
 * - digits and letters of attributes named after serial numbers and UUIDs become zeros, keeping their shape;
 * - the Device Serial Number extended capability (PCIe r6.x § 7.9.3) is zeroed where `config` was read that far;
 * - reports and quotes of the confidential VM (`outblob`, `auxblob`, `manifestblob`) lose their content;
 * - of the kernel command line only settings of IOMMU and platform stay: others name disks and hosts;
 * - generic-netlink exchanges are dropped, because evidence carries device certificates and signatures; refusals of an
 *   empty request stay, like the descriptions of families: they only say what the kernel can do;
 * - ioctl exchanges and kernel events are dropped: they carry reports of the platform and names of devices.
 *
 * Not covered, because a reader needs them or no rule finds them: BDFs and topology, device and driver names, vendor
 * specific capabilities, and whatever a driver prints into other attributes. Look through a capture before you publish
 * it; it is text for that reason.
 */
import {get, mask} from '../bits/index.js'
import {asPart, type Capture, type CaptureNode, type FileNode, knownBytes, type PartNode, withBytes} from './capture.js'

const IDENTIFYING = /^(?:serial|serial_number|wwid|wwn|uuid|nguid|eui|unique_id|boot_id)$/
/** Settings of `/proc/cmdline` that explain what a platform can do. */
const EXPLAINING =
  /^(?:(?:amd_|intel_)?iommu=|mem_encrypt=|lockdown=|nohibernate$|(?:ccp|kvm_amd|kvm_intel|pci)(?:\.\w+)?=)/
const SECRET = /^(?:outblob|auxblob|manifestblob)$/

const EXTENDED = 0x100
const SERIAL_NUMBER_CAPABILITY = 0x0003
const SERIAL_NUMBER = {offset: 4, length: 8}
/** Extended capability header: ID and offset of the next one, PCIe r6.x § 7.6.3. */
const HEADER = {id: mask(15, 0), next: mask(31, 20)}

/** Offset of the serial number in a config space, as far as its capability list was read. */
function serialNumberAt(config: PartNode): number | undefined {
  const seen = new Set<number>()
  for (let at = EXTENDED; at >= EXTENDED && !seen.has(at);) {
    seen.add(at)
    const bytes = knownBytes(config, at, 4)
    if (bytes?.length !== 4) return undefined
    const header = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true)
    if (get(HEADER.id, header) === SERIAL_NUMBER_CAPABILITY) return at + SERIAL_NUMBER.offset
    at = get(HEADER.next, header)
  }
  return undefined
}

function withoutSerialNumber(node: FileNode | PartNode): FileNode | PartNode {
  const config = node.type === 'part' ? node : asPart(node)
  const start = serialNumberAt(config)
  if (start === undefined) return node
  let out = node
  for (let at = start; at < start + SERIAL_NUMBER.length; at++)
    if (knownBytes(config, at, 1)?.length === 1) out = withBytes(out, at, new Uint8Array(1), false)
  return out
}

const zeroed = (content: Uint8Array): Uint8Array =>
  new Uint8Array(
    Buffer.from(
      Buffer.from(content)
        .toString('latin1')
        .replaceAll(/[0-9A-Za-z]/g, '0'),
      'latin1',
    ),
  )

const explainingOnly = (content: Uint8Array): Uint8Array => {
  const words = Buffer.from(content).toString('latin1').split(/\s+/)
  return new Uint8Array(Buffer.from(`${words.filter(word => EXPLAINING.test(word)).join(' ')}\n`, 'latin1'))
}

function anonymousNode(path: string, node: CaptureNode): CaptureNode {
  if (node.type !== 'file' && node.type !== 'part') return node
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (name === 'config') return withoutSerialNumber(node)
  if (SECRET.test(name)) return {type: 'part', mode: node.mode, size: 0, chunks: []}
  if (path === '/proc/cmdline') return changed(node, explainingOnly)
  return IDENTIFYING.test(name) ? changed(node, zeroed) : node
}

/** `node` with `change` made to its content. */
function changed(node: FileNode | PartNode, change: (bytes: Uint8Array) => Uint8Array): FileNode | PartNode {
  if (node.type === 'file') return {...node, content: node.content === null ? null : change(node.content)}
  return {...node, chunks: node.chunks.map(chunk => ({...chunk, bytes: change(chunk.bytes)}))}
}

/** The same capture without what the head of this file lists. */
export const anonymous = ({kernel, recorded, nodes, exchanges, families}: Capture): Capture => ({
  label: 'anonymous',
  kernel,
  ...(recorded === undefined ? {} : {recorded}),
  nodes: new Map([...nodes].map(([path, node]) => [path, anonymousNode(path, node)])),
  exchanges: exchanges.filter(({request, response}) => request.length === 0 && typeof response === 'string'),
  ...(families === undefined ? {} : {families}),
})

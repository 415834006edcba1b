/** A small machine with IDE as the files of its kernel. */
import {encodeIde} from '../../src/ide/index.js'
import {CAPTURE_FORMAT} from '../../src/kernel/index.js'
import {EXPRESS, TYPE0_HEADER, TYPE1_HEADER} from '../../src/pci/index.js'
import {functionNodes, type Node} from '../pci/map-kernel.js'

export const ROOT = '0000:00:01.0'
export const DEVICE = '0000:01:00.0'
export const VF = '0000:01:00.1'
const BRIDGE = '/sys/devices/pci0000:00'
const EXPRESS_AT = 0x40
export const IDE_AT = 0x100
export const config = (bdf: string): string => `/sys/bus/pci/devices/${bdf}/config`

/** As AMD SEV-TIO associates. */
const ALL = {ridValid: true, ridBase: 0, ridLimit: 0xffff}

/** Configuration space of a port or an endpoint with two Selective blocks, the first of them as given. */
export function space(portType: number, enable: boolean): Uint8Array {
  const bytes = new Uint8Array(4096)
  const header = {vendorId: 0x1b36, deviceId: 1, capabilitiesList: true, capabilitiesPointer: EXPRESS_AT}
  bytes.set(
    portType === 4
      ? TYPE1_HEADER.encode({...header, headerType: 1, secondaryBus: 1, subordinateBus: 1})
      : TYPE0_HEADER.encode({...header, headerType: 0}),
  )
  bytes.set(EXPRESS.encode({version: 2, portType, teeIo: true}), EXPRESS_AT)
  const block = {enable, state: enable ? 2 : 0, streamId: enable ? 0 : 255, associations: [{}], ...(enable && ALL)}
  bytes.set(encodeIde({capability: {version: 1}, selective: [block, {streamId: 255, associations: [{}]}]}), IDE_AT)
  return bytes
}

/** One root port and one device, which a stream connects if `enable`. */
export const tree = (enable: boolean): Record<string, Node> => ({
  ...functionNodes(ROOT, 'pci0000:00'),
  ...functionNodes(DEVICE, `pci0000:00/${ROOT}`),
  ...functionNodes(VF, `pci0000:00/${ROOT}`),
  [`/sys/bus/pci/devices/${VF}/physfn`]: {link: `../${DEVICE}`},
  [config(ROOT)]: space(4, enable),
  [config(DEVICE)]: space(0, enable),
  [`${BRIDGE}/available_secure_streams`]: enable ? '3\n' : '4\n',
  ...(enable && {[`${BRIDGE}/stream0.0.0`]: {link: `../../..${BRIDGE}/${ROOT}/${DEVICE}`}}),
})

const tuple = (node: Node): readonly unknown[] => {
  if (typeof node === 'string') return ['f', '444', node]
  if (node instanceof Uint8Array) return ['b', '644', Buffer.from(node).toString('base64')]
  return 'link' in node ? ['l', node.link] : ['e', '444', node.errno]
}

/** The same as a capture, for `--host replay:`; files of a function move to where its link leads. */
export function captureOf(nodes: Readonly<Record<string, Node>>): string {
  const places = Object.entries(nodes).flatMap(([path, node]) =>
    typeof node === 'object' && 'link' in node && /\/devices\/[^/]+$/.test(path)
      ? [[`${path}/`, `${node.link.replace(/^(\.\.\/)+/, '/sys/')}/`] as const]
      : [],
  )
  const moved = (path: string): string => {
    const place = places.find(([from]) => path.startsWith(from))
    return place === undefined ? path : place[1] + path.slice(place[0].length)
  }
  const content = Object.fromEntries(Object.entries(nodes).map(([path, node]) => [moved(path), tuple(node)]))
  return JSON.stringify({format: CAPTURE_FORMAT, label: 'test', kernel: '7.3.4', tree: content})
}

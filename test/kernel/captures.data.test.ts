/** Trees of the real Linux PCI and TSM core, read in running guests. */
import {existsSync, readdirSync, readFileSync} from 'node:fs'
import {describe, expect, it} from 'vitest'
import {
  formatCapture,
  type Kernel,
  parseCapture,
  readText,
  recordingKernel,
  replayKernel,
} from '../../src/kernel/index.js'
import {errno} from './errnos.js'

const DATA = new URL('../../../shared/data/sysfs/', import.meta.url)
const there = existsSync(DATA)
const files = there ? readdirSync(DATA).filter(file => file.endsWith('.json')) : ['(../shared/data/sysfs is absent)']

/** Every path below `path`, links not followed; calls `visit` for each. */
function walkTree(kernel: Kernel, path: string, visit: (path: string, type: string) => void): void {
  for (const name of kernel.list(path)) {
    const child = `${path === '/' ? '' : path}/${name}`
    const {type} = kernel.stat(child)!
    visit(child, type)
    if (type === 'directory') walkTree(kernel, child, visit)
  }
}

describe.skipIf(!there).each(files)('%s', file => {
  const text = there ? readFileSync(new URL(file, DATA), 'utf8') : ''
  const open = () => replayKernel(parseCapture(text))

  it('reads as it was written', () => {
    const {tree} = JSON.parse(text) as {tree: Record<string, unknown[]>}
    const {nodes} = parseCapture(text)
    expect(nodes.size).toBe(Object.keys(tree).length)
    const again = JSON.parse(formatCapture(parseCapture(text))) as {tree: Record<string, unknown[]>}
    expect(again.tree).toEqual(tree)
  })

  it('can be walked, every file giving content or its errno', () => {
    const kernel = open()
    const errnos = new Set<string>()
    let count = 0
    walkTree(kernel, '/', (path, type) => {
      count++
      if (type === 'file') errnos.add(errno(() => kernel.read(path)))
    })
    expect(count).toBeGreaterThanOrEqual(parseCapture(text).nodes.size)
    expect([...errnos].filter(name => !['none', 'EACCES', 'EINVAL', 'ENXIO', 'EIO', 'EAGAIN'].includes(name))).toEqual(
      [],
    )
  })

  it('leads from every device on the bus to its directory, config and host bridge', () => {
    const kernel = open()
    const devices = kernel.list('/sys/bus/pci/devices')
    expect(devices.length).toBeGreaterThan(10)
    for (const bdf of devices) {
      const link = `/sys/bus/pci/devices/${bdf}`
      expect(kernel.readlink(link)).toMatch(new RegExp(`^\\.\\./\\.\\./\\.\\./devices/pci.*/${bdf}$`))
      expect(readText(kernel, `${link}/uevent`)).toContain(`PCI_SLOT_NAME=${bdf}`)
      const config = kernel.read(`${link}/config`)
      expect([256, 4096]).toContain(config.length)
      const id = new DataView(config.buffer, config.byteOffset).getUint16(0, true)
      // a virtual function has no ID of its own in its config space (PCIe r6.x section 9.3.4.1.1)
      if (kernel.stat(`${link}/physfn`) === undefined)
        expect(`0x${id.toString(16).padStart(4, '0')}`).toBe(readText(kernel, `${link}/vendor`))
    }
  })

  it('is the same again when everything in it was recorded', () => {
    const recording = recordingKernel(open())
    walkTree(recording, '/', (path, type) => {
      if (type === 'file') errno(() => recording.read(path))
    })
    const {tree} = JSON.parse(text) as {tree: Record<string, unknown[]>}
    const again = JSON.parse(formatCapture(recording.capture())) as {tree: Record<string, unknown[]>}
    // directories that the original left out are written down now
    expect(again.tree).toEqual(expect.objectContaining(tree))
    for (const [path, node] of Object.entries(again.tree)) if (!(path in tree)) expect(node).toEqual(['d', '755'])
  })
})

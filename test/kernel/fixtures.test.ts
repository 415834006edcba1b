import {readdirSync, readFileSync, statSync} from 'node:fs'
import {describe, expect, it} from 'vitest'
import {formatCapture, openReplay, parseCapture, readText} from '../../src/kernel/index.js'

const FIXTURES = new URL('../../fixtures/', import.meta.url)
const captures = readdirSync(new URL('captures/', FIXTURES)).map(file => ({
  file,
  path: new URL(`captures/${file}`, FIXTURES).pathname,
}))
const replay = (name: string) => openReplay(new URL(`captures/${name}.json`, FIXTURES).pathname)

describe.each(captures)('$file', ({file, path}) => {
  it('is written as tsmctl writes captures, small, and described', () => {
    const text = readFileSync(path, 'utf8')
    expect(formatCapture(parseCapture(text))).toBe(text)
    expect(statSync(path).size).toBeLessThan(180_000)
    expect(readFileSync(new URL('README.md', FIXTURES), 'utf8')).toContain(`\`${file}\``)
  })

  it('has PCI devices one can look at', () => {
    const kernel = openReplay(path)
    const devices = kernel.list('/sys/bus/pci/devices')
    expect(devices.length).toBeGreaterThan(0)
    for (const bdf of devices) {
      expect(readText(kernel, `/sys/bus/pci/devices/${bdf}/uevent`)).toContain(`PCI_SLOT_NAME=${bdf}`)
      // conventional PCI has 256
      expect([256, 4096]).toContain(kernel.read(`/sys/bus/pci/devices/${bdf}/config`).length)
    }
  })
})

it('the host is connected over one stream', () => {
  const kernel = replay('host-connected')
  expect(readText(kernel, '/sys/bus/pci/devices/0000:01:00.0/tsm/connect')).toBe('tsm0')
  expect(kernel.readlink('/sys/devices/pci0000:00/stream0.0.0')).toBe('0000:00:03.0/0000:01:00.0')
  expect(kernel.list('/sys/class/tsm')).toEqual(['tsm0'])
  expect(kernel.list('/sys/class/tsm/tsm0')).toContain('uevent')
})

it('the guest is locked and not accepted', () => {
  const kernel = replay('guest-locked')
  const tsm = '/sys/bus/pci/devices/0000:02:00.0/tsm'
  expect(kernel.list(tsm)).toEqual(['accept', 'lock', 'unlock'])
  expect([readText(kernel, `${tsm}/lock`), readText(kernel, `${tsm}/accept`)]).toEqual(['tsm0', '0'])
  expect(kernel.stat('/sys/bus/pci/devices/0000:02:00.0/driver')).toBeUndefined()
})

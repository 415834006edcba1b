/** A kernel without a PCI/TSM core. */
import {existsSync, readdirSync, readFileSync} from 'node:fs'
import {expect, it} from 'vitest'

it('has neither a TSM class nor mailboxes in sysfs', () => {
  expect(readFileSync('/proc/sys/kernel/osrelease', 'utf8')).toMatch(/^6\.12\./)
  expect(existsSync('/sys/bus/pci/devices/0000:01:00.0/config')).toBe(true)
  expect(existsSync('/sys/bus/pci/devices/0000:01:00.0/doe_features')).toBe(false)
  expect(existsSync('/sys/class/tsm')).toBe(false)
})

it('has reports of a confidential guest to offer, and no provider', () => {
  expect(readdirSync('/sys/kernel/config/tsm/report')).toEqual([])
})

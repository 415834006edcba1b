/** Dumps of real devices, against what their manifest says independent decoders found. */
import {existsSync, readFileSync} from 'node:fs'
import {fileURLToPath} from 'node:url'
import {describe, expect, it} from 'vitest'
import {openReplay, readText} from '../../src/kernel/index.js'

interface Expected {
  readonly bdf: string
  readonly config_len: number
  readonly vendor: string
  readonly device: string
  readonly class: string
}
interface Entry {
  readonly file: string
  readonly expected?: {readonly devices?: readonly Expected[]}
}

const DATA = new URL('../../../shared/data/pci/', import.meta.url)
const there = existsSync(DATA)
const entries = there
  ? (JSON.parse(readFileSync(new URL('MANIFEST.json', DATA), 'utf8')) as {entries: Entry[]}).entries.filter(({file}) =>
      file.endsWith('.dump'),
    )
  : [{file: '(../shared/data/pci is absent)'}]

describe.skipIf(!there).each(entries)('$file', ({file, expected}: Entry) => {
  it('gives the devices, identities and sizes of the manifest', () => {
    const kernel = openReplay(fileURLToPath(new URL(file, DATA)))
    const devices = expected?.devices ?? []
    expect(devices.length).toBeGreaterThan(0)
    expect(kernel.list('/sys/bus/pci/devices')).toEqual(devices.map(({bdf}) => `0000:${bdf}`).sort())
    for (const device of devices) {
      const at = `/sys/bus/pci/devices/0000:${device.bdf}`
      expect(kernel.read(`${at}/config`)).toHaveLength(device.config_len)
      expect(['vendor', 'device', 'class'].map(name => readText(kernel, `${at}/${name}`))).toEqual([
        `0x${device.vendor}`,
        `0x${device.device}`,
        `0x${device.class}`,
      ])
    }
  })
})

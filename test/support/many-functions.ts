/** A sysfs tree of many functions, some of them TDIs, as files below a directory. */
import {mkdirSync, symlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')

/** BDF of the function number `i`. */
export const bdfOf = (i: number): string =>
  `0000:${hex(Math.floor(i / 256), 2)}:${hex(Math.floor(i / 8) % 32, 2)}.${i % 8}`

/** Makes `count` functions, the first `tdis` of them unlocked TDIs, and a TSM. */
export function makeManyFunctions(root: string, count: number, tdis: number): void {
  const bridge = join(root, 'sys/devices/pci0000:00')
  const tsm = join(root, 'sys/devices/faux/devsec/tsm/tsm0')
  for (const path of [bridge, tsm, join(root, 'sys/bus/pci/devices'), join(root, 'sys/class/tsm')])
    mkdirSync(path, {recursive: true})
  symlinkSync('../../devices/faux/devsec/tsm/tsm0', join(root, 'sys/class/tsm/tsm0'))
  writeFileSync(join(tsm, 'pci_mode'), 'devsec\n')
  for (let i = 0; i < count; i++) {
    const bdf = bdfOf(i)
    const device = join(bridge, bdf)
    mkdirSync(i < tdis ? join(device, 'tsm') : device, {recursive: true})
    writeFileSync(
      join(device, 'uevent'),
      `DRIVER=nvme\nPCI_CLASS=10802\nPCI_ID=7E57:0001\nPCI_SUBSYS_ID=7E57:0001\nPCI_SLOT_NAME=${bdf}\n`,
    )
    if (i < tdis) {
      writeFileSync(join(device, 'tsm/lock'), '\n')
      writeFileSync(join(device, 'tsm/accept'), '0\n')
    }
    symlinkSync(`../../../devices/pci0000:00/${bdf}`, join(root, 'sys/bus/pci/devices', bdf))
  }
}

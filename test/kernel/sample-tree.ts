/** The contract's sample as files: a small sysfs below a temporary directory. */
import {execFileSync} from 'node:child_process'
import {chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import type {Sample} from './contract.js'

export const CONFIG = Uint8Array.from({length: 4096}, (_, i) => (i * 7 + (i >>> 8)) & 0xff)

const DEVICE = '/sys/devices/pci0000:00/0000:00:01.0'

/** A fresh temporary directory and its removal. */
export function temporary(): {directory: string; dispose: () => void} {
  const directory = mkdtempSync(join(tmpdir(), 'tsmctl-kernel-'))
  return {directory, dispose: () => rmSync(directory, {recursive: true, force: true})}
}

/** Makes the sample tree below `root`; `prefix` is what the reader puts before its paths. */
export function makeSampleTree(root: string, prefix: string): Sample & {readonly writeOnly: string} {
  const device = join(root, DEVICE)
  mkdirSync(join(device, 'tsm'), {recursive: true})
  mkdirSync(join(root, '/sys/bus/pci/devices'), {recursive: true})
  writeFileSync(join(device, 'vendor'), '0x8086\n')
  writeFileSync(join(device, 'config'), CONFIG)
  writeFileSync(join(device, 'remove'), '')
  chmodSync(join(device, 'remove'), 0o200)
  writeFileSync(join(device, 'driver_override'), '(null)\n')
  writeFileSync(join(device, 'tsm', 'connect'), '\n')
  const bus = join(root, '/sys/bus/pci/devices')
  const link = `../../../devices/pci0000:00/0000:00:01.0`
  symlinkSync(link, join(bus, '0000:00:01.0'))
  symlinkSync(`${prefix}${DEVICE}`, join(bus, 'absolute'))
  symlinkSync('loop', join(bus, 'loop'))
  return {
    directory: {path: `${prefix}${DEVICE}`, names: ['config', 'driver_override', 'remove', 'tsm', 'vendor']},
    text: {path: `${prefix}${DEVICE}/vendor`, content: '0x8086'},
    binary: {path: `${prefix}${DEVICE}/config`, content: CONFIG},
    link: {path: `${prefix}/sys/bus/pci/devices/0000:00:01.0`, target: link},
    absoluteLink: `${prefix}/sys/bus/pci/devices/absolute`,
    loop: `${prefix}/sys/bus/pci/devices/loop`,
    writeOnly: `${prefix}${DEVICE}/remove`,
    missing: `${prefix}${DEVICE}/tsm/lock`,
    vanish: () => rmSync(join(device, 'vendor')),
  }
}

/** Adds a pipe nobody writes to where the kernel's TSM attributes are: opening it blocks. */
export function addPipe(root: string): string {
  const path = join(root, DEVICE, 'tsm', 'blocking')
  execFileSync('mkfifo', [path])
  return path
}

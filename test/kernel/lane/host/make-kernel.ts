/** A kernel, and an initramfs with the modules a guest loads at start and the test modules. */
import {chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync} from 'node:fs'
import {basename, join} from 'node:path'
import type {Sources} from './bundle.js'
import {LaneFailure} from './failure.js'
import {type Inside, runInside} from './tree.js'

/** Kernel modules of the guest, in the order of loading, where the kernel has them. */
const LOADED = [
  'fs/netfs/netfs',
  'net/9p/9pnet',
  'net/9p/9pnet_virtio',
  'fs/9p/9p',
  'fs/configfs/configfs',
  'drivers/virt/coco/guest/tsm_report',
  // its name in 6.12
  'drivers/virt/coco/tsm',
  'drivers/nvme/common/nvme-keyring',
  'drivers/nvme/common/nvme-auth',
  'drivers/nvme/host/nvme-core',
  'drivers/nvme/host/nvme',
]
/** `$1` headers, in a directory with `modules` and `initramfs`; then the files of modules to unpack. No BTF: it asks for pahole. */
const BUILD = `
if [ -d modules ]; then
	make -s -C "$1" M=/w/modules -j2 CONFIG_DEBUG_INFO_BTF_MODULES= modules
	mv modules/*.ko initramfs/m
fi
shift
for file; do
	name=\${file##*/}
	xz -dc "$file" > "initramfs/m/\${name%.xz}"
done
cd initramfs
find . | cpio -o -H newc --quiet -R 0:0 > ../initramfs.cpio
`

interface Contents extends Pick<Sources, 'modules' | 'init'> {
  readonly hasTsm: boolean
}

/** Makes `vmlinuz` and `initramfs.cpio` in `inside.work`. */
export async function makeKernel(
  inside: Inside,
  release: string,
  {modules, init, hasTsm}: Contents,
  signal: AbortSignal,
): Promise<void> {
  const {tree, work, linux} = inside
  const initramfs = join(work, 'initramfs')
  for (const name of ['bin', 'dev', 'proc', 'sys', 'm', 'mnt', 'newroot'])
    mkdirSync(join(initramfs, name), {recursive: true})
  const library = `usr/lib/modules/${release}`
  const loaded = LOADED.map(name => `${library}/kernel/${name}.ko.xz`).filter(file => existsSync(join(linux, file)))
  writeFileSync(join(initramfs, 'm/order'), loaded.map(file => `${basename(file, '.ko.xz')}\n`).join(''))
  copyFileSync(join(tree, 'usr/bin/busybox'), join(initramfs, 'bin/busybox'))
  symlinkSync('busybox', join(initramfs, 'bin/sh'))
  copyFileSync(init, join(initramfs, 'init'))
  chmodSync(join(initramfs, 'init'), 0o755)
  if (hasTsm) cpSync(modules, join(work, 'modules'), {recursive: true})
  const build = ['sh', '-euc', `cd /w\n${BUILD}`, 'sh', `/linux/${library}/build`]
  const files = loaded.map(file => `/linux/${file}`)
  await runInside(hasTsm ? 'build the test modules' : 'make the initramfs', inside, [...build, ...files], signal)
  for (const name of ['initramfs', 'modules']) rmSync(join(work, name), {recursive: true, force: true})
  copyFileSync(vmlinuz(linux, release), join(work, 'vmlinuz'))
}

function vmlinuz(linux: string, release: string): string {
  const places = [
    `usr/lib/modules/${release}/vmlinuz.unsigned`,
    `usr/lib/modules/${release}/vmlinuz`,
    `boot/vmlinuz-${release}`,
  ]
  const found = places.map(place => join(linux, place)).find(path => existsSync(path))
  if (found !== undefined) return found
  throw new LaneFailure(`unpack the kernel ${release}`, `its packages have none of ${places.join(', ')}`)
}

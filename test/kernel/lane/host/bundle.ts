/**
 * What a machine boots from: QEMU with its libraries and loader, a kernel, an initramfs with the test modules, and a root
 * directory with Node. Made from Debian's packages, kept by what it was made from.
 */
import {createHash} from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import {basename, dirname, join} from 'node:path'
import {runProgram} from './command.js'
import {LaneFailure} from './failure.js'
import type {KernelSeries} from './kernels.js'
import {openPackages, type Packages} from './packages.js'
import {runInside, unpack} from './tree.js'

export interface Bundle {
  readonly directory: string
  /** `uname -r` of its kernel. */
  readonly release: string
}

interface Sources {
  /** Directory of the test modules and of the guest's `init`. */
  readonly modules: string
  readonly init: string
}

type Say = (line: string) => void

const TOOLS = ['qemu-system-x86', 'gcc-14', 'make', 'kmod', 'busybox-static', 'cpio', 'xz-utils']
const ESSENTIAL = ['base-files', 'dash', 'coreutils', 'mawk', 'sed', 'grep', 'findutils', 'libc-bin']
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
/** Firmware QEMU asks for. */
const FIRMWARE = ['seabios/bios-256k.bin', 'qemu/linuxboot_dma.bin', 'qemu/kvmvapic.bin']
const BUSYBOX = ['sh', 'cat', 'insmod', 'rmmod', 'mount', 'umount', 'sleep', 'dmesg', 'df']
/** Raised when the same sources make another bundle. */
const FORMAT = 2
const LINKED = /=> (\/\S+)|^\s*(\/\S*ld-linux\S*)/gm

const versionOrder = (a: string, b: string): number => a.localeCompare(b, 'en', {numeric: true})

/** The newest release of a series that the mirror has. */
async function newest(packages: Packages, {series, suite}: KernelSeries): Promise<string> {
  const pattern = new RegExp(
    `^linux-(?:binary-unsigned|image)-(${series.replace('.', '\\.')}\\.\\d+\\+deb\\d+-amd64)(?:-unsigned)?$`,
  )
  const found = (await packages.named(`linux-`))
    .flatMap(name => pattern.exec(name)?.[1] ?? [])
    .sort(versionOrder)
    .at(-1)
  if (found !== undefined) return found
  throw new LaneFailure(`find a kernel ${series}`, `the mirror has none in ${suite}`, 'Name another with --kernel.')
}

function digestOf(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${part.length}:`).update(part)
  return hash.digest('hex').slice(0, 16)
}

const keyOf = (release: string, {modules, init}: Sources): string =>
  digestOf(
    String(FORMAT),
    release,
    process.version,
    readFileSync(init),
    ...readdirSync(modules)
      .sort()
      .flatMap(name => [name, readFileSync(join(modules, name))]),
  )

/** Libraries and loader that a program asks for, as paths. */
const linked = (listing: string): string[] =>
  [...listing.matchAll(LINKED)].map(([, library, loader]) => (library ?? loader)!)

/** The bundle for a kernel series: from `cache`, or made now. Throws LaneFailure. */
export async function bundleFor(kernel: KernelSeries, cache: string, sources: Sources, say: Say): Promise<Bundle> {
  const known = join(cache, `release-${kernel.series}`)
  if (existsSync(known)) {
    const release = readFileSync(known, 'utf8')
    const directory = join(cache, `bundle-${keyOf(release, sources)}`)
    if (existsSync(directory)) return {directory, release}
  }
  say('package lists')
  const packages = await openPackages(join(cache, 'apt'))
  const release = await newest(packages, kernel)
  const directory = join(cache, `bundle-${keyOf(release, sources)}`)
  if (!existsSync(directory)) await make(kernel, release, packages, cache, directory, sources, say)
  writeFileSync(known, release)
  return {directory, release}
}

async function make(
  kernel: KernelSeries,
  release: string,
  packages: Packages,
  cache: string,
  directory: string,
  {modules, init}: Sources,
  say: Say,
): Promise<void> {
  const tree = join(cache, `tree-${release}`)
  if (!existsSync(tree)) {
    const names = kernel.hasTsm
      ? [`linux-headers-${release}`, `linux-binary-unsigned-${release}`, `linux-modules-${release}`]
      : [`linux-image-${release}-unsigned`]
    say(`packages for ${release}`)
    rmSync(join(cache, 'apt/archives'), {recursive: true, force: true})
    mkdirSync(join(cache, 'apt/archives/partial'), {recursive: true})
    const archives = await packages.download(kernel.suite, [...ESSENTIAL, ...TOOLS, ...names])
    say(`unpack ${archives.length} packages`)
    rmSync(`${tree}.new`, {recursive: true, force: true})
    await unpack(archives, `${tree}.new`)
    renameSync(`${tree}.new`, tree)
  }
  const made = `${directory}.new`
  rmSync(made, {recursive: true, force: true})
  mkdirSync(made, {recursive: true})
  const initramfs = join(made, 'initramfs')
  for (const name of ['bin', 'dev', 'proc', 'sys', 'm', 'mnt', 'newroot'])
    mkdirSync(join(initramfs, name), {recursive: true})
  if (kernel.hasTsm) {
    say('build modules')
    cpSync(modules, join(made, 'modules'), {recursive: true})
    await runInside('build the test modules', tree, made, [
      'make',
      '-s',
      '-C',
      '/w/modules',
      '-j2',
      `KDIR=/lib/modules/${release}/build`,
    ])
    for (const name of readdirSync(join(made, 'modules')).filter(file => file.endsWith('.ko')))
      copyFileSync(join(made, 'modules', name), join(initramfs, 'm', name))
    rmSync(join(made, 'modules'), {recursive: true})
  }
  const library = join(tree, 'usr/lib/modules', release)
  const loaded = LOADED.filter(name => existsSync(join(library, 'kernel', `${name}.ko.xz`)))
  writeFileSync(join(initramfs, 'm/order'), loaded.map(name => `${basename(name)}\n`).join(''))
  for (const name of loaded) {
    const file = join(library, 'kernel', `${name}.ko.xz`)
    // oxlint-disable-next-line no-await-in-loop
    await runProgram(`unpack ${name}`, [
      'sh',
      '-euc',
      'xz -dc "$1" > "$2"',
      'sh',
      file,
      join(initramfs, 'm', `${basename(name)}.ko`),
    ])
  }
  copyFileSync(join(tree, 'usr/bin/busybox'), join(initramfs, 'bin/busybox'))
  symlinkSync('busybox', join(initramfs, 'bin/sh'))
  copyFileSync(init, join(initramfs, 'init'))
  chmodSync(join(initramfs, 'init'), 0o755)
  const pack = 'cd /w/initramfs && find . | cpio -o -H newc --quiet -R 0:0 > /w/initramfs.cpio'
  await runInside('make the initramfs', tree, made, ['sh', '-c', pack])
  rmSync(initramfs, {recursive: true})
  copyFileSync(vmlinuz(tree, release), join(made, 'vmlinuz'))
  await makeRoot(join(made, 'root'), tree)
  await packQemu(made, tree)
  rmSync(directory, {recursive: true, force: true})
  renameSync(made, directory)
}

function vmlinuz(tree: string, release: string): string {
  const places = [
    `usr/lib/modules/${release}/vmlinuz.unsigned`,
    `usr/lib/modules/${release}/vmlinuz`,
    `boot/vmlinuz-${release}`,
  ]
  const found = places.map(place => join(tree, place)).find(path => existsSync(path))
  if (found !== undefined) return found
  throw new LaneFailure(`unpack the kernel ${release}`, `its packages have none of ${places.join(', ')}`)
}

/** The guest's root: busybox, this Node, and the libraries it asks for. */
async function makeRoot(root: string, tree: string): Promise<void> {
  for (const name of [
    'usr/bin',
    'bin',
    'lib/x86_64-linux-gnu',
    'lib64',
    'etc',
    'dev',
    'proc',
    'sys',
    'run',
    'mnt',
    'repo',
    'modules',
    'var/lib',
  ])
    mkdirSync(join(root, name), {recursive: true})
  symlinkSync('run', join(root, 'tmp'))
  copyFileSync(join(tree, 'usr/bin/busybox'), join(root, 'bin/busybox'))
  for (const name of BUSYBOX) symlinkSync('busybox', join(root, 'bin', name))
  const node = realpathSync(process.execPath)
  copyFileSync(node, join(root, 'usr/bin/node'))
  const libraries = linked(await runProgram('see what Node links', ['ldd', node]))
  // what native add-ons of packages ask for
  const beside = dirname(libraries.find(path => path.includes('libc.so'))!)
  for (const name of ['librt.so.1', 'libresolv.so.2']) libraries.push(join(beside, name))
  for (const library of libraries.filter(path => existsSync(path)))
    copyFileSync(
      library,
      join(root, library.includes('ld-linux') ? 'lib64' : 'lib/x86_64-linux-gnu', basename(library)),
    )
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/run:/bin/sh\n')
}

async function packQemu(made: string, tree: string): Promise<void> {
  for (const name of ['lib', 'share']) mkdirSync(join(made, name))
  const qemu = '/usr/bin/qemu-system-x86_64'
  const listing = await runInside('see what QEMU links', tree, made, ['/lib64/ld-linux-x86-64.so.2', '--list', qemu])
  for (const library of linked(listing)) copyFileSync(join(tree, library), join(made, 'lib', basename(library)))
  copyFileSync(join(tree, qemu), join(made, 'qemu'))
  for (const name of FIRMWARE) copyFileSync(join(tree, 'usr/share', name), join(made, 'share', basename(name)))
}

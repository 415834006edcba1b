/** QEMU with everything it asks for, and the root directory of a guest: busybox, this Node, and the libraries of both. */
import {copyFileSync, existsSync, mkdirSync, realpathSync, symlinkSync, writeFileSync} from 'node:fs'
import {basename, dirname, join} from 'node:path'
import {runProgram} from './command.js'
import {type Inside, runInside} from './tree.js'

const QEMU = '/usr/bin/qemu-system-x86_64'
const LOADER = 'ld-linux-x86-64.so.2'
/** Firmware QEMU asks for. */
const FIRMWARE = ['seabios/bios-256k.bin', 'qemu/linuxboot_dma.bin', 'qemu/kvmvapic.bin']
const BUSYBOX = ['sh', 'cat', 'insmod', 'rmmod', 'mount', 'umount', 'sleep', 'dmesg', 'df']
const MOUNTED = ['dev', 'proc', 'sys', 'run', 'mnt', 'repo', 'modules']
const LINKED = /=> (\/\S+)|^\s*(\/\S*ld-linux\S*)/gm

/** Libraries and loader that a program asks for, as paths. */
const linked = (listing: string): string[] =>
  [...listing.matchAll(LINKED)].map(([, library, loader]) => (library ?? loader)!)

/** Makes `qemu`, `lib`, `share` and `root` in `inside.work`; `nodelay` is the source of what QEMU is started with. */
export async function makeMachine(inside: Inside, nodelay: string, signal: AbortSignal): Promise<void> {
  const {tree, work} = inside
  for (const name of ['lib', 'share']) mkdirSync(join(work, name))
  const listing = await runInside('see what QEMU links', inside, [`/lib64/${LOADER}`, '--list', QEMU], signal)
  for (const library of linked(listing)) copyFileSync(join(tree, library), join(work, 'lib', basename(library)))
  copyFileSync(join(tree, QEMU), join(work, 'qemu'))
  copyFileSync(nodelay, join(work, 'nodelay.c'))
  const compile = ['gcc-14', '-O2', '-Wall', '-shared', '-fPIC', '-nostdlib', '-o', '/w/lib/nodelay.so', '/w/nodelay.c']
  await runInside('build what QEMU is started with', inside, compile, signal)
  for (const name of FIRMWARE) copyFileSync(join(tree, 'usr/share', name), join(work, 'share', basename(name)))
  await makeRoot(join(work, 'root'), join(tree, 'usr/bin/busybox'), signal)
}

async function makeRoot(root: string, busybox: string, signal: AbortSignal): Promise<void> {
  for (const name of ['usr/bin', 'bin', 'lib/x86_64-linux-gnu', 'lib64', 'etc', 'var/lib', ...MOUNTED])
    mkdirSync(join(root, name), {recursive: true})
  symlinkSync('run', join(root, 'tmp'))
  copyFileSync(busybox, join(root, 'bin/busybox'))
  for (const name of BUSYBOX) symlinkSync('busybox', join(root, 'bin', name))
  const node = realpathSync(process.execPath)
  copyFileSync(node, join(root, 'usr/bin/node'))
  const libraries = linked(await runProgram('see what Node links', ['ldd', node], {signal}))
  // what native add-ons of packages ask for
  const beside = dirname(libraries.find(path => path.includes('libc.so'))!)
  for (const name of ['librt.so.1', 'libresolv.so.2']) libraries.push(join(beside, name))
  for (const library of libraries.filter(path => existsSync(path)))
    copyFileSync(
      library,
      join(root, library.includes('ld-linux') ? 'lib64' : 'lib/x86_64-linux-gnu', basename(library)),
    )
  // os.userInfo() looks here
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/run:/bin/sh\n')
}

/** The program that runs QEMU of a machine, and its first arguments: the loader it came with. */
export const qemuOf = (machine: string): readonly [string, ...string[]] => {
  const library = join(machine, 'lib')
  const qemu = join(machine, 'qemu')
  return [
    join(library, LOADER),
    '--preload',
    join(library, 'nodelay.so'),
    '--library-path',
    library,
    qemu,
    '-L',
    join(machine, 'share'),
  ]
}

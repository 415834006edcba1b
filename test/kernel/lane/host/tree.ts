/** Trees of unpacked Debian packages, and programs run in one: as root, or as root of an own user namespace. */
import {existsSync, mkdirSync, readdirSync, rmSync, symlinkSync} from 'node:fs'
import {join} from 'node:path'
import {runProgram} from './command.js'
import {ELSEWHERE} from './packages.js'

/** What the guest may need of 100 MiB of kernel modules. */
const MODULES = ['fs/netfs', 'fs/9p', 'fs/configfs', 'net/9p', 'drivers/virt/coco', 'drivers/nvme'].map(
  directory => `'*/kernel/${directory}/*'`,
)
const NEVER_READ = ['doc', 'locale', 'man', 'info'].map(name => `--exclude='./usr/share/${name}/*'`)
const ALL = ['--keep-directory-symlink', ...NEVER_READ].join(' ')
/** By what a package's name starts with: what to unpack. */
const PARTS = [
  ['linux-modules-', `--wildcards ${MODULES.join(' ')}`],
  ['linux-image-', `--wildcards ${MODULES.join(' ')} './boot/vmlinuz-*'`],
] as const

/** `$1` tree, `$2` a directory seen as /w, `$3` one seen as /linux, then the program. */
const INSIDE = `
mount --rbind /proc "$1/proc"; mount --rbind /dev "$1/dev"; mount --bind "$2" "$1/w"; mount --bind "$3" "$1/linux"
root=$1; shift 3
exec chroot "$root" /usr/bin/env PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/ LC_ALL=C "$@"
`

/** Unpacks the packages of one directory, and removes them. */
export async function unpack(archives: string, tree: string, signal: AbortSignal): Promise<void> {
  for (const name of readdirSync(archives)) {
    const what = PARTS.find(([start]) => name.startsWith(start))?.[1] ?? ALL
    const command = `dpkg-deb --fsys-tarfile "$1" | tar -C "$2" -xf - --no-same-owner ${what}`
    const archive = join(archives, name)
    // one after the other: what they share are directories
    // oxlint-disable-next-line no-await-in-loop
    await runProgram(`unpack ${name}`, ['sh', '-euc', command, 'sh', archive, tree], {signal, hint: ELSEWHERE})
    rmSync(archive)
  }
}

/** Makes a tree of unpacked packages one that programs run in. */
export function furnish(tree: string): void {
  for (const directory of ['w', 'linux', 'proc', 'dev', 'tmp']) mkdirSync(join(tree, directory), {recursive: true})
  for (const [name, target] of [
    ['awk', 'mawk'],
    ['sh', 'dash'],
  ] as const)
    if (!existsSync(join(tree, 'usr/bin', name))) symlinkSync(target, join(tree, 'usr/bin', name))
  // headers of kernels name each other so
  rmSync(join(tree, 'usr/src'), {recursive: true, force: true})
  symlinkSync('/linux/usr/src', join(tree, 'usr/src'))
}

export interface Inside {
  readonly tree: string
  /** Directory seen as /w, writable. */
  readonly work: string
  /** Directory seen as /linux. */
  readonly linux: string
}

/** Runs a program in a tree. Its mounts are of an own namespace and end with it. */
export function runInside(
  attempted: string,
  {tree, work, linux}: Inside,
  command: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const isRoot = process.getuid?.() === 0
  const hint = (page: string): string | undefined => {
    if (!/^(unshare|mount|chroot):/m.test(page)) return page === '' ? ELSEWHERE : undefined
    return isRoot
      ? 'Root of a container without CAP_SYS_ADMIN cannot mount: give it that, or bring a bundle (docs/kernel-lane.md).'
      : 'This needs unprivileged user namespaces, or root, or a bundle (docs/kernel-lane.md).'
  }
  const program = ['unshare', isRoot ? '-m' : '-rm', 'sh', '-euc', INSIDE, 'sh', tree, work, linux, ...command] as const
  return runProgram(attempted, program, {signal, hint})
}

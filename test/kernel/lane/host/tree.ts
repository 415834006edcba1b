/** A tree of unpacked Debian packages, and programs run in it: as root, or as root of an own user namespace. */
import {existsSync, mkdirSync, symlinkSync} from 'node:fs'
import {basename, join} from 'node:path'
import {runProgram} from './command.js'

/** The modules the guest loads; the rest of that package is 100 MiB. */
const MODULES = ['*/fs/netfs/*', '*/net/9p/*', '*/fs/9p/*', '*/fs/configfs/*', '*/coco/*', '*/drivers/nvme/*']
const NEVER_READ = ['./usr/share/doc/*', './usr/share/locale/*', './usr/share/man/*']
const UNPACK = 'dpkg-deb --fsys-tarfile "$1" | tar -C "$2" -xf - --no-same-owner'

/** `$1` tree, `$2` a directory seen as /w, then the program. */
const INSIDE = `
mount --rbind /proc "$1/proc"; mount --rbind /dev "$1/dev"; mount --bind "$2" "$1/w"
root=$1; shift 2
exec chroot "$root" /usr/bin/env PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/ LC_ALL=C "$@"
`

export async function unpack(archives: readonly string[], tree: string): Promise<void> {
  mkdirSync(tree, {recursive: true})
  for (const archive of archives) {
    const isModules = /^linux-modules-|^linux-image-/.test(basename(archive))
    const what = isModules
      ? [`--wildcards`, ...MODULES, './boot/vmlinuz*', './usr/lib/modules/*/vmlinuz*']
      : ['--keep-directory-symlink', ...NEVER_READ.map(path => `--exclude=${path}`)]
    const command = `${UNPACK} ${what.map(word => `'${word}'`).join(' ')}${isModules ? ' 2>/dev/null || :' : ''}`
    // one after the other: the disk is what takes the time
    // oxlint-disable-next-line no-await-in-loop
    await runProgram(`unpack ${basename(archive)}`, ['sh', '-euc', command, 'sh', archive, tree])
  }
  for (const directory of ['w', 'proc', 'dev', 'tmp']) mkdirSync(join(tree, directory), {recursive: true})
  for (const [name, target] of [
    ['awk', 'mawk'],
    ['sh', 'dash'],
  ] as const)
    if (!existsSync(join(tree, 'usr/bin', name))) symlinkSync(target, join(tree, 'usr/bin', name))
}

/** Runs a program in the tree, where `work` is /w. */
export function runInside(attempted: string, tree: string, work: string, command: readonly string[]): Promise<string> {
  const isRoot = process.getuid?.() === 0
  return runProgram(attempted, ['unshare', isRoot ? '-m' : '-rm', 'sh', '-euc', INSIDE, 'sh', tree, work, ...command], {
    hint: isRoot
      ? 'Root of a container without CAP_SYS_ADMIN cannot mount: give it that, or bring a bundle (docs/kernel-lane.md).'
      : 'This needs unprivileged user namespaces, or root (docs/kernel-lane.md).',
  })
}

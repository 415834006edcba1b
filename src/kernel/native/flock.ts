/**
 * flock(2) beside tsmctl's own claim files, so that a shell script can take part with flock(1). Only where koffi is
 * installed; the claim files keep all tsmctl processes apart with or without it.
 */
import {closeSync, constants, fstatSync, openSync, readFileSync} from 'node:fs'
import {errnoName} from '../errno.js'
import {hasKoffi, libc} from './libc.js'

const {O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDWR} = constants
/** LOCK_EX and LOCK_NB: Linux `asm-generic/fcntl.h`. */
const EXCLUSIVE_AT_ONCE = 2 + 4

/** A refusal: who holds it, where that is known. */
export interface Held {
  readonly holder: number | undefined
}

/** Process that holds the flock on an inode, proc_locks(5); undefined where /proc does not tell. */
function holderOf(inode: bigint): number | undefined {
  try {
    const lines = readFileSync('/proc/locks', 'latin1').split('\n')
    const found = lines.map(line => /^\d+: FLOCK .* (\d+) [0-9a-f]+:[0-9a-f]+:(\d+) /.exec(line))
    const pid = found.find(match => match?.[2] === String(inode))?.[1]
    return pid === undefined ? undefined : Number(pid)
  } catch {
    return undefined
  }
}

/**
 * Takes the flock on the file at `path`, which is made if needed and never removed: whoever waits for it has it open.
 * Returns its release, or who holds it; undefined where there is no flock to take. Throws what Node's open throws.
 */
export function takeFlock(path: string): (() => void) | Held | undefined {
  if (!hasKoffi()) return undefined
  let native
  try {
    native = libc('lock')
  } catch {
    // installed but broken: as if it were not there
    return undefined
  }
  const fd = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600)
  const result = native.flock(fd, EXCLUSIVE_AT_ONCE)
  if (result >= 0) return () => closeSync(fd)
  const {ino} = fstatSync(fd, {bigint: true})
  closeSync(fd)
  // a file system without flock refuses it to everybody
  return errnoName(-result) === 'EAGAIN' ? {holder: holderOf(ino)} : undefined
}

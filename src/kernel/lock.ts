/**
 * Advisory locks between tsmctl processes. Each contender announces itself with a file of its own, `NAME@PID@START`,
 * made with O_EXCL, and only then looks for others: whoever comes second always sees the first. Files of dead processes
 * are removed safely, because process number and start time never come back together; nothing else removes them. Where
 * flock(2) can be called, its holder also holds `NAME.lock`, for scripts that use flock(1).
 */
import {closeSync, constants, openSync, readdirSync, readFileSync, unlinkSync} from 'node:fs'
import {join} from 'node:path'
import {ErrnoError} from '../errors.js'
import {errnoError} from './errno.js'
import {checkedName} from './names.js'
import type {takeFlock} from './native/flock.js'
import type {Kernel} from './port.js'
import {privateDirectory} from './state.js'

const {O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY} = constants

/** Lock, process, start time (empty where /proc does not tell it). */
const CLAIM = /^([^@]+)@([1-9]\d*)@(\d*)$/

/**
 * State, start time in clock ticks since boot, and threads of a process, proc_pid_stat(5) fields 3, 22 and 20; undefined
 * when they cannot be read.
 */
function statOf(pid: number): {readonly state: string; readonly start: string; readonly threads: number} | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // the second field is the command in parentheses and may contain anything; the third follows the last one
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return {state: fields[0]!, start: fields[19]!, threads: Number(fields[17])}
  } catch {
    return undefined
  }
}

let ownStart: string | undefined

/** Start time of this process, read once; empty where /proc does not tell it. */
const startOfSelf = (): string => (ownStart ??= statOf(process.pid)?.start ?? '')

/** Unknown counts as alive: with hidepid a foreign process has no visible start time. */
function isAlive(pid: number, start: string): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const now = statOf(pid)
  if (now === undefined) return true
  // dead, and its parent does not care; with threads left, one of them may still be in the kernel
  if (now.state === 'Z' && now.threads <= 1) return false
  return start === '' || now.start === start
}

const busy = (path: string, holder: string): ErrnoError =>
  new ErrnoError('EBUSY', 'lock', path, {
    got: `EBUSY (held by ${holder})`,
    hint: 'wait for it to finish, then try again',
  })

function removeIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** Process that holds `name` besides `own`, if any; files of dead ones are removed on the way. */
function holderOf(directory: string, name: string, own: string): number | undefined {
  for (const file of readdirSync(directory)) {
    const [, lock, pid, start] = CLAIM.exec(file) ?? []
    if (lock !== name || file === own) continue
    if (isAlive(Number(pid), start!)) return Number(pid)
    removeIfThere(join(directory, file))
  }
  return undefined
}

/** One attempt: announce, look around, and withdraw if somebody else is there. Returns the holder or the release. */
function claim(directory: string, name: string): number | (() => void) {
  const own = `${name}@${process.pid}@${startOfSelf()}`
  const path = join(directory, own)
  closeSync(openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600))
  let holder: number | undefined
  try {
    holder = holderOf(directory, name, own)
  } catch (error) {
    removeIfThere(path)
    throw error
  }
  if (holder === undefined) return once(() => removeIfThere(path))
  removeIfThere(path)
  return holder
}

/** Blocks for one to five milliseconds, long enough for whoever announced at the same moment to withdraw. */
const pause = (): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1 + Math.random() * 4)
}

/** Two that announce at the same moment both withdraw, so a refusal counts only when it comes again. */
const ATTEMPTS = 3

/** `release`, and the flock on `path` besides. Throws EBUSY, released, when a script holds it. */
function withFlock(path: string, release: () => void, flock: typeof takeFlock): () => void {
  let outcome: ReturnType<typeof takeFlock>
  try {
    outcome = flock(path)
  } catch (error) {
    release()
    throw error
  }
  if (outcome === undefined) return release
  if (typeof outcome === 'function') {
    const unlock = outcome
    return once(() => {
      unlock()
      release()
    })
  }
  release()
  throw busy(
    path,
    outcome.holder === undefined ? 'another process, with flock' : `process ${outcome.holder}, with flock`,
  )
}

/** Locks kept as files in `directory`, which is created on first use; with `flock`, scripts can take part. */
export function fileLocks(directory: string, flock?: typeof takeFlock): Kernel['lock'] {
  return name => {
    const path = join(directory, checkedName(name))
    privateDirectory(directory)
    try {
      for (let attempt = 1; ; attempt++) {
        const outcome = claim(directory, name)
        if (typeof outcome === 'function')
          return flock === undefined ? outcome : withFlock(`${path}.lock`, outcome, flock)
        if (attempt === ATTEMPTS) throw busy(path, `process ${outcome}`)
        pause()
      }
    } catch (error) {
      const refusal = errnoError(error, 'lock', path)
      throw refusal.errno === 'EEXIST' ? busy(path, `this process, ${process.pid}`) : refusal
    }
  }
}

/** Locks within this process, for hosts nobody else can see. */
export function memoryLocks(): Kernel['lock'] {
  const held = new Set<string>()
  return name => {
    if (held.has(checkedName(name))) throw busy(name, 'this process')
    held.add(name)
    return once(() => held.delete(name))
  }
}

/** A second release must not free a lock that was taken again meanwhile. */
function once(action: () => void): () => void {
  let done = false
  return () => {
    if (done) return
    done = true
    action()
  }
}

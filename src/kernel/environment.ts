/** Clock and randomness of the running machine: the part of the port that is the same on every host. */
import {readFileSync, readlinkSync} from 'node:fs'
import {setTimeout} from 'node:timers/promises'
import type {Kernel} from './port.js'
import {runProgram} from './program.js'

/** `node:crypto` is loaded on first use: listing devices needs none of it. */
export const random = (length: number): Uint8Array =>
  new Uint8Array(process.getBuiltinModule('node:crypto').randomBytes(length))

/** Login user as the audit subsystem knows it; unset is 2^32-1. */
function loginUid(): number | null {
  try {
    const uid = Number(readFileSync('/proc/self/loginuid', 'latin1'))
    return uid === 0xffff_ffff ? null : uid
  } catch {
    return null
  }
}

/** Number of the login's session as the audit subsystem counts them. */
function sessionId(): string | null {
  try {
    const id = readFileSync('/proc/self/sessionid', 'latin1').trim()
    return id === '4294967295' || !/^\d{1,10}$/.test(id) ? null : id
  } catch {
    return null
  }
}

const LONGEST_NAME = 256

/** What a link in /proc says; null where nobody may look. */
function linkOf(path: string): string | null {
  try {
    return readlinkSync(path, 'latin1').slice(0, LONGEST_NAME)
  } catch {
    return null
  }
}

/** `pts/2`: the first of the standard streams that is a terminal. */
function terminal(): string | null {
  const names = [0, 1, 2].flatMap(
    fd => /^\/dev\/((?:pts\/|tty)\w+)$/.exec(linkOf(`/proc/self/fd/${fd}`) ?? '')?.[1] ?? [],
  )
  return names[0] ?? null
}

/** First word of SSH_CONNECTION, if it could be an address. */
function remoteHost(): string | null {
  const [host = ''] = (process.env['SSH_CONNECTION'] ?? '').split(' ')
  return /^[0-9a-fA-F.:%a-z]{2,64}$/.test(host) ? host : null
}

function userName(): string | null {
  try {
    return process.getBuiltinModule('node:os').userInfo().username
  } catch {
    // no entry in the user database: the number stands alone
    return null
  }
}

export const environment: Pick<Kernel, 'now' | 'monotonic' | 'sleep' | 'random' | 'runProgram' | 'actor'> = {
  actor: () => ({
    uid: process.getuid?.() ?? null,
    loginuid: loginUid(),
    user: userName(),
    tty: terminal(),
    session: sessionId(),
    remote: remoteHost(),
    ppidExe: linkOf(`/proc/${process.ppid}/exe`),
  }),
  now: () => new Date(),
  monotonic: () => process.hrtime.bigint(),
  sleep: (milliseconds, signal) => setTimeout(milliseconds, undefined, signal === undefined ? {} : {signal}),
  random,
  runProgram,
}

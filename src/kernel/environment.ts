/** Clock and randomness of the running machine: the part of the port that is the same on every host. */
import {readFileSync} from 'node:fs'
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

function userName(): string | null {
  try {
    return process.getBuiltinModule('node:os').userInfo().username
  } catch {
    // no entry in the user database: the number stands alone
    return null
  }
}

export const environment: Pick<Kernel, 'now' | 'monotonic' | 'sleep' | 'random' | 'runProgram' | 'actor'> = {
  actor: () => ({uid: process.getuid?.() ?? null, loginuid: loginUid(), user: userName(), tty: null}),
  now: () => new Date(),
  monotonic: () => process.hrtime.bigint(),
  sleep: (milliseconds, signal) => setTimeout(milliseconds, undefined, signal === undefined ? {} : {signal}),
  random,
  runProgram,
}

/**
 * What tsmctl took away from a device and must be able to give back in another process, and what it is doing with it:
 * a record per device in tsmctl's state, on the disk before the device is first written to. Whoever holds the lock of
 * the device alone writes it, so that no two processes ever write the same file. A record of an earlier boot says
 * nothing: with the boot went the lock, the override and the binding.
 */
import type {Kernel} from '../kernel/index.js'
import {bootIdOf} from './device-facts.js'

/** How far a verb is: what is being written while a record with it is on the disk. */
export type HeldStep = 'locking' | 'reviewing' | 'committing' | 'binding' | 'unlocking'
export type HeldVerb = 'lock' | 'unlock' | 'accept' | 'admit' | 'review'

export interface Doing {
  readonly verb: HeldVerb
  readonly step: HeldStep
}

export interface Held {
  /** Driver to bind again. */
  readonly driver: string | null
  /** The owner's `driver_override`. */
  readonly driverOverride: string | null
  /** What is being done, or was when the process died; null while the device is merely kept locked. */
  readonly doing: Doing | null
  /** RFC 3339, by this machine's clock. */
  readonly since: string | null
}

const NOTHING: Held = {driver: null, driverOverride: null, doing: null, since: null}

const nameOf = (bdf: string): string => `held-${bdf}.json`

const STEPS: readonly unknown[] = ['locking', 'reviewing', 'committing', 'binding', 'unlocking'] satisfies HeldStep[]
const VERBS: readonly unknown[] = ['lock', 'unlock', 'accept', 'admit', 'review'] satisfies HeldVerb[]

type Loose = Readonly<Record<string, unknown>>
const isRecord = (value: unknown): value is Loose => typeof value === 'object' && value !== null
const textOr = (value: unknown): string | null => (typeof value === 'string' ? value : null)
/** A name that can only be one component of a path; names of drivers may have blanks. */
const nameOr = (value: unknown): string | null =>
  typeof value === 'string' && /^(?!\.{1,2}$)[^/\0\n]{1,255}$/.test(value) ? value : null

function doingOf(value: unknown): Doing | null {
  if (!isRecord(value) || !STEPS.includes(value['step']) || !VERBS.includes(value['verb'])) return null
  return {verb: value['verb'] as HeldVerb, step: value['step'] as HeldStep}
}

/**
 * The record of `bdf`, undefined where there is none. Never throws: only convenience is lost, and giving a device back
 * must not depend on a file.
 */
export function recordOf(kernel: Kernel, bdf: string): Held | undefined {
  try {
    const bytes = kernel.state.read(nameOf(bdf))
    if (bytes === undefined) return undefined
    const record = JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown
    if (!isRecord(record) || record['boot'] !== bootIdOf(kernel)) return undefined
    return {
      driver: nameOr(record['driver']),
      driverOverride: textOr(record['driverOverride']),
      doing: doingOf(record['doing']),
      since: textOr(record['since']),
    }
  } catch {
    return undefined
  }
}

export const heldOf = (kernel: Kernel, bdf: string): Held => recordOf(kernel, bdf) ?? NOTHING

function write(kernel: Kernel, bdf: string, record: object): void {
  const text = `${JSON.stringify({...record, boot: bootIdOf(kernel)}, null, 2)}\n`
  kernel.state.replace(nameOf(bdf), new Uint8Array(Buffer.from(text)))
}

/** Throws ErrnoError when it cannot be written: then nothing must be taken from the device. */
export const holdDevice = (kernel: Kernel, bdf: string, held: Omit<Held, 'since'>): void =>
  write(kernel, bdf, {...held, since: kernel.now().toISOString()})

/** The same, for whoever gives a device back and must not be kept from it by a file that cannot be written. */
export function tryHold(kernel: Kernel, bdf: string, held: Omit<Held, 'since'>): void {
  try {
    holdDevice(kernel, bdf, held)
  } catch {
    // the record only says what the device itself shows less well
  }
}

/** Notes in the record of a held device what is being done now; a device that is not held has none. Never throws. */
export function noteDoing(kernel: Kernel, bdf: string, doing: Doing | null): void {
  const held = recordOf(kernel, bdf)
  if (held !== undefined) tryHold(kernel, bdf, {...held, doing})
}

/** Nothing of the device is with tsmctl any more. Never throws. */
export function releaseDevice(kernel: Kernel, bdf: string): void {
  try {
    kernel.state.remove(nameOf(bdf))
  } catch {
    // an old record about a device that was given back: what the device shows counts
  }
}

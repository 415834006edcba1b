/**
 * The machine's files in one directory. Every process that opens the directory sees the others' changes; changes are
 * made one at a time under a lock, each a short synchronous step.
 */
import {dirname, join} from 'node:path'
import {errnoOf, printable, printablePath, TsmctlError} from '../errors.js'
import {directoryState, fileLocks} from '../kernel/index.js'
import {currentMachine, FORMAT, type Identities, type Machine, type MachineState, upgradeState} from './machine.js'
import {isIdentities, isMachine, isStateOf} from './shape.js'

const MACHINE = 'machine.json'
const STATE = 'state.json'
const IDENTITIES = 'identities.json'
const LOCKS = 'lock'

export interface MachineStore {
  readonly directory: string
  readonly machine: Machine
  /** The state now; the same object until somebody changes it. Not to be modified. */
  state(): MachineState
  /** Runs `change` on the state while nobody else may; what it throws leaves the state as it was. */
  update<T>(change: (state: MachineState) => T): T
  /** Identities of a host's devices; undefined before they are made. */
  identities(): Identities | undefined
  /** Keeps `made`, unless somebody was faster; returns what is kept. */
  keepIdentities(made: Identities): Identities
  /** Takes the host kernel's one lock for all TSM matters, among all processes; undefined while somebody has it. */
  holdTsm(): (() => void) | undefined
}

const json = (value: unknown): Uint8Array => new Uint8Array(Buffer.from(`${JSON.stringify(value)}\n`))

const spoilt = (path: string, got: string, cause?: unknown): TsmctlError =>
  new TsmctlError({
    kind: 'malformed',
    attempted: `open the simulated machine ${printablePath(path)}`,
    path,
    got,
    hint: `tsmctl sim create ${printablePath(dirname(path))} --replace makes a new one.`,
    cause,
  })

function parse(bytes: Uint8Array, path: string): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch (error) {
    throw spoilt(path, 'not JSON', error)
  }
}

/** Is there a simulated machine in `directory`? */
export const machineExists = (directory: string): boolean => directoryState(directory).read(MACHINE) !== undefined

/** Bytes at the beginning of the state that hold its revision, which every change raises, and the boot id. */
const HEAD = 80
/** A file that somebody edited may begin with anything: then its beginning says nothing. */
const REVISED = /^\{"revision":\d+,"bootId":"/
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

const SLEEPER = new Int32Array(new SharedArrayBuffer(4))
const LONGEST_PAUSE = 8
/** With pauses of 4 ms on average about ten seconds: far longer than any change takes. */
const ATTEMPTS = 2500

/** Waits for the lock without giving up the thread: holders keep it for milliseconds. */
function acquire(lock: (name: string) => () => void): () => void {
  for (let attempt = 1; ; attempt++) {
    try {
      return lock('machine')
    } catch (error) {
      if (errnoOf(error) !== 'EBUSY' || attempt === ATTEMPTS) throw error
      // contenders that keep step would keep meeting
      Atomics.wait(SLEEPER, 0, 0, 1 + Math.random() * LONGEST_PAUSE)
    }
  }
}

/** Opens the machine in `directory`. Throws TsmctlError `not-found` when there is none. */
export function openMachine(directory: string): MachineStore {
  // a simulated machine has no power to lose: whoever cuts ours makes another one
  const files = directoryState(directory, {durable: false})
  const lock = fileLocks(join(directory, LOCKS))
  const description = files.read(MACHINE)
  if (description === undefined)
    throw new TsmctlError({
      kind: 'not-found',
      attempted: `open a simulated machine in ${printablePath(directory)}`,
      path: directory,
      got: 'there is none',
      hint: `tsmctl sim create ${printablePath(directory)} makes one.`,
    })
  const found = parse(description, join(directory, MACHINE))
  const format = (found as {readonly format?: unknown} | null)?.format
  if (typeof format === 'string' && format !== FORMAT)
    throw new TsmctlError({
      kind: 'unsupported',
      attempted: `open the simulated machine in ${printablePath(directory)}`,
      path: directory,
      got: `format ${printable(format)}, this version writes ${FORMAT}`,
      hint: `tsmctl sim create ${printablePath(directory)} --replace makes a new one.`,
    })
  if (!isMachine(found) || format !== FORMAT)
    throw spoilt(join(directory, MACHINE), 'not the description of a simulated machine')
  const machine = currentMachine(found as Machine)
  const isState = isStateOf(machine.functions.map(({bdf}) => bdf))
  let head: Uint8Array = new Uint8Array()
  let current: MachineState | undefined

  function state(): MachineState {
    const start = files.read(STATE, HEAD) ?? new Uint8Array()
    if (current !== undefined && Buffer.compare(start, head) === 0 && REVISED.test(textOf(start))) return current
    const now = files.read(STATE) ?? new Uint8Array()
    const read = parse(now, join(directory, STATE))
    if (!isState(read)) throw spoilt(join(directory, STATE), 'not the state of this simulated machine')
    // of what was read, not of what was there before: somebody may have changed it in between
    head = now.slice(0, HEAD)
    current = read as MachineState
    upgradeState(machine, current)
    return current
  }

  let identities: Identities | undefined

  function readIdentities(): Identities | undefined {
    const bytes = files.read(IDENTITIES)
    if (bytes === undefined) return undefined
    const path = join(directory, IDENTITIES)
    const read = parse(bytes, path)
    if (!isIdentities(read)) throw spoilt(path, 'not the identities of a simulated machine')
    const kept = read as Identities
    // a machine that was here before
    return kept.machineId === machine.machineId ? kept : undefined
  }

  return {
    directory,
    machine,
    state,
    identities: () => (identities ??= readIdentities()),
    keepIdentities(made) {
      const release = acquire(lock)
      try {
        identities ??= readIdentities()
        if (identities !== undefined) return identities
        files.replace(IDENTITIES, json(made))
        return (identities = made)
      } finally {
        release()
      }
    },
    holdTsm() {
      try {
        return lock('tsm')
      } catch (error) {
        if (errnoOf(error) === 'EBUSY') return undefined
        throw error
      }
    },
    update(change) {
      const release = acquire(lock)
      try {
        const next = structuredClone(state())
        const result = change(next)
        next.revision += 1
        files.replace(STATE, json(next))
        return result
      } finally {
        release()
      }
    },
  }
}

/** Throws TsmctlError `usage` when there is a machine already that is not to be replaced. */
export function checkVacant(directory: string, replace: boolean): void {
  if (replace || !machineExists(directory)) return
  throw new TsmctlError({
    kind: 'usage',
    attempted: `create a simulated machine in ${printablePath(directory)}`,
    path: directory,
    got: 'there is one already',
    hint: 'Use it, or reset it with tsmctl sim reset.',
  })
}

export function saveNewMachine(directory: string, machine: Machine, state: MachineState, replace: boolean): void {
  const files = directoryState(directory)
  const release = acquire(fileLocks(join(directory, LOCKS)))
  try {
    // somebody else may have made one since we looked
    checkVacant(directory, replace)
    // the state first: a machine exists as soon as its description does
    files.replace(STATE, json(state))
    files.replace(MACHINE, json(machine))
  } finally {
    release()
  }
}

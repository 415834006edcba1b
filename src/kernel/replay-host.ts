/** What all replayed hosts share: they can be looked at and not changed, and keep no state unless told where. */
import {join} from 'node:path'
import {ErrnoError, printable} from '../errors.js'
import {checkDword} from './attribute-io.js'
import {environment} from './environment.js'
import {refuseIfAborted} from './interrupted.js'
import {fileLocks, memoryLocks} from './lock.js'
import type {Kernel} from './port.js'
import type {Replayed} from './replay-exchanges.js'
import {directoryState, memoryState} from './state.js'

export interface ReplayOptions {
  /** Where tsmctl keeps its own state; in memory unless given. */
  readonly stateDirectory?: string
}

/** The part of a replayed host that differs. */
export type Reading = Pick<Kernel, 'read' | 'readAt' | 'readlink' | 'list' | 'stat'> & Partial<Replayed>

function noExchange(family: string, signal?: AbortSignal): never {
  const subject = `the generic-netlink family ${printable(family)}`
  refuseIfAborted(signal, 'ask', subject)
  throw new ErrnoError('ENOENT', 'ask', subject, {
    kind: 'unsupported',
    hint: 'this recording holds no netlink exchanges',
  })
}

function unchangeable(verb: string, path: string, signal?: AbortSignal): never {
  refuseIfAborted(signal, verb, path)
  throw new ErrnoError('EROFS', verb, path, {hint: 'a recorded host can only be looked at'})
}

/** A host of kind `replay` around `reading`; `label` is what the user named. */
export function replayHost(label: string, {stateDirectory}: ReplayOptions, reading: Reading): Kernel {
  return {
    host: {kind: 'replay', label},
    state: stateDirectory === undefined ? memoryState() : directoryState(stateDirectory),
    lock: stateDirectory === undefined ? memoryLocks() : fileLocks(join(stateDirectory, 'lock')),
    ...environment,
    async query(path, signal) {
      refuseIfAborted(signal, 'read', path)
      return reading.read(path)
    },
    write: async (path, _bytes, signal) => unchangeable('write', path, signal),
    writeAt(path, offset, bytes) {
      checkDword(path, offset, bytes)
      unchangeable('write', path)
    },
    makeDirectory: async (path, signal) => unchangeable('make', path, signal),
    removeDirectory: async (path, signal) => unchangeable('remove', path, signal),
    netlinkFamily: async (name, signal) => noExchange(name, signal),
    netlinkDump: async ({family}, signal) => noExchange(family, signal),
    netlinkDo: async ({family}, signal) => noExchange(family, signal),
    uevents() {
      throw new ErrnoError('EOPNOTSUPP', 'listen to', 'kernel events', {got: 'nothing happens on a recorded host'})
    },
    async ioctl(path, _request, _argument, signal) {
      refuseIfAborted(signal, 'talk to', path)
      throw new ErrnoError('ENOTTY', 'talk to', path, {hint: 'this recording holds no ioctl exchanges'})
    },
    close() {
      // nothing is kept open between calls
    },
    ...reading,
  }
}

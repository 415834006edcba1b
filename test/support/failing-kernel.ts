/** A kernel port with one failure, or one event, at a call of choice. */
import {ErrnoError} from '../../src/errors.js'
import type {Kernel} from '../../src/kernel/index.js'

/** `refused`: the call fails and nothing happens. `lost`: it happens, and only its answer is lost. */
export interface Failure {
  readonly at: number
  readonly errno: string
  readonly how: 'refused' | 'lost'
}

export type Call = 'query' | 'write' | 'read'

/** `inner`, whose call number `failure.at` of kind `call` fails; also says how many calls there were. */
export function failing(inner: Kernel, call: Call, failure?: Failure): {kernel: Kernel; calls: () => number} {
  let calls = 0
  const strikes = (kind: Call): boolean => kind === call && calls++ === failure?.at
  const refuse = (verb: string, path: string): ErrnoError => new ErrnoError(failure!.errno, verb, path)
  const sync =
    <A extends readonly unknown[], R>(verb: string, act: (path: string, ...rest: A) => R) =>
    (path: string, ...rest: A): R => {
      if (strikes('read')) throw refuse(verb, path)
      return act(path, ...rest)
    }
  const kernel: Kernel = {
    ...inner,
    read: sync('read', inner.read),
    readAt: sync('read', inner.readAt),
    readlink: sync('readlink', inner.readlink),
    list: sync('list', inner.list),
    async query(path, signal) {
      if (strikes('query')) throw refuse('read', path)
      return inner.query(path, signal)
    },
    async write(path, bytes, signal) {
      const isStruck = strikes('write')
      if (isStruck && failure!.how === 'refused') throw refuse('write', path)
      await inner.write(path, bytes, signal)
      if (isStruck) throw refuse('write', path)
    },
  }
  return {kernel, calls: () => calls}
}

/**
 * `inner`, where `event` happens before call number `at` of those that may wait; what it throws is thrown by that call.
 * `dead` makes every later call throw as well, as if the process were gone.
 */
export function interrupted(
  inner: Kernel,
  at: number,
  event: () => void | Promise<void>,
  dead?: () => Error | undefined,
): {kernel: Kernel; calls: () => number} {
  let calls = 0
  const alive = (): void => {
    const error = dead?.()
    if (error !== undefined) throw error
  }
  const before = async (): Promise<void> => {
    alive()
    if (calls++ === at) await event()
    alive()
  }
  const around =
    <A extends readonly unknown[], R>(act: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      await before()
      return act(...args)
    }
  const sync =
    <A extends readonly unknown[], R>(act: (...args: A) => R) =>
    (...args: A): R => {
      alive()
      return act(...args)
    }
  const {state} = inner
  return {
    kernel: {
      ...inner,
      state: {
        ...state,
        append: sync(state.append),
        replace: sync(state.replace),
        remove: sync(state.remove),
        read: sync(state.read),
      },
      read: sync(inner.read),
      readAt: sync(inner.readAt),
      readlink: sync(inner.readlink),
      list: sync(inner.list),
      stat: sync(inner.stat),
      query: around(inner.query),
      write: around(inner.write),
      netlinkDump: around(inner.netlinkDump),
      netlinkDo: around(inner.netlinkDo),
    },
    calls: () => calls,
  }
}

/** A kernel whose calls are written down. */
import type {Kernel} from '../../src/kernel/index.js'

/** `inner`, and what was called of it since: name and first argument of each call, in order. */
export function counting(inner: Kernel): {readonly kernel: Kernel; readonly calls: string[]} {
  const calls: string[] = []
  const members = Object.entries(inner).map(([name, member]) => [
    name,
    typeof member !== 'function'
      ? member
      : (...given: readonly unknown[]) => {
          calls.push(`${name} ${String(given[0])}`)
          return (member as (...all: readonly unknown[]) => unknown)(...given)
        },
  ])
  return {kernel: Object.fromEntries(members) as unknown as Kernel, calls}
}

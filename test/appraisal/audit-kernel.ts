/** The few parts of a kernel the audit log needs: state, lock, clocks, randomness. */
import {expect} from 'vitest'
import {ErrnoError, TsmctlError} from '../../src/errors.js'
import type {AuditEvent} from '../../src/appraisal/index.js'
import {type Kernel, memoryState} from '../../src/kernel/index.js'

export interface AuditKernel extends Kernel {
  mono: bigint
  failWrites: boolean
}

export function auditKernel(content?: Uint8Array): AuditKernel {
  const state = memoryState()
  if (content !== undefined) state.replace('audit.jsonl', content)
  const held = new Set<string>()
  const kernel = {
    mono: 1_000_000n,
    failWrites: false,
    state: {
      ...state,
      append(name: string, bytes: Uint8Array) {
        if (kernel.failWrites) throw new ErrnoError('ENOSPC', 'append to', name)
        state.append(name, bytes)
      },
    },
    lock(name: string) {
      if (held.has(name)) throw new ErrnoError('EBUSY', 'lock', name)
      held.add(name)
      return () => void held.delete(name)
    },
    now: () => new Date('2026-11-21T12:00:00Z'),
    monotonic: () => (kernel.mono += 10n),
    random: (length: number) => new Uint8Array(length).fill(5),
  }
  return kernel as unknown as AuditKernel
}

/** The TsmctlError that `act` throws. */
export function errorOf(act: () => unknown): TsmctlError {
  try {
    act()
  } catch (error) {
    if (error instanceof TsmctlError) return error
    throw error
  }
  return expect.unreachable('nothing was thrown')
}

/** What the log records of an appraisal, of one that decided so. */
export const appraisalOf = (decision: string, human = 'none') =>
  ({
    decision,
    human,
    counters: {fail: 0, relaxed: 0, notProven: 0, ok: 1},
    results: [],
    subject: {name: null},
    policy: 'p',
    P: null,
    rule: 'r',
  }) as unknown as NonNullable<AuditEvent['appraisal']>

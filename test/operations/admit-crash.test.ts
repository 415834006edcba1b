/**
 * A crash after any call of `admit` that changes anything: what is then on the disk is kept, as SIGKILL would leave it,
 * and looked at by those who come after.
 */
import {cpSync, rmSync} from 'node:fs'
import {describe, expect, it} from 'vitest'
import type {Kernel} from '../../src/kernel/index.js'
import {admit, readAudit, readPolicy, showDevice, unlock} from '../../src/operations/index.js'
import {machineStatus, simKernel} from '../../src/sim/index.js'
import {HOLD, readTdi} from '../../src/tsm/index.js'
import {GOOD, guestCopy} from '../support/guest.js'

/** `inner`, which calls `then` after everything that changes the machine or tsmctl's state. */
function watched(inner: Kernel, then: (call: string) => void): Kernel {
  const {state} = inner
  const after =
    <A extends readonly unknown[], R>(call: string, act: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      const result = await act(...args)
      then(call)
      return result
    }
  const sync =
    <A extends readonly unknown[]>(call: string, act: (...args: A) => void) =>
    (...args: A): void => {
      act(...args)
      then(`${call} ${String(args[0])}`)
    }
  return {
    ...inner,
    state: {
      ...state,
      append: sync('append to', state.append),
      replace: sync('replace', state.replace),
      remove: sync('remove', state.remove),
    },
    write: after('write', inner.write),
    netlinkDump: after('netlinkDump', inner.netlinkDump),
    netlinkDo: after('netlinkDo', inner.netlinkDo),
  }
}

/** State, driver, override and what show says is held, in the order in which they are gone through. */
const STAGES: readonly (readonly [string, string | null, string | null, string | null])[] = [
  ['CONFIG_UNLOCKED', 'acmegpu', null, null],
  ['CONFIG_UNLOCKED', null, null, 'locking'],
  ['CONFIG_UNLOCKED', null, HOLD, 'locking'],
  ['CONFIG_LOCKED', null, HOLD, 'locking'],
  ['CONFIG_LOCKED', null, HOLD, 'reviewing'],
  ['CONFIG_LOCKED', null, HOLD, 'committing'],
  ['RUN', null, HOLD, 'committing'],
  ['RUN', null, HOLD, 'binding'],
  ['RUN', null, null, 'binding'],
  ['RUN', 'acmegpu', null, null],
]

describe.each(['G2', 'P2'] as const)('admit on %s that is killed', abi => {
  it('is told by show at every step, and followed by unlock or another admit', async () => {
    const machine = await guestCopy(abi)
    const policy = readPolicy([machine.policy], machine.kernel.now())
    const moments: {readonly call: string; readonly directory: string}[] = []
    const keep = (call: string): void => {
      const directory = `${machine.directory}-${moments.length}`
      cpSync(machine.directory, directory, {recursive: true})
      // what a dead process held
      rmSync(`${directory}/tsmctl/lock`, {recursive: true})
      moments.push({call, directory})
    }
    expect((await admit(watched(machine.kernel, keep), GOOD, {policy})).admitted).toBe(true)
    const seen: unknown[] = []
    for (const [index, {call, directory}] of moments.entries()) {
      const kernel = simKernel(directory, {sleep: () => Promise.resolve()})
      const {view, text} = await showDevice(kernel, GOOD)
      const {state, driver, driverOverride, held} = view
      const stage = [state, driver, driverOverride, held?.step ?? null]
      if (JSON.stringify(seen.at(-1)) !== JSON.stringify(stage)) seen.push(stage)
      const {tdi} = machineStatus(directory).devices[0]!
      expect([call, state]).toEqual([call, tdi])
      const isDone = tdi === 'RUN' && driver !== null
      if (held !== null) {
        expect(held).toMatchObject({verb: 'admit', status: 'interrupted', driver: 'acmegpu', driverOverride: null})
        expect(text).toMatch(
          new RegExp(
            `tsmctl admit was interrupted while ${held.step} it since .*; driver acmegpu unbound; ` +
              `tsmctl unlock ${GOOD} --rebind gives it back, tsmctl admit ${GOOD} starts over`,
          ),
        )
      }
      // as it says: one way at this moment with one interface, the other with the other
      if (isDone || (index % 2 === 0) === (abi === 'G2')) await unlock(kernel, GOOD, {rebind: true, force: isDone})
      else
        expect([call, await admit(kernel, GOOD, {policy})]).toEqual([call, expect.objectContaining({admitted: true})])
      const after = await readTdi(kernel, GOOD)
      expect(after).toMatchObject({driver: 'acmegpu', driverOverride: null})
      expect(after.state).not.toBe('CONFIG_LOCKED')
      expect((await showDevice(kernel, GOOD)).view.held).toBeNull()
      expect(machineStatus(directory).violations).toEqual([])
      expect(readAudit(kernel).problems).toEqual([])
    }
    expect(seen).toEqual(STAGES)
    expect(moments.length).toBeGreaterThan(20)
  })
})

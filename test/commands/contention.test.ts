/** Several tsmctl on one device, and tsmctl killed in the middle: real processes on one simulated machine. */
import {once} from 'node:events'
import {existsSync} from 'node:fs'
import {join} from 'node:path'
import {setTimeout} from 'node:timers/promises'
import {describe, expect, it} from 'vitest'
import {admit, readAudit, readPolicy, showDevice, unlock} from '../../src/operations/index.js'
import {type Fault, injectFault, machineStatus} from '../../src/sim/index.js'
import {readTdi} from '../../src/tsm/index.js'
import {GOOD, guestCopy} from '../support/guest.js'
import {root, start} from './run.js'

const LONG = 600_000

/** Ends when `holds` does; the kernel tells nobody when a file changes in a way that is worth waiting for. */
async function until(holds: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 2000; i++) {
    if (holds()) return
    await setTimeout(5)
  }
  expect.fail(`never came: ${what}`)
}

describe.skipIf(!existsSync(join(root, 'dist')))('processes (needs a build)', () => {
  it('that admit one device at once: one does, the others say why not', async () => {
    const {directory, kernel, policy} = await guestCopy()
    const host = `sim:${directory}`
    const children = Array.from({length: 3}, () => start(['admit', GOOD, '--policy', policy], {host}))
    const codes = await Promise.all(children.map(async child => ((await once(child, 'exit')) as [number | null])[0]))
    // busy, because another tsmctl is at it or because it already runs
    expect(codes.sort()).toEqual([0, 8, 8])
    expect(machineStatus(directory)).toMatchObject({violations: [], devices: [{tdi: 'RUN', lockEpoch: 1}, {}, {}]})
    expect(await readTdi(kernel, GOOD)).toMatchObject({driver: 'acmegpu', driverOverride: null})
    expect(readAudit(kernel)).toMatchObject({problems: []})
    expect(readAudit(kernel).records.filter(({event}) => event === 'committed')).toHaveLength(1)
  })

  // every other moment is crashed at without a process, in admit-crash
  const moments: [string, Partial<Fault> & Pick<Fault, 'at'>, string, string][] = [
    ['while evidence is collected', {at: 'evidence'}, 'reviewing', 'CONFIG_LOCKED'],
    ['after accept, before its commit is recorded', {at: 'evidence', after: 3}, 'committing', 'RUN'],
  ]
  it.each(moments)('killed %s: show tells, and admit starts over', async (_, fault, step, state) => {
    const {directory, kernel, policy} = await guestCopy()
    await injectFault(directory, {device: GOOD, do: 'delay', ms: LONG, ...fault} as Fault)
    const child = start(['admit', GOOD, '--policy', policy], {host: `sim:${directory}`})
    try {
      await until(() => machineStatus(directory).faults.length === 0, 'the delay')
      expect((await showDevice(kernel, GOOD)).view.held).toMatchObject({verb: 'admit', step, status: 'in progress'})
      const rival = await unlock(kernel, GOOD).catch((error: unknown) => error)
      expect(rival).toMatchObject({kind: 'busy', got: expect.stringContaining(`tsmctl admit, which is ${step} it`)})
    } finally {
      child.kill('SIGKILL')
    }
    await once(child, 'exit')
    const {view, text} = await showDevice(kernel, GOOD)
    expect(view).toMatchObject({state, driver: null, driverOverride: 'tsmctl-hold'})
    expect(view.held).toMatchObject({status: 'interrupted', step, driver: 'acmegpu'})
    expect(text).toContain(`tsmctl admit was interrupted while ${step} it`)
    const given = readPolicy([policy], kernel.now())
    expect(await admit(kernel, GOOD, {policy: given})).toMatchObject({
      admitted: true,
      after: {state: 'RUN', driver: 'acmegpu', driverOverride: null},
    })
    expect((await showDevice(kernel, GOOD)).view.held).toBeNull()
    expect(machineStatus(directory).violations).toEqual([])
    expect(readAudit(kernel).problems).toEqual([])
  })
})

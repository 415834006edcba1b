/** Machines without a TSM core, and without a TSM: verbs that need one say which of the two is missing, not just that. */
import {describe, expect, it} from 'vitest'
import {TsmctlError} from '../../src/errors.js'
import type {Kernel} from '../../src/kernel/index.js'
import {connect, disconnect, lock, unlock} from '../../src/operations/index.js'
import {labMachine} from '../support/lab.js'

const DEVICE = '0000:01:00.0'

async function refusal(verb: (kernel: Kernel, bdf: string) => Promise<unknown>, kernel: Kernel): Promise<TsmctlError> {
  const error = await verb(kernel, DEVICE).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(TsmctlError)
  return error as TsmctlError
}

describe.each([
  ['bare', 'This kernel has no TSM core (no /sys/class/tsm)', 'Linux 6.19'],
  ['empty', 'No TSM yet: the kernel has a TSM core', 'Load what provides it'],
])('scenario %s', (scenario, missing, remedy) => {
  it.each([
    ['connect', connect, remedy],
    ['disconnect', disconnect, 'nothing to disconnect'],
    ['lock', lock, 'A guest kernel with a devsec TSM'],
    ['unlock', unlock, 'A guest kernel with a devsec TSM'],
  ] as const)('%s says what is missing and what to do', async (_, verb, hint) => {
    const {kernel} = await labMachine(scenario)
    const {kind, got, hint: said} = await refusal(verb, kernel)
    expect(kind).toBe('unsupported')
    expect(got).toContain(missing)
    expect(said).toContain(hint)
  })
})

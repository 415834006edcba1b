/** The built-in guest: one device to accept, one with its debug port open, one whose report does not fit its BARs. */
import {beforeAll, describe, expect, it} from 'vitest'
import {type Appraisal, type Policy} from '../../src/appraisal/index.js'
import {GPU, machines, NIC, NVME, type TestMachine} from '../sim/machines.js'
import {blockers, bundleOf, collect, failures, judge, policyOf} from './guest.js'

const make = machines()
let machine: TestMachine
let policy: Policy
beforeAll(async () => {
  machine = await make()
  policy = await policyOf(machine)
})

const review = async (bdf: string): Promise<Appraisal> => judge(bundleOf(await collect(machine, bdf)), policy)

describe('devices of the simulated guest', () => {
  it('the sound one is accepted', async () => {
    const appraisal = await review(GPU)
    expect(blockers(appraisal)).toEqual([])
    expect(appraisal.decision).toBe('accept')
  })
  it('the one with its debug port open is denied for that', async () => {
    const appraisal = await review(NVME)
    expect(failures(appraisal)).toEqual(['spdm.meas.debug'])
    expect(appraisal.decision).toBe('deny')
  })
  it('the one whose report does not fit its BARs is denied for that', async () => {
    const appraisal = await review(NIC)
    expect(failures(appraisal)).toEqual(['tdisp.report.mmio-within-bars'])
    expect(appraisal.decision).toBe('deny')
  })
})

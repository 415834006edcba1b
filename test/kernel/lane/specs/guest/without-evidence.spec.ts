/** A real kernel whose TSM locks and accepts, and has no evidence to give (G1n): a person vouches, or nobody. */
import {afterAll, beforeAll, expect, it} from 'vitest'
import type {Kernel} from '../../../../../src/kernel/index.js'
import {accept, admit, readPolicy, reviewDevice, unlock} from '../../../../../src/operations/index.js'
import {readTdi} from '../../../../../src/tsm/index.js'
import {forgetHeard, heardBy, tdiOf} from '../../guest/device.js'
import {ENDPOINTS} from '../../guest/machine.js'
import {writePolicy} from '../../guest/policy.js'
import {openKernel, prepareGuest} from '../../guest/trusted.js'

const [BDF] = ENDPOINTS
const REASON = 'bench unit, accepted for the demonstration'

const RULE = `tsmctlPolicy: 1
name: bench
rules:
  - id: unverifiable
    match: {vendor: "0x1b36"}
    decision: review
    withoutEvidence: {reason: 'this kernel has no evidence interface'}
    allowSkip:
      - {check: commit.lock-epoch, because: no-tsm-support}
      - {check: commit.mmio-validated, because: no-kernel-support}
`

let kernel: Kernel

beforeAll(async () => {
  kernel = openKernel()
  await prepareGuest(kernel, [BDF], {abi: 'G1n'})
})
afterAll(() => kernel.close())

it('a rule about evidence admits nothing', async () => {
  forgetHeard(BDF)
  const {failure} = await admit(kernel, BDF, {policy: readPolicy([writePolicy(BDF)], kernel.now())})
  expect(failure).toMatchObject({kind: 'denied', exitCode: 4})
  expect(heardBy(BDF)).not.toContain('START_INTERFACE_REQUEST')
  expect(await tdiOf(kernel, BDF).state()).toBe('CONFIG_UNLOCKED')
})

it('a rule that knows it lets a person accept, and says that nothing was verified', async () => {
  const policy = readPolicy([writePolicy(BDF, () => RULE)], kernel.now())
  expect(policy.findings).toEqual([])
  const {bundle, appraisal} = await reviewDevice(kernel, BDF, {policy})
  expect(appraisal).toMatchObject({decision: 'review', human: 'typed', unverified: true})
  const ask = () => Promise.resolve({typed: `${BDF} ${appraisal.shortD}`, reason: REASON, by: 'alice'})
  expect(await accept(kernel, BDF, bundle.digest, {policy, ask})).toMatchObject({failure: null, after: {state: 'RUN'}})
  expect(await tdiOf(kernel, BDF).state()).toBe('RUN')
  await unlock(kernel, BDF)
  expect(await readTdi(kernel, BDF)).toMatchObject({state: 'CONFIG_UNLOCKED'})
})

/** Somebody else at the device, in its TSM or at the slot, between the evidence and the accept on a real kernel. */
import {writeFileSync} from 'node:fs'
import {afterAll, beforeAll, expect, it} from 'vitest'
import type {Policy} from '../../../../../src/appraisal/index.js'
import type {Kernel} from '../../../../../src/kernel/index.js'
import {accept, collectEvidence, lock, readPolicy, unlock} from '../../../../../src/operations/index.js'
import {chooseProvider, readTdi, readTdiOrOrphan} from '../../../../../src/tsm/index.js'
import {forgetHeard, heardBy, tdiOf} from '../../guest/device.js'
import {deviceOf, ENDPOINTS, rescan, rmmod, tsmName} from '../../guest/machine.js'
import {writePolicy} from '../../guest/policy.js'
import {tsmctl} from '../../guest/program.js'
import {openKernel, prepareGuest, tellDevice, withoutProbing} from '../../guest/trusted.js'

const [BDF] = ENDPOINTS
const START = 'START_INTERFACE_REQUEST'

let kernel: Kernel
let policy: Policy

beforeAll(async () => {
  kernel = openKernel()
  await prepareGuest(kernel, [BDF])
  policy = readPolicy([writePolicy(BDF)], kernel.now())
})
afterAll(() => kernel.close())

/** As another root process does it, past tsmctl. */
const write = (attribute: string, value: string): void => writeFileSync(`${deviceOf(BDF)}/${attribute}`, value)

const state = async (): Promise<string> => (await readTdi(kernel, BDF)).state

/** Somebody else asks for evidence, with a nonce of their own. */
async function refresh(): Promise<void> {
  const provider = await chooseProvider(kernel)
  await provider.collect(kernel, BDF, kernel.random(32))
}

/** Accepts what was collected before `rival` came. */
async function acceptDespite(rival: () => void | Promise<void>, through = kernel) {
  if ((await state()) === 'CONFIG_UNLOCKED') await lock(kernel, BDF)
  const {digest} = await collectEvidence(kernel, BDF)
  await rival()
  forgetHeard(BDF)
  return accept(through, BDF, digest, {policy})
}

it('the kernel accepts nothing that was not called verified', async () => {
  await lock(kernel, BDF)
  forgetHeard(BDF)
  expect(() => write('tsm/accept', '1')).toThrow('EPERM')
  expect(heardBy(BDF)).not.toContain(START)
})

it('evidence that somebody refreshed after the review is not accepted', async () => {
  const {failure, changed} = await acceptDespite(refresh)
  expect(failure).toMatchObject({kind: 'busy', exitCode: 8, details: {check: 'commit.generation'}})
  expect([changed, await state(), heardBy(BDF).includes(START)]).toEqual([false, 'CONFIG_LOCKED', false])
})

it('not even when it is refreshed after the last look: the kernel knows which generation was verified', async () => {
  const late: Kernel = {
    ...kernel,
    async netlinkDo(request, signal) {
      await refresh()
      return kernel.netlinkDo(request, signal)
    },
  }
  const {failure} = await acceptDespite(() => undefined, late)
  expect(failure).toMatchObject({kind: 'busy', exitCode: 8, details: {errno: 'ESTALE'}})
  expect([await state(), heardBy(BDF).includes(START)]).toEqual(['CONFIG_LOCKED', false])
})

it('another lock is noticed though its evidence has the same generation', async () => {
  await unlock(kernel, BDF)
  const {failure} = await acceptDespite(async () => {
    write('tsm/unlock', tsmName())
    write('tsm/lock', tsmName())
    await refresh()
  })
  expect(failure).toMatchObject({kind: 'busy', details: {check: 'commit.lock-epoch'}})
  expect([await state(), heardBy(BDF).includes(START)]).toEqual(['CONFIG_LOCKED', false])
})

it('a device that was stopped behind the back of its TSM does not start, and is unlocked', async () => {
  const outcome = await acceptDespite(() => tdiOf(kernel, BDF).stop()).catch((error: unknown) => error)
  expect(outcome).toMatchObject({kind: 'transition', exitCode: 12})
  expect([await state(), await tdiOf(kernel, BDF).state()]).toEqual(['CONFIG_UNLOCKED', 'CONFIG_UNLOCKED'])
})

it('two tsmctl do not work at one device', () => {
  const release = kernel.lock(`device-${BDF}`)
  try {
    const {code, err} = tsmctl(['lock', BDF])
    expect({code, err}).toEqual({code: 8, err: expect.stringContaining('another tsmctl')})
  } finally {
    release()
  }
})

it('a device that is pulled while it is locked comes back unlocked', async () => {
  const outcome = await acceptDespite(() => write('remove', '1')).catch((error: unknown) => error)
  expect(outcome).toMatchObject({kind: 'not-found', exitCode: 3})
  withoutProbing(rescan)
  await tellDevice(kernel, BDF)
  expect(await readTdi(kernel, BDF)).toMatchObject({state: 'CONFIG_UNLOCKED', driverOverride: null})
  expect((await lock(kernel, BDF)).after.state).toBe('CONFIG_LOCKED')
})

it('a TSM that is unloaded stops what it locked, and what was taken from the device can be given back', async () => {
  const outcome = await acceptDespite(() => rmmod('tsmtest_devsec')).catch((error: unknown) => error)
  expect(outcome).toMatchObject({kind: expect.stringMatching(/not-found|unsupported/)})
  expect(await tdiOf(kernel, BDF).state()).toBe('CONFIG_UNLOCKED')
  await unlock(kernel, BDF)
  expect(await readTdiOrOrphan(kernel, BDF)).toMatchObject({state: 'CONFIG_UNLOCKED', driverOverride: null})
})

/** An audit log that is full in the middle of a verb: what was done and cannot be recorded is taken back, or told. */
import {describe, expect, it} from 'vitest'
import {ErrnoError, TsmctlError} from '../../src/errors.js'
import type {Kernel} from '../../src/kernel/index.js'
import {admit, lock, readPolicy, unlock} from '../../src/operations/index.js'
import {readTdi} from '../../src/tsm/index.js'
import {GOOD, guestCopy} from '../support/guest.js'

/** `kernel`, whose log takes no record of `event`. */
const without = ({state, ...kernel}: Kernel, event: string): Kernel => ({
  ...kernel,
  state: {
    ...state,
    append(name, bytes) {
      if (Buffer.from(bytes).toString('latin1').includes(`"event":"${event}"`))
        throw new ErrnoError('ENOSPC', 'append to', name)
      state.append(name, bytes)
    },
  },
})

const GIVEN_BACK = {state: 'CONFIG_UNLOCKED', driver: 'acmegpu', driverOverride: null}

describe('a verb that cannot be recorded', () => {
  it.each(['lock', 'admit'])('"locked": %s takes it back', async verb => {
    const {kernel, policy: file} = await guestCopy()
    const full = without(kernel, 'locked')
    const policy = readPolicy([file], kernel.now())
    const error = await (verb === 'lock' ? lock(full, GOOD) : admit(full, GOOD, {policy})).catch(
      (thrown: unknown) => thrown,
    )
    expect(error).toBeInstanceOf(TsmctlError)
    expect((error as TsmctlError).message).toMatch(/ENOSPC.*left CONFIG_UNLOCKED, driver acmegpu bound/)
    expect(await readTdi(kernel, GOOD)).toMatchObject(GIVEN_BACK)
  })

  it('"unlocked": the driver comes back all the same, and the failure says how the device was left', async () => {
    const {kernel} = await guestCopy()
    await lock(kernel, GOOD)
    await expect(unlock(without(kernel, 'unlocked'), GOOD, {rebind: true})).rejects.toThrow(
      /ENOSPC.*left CONFIG_UNLOCKED, driver acmegpu bound/,
    )
    expect(await readTdi(kernel, GOOD)).toMatchObject(GIVEN_BACK)
  })

  it('"unlocked", of a device that is denied: it stays denied, and is given back', async () => {
    const {kernel} = await guestCopy()
    const policy = readPolicy([], kernel.now())
    await expect(admit(without(kernel, 'unlocked'), GOOD, {policy})).rejects.toThrow(/left CONFIG_UNLOCKED/)
    expect(await readTdi(kernel, GOOD)).toMatchObject(GIVEN_BACK)
  })
})

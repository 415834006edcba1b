/** A verdict that is measured into a register of the guest before the device may run. */
import {describe, expect, it} from 'vitest'
import {ErrnoError} from '../../src/errors.js'
import type {Kernel} from '../../src/kernel/index.js'
import {accept, lock, readAudit, readPolicy, reviewDevice} from '../../src/operations/index.js'
import {readTdi} from '../../src/tsm/index.js'
import {GOOD, guest} from '../support/guest.js'

const REGISTER = '/sys/devices/virtual/misc/tdx_guest/measurements/rtmr3:sha384'

/** A guest, with a register or without. */
async function reviewed(hasRegister: boolean) {
  const {kernel: inner, policy: file} = await guest()
  const extended: Uint8Array[] = []
  const kernel: Kernel = {
    ...inner,
    async write(path, bytes, signal) {
      if (path !== REGISTER) return inner.write(path, bytes, signal)
      if (!hasRegister) throw new ErrnoError('ENOENT', 'write', path)
      // what the register says has to be explained by the log from here on
      expect(readAudit(inner).records.at(-1)).toMatchObject({event: 'committing', result: {register: 3}})
      extended.push(bytes)
    },
  }
  const policy = readPolicy([file], kernel.now())
  await lock(kernel, GOOD, {})
  const {bundle} = await reviewDevice(kernel, GOOD, {policy})
  return {kernel, policy, digest: bundle.digest, extended}
}

describe('accept with a register', () => {
  it('extends it by the digest of the verdict, noted before, then lets the device run', async () => {
    const {kernel, policy, digest, extended} = await reviewed(true)
    const result = await accept(kernel, GOOD, digest, {policy, measureInto: 3})
    expect(result).toMatchObject({failure: null, after: {state: 'RUN'}})
    const noted = readAudit(kernel).records.find(({event}) => event === 'committing')
    expect(extended.map(bytes => `sha384:${Buffer.from(bytes).toString('hex')}`)).toEqual([
      (noted!['result'] as {ear: string}).ear,
    ])
    expect(readAudit(kernel).problems).toEqual([])
  })

  it('does not let it run where there is none', async () => {
    const {kernel, policy, digest} = await reviewed(false)
    const {failure} = await accept(kernel, GOOD, digest, {policy, measureInto: 3})
    expect(failure).toMatchObject({errno: 'ENOENT'})
    expect((await readTdi(kernel, GOOD)).state).toBe('CONFIG_LOCKED')
    expect(readAudit(kernel).records.at(-1)?.event).toBe('commit-failed')
  })
})

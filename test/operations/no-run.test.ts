/** Ways into RUN that must stay closed: rivals between the last look and the write, and failures right after it. */
import {describe, expect, it} from 'vitest'
import {ErrnoError, TsmctlError} from '../../src/errors.js'
import type {Kernel} from '../../src/kernel/index.js'
import {accept, admit, collectEvidence, lock, readAudit, readPolicy} from '../../src/operations/index.js'
import {type Fault, injectFault, machineStatus} from '../../src/sim/index.js'
import {readTdi} from '../../src/tsm/index.js'
import {GOOD, guest} from '../support/guest.js'

type Guest = Awaited<ReturnType<typeof guest>>

const policyOf = ({kernel, policy}: Guest) => readPolicy([policy], kernel.now())
const events = ({kernel}: Guest) => readAudit(kernel).records.map(({event}) => event)
const inject = ({directory}: Guest, ...faults: Omit<Fault, 'device'>[]) =>
  faults.reduce(
    (before, fault) => before.then(() => injectFault(directory, {device: GOOD, ...fault})),
    Promise.resolve(),
  )

async function lockedWithEvidence(): Promise<Guest & {digest: string}> {
  const machine = await guest()
  await lock(machine.kernel, GOOD)
  const {digest} = await collectEvidence(machine.kernel, GOOD)
  return {...machine, digest}
}

const failureOf = (act: Promise<{failure: unknown}>): Promise<unknown> =>
  act.then(
    ({failure}) => failure,
    (thrown: unknown) => thrown,
  )

/** Where the state directory keeps the evidence of a digest. */
const fileOf = (digest: string): string => `evidence-${digest.slice('sha384:'.length)}.tsmb.json`

/** `kernel` with some of its functions replaced. */
const altered = (kernel: Kernel, changes: Partial<Kernel>): Kernel => ({...kernel, ...changes})

/** The state store fails once a record of `event` is to be written. */
const withoutRecord = (kernel: Kernel, event: string): Kernel =>
  altered(kernel, {
    state: {
      ...kernel.state,
      append(name, bytes) {
        if (Buffer.from(bytes).toString('latin1').includes(`"event":"${event}"`))
          throw new ErrnoError('ENOSPC', 'append to', name)
        kernel.state.append(name, bytes)
      },
    },
  })

describe('a device does not stay in RUN', () => {
  const rivals: [string, Omit<Fault, 'device'>[]][] = [
    ['directly before the write', [{at: 'accept', do: 'relock'}]],
    ['after the digests were read for the last time', [{at: 'evidence', do: 'relock'}]],
  ]
  it.each(rivals)('when a rival locks it anew %s', async (_, faults) => {
    const machine = await lockedWithEvidence()
    const {kernel, digest} = machine
    await inject(machine, ...faults)
    const error = await failureOf(accept(kernel, GOOD, digest, {policy: policyOf(machine), bind: true}))
    expect(error).toMatchObject({kind: 'busy', details: {check: 'commit.lock-epoch'}})
    expect(await readTdi(kernel, GOOD)).toMatchObject({state: 'CONFIG_UNLOCKED', driver: null, driverOverride: null})
    expect(events(machine)).not.toContain('committed')
    expect(events(machine).at(-1)).toBe('commit-failed')
  })

  it('when a rival locks it anew during admit', async () => {
    const machine = await guest()
    await inject(machine, {at: 'accept', do: 'relock'})
    const error = await failureOf(admit(machine.kernel, GOOD, {policy: policyOf(machine)}))
    expect(error).toMatchObject({kind: 'busy', details: {check: 'commit.lock-epoch'}})
    expect(await readTdi(machine.kernel, GOOD)).toMatchObject({state: 'CONFIG_UNLOCKED', driver: 'acmegpu'})
    expect(events(machine)).not.toContain('committed')
  })

  it('with a driver when a rival locks it anew after the last look', async () => {
    const machine = await lockedWithEvidence()
    await inject(machine, {at: 'evidence', do: 'relock', after: 1})
    const error = await failureOf(accept(machine.kernel, GOOD, machine.digest, {policy: policyOf(machine), bind: true}))
    expect(error).toMatchObject({kind: 'transition'})
    expect(await readTdi(machine.kernel, GOOD)).toMatchObject({state: 'CONFIG_LOCKED', driver: null})
    expect(machineStatus(machine.directory).violations).toEqual([])
  })

  const unreadable: [string, Omit<Fault, 'device'>[]][] = [
    // three readings come before: two looks at the TDI, one at the PCI facts
    ['tsm/accept', [{at: 'read:tsm/accept', do: 'errno', errno: 'EIO', after: 3}]],
    ['tsm/lock', [{at: 'read:tsm/lock', do: 'errno', errno: 'EIO', after: 3}]],
    ['tsm/lock, again and again', [{at: 'read:tsm/lock', do: 'errno', errno: 'EIO', after: 3, times: 2}]],
    ['tsm/lock for good', [{at: 'read:tsm/lock', do: 'errno', errno: 'EIO', after: 3, times: 'always'}]],
    ['tsm/accept after its reading back', [{at: 'read:tsm/accept', do: 'errno', errno: 'EIO', after: 4}]],
    ['tsm/lock after its reading back', [{at: 'read:tsm/lock', do: 'errno', errno: 'EIO', after: 4}]],
    [
      'and reading tsm/accept lies',
      [
        {at: 'read:tsm/accept', do: 'errno', errno: 'EAGAIN', after: 2},
        {at: 'read:tsm/accept', do: 'flip-bit', after: 3, times: 2},
      ],
    ],
    [
      'and a rival binds the driver before it is unlocked',
      [
        {at: 'read:driver_override', do: 'errno', errno: 'EINVAL', after: 2, times: 'always'},
        {at: 'unlock', do: 'bind-driver'},
      ],
    ],
    ['the digests', [{at: 'evidence', do: 'errno', errno: 'EIO', after: 1}]],
  ]
  it.each(unreadable)('when it cannot be read afterwards: %s', async (_, faults) => {
    const machine = await lockedWithEvidence()
    await inject(machine, ...faults)
    const error = await failureOf(accept(machine.kernel, GOOD, machine.digest, {policy: policyOf(machine)}))
    expect(error).toBeInstanceOf(TsmctlError)
    expect(machineStatus(machine.directory).devices[0]).toMatchObject({tdi: 'CONFIG_UNLOCKED'})
    expect(events(machine)).toContain('committing')
    expect(events(machine)).not.toContain('committed')
  })

  it('when Ctrl-C comes while the write is made and it cannot be read back', async () => {
    const machine = await lockedWithEvidence()
    const abort = new AbortController()
    await inject(machine, {at: 'read:tsm/accept', do: 'errno', errno: 'EIO', after: 3})
    const kernel = altered(machine.kernel, {
      async write(path, bytes, signal) {
        await machine.kernel.write(path, bytes, signal)
        if (path.endsWith('tsm/accept')) abort.abort()
      },
    })
    const options = {policy: policyOf(machine), signal: abort.signal}
    expect(await failureOf(accept(kernel, GOOD, machine.digest, options))).toBeInstanceOf(TsmctlError)
    expect(machineStatus(machine.directory).devices[0]).toMatchObject({tdi: 'CONFIG_UNLOCKED'})
  })

  it.each(['committing', 'committed'])('when "%s" cannot be recorded', async event => {
    const machine = await lockedWithEvidence()
    const kernel = withoutRecord(machine.kernel, event)
    const error = await failureOf(accept(kernel, GOOD, machine.digest, {policy: policyOf(machine), bind: true}))
    expect(error).toMatchObject({got: expect.stringContaining('ENOSPC') as string})
    expect((await readTdi(kernel, GOOD)).state).not.toBe('RUN')
  })
})

describe('a lock that cannot be read back', () => {
  it('is undone before the driver comes back', async () => {
    const machine = await guest()
    // readTdi reads it once before the write
    await inject(machine, {at: 'read:tsm/lock', do: 'errno', errno: 'EIO', after: 1})
    await expect(lock(machine.kernel, GOOD)).rejects.toBeInstanceOf(TsmctlError)
    expect(await readTdi(machine.kernel, GOOD)).toMatchObject({state: 'CONFIG_UNLOCKED', driver: 'acmegpu'})
    expect(machineStatus(machine.directory).violations).toEqual([])
  })
})

describe('a clock that the host sets back', () => {
  it('does not make old evidence younger', async () => {
    const machine = await lockedWithEvidence()
    // half a year passes, and the clock on the wall stands still
    const later = machine.kernel.monotonic() + 15_000_000n * 1_000_000_000n
    const kernel = altered(machine.kernel, {monotonic: () => later})
    const result = await accept(kernel, GOOD, machine.digest, {policy: policyOf(machine)})
    const failed = result.appraisal.results
      .filter(({result: outcome, blocking}) => blocking && outcome === 'fail')
      .map(({id}) => id)
    expect({failed, changed: result.changed}).toEqual({failed: ['policy.age'], changed: false})
    expect(machineStatus(machine.directory).devices[0]).toMatchObject({tdi: 'CONFIG_LOCKED'})
  })
})

describe('a state directory somebody changed', () => {
  it('cannot pass other evidence off as the named one', async () => {
    const machine = await lockedWithEvidence()
    const {kernel, digest, directory} = machine
    const other = await collectEvidence(kernel, GOOD)
    kernel.state.replace(fileOf(digest), kernel.state.read(fileOf(other.digest))!)
    const error = await failureOf(accept(kernel, GOOD, digest, {policy: policyOf(machine)}))
    expect(error).toMatchObject({kind: 'malformed'})
    expect(machineStatus(directory).devices[0]).toMatchObject({tdi: 'CONFIG_LOCKED'})
  })

  it.each(['null', '[]', '{"driver":7}', '{"driver":"../../x","boot":null}', '{'])(
    'cannot keep a refused device from being given back: a record of %s',
    async text => {
      const machine = await guest()
      await lock(machine.kernel, GOOD)
      machine.kernel.state.replace(`held-${GOOD}.json`, new Uint8Array(Buffer.from(text)))
      const denyAll = readPolicy([], machine.kernel.now())
      expect(await admit(machine.kernel, GOOD, {policy: denyAll})).toMatchObject({
        admitted: false,
        after: {state: 'CONFIG_UNLOCKED', driverOverride: null},
      })
    },
  )
})

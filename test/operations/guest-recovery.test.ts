/** What lock, accept and admit leave behind, pick up, and refuse, beside the failures of single steps. */
import {describe, expect, it} from 'vitest'
import {TsmctlError} from '../../src/errors.js'
import type {Kernel} from '../../src/kernel/index.js'
import {
  accept,
  admit,
  collectEvidence,
  lock,
  planAdmission,
  readAudit,
  readPolicy,
  showDevice,
  unlock,
} from '../../src/operations/index.js'
import {heldOf, holdDevice} from '../../src/operations/held-devices.js'
import {type Fault, injectFault, machineStatus, simKernel} from '../../src/sim/index.js'
import {explainGuestRefusal, type GuestAftermath, GUEST_REFUSALS, HOLD, readTdi} from '../../src/tsm/index.js'
import {DEBUG, GOOD, guestCopy} from '../support/guest.js'

type Guest = Awaited<ReturnType<typeof guestCopy>>

const DEVICE = `/sys/bus/pci/devices/${GOOD}`
const policyOf = ({kernel, policy}: Guest) => readPolicy([policy], kernel.now())
const write = (kernel: Kernel, path: string, text: string) => kernel.write(path, new Uint8Array(Buffer.from(text)))
const inject = ({directory}: Guest, fault: Omit<Fault, 'device'>) => injectFault(directory, {device: GOOD, ...fault})

const failureOf = async (act: Promise<unknown>): Promise<TsmctlError> => {
  const error = await act.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(TsmctlError)
  return error as TsmctlError
}

/** File names of writes. */
const names = (writes: readonly {path: string}[]) => writes.map(({path}) => path.split('/').at(-1))

/** A configuration space with nothing but memory decoding on. */
const off = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === 4 ? 0x02 : byte))

const after = (changes: Partial<GuestAftermath> = {}): GuestAftermath => ({
  bdf: GOOD,
  device: true,
  tsm: 'tsm0',
  registered: true,
  locked: 'tsm0',
  accepted: '0',
  connected: null,
  driver: null,
  ...changes,
})

describe('driver_override', () => {
  it('of the owner comes back, also after a failure and a crash', async () => {
    const {kernel} = await guestCopy()
    await write(kernel, `${DEVICE}/driver_override`, 'acmegpu')
    await lock(kernel, GOOD)
    expect(await readTdi(kernel, GOOD)).toMatchObject({driverOverride: HOLD})
    // somebody unlocked behind our back: the hold is ours, not the owner's
    await write(kernel, `${DEVICE}/tsm/unlock`, 'tsm0')
    await lock(kernel, GOOD)
    expect(await unlock(kernel, GOOD, {rebind: true})).toMatchObject({
      after: {driver: 'acmegpu', driverOverride: 'acmegpu'},
    })
  })

  it('is let go of when a device without a driver is admitted', async () => {
    const machine = await guestCopy()
    await write(machine.kernel, '/sys/bus/pci/drivers/acmegpu/unbind', GOOD)
    expect(await admit(machine.kernel, GOOD, {policy: policyOf(machine)})).toMatchObject({
      admitted: true,
      after: {state: 'RUN', driver: null, driverOverride: null},
    })
    expect((await showDevice(machine.kernel, GOOD)).view.held).toBeNull()
  })

  it('is set on a device that somebody else locked without it', async () => {
    const {kernel} = await guestCopy()
    await write(kernel, '/sys/bus/pci/drivers/acmegpu/unbind', GOOD)
    await write(kernel, `${DEVICE}/tsm/lock`, 'tsm0')
    expect(await lock(kernel, GOOD)).toMatchObject({changed: true, after: {driverOverride: HOLD}})
    expect(await lock(kernel, GOOD)).toMatchObject({changed: false})
  })
})

describe('the record of what is to be given back', () => {
  it('takes every name a driver may have, and none that is more than one component of a path', async () => {
    const {kernel} = await guestCopy()
    const kept = (driver: string) => {
      holdDevice(kernel, GOOD, {driver, driverOverride: null, doing: null})
      return heldOf(kernel, GOOD).driver
    }
    for (const name of ['acmegpu', 'budget dvb', 'mlx5_core', '3w-9xxx', '.hidden', 'a.b', '...'])
      expect(kept(name)).toBe(name)
    for (const name of ['', '.', '..', '../x', 'a/b', 'a\nb', 'a\0b', 'x'.repeat(256)]) expect(kept(name)).toBeNull()
  })
})

describe('a rollback', () => {
  it('keeps the driver away while the device cannot be unlocked', async () => {
    const machine = await guestCopy()
    await inject(machine, {at: 'read:tsm/accept', do: 'flip-bit', after: 1})
    await inject(machine, {at: 'unlock', do: 'errno', errno: 'EIO'})
    const error = await failureOf(lock(machine.kernel, GOOD))
    expect(error).toMatchObject({kind: 'transition', details: {notUndone: {length: 3}}})
    expect(error.message).toContain(`left CONFIG_LOCKED by tsm0, no driver bound, driver_override still ${HOLD}`)
    expect(machineStatus(machine.directory).violations).toEqual([])
    expect((await showDevice(machine.kernel, GOOD)).view.held).toMatchObject({driver: 'acmegpu', status: 'interrupted'})
    expect(await unlock(machine.kernel, GOOD, {rebind: true})).toMatchObject({
      after: {state: 'CONFIG_UNLOCKED', driver: 'acmegpu', driverOverride: null},
    })
  })

  it('leaves a rival its lock, and the driver out of it', async () => {
    const machine = await guestCopy()
    await inject(machine, {at: 'lock', do: 'relock'})
    const error = await failureOf(lock(machine.kernel, GOOD))
    expect(error.message).toContain('somebody else locked it in between')
    expect(error).toMatchObject({details: {key: 'already-locked', notUndone: {length: 2}}})
    expect(await readTdi(machine.kernel, GOOD)).toMatchObject({state: 'CONFIG_LOCKED', driver: null})
    expect(machineStatus(machine.directory).violations).toEqual([])
  })
})

describe('lock', () => {
  it('is not written once a driver slipped in before it', async () => {
    const machine = await guestCopy()
    await inject(machine, {at: 'override', do: 'bind-driver', when: 'after'})
    const error = await failureOf(lock(machine.kernel, GOOD))
    expect(error.message).toMatch(/driver acmegpu was bound.*nothing was written/)
    expect(machineStatus(machine.directory).devices[0]!.lockEpoch).toBe(0)
  })

  it('does not bind the driver again where a rival locks meanwhile', async () => {
    const machine = await guestCopy()
    await inject(machine, {at: 'lock', do: 'errno', errno: 'EIO'})
    await inject(machine, {at: 'bind', do: 'relock', when: 'after'})
    expect(await failureOf(lock(machine.kernel, GOOD))).toMatchObject({kind: 'transition'})
    expect(await readTdi(machine.kernel, GOOD)).toMatchObject({state: 'CONFIG_LOCKED', driver: null})
  })

  it('says that what it unlocked after an ambiguous refusal may have been a rival’s', async () => {
    const machine = await guestCopy()
    await inject(machine, {at: 'lock', do: 'errno-after', errno: 'EIO'})
    const error = await failureOf(lock(machine.kernel, GOOD))
    expect(error.message).toMatch(/locked after EIO.*this write or by somebody else.*undone: unlocked again/)
    expect(error).toMatchObject({hint: expect.stringContaining('another program') as string})
  })

  it('takes neither a running device nor another TSM’s for its own', async () => {
    const machine = await guestCopy()
    const {kernel} = machine
    await lock(kernel, GOOD)
    const others: Kernel = {
      ...kernel,
      query: (path, signal) =>
        path.endsWith('/tsm/lock')
          ? Promise.resolve(new Uint8Array(Buffer.from('tsm1\n')))
          : kernel.query(path, signal),
    }
    expect((await failureOf(lock(others, GOOD))).message).toContain('it is locked by tsm1')
    const {digest} = await collectEvidence(kernel, GOOD)
    await accept(kernel, GOOD, digest, {policy: policyOf(machine)})
    expect((await failureOf(lock(kernel, GOOD))).message).toContain('it is already accepted (RUN)')
  })
})

describe('binding', () => {
  it('waits for a driver that puts its probe off', async () => {
    const machine = await guestCopy()
    await lock(machine.kernel, GOOD)
    let waits = 0
    const late: Kernel = {
      ...machine.kernel,
      async write(path, bytes, signal) {
        if (!path.endsWith('drivers_probe')) await machine.kernel.write(path, bytes, signal)
      },
      async sleep() {
        if (++waits === 20) await write(machine.kernel, '/sys/bus/pci/drivers_probe', GOOD)
      },
    }
    expect(await unlock(late, GOOD, {rebind: true})).toMatchObject({after: {driver: 'acmegpu'}})
    expect(waits).toBe(20)
  })

  it('gives up after five seconds, says so, and remembers the driver', async () => {
    const machine = await guestCopy()
    await lock(machine.kernel, GOOD)
    let slept = 0
    const never: Kernel = {
      ...machine.kernel,
      async write(path, bytes, signal) {
        if (!path.endsWith('drivers_probe')) await machine.kernel.write(path, bytes, signal)
      },
      sleep: milliseconds => Promise.resolve(void (slept += milliseconds)),
    }
    const error = await failureOf(unlock(never, GOOD, {rebind: true}))
    expect(error).toMatchObject({kind: 'transition', details: {key: 'not-bound'}})
    expect(slept).toBe(5000)
    expect(await unlock(machine.kernel, GOOD, {rebind: true})).toMatchObject({after: {driver: 'acmegpu'}})
  })
})

describe('accept', () => {
  it('is not repeated, but binds what an interrupted one did not', async () => {
    const machine = await guestCopy()
    const {kernel} = machine
    const policy = policyOf(machine)
    await lock(kernel, GOOD)
    const {digest} = await collectEvidence(kernel, GOOD)
    expect(await accept(kernel, GOOD, digest, {policy})).toMatchObject({changed: true, after: {driver: null}})
    expect(await accept(kernel, GOOD, digest, {policy})).toMatchObject({changed: false, failure: null})
    expect(await accept(kernel, GOOD, digest, {policy, bind: true})).toMatchObject({
      changed: true,
      failure: null,
      after: {state: 'RUN', driver: 'acmegpu', driverOverride: null},
    })
    expect(readAudit(kernel).records.filter(({event}) => event === 'committed')).toHaveLength(1)
    expect(machineStatus(machine.directory).violations).toEqual([])
  })

  it('is not written where somebody else accepted meanwhile', async () => {
    const machine = await guestCopy()
    await lock(machine.kernel, GOOD)
    const {digest} = await collectEvidence(machine.kernel, GOOD)
    const rival: Kernel = {
      ...machine.kernel,
      // the last thing before the write that the device is asked
      actor: () => machine.kernel.actor(),
      async query(path, signal) {
        const committing = readAudit(machine.kernel).records.at(-1)?.event === 'committing'
        if (committing && path.endsWith('tsm/accept') && machineStatus(machine.directory).devices[0]!.tdi !== 'RUN')
          await write(machine.kernel, `${DEVICE}/tsm/accept`, '1')
        return machine.kernel.query(path, signal)
      },
    }
    const error = await failureOf(accept(rival, GOOD, digest, {policy: policyOf(machine)}))
    expect(error).toMatchObject({kind: 'busy', details: {key: 'already-accepted'}})
    expect(machineStatus(machine.directory)).toMatchObject({
      violations: [],
      devices: [{tdi: 'CONFIG_UNLOCKED'}, {}, {}],
    })
  })

  it('ends in unlock when bus mastering was switched off', async () => {
    const machine = await guestCopy()
    await lock(machine.kernel, GOOD)
    const {digest} = await collectEvidence(machine.kernel, GOOD)
    const dark: Kernel = {
      ...machine.kernel,
      read: path => (path.endsWith('/config') ? off(machine.kernel.read(path)) : machine.kernel.read(path)),
      readAt(path, offset, length) {
        const bytes = machine.kernel.readAt(path, offset, length)
        return path.endsWith('/config') && offset === 0 ? off(bytes) : bytes
      },
    }
    const {failure} = await accept(dark, GOOD, digest, {policy: policyOf(machine)})
    expect(failure?.message).toContain('bus mastering was switched off')
    expect(await readTdi(machine.kernel, GOOD)).toMatchObject({state: 'CONFIG_LOCKED', driver: null})
    await unlock(machine.kernel, GOOD)
    expect((await lock(dark, GOOD)).notes).toEqual([expect.stringContaining('bus mastering is off') as string])
  })
})

describe('a dry run', () => {
  it('of admit and accept tells the writes and changes nothing', async () => {
    const machine = await guestCopy()
    const {kernel} = machine
    const policy = policyOf(machine)
    const before = await readTdi(kernel, GOOD)
    const {writes} = await planAdmission(kernel, GOOD, {policy})
    expect(names(writes)).toEqual(['unbind', 'driver_override', 'lock', 'accept', 'driver_override', 'drivers_probe'])
    expect(await readTdi(kernel, GOOD)).toEqual(before)
    expect(readAudit(kernel).records).toEqual([])
    await lock(kernel, GOOD)
    const {digest} = await collectEvidence(kernel, GOOD)
    const records = readAudit(kernel).records.length
    const result = await accept(kernel, GOOD, digest, {policy, bind: true, dryRun: true})
    expect(names(result.writes)).toEqual(['accept', 'driver_override', 'drivers_probe'])
    expect(result).toMatchObject({changed: false, dryRun: true, failure: null, after: {state: 'CONFIG_LOCKED'}})
    expect(readAudit(kernel).records).toHaveLength(records)
  })
})

describe('records of held devices', () => {
  it('of two devices do not lose each other, and those of another boot say nothing', async () => {
    const machine = await guestCopy()
    const [one, two] = [machine.kernel, simKernel(machine.directory)]
    await Promise.all([lock(one, GOOD), lock(two, DEBUG)])
    await Promise.all([unlock(one, GOOD, {rebind: true}), unlock(two, DEBUG, {rebind: true})])
    expect(await readTdi(one, GOOD)).toMatchObject({driver: 'acmegpu', driverOverride: null})
    expect(await readTdi(one, DEBUG)).toMatchObject({driver: 'nvme', driverOverride: null})
    await lock(one, GOOD)
    const name = `held-${GOOD}.json`
    const record = JSON.parse(Buffer.from(one.state.read(name)!).toString()) as object
    one.state.replace(name, new Uint8Array(Buffer.from(JSON.stringify({...record, boot: 'another'}))))
    expect((await showDevice(one, GOOD)).view.held).toBeNull()
    expect(await unlock(one, GOOD, {rebind: true})).toMatchObject({after: {driver: null, driverOverride: null}})
  })
})

describe('refusals', () => {
  it.each([
    ['lock', 'EBUSY', {driver: 'nvme'}, 'driver-bound', 'busy'],
    ['lock', 'EBUSY', {}, 'already-locked', 'busy'],
    ['lock', 'EBUSY', {locked: 'tsm1'}, 'locked-elsewhere', 'busy'],
    ['lock', 'EBUSY', {locked: '', connected: 'tsm1'}, 'link-connected', 'busy'],
    ['lock', 'ENXIO', {locked: ''}, 'not-devsec', 'unsupported'],
    ['lock', 'ENXIO', {locked: null}, 'tsm-gone', 'not-found'],
    ['lock', 'ENODEV', {locked: ''}, 'no-report', 'transition'],
    ['lock', 'ENODEV', {device: false}, 'device-gone', 'not-found'],
    ['lock', 'EINVAL', {locked: ''}, 'evidence-changed', null],
    ['lock', 'EIO', {locked: ''}, 'tsm-failed', null],
    ['accept', 'EINVAL', {locked: ''}, 'not-locked', 'busy'],
    ['accept', 'EINVAL', {locked: 'tsm1'}, 'relocked', 'busy'],
    ['accept', 'EBUSY', {driver: 'nvme'}, 'driver-bound', 'busy'],
    ['accept', 'EINTR', {}, 'interrupted', 'interrupted'],
    ['accept', 'EIO', {}, 'tsm-failed', null],
    ['accept', null, {accepted: '1'}, 'already-accepted', 'busy'],
    ['unlock', 'EBUSY', {driver: 'nvme'}, 'driver-bound', 'busy'],
    ['unlock', 'EINVAL', {locked: 'tsm1'}, 'relocked', 'busy'],
    ['unlock', 'EPERM', {}, 'not-permitted', 'not-permitted'],
    ['bind', 'EAGAIN', {}, 'probe-deferred', 'transition'],
    ['bind', 'EINVAL', {}, 'probe-failed', 'transition'],
    ['bind', null, {locked: ''}, 'not-locked', 'transition'],
    ['bind', null, {accepted: '1'}, 'not-bound', 'transition'],
    ['bind', null, {accepted: '1', driver: 'vfio-pci'}, 'other-driver', 'transition'],
  ] as const)('of %s with %s %j mean %s', (verb, errno, changes, key, kind) => {
    const refusal = explainGuestRefusal(verb, errno, after(changes))
    expect(refusal).toMatchObject({key, kind})
    expect(refusal!.remedy).toMatch(/\.$/)
  })

  it('have a meaning for every row, whatever was read', () => {
    const unread = after({
      device: true,
      registered: undefined,
      locked: undefined,
      accepted: undefined,
      driver: undefined,
    })
    for (const {meaning, remedy} of GUEST_REFUSALS) {
      expect(meaning(unread, 'EIO')).not.toMatch(/undefined|null/)
      expect(remedy(unread)).not.toMatch(/undefined|null/)
    }
  })
})

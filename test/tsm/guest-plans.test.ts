/** Lock and unlock on the simulator, with every fault at every step: nothing is ever left half done without saying so. */
import {describe, expect, it} from 'vitest'
import {TsmctlError} from '../../src/errors.js'
import {lock, unlock} from '../../src/operations/index.js'
import {type Fault, injectFault, machineStatus} from '../../src/sim/index.js'
import {chooseTsm, HOLD, lockPlan, planLines, readTdi, unlockPlan} from '../../src/tsm/index.js'
import {GOOD, guest, PLAIN} from '../support/guest.js'

const device = `/sys/bus/pci/devices/${GOOD}`

const failureOf = async (act: Promise<unknown>): Promise<TsmctlError> => {
  const error = await act.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(TsmctlError)
  return error as TsmctlError
}

describe('plans are data before they are done', () => {
  it('lock unbinds, holds, locks; in that order', async () => {
    const {kernel} = await guest()
    const plan = lockPlan(await readTdi(kernel, GOOD), chooseTsm(kernel))
    expect(plan.steps.map(({write}) => [write.path, write.value])).toEqual([
      ['/sys/bus/pci/drivers/acmegpu/unbind', GOOD],
      [`${device}/driver_override`, HOLD],
      [`${device}/tsm/lock`, 'tsm0'],
    ])
    expect(planLines(plan)[2]).toContain(`echo tsm0 > ${device}/tsm/lock`)
  })

  it('a dry run writes nothing', async () => {
    const {kernel} = await guest()
    const before = await readTdi(kernel, GOOD)
    const result = await lock(kernel, GOOD, {dryRun: true})
    expect(result).toMatchObject({changed: false, dryRun: true})
    expect(result.writes).toHaveLength(3)
    expect(await readTdi(kernel, GOOD)).toEqual(before)
  })

  it('unlock of an unlocked device that nobody holds is nothing', async () => {
    const {kernel} = await guest()
    expect(unlockPlan(await readTdi(kernel, GOOD), {driverOverride: null}).steps).toEqual([])
  })
})

describe('lock', () => {
  it('locks, holds, and is idempotent', async () => {
    const {kernel} = await guest()
    const first = await lock(kernel, GOOD)
    expect(first).toMatchObject({
      changed: true,
      before: {state: 'CONFIG_UNLOCKED', driver: 'acmegpu', driverOverride: null},
      after: {state: 'CONFIG_LOCKED', lockedBy: 'tsm0', driver: null, driverOverride: HOLD},
    })
    expect(await lock(kernel, GOOD)).toMatchObject({changed: false, after: {state: 'CONFIG_LOCKED'}})
  })

  it('and unlock gives back driver and override', async () => {
    const {kernel} = await guest()
    const before = await readTdi(kernel, GOOD)
    await lock(kernel, GOOD)
    const {after, changed} = await unlock(kernel, GOOD, {rebind: true})
    expect([after, changed]).toEqual([before, true])
    expect(await unlock(kernel, GOOD)).toMatchObject({changed: false})
  })

  const faults: [string, Partial<Fault>, string][] = [
    ['the TSM refuses with EIO', {do: 'errno', errno: 'EIO'}, 'transition'],
    ['the TSM is busy', {do: 'errno', errno: 'EBUSY'}, 'busy'],
    ['the write is interrupted', {do: 'errno', errno: 'EINTR'}, 'interrupted'],
    ['privilege is missing', {do: 'errno', errno: 'EPERM'}, 'not-permitted'],
    ['the write has no effect', {do: 'stuck'}, 'transition'],
    ['a driver slips in', {do: 'bind-driver'}, 'busy'],
  ]
  it.each(faults)('undoes everything when %s', async (_, fault, kind) => {
    const {kernel, directory} = await guest()
    const before = await readTdi(kernel, GOOD)
    await injectFault(directory, {device: GOOD, at: 'lock', ...fault} as Fault)
    const error = await failureOf(lock(kernel, GOOD))
    expect(error.kind).toBe(kind)
    expect(error.message).toContain(`The device was left ${before.state}`)
    expect(await readTdi(kernel, GOOD)).toEqual(before)
    expect(machineStatus(directory).violations).toEqual([])
  })

  it('says so when the device vanishes under it', async () => {
    const {kernel, directory} = await guest()
    await injectFault(directory, {device: GOOD, at: 'lock', do: 'vanish'})
    const error = await failureOf(lock(kernel, GOOD))
    expect(error.message).toMatch(/removed meanwhile.*The device is gone$/)
    expect(error.kind).toBe('not-found')
  })

  it('stops before the next step on Ctrl-C and undoes what was done', async () => {
    const {kernel} = await guest()
    const before = await readTdi(kernel, GOOD)
    const abort = new AbortController()
    const error = await failureOf(
      lock(kernel, GOOD, {signal: abort.signal, onStep: line => line.includes('unbind') && abort.abort()}),
    )
    expect(error.kind).toBe('interrupted')
    expect(await readTdi(kernel, GOOD)).toEqual(before)
  })

  it('is refused while another tsmctl works on the device', async () => {
    const {kernel} = await guest()
    const release = kernel.lock(`device-${GOOD}`)
    expect((await failureOf(lock(kernel, GOOD))).kind).toBe('busy')
    release()
    expect(await lock(kernel, GOOD)).toMatchObject({changed: true})
  })

  it('will not take over a lock under which a driver was bound', async () => {
    const {kernel, directory} = await guest()
    await injectFault(directory, {device: GOOD, at: 'evidence', do: 'bind-driver'})
    await lock(kernel, GOOD)
    await kernel.write('/sys/bus/pci/devices/0000:01:00.0/driver_override', new Uint8Array([10]))
    await kernel.write('/sys/bus/pci/drivers/acmegpu/bind', new Uint8Array(Buffer.from(GOOD)))
    const error = await failureOf(lock(kernel, GOOD))
    expect(error).toMatchObject({kind: 'busy'})
    expect(error.message).toContain('cannot be taken back')
    expect((await failureOf(unlock(kernel, GOOD))).kind).toBe('busy')
    expect(await unlock(kernel, GOOD, {force: true})).toMatchObject({after: {state: 'CONFIG_UNLOCKED', driver: null}})
  })
})

describe('what cannot be locked', () => {
  it.each([
    ['a device without TSM attributes', 'guest', PLAIN, 'unsupported', /no tsm\/lock/],
    ['a device that is not there', 'guest', '0000:77:00.0', 'not-found', /no such PCI function/],
    ['a machine without any TSM', 'empty', GOOD, 'unsupported', /No TSM yet/],
    ['a kernel without TSM core', 'bare', GOOD, 'unsupported', /no TSM core/],
  ])('%s', async (_, scenario, bdf, kind, message) => {
    const {kernel} = await guest(scenario)
    const error = await failureOf(lock(kernel, bdf))
    expect(error.kind).toBe(kind)
    expect(error.message).toMatch(message)
  })

  it('a TSM of another name', async () => {
    const {kernel} = await guest()
    expect((await failureOf(lock(kernel, GOOD, {tsm: 'tsm7'}))).message).toContain('this machine has tsm0')
  })
})

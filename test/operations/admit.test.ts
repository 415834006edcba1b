/** The main job, on devices of every kind and with everything that can go wrong on the way. */
import {readFileSync, writeFileSync} from 'node:fs'
import {describe, expect, it} from 'vitest'
import type {Appraisal} from '../../src/appraisal/index.js'
import {TsmctlError} from '../../src/errors.js'
import {accept, admit, collectEvidence, lock, readAudit, readPolicy, reviewDevice} from '../../src/operations/index.js'
import {type Fault, injectFault, machineStatus} from '../../src/sim/index.js'
import {HOLD, readTdi} from '../../src/tsm/index.js'
import {DEBUG, GOOD, guest, guestWith, MISFIT} from '../support/guest.js'

type Guest = Awaited<ReturnType<typeof guest>>

const policyOf = ({kernel, policy}: Guest) => readPolicy([policy], kernel.now())
const admitted = (machine: Guest, bdf: string) => admit(machine.kernel, bdf, {policy: policyOf(machine)})
const failing = ({appraisal}: {appraisal: Pick<Appraisal, 'results'>}) =>
  appraisal.results.filter(({result, blocking}) => blocking && result === 'fail').map(({id}) => id)
const trail = ({kernel}: Guest, bdf: string) =>
  readAudit(kernel).records.flatMap(({event, device}) => ((device as {bdf: string | null}).bdf === bdf ? [event] : []))

async function failureOf(act: Promise<unknown>): Promise<TsmctlError> {
  const error = await act.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(TsmctlError)
  return error as TsmctlError
}

describe('admit', () => {
  it('brings the good device to RUN with its driver bound, and records every step', async () => {
    const machine = await guest()
    const result = await admitted(machine, GOOD)
    expect(result).toMatchObject({
      admitted: true,
      failure: null,
      before: {state: 'CONFIG_UNLOCKED', driver: 'acmegpu'},
      after: {state: 'RUN', lockedBy: 'tsm0', driver: 'acmegpu', driverOverride: null},
    })
    expect(result.appraisal.decision).toBe('accept')
    expect(trail(machine, GOOD)).toEqual(['locked', 'collected', 'decided', 'committing', 'committed'])
    expect(readAudit(machine.kernel).problems).toEqual([])
    const loaded = () => readAudit(machine.kernel).records.filter(({event}) => event === 'policy-loaded')
    expect(loaded()).toMatchObject([{seq: 2, policy: {P: result.appraisal.P, rule: null}, verdict: null}])
    await admitted(machine, DEBUG)
    expect(loaded()).toHaveLength(1)
    expect(machineStatus(machine.directory)).toMatchObject({violations: [], devices: [{tdi: 'RUN'}, {}, {}]})
  })

  it.each([
    [DEBUG, 'nvme', 'spdm.meas.debug'],
    [MISFIT, 'acmenic', 'tdisp.report.mmio-within-bars'],
  ])('refuses %s, names the check, and gives the device back', async (bdf, driver, check) => {
    const machine = await guest()
    const result = await admitted(machine, bdf)
    expect(result.admitted).toBe(false)
    expect(failing(result)).toEqual([check])
    expect(result.failure).toMatchObject({kind: 'denied', exitCode: 4})
    expect(result.after).toMatchObject({state: 'CONFIG_UNLOCKED', driver, driverOverride: null})
    expect(trail(machine, bdf)).toEqual(['locked', 'collected', 'decided', 'rejected', 'unlocked'])
    expect(machineStatus(machine.directory).violations).toEqual([])
  })

  it('denies everything without a policy', async () => {
    const machine = await guest()
    const result = await admit(machine.kernel, GOOD, {policy: readPolicy([], machine.kernel.now())})
    expect(result).toMatchObject({admitted: false, failure: {kind: 'denied'}, after: {state: 'CONFIG_UNLOCKED'}})
  })

  it('denies everything under the policy of another machine', async () => {
    // a machine of other keys, not a copy of the same
    const [machine, other] = [await guest(), await guestWith('# of another vendor')]
    const result = await admit(machine.kernel, GOOD, {policy: policyOf(other)})
    expect(result.admitted).toBe(false)
  })

  it('leaves the decision to a person where the rule wants one', async () => {
    const machine = await guest()
    const reviewed = readFileSync(machine.policy, 'utf8').replaceAll('human: none', 'human: typed')
    writeFileSync(machine.policy, reviewed)
    expect(await admitted(machine, GOOD)).toMatchObject({admitted: false, failure: {kind: 'review', exitCode: 10}})
    const policy = policyOf(machine)
    const given = (typed: string, reason: string | null = 'bench unit for the demo') => ({
      policy,
      ask: () => Promise.resolve({typed, reason, by: 'alice'}),
    })
    expect(await admit(machine.kernel, GOOD, given(`${GOOD} 000000000000`))).toMatchObject({failure: {kind: 'review'}})
    expect(await admit(machine.kernel, GOOD, given('accept'))).toMatchObject({failure: {kind: 'review'}})
    const right = {
      policy,
      ask: (appraisal: {shortD: string}) =>
        Promise.resolve({typed: `${GOOD} ${appraisal.shortD}`, reason: 'bench unit for the demo', by: 'alice'}),
    }
    expect(await admit(machine.kernel, GOOD, right)).toMatchObject({admitted: true})
    expect(trail(machine, GOOD).slice(-3)).toEqual(['approved', 'committing', 'committed'])
    expect(readAudit(machine.kernel).problems).toEqual([])
  })

  const tampering: [string, Partial<Fault>][] = [
    ['certificates', {do: 'flip-bit', object: 'cert0', offset: 400}],
    ['negotiation', {do: 'flip-bit', object: 'vca', offset: 12}],
    ['measurements', {do: 'flip-bit', object: 'measurements', offset: 80}],
    ['signature', {do: 'flip-bit', object: 'measurements', offset: 1_000_000}],
    ['interface report', {do: 'flip-bit', object: 'report', offset: 0}],
    ['old measurements replayed', {do: 'replay'}],
    ['a rival relocks after the dump', {do: 'relock'}],
    ['a driver is bound after the dump', {do: 'bind-driver'}],
  ]
  it.each(tampering)('never admits when the host tampers: %s', async (_, fault) => {
    const machine = await guest()
    await collectOnce(machine)
    await injectFault(machine.directory, {device: GOOD, at: 'evidence', ...fault} as Fault)
    const outcome = await admitted(machine, GOOD).then(
      result => result.failure,
      (error: unknown) => error as TsmctlError,
    )
    expect(outcome).toBeInstanceOf(TsmctlError)
    expect((await readTdi(machine.kernel, GOOD)).state).not.toBe('RUN')
    expect(trail(machine, GOOD)).not.toContain('committed')
  })

  const broken: [string, Fault['at'], Partial<Fault>][] = [
    ['lock fails', 'lock', {do: 'errno', errno: 'EIO'}],
    ['evidence is refused', 'evidence', {do: 'errno', errno: 'EIO', times: 'always'}],
    ['accept is refused', 'accept', {do: 'errno', errno: 'EIO'}],
    ['accept has no effect', 'accept', {do: 'stuck'}],
    ['a rival relocks before accept', 'accept', {do: 'errno', errno: 'EBUSY'}],
  ]
  it.each(broken)('gives the device back when %s', async (_, at, fault) => {
    const machine = await guest()
    await injectFault(machine.directory, {device: GOOD, at, ...fault} as Fault)
    const error = await failureOf(admitted(machine, GOOD))
    expect(error.message).toContain('The device was left CONFIG_UNLOCKED, driver acmegpu bound')
    expect(await readTdi(machine.kernel, GOOD)).toMatchObject({
      state: 'CONFIG_UNLOCKED',
      driver: 'acmegpu',
      driverOverride: null,
    })
    expect(machineStatus(machine.directory).violations).toEqual([])
  })

  it('gives the device back on Ctrl-C, wherever it comes', async () => {
    for (const word of ['unbind', 'tsm/lock', 'collecting', 'appraising', 'tsm/accept']) {
      const machine = await guest()
      const abort = new AbortController()
      const onStep = (line: string) => void (line.includes(word) && abort.abort())
      const error = await failureOf(
        admit(machine.kernel, GOOD, {policy: policyOf(machine), signal: abort.signal, onStep}),
      )
      expect([word, error.kind]).toEqual([word, 'interrupted'])
      expect(await readTdi(machine.kernel, GOOD)).toMatchObject({state: 'CONFIG_UNLOCKED', driver: 'acmegpu'})
    }
  })

  it('does not touch a device that already runs', async () => {
    const machine = await guest()
    await admitted(machine, GOOD)
    expect(await failureOf(admitted(machine, GOOD))).toMatchObject({kind: 'busy'})
    expect(await readTdi(machine.kernel, GOOD)).toMatchObject({state: 'RUN', driver: 'acmegpu'})
  })
})

/** So that there are older measurements to replay. */
async function collectOnce({kernel}: Guest): Promise<void> {
  await lock(kernel, GOOD)
  await collectEvidence(kernel, GOOD)
}

describe('accept', () => {
  it('takes only evidence this machine collected of this device', async () => {
    const machine = await guest()
    const {kernel} = machine
    const policy = policyOf(machine)
    await lock(kernel, GOOD)
    const {digest} = await collectEvidence(kernel, GOOD)
    expect(await failureOf(accept(kernel, DEBUG, digest, {policy}))).toMatchObject({kind: 'usage'})
    expect(await failureOf(accept(kernel, GOOD, digest.slice(0, 19), {policy}))).toMatchObject({kind: 'usage'})
    const other = `sha384:${'0'.repeat(96)}`
    expect(await failureOf(accept(kernel, GOOD, other, {policy}))).toMatchObject({kind: 'not-found'})
    expect(await accept(kernel, GOOD, digest, {policy})).toMatchObject({
      changed: true,
      after: {state: 'RUN', driver: null, driverOverride: HOLD},
    })
  })

  it('stops when the device was locked anew since the review', async () => {
    const machine = await guest()
    const {kernel} = machine
    const {bundle, appraisal} = await reviewDevice(kernel, GOOD, {policy: policyOf(machine)})
    expect(appraisal.decision).toBe('accept')
    await kernel.write(`/sys/bus/pci/devices/${GOOD}/tsm/unlock`, new Uint8Array(Buffer.from('tsm0')))
    await kernel.write(`/sys/bus/pci/devices/${GOOD}/tsm/lock`, new Uint8Array(Buffer.from('tsm0')))
    const result = await accept(kernel, GOOD, bundle.digest, {policy: policyOf(machine)})
    expect(result).toMatchObject({changed: false, failure: {kind: 'busy'}, after: {state: 'CONFIG_LOCKED'}})
    expect(trail(machine, GOOD)).toContain('commit-failed')
  })

  it('stops when the device is no longer locked', async () => {
    const machine = await guest()
    const {kernel} = machine
    const {bundle} = await reviewDevice(kernel, GOOD, {policy: policyOf(machine)})
    await kernel.write(`/sys/bus/pci/devices/${GOOD}/tsm/unlock`, new Uint8Array(Buffer.from('tsm0')))
    const result = await accept(kernel, GOOD, bundle.digest, {policy: policyOf(machine)}).then(
      ({failure}) => failure,
      (error: unknown) => error,
    )
    expect(result).toBeInstanceOf(TsmctlError)
    expect((await readTdi(kernel, GOOD)).state).toBe('CONFIG_UNLOCKED')
  })

  it.each([
    ['ignores', 'ignored'],
    ['refuses', 'refused'],
  ])('is out of reach where the provider %s the nonce', async (_, nonce) => {
    const machine = await guest()
    const file = `${machine.directory}/machine.json`
    writeFileSync(file, readFileSync(file, 'utf8').replace('"nonce":"honoured"', `"nonce":"${nonce}"`))
    const fresh = await guestAgain(machine)
    const failed = failing(await admitted(fresh, GOOD))
    expect(failed).toContain('spdm.meas.nonce')
    // a nonce that nobody took is not shown as one that proves something
    expect(failed.includes('acq.nonce.used')).toBe(nonce === 'refused')
  })
})

async function guestAgain({directory, policy}: Guest): Promise<Guest> {
  const {simKernel} = await import('../../src/sim/index.js')
  return {directory, policy, kernel: simKernel(directory)}
}

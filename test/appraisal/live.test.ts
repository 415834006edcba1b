/**
 * Cases that happen on a live device: something is wrong while it is locked, read or accepted. What is wrong is named,
 * the device is not in RUN afterwards, and after the failure nothing is written that would bring it there.
 */
import {readFileSync, writeFileSync} from 'node:fs'
import {describe, expect, it} from 'vitest'
import {ErrnoError, TsmctlError} from '../../src/errors.js'
import type {Kernel} from '../../src/kernel/index.js'
import {accept, collectEvidence, lock, readAudit, readPolicy, reviewDevice} from '../../src/operations/index.js'
import {type Fault, injectFault, machineStatus} from '../../src/sim/index.js'
import {GOOD, PLAIN, guestCopy} from '../support/guest.js'
import {failures} from './guest.js'

type Guest = Awaited<ReturnType<typeof guestCopy>>
type Misfortune = Omit<Fault, 'device'>

const policyOf = ({kernel, policy}: Guest) => readPolicy([policy], kernel.now())

async function inject({directory}: Guest, faults: readonly Misfortune[]): Promise<void> {
  for (const fault of faults) await injectFault(directory, {device: GOOD, ...fault})
}

/** `kernel`, and the verbs that were written through it, in turn. */
function recording(kernel: Kernel): {kernel: Kernel; verbs: string[]} {
  const verbs: string[] = []
  return {
    verbs,
    kernel: {
      ...kernel,
      write(path, bytes, signal) {
        if (path.includes('/tsm/')) verbs.push(path.slice(path.lastIndexOf('/') + 1))
        return kernel.write(path, bytes, signal)
      },
    },
  }
}

/** The checks that fail, or the error that comes instead of a verdict. */
async function reviewed(machine: Guest, kernel: Kernel, bdf = GOOD): Promise<readonly string[] | TsmctlError> {
  try {
    return failures((await reviewDevice(kernel, bdf, {policy: policyOf(machine)})).appraisal)
  } catch (error) {
    expect(error).toBeInstanceOf(TsmctlError)
    return error as TsmctlError
  }
}

interface Reading {
  readonly abi?: 'G2' | 'P2'
  readonly faults: readonly Misfortune[]
  /** The check that fails; or what is said where nothing came about that could be judged. */
  readonly shows: string | RegExp
}

const READINGS: Readonly<Record<string, Reading>> = {
  'N001 a family version above the known': {
    abi: 'P2',
    faults: [{at: 'evidence', do: 'family-version', times: 'always'}],
    shows: 'acq.abi.known',
  },
  'N001 an attribute of every object that nobody knows': {
    abi: 'P2',
    faults: [{at: 'evidence', do: 'unknown-attribute', times: 'always'}],
    shows: 'acq.abi.known',
  },
  'N004 a driver appears before the first dump': {
    faults: [{at: 'evidence', do: 'bind-driver', when: 'before'}],
    shows: 'acq.driver.unbound',
  },
  'N005 RUN after a lock that succeeded': {
    faults: [{at: 'evidence', do: 'rival-accept', when: 'before'}],
    shows: 'acq.state.locked',
  },
  // the kernel does not tell these states; that there is no report any more does
  'ERROR after a lock that succeeded': {
    faults: [{at: 'evidence', do: 'bme-clear', when: 'before'}],
    shows: 'acq.object.complete',
  },
  'a reset after a lock that succeeded': {
    faults: [{at: 'evidence', do: 'reset', when: 'before'}],
    shows: 'acq.object.complete',
  },
  'N007 another generation with the digests': {
    abi: 'P2',
    faults: [{at: 'evidence', do: 'regenerate', when: 'after', times: 'always'}],
    shows: 'acq.generation.stable',
  },
  'N008 fewer bytes than announced': {
    abi: 'P2',
    faults: [{at: 'evidence', do: 'truncate', object: 'report', offset: 20, times: 'always'}],
    shows: /expected 84 bytes of report, got 20/,
  },
  'N008 the report twice': {
    abi: 'P2',
    faults: [{at: 'evidence', do: 'duplicate', object: 'report', times: 'always'}],
    shows: /expected each object once, got report twice/,
  },
  'N008 an object nobody asked for': {
    abi: 'P2',
    faults: [{at: 'evidence', do: 'unrequested', times: 'always'}],
    shows: /expected an object type of 0 to 10, got 11/,
  },
  'N009 an object of 16 MiB and one byte': {
    abi: 'P2',
    faults: [{at: 'evidence', do: 'oversize', object: 'report', times: 'always'}],
    shows: /at most 16777216, got 16777217/,
  },
  'P16 other bytes at every reading': {
    abi: 'P2',
    faults: [{at: 'evidence', do: 'double-fetch', object: 'report', times: 'always'}],
    shows: 'tsm.digest.report',
  },
}

describe('while evidence is read', () => {
  it.each(Object.entries(READINGS))('%s', async (_, {abi = 'G2', faults, shows}) => {
    const machine = await guestCopy(abi)
    await inject(machine, faults)
    const {kernel, verbs} = recording(machine.kernel)
    const outcome = await reviewed(machine, kernel)
    if (shows instanceof RegExp)
      expect(outcome).toMatchObject({kind: 'malformed', message: expect.stringMatching(shows)})
    else expect(outcome).toContain(shows)
    // locked, and then nothing: neither accepted nor anything else
    expect(verbs).toEqual(['lock'])
  })

  it.each([
    ['N002 a BDF that is nothing', '0000:7f:00.0', 'not-found'],
    ['N002 a function without a TSM', PLAIN, 'unsupported'],
  ])('%s', async (_, bdf, kind) => {
    const machine = await guestCopy()
    const {kernel, verbs} = recording(machine.kernel)
    expect(await reviewed(machine, kernel, bdf)).toMatchObject({kind})
    expect(verbs).toEqual([])
  })
})

/** `kernel`, whose audit log fails as Linux says it, once `begins` is true of a record. */
function failingLog(kernel: Kernel, errno: string, begins: (record: string) => boolean): Kernel {
  let fails = false
  const {state} = kernel
  return {
    ...kernel,
    state: {
      ...state,
      append(name, bytes) {
        fails ||= begins(Buffer.from(bytes).toString('latin1'))
        if (fails) throw new ErrnoError(errno, 'append to', name)
        state.append(name, bytes)
      },
    },
  }
}

async function lockedWithEvidence(): Promise<Guest & {digest: string}> {
  const machine = await guestCopy()
  await lock(machine.kernel, GOOD)
  const {digest} = await collectEvidence(machine.kernel, GOOD)
  return {...machine, digest}
}

/** Why it was not accepted, and what was written on the way. */
async function acceptance(machine: Guest & {digest: string}, kernel: Kernel = machine.kernel) {
  const recorded = recording(kernel)
  const options = {policy: policyOf(machine), bind: true}
  const failure: unknown = await accept(recorded.kernel, GOOD, machine.digest, options).then(
    result => result.failure,
    (thrown: unknown) => thrown,
  )
  expect(failure).toBeInstanceOf(TsmctlError)
  return {failure: failure as TsmctlError, verbs: recorded.verbs}
}

const tdiOf = ({directory}: Guest) => machineStatus(directory).devices[0]?.tdi
const isProbe = (record: string): boolean => record === ''

describe('when it is accepted', () => {
  it.each<[string, string, (record: string) => boolean, object]>([
    ['N120 a disk that is full before the write', 'ENOSPC', isProbe, {details: {check: 'commit.audit-durable'}}],
    ['N120 a log that becomes immutable', 'EPERM', isProbe, {details: {check: 'commit.audit-durable'}}],
    ['N120 a log that cannot be synchronised', 'EIO', record => record.includes('"committing"'), {errno: 'EIO'}],
    ['a log that cannot be written at all', 'EROFS', () => true, {errno: 'EROFS'}],
  ])('%s', async (_, errno, begins, expected) => {
    const machine = await lockedWithEvidence()
    const {failure, verbs} = await acceptance(machine, failingLog(machine.kernel, errno, begins))
    expect(failure).toMatchObject(expected)
    expect(verbs).toEqual([])
    expect(tdiOf(machine)).toBe('CONFIG_LOCKED')
  })

  it.each<[string, Misfortune, RegExp]>([
    ['N121 success, and it is still LOCKED', {at: 'accept', do: 'stuck'}, /the device does not run/],
    ['N121 success, and it is in ERROR', {at: 'accept', do: 'bme-clear', when: 'after'}, /interface changed since/],
    ['N122 one of the ranges cannot be mapped', {at: 'accept', do: 'errno', errno: 'EIO'}, /the TSM failed \(EIO/],
  ])('%s', async (_, fault, said) => {
    const machine = await lockedWithEvidence()
    await inject(machine, [fault])
    const {failure, verbs} = await acceptance(machine)
    expect(failure.message).toMatch(said)
    // once, and then taken back
    expect(verbs).toEqual(['accept', 'unlock'])
    expect(tdiOf(machine)).toBe('CONFIG_UNLOCKED')
    expect(readAudit(machine.kernel).records.map(({event}) => event)).not.toContain('committed')
  })

  it('N122 nobody says which ranges were mapped, and the rule wants to know', async () => {
    const machine = await lockedWithEvidence()
    const text = readFileSync(machine.policy, 'utf8')
    const strict = text.replaceAll(/^.*check: commit\.mmio-validated.*\n/gm, '')
    expect(strict).not.toBe(text)
    writeFileSync(machine.policy, strict)
    const {failure, verbs} = await acceptance(machine)
    expect(failure).toMatchObject({details: {check: 'commit.mmio-validated'}})
    expect(verbs).toEqual([])
    expect(tdiOf(machine)).toBe('CONFIG_LOCKED')
  })
})

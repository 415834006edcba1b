/**
 * Between a person's approval and the write: the device is another one while they read, and is not accepted. They are
 * told what changed, and nothing is written any more that would change the device.
 */
import {readFileSync, writeFileSync} from 'node:fs'
import {describe, expect, it} from 'vitest'
import type {TsmctlError} from '../../src/errors.js'
import type {Kernel} from '../../src/kernel/index.js'
import {accept, collectEvidence, lock, readAudit, readPolicy} from '../../src/operations/index.js'
import {type Fault, injectFault, machineStatus} from '../../src/sim/index.js'
import {GOOD, guestCopy} from '../support/guest.js'

type Misfortune = Partial<Omit<Fault, 'device'>> & Pick<Fault, 'do'>

const DEVICE = `/sys/bus/pci/devices/${GOOD}`

/** What happens: a fault at once, or something done to what is read, or by somebody else. */
type Meanwhile = Misfortune | ((tree: Map<string, string>, other: Kernel) => void | Promise<void>)

/** Accepts with a person who reads while `meanwhile` happens, and then approves what they read. */
async function approvedWhile(meanwhile: Meanwhile, abi: 'P2' | 'G2' = 'P2') {
  const {kernel: inner, directory, policy: file} = await guestCopy(abi)
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll('human: none', 'human: typed'))
  await lock(inner, GOOD)
  const {digest} = await collectEvidence(inner, GOOD)
  const verbs: string[] = []
  const changed = new Map<string, string>()
  const kernel: Kernel = {
    ...inner,
    read: path => (changed.has(path) ? new Uint8Array(Buffer.from(changed.get(path)!)) : inner.read(path)),
    write(path, bytes, signal) {
      if (path.includes('/tsm/')) verbs.push(path.slice(path.lastIndexOf('/') + 1))
      return inner.write(path, bytes, signal)
    },
  }
  const result = await accept(kernel, GOOD, digest, {
    policy: readPolicy([file], inner.now()),
    bind: true,
    async ask({shortD}) {
      if (typeof meanwhile === 'function') await meanwhile(changed, inner)
      else await injectFault(directory, {device: GOOD, at: 'now', ...meanwhile})
      return {typed: `${GOOD} ${shortD}`, reason: 'bring-up of a node in the lab', by: 'alice'}
    },
  })
  const failure = result.failure as TsmctlError
  const events = readAudit(inner).records.map(({event}) => event)
  return {result, failure, verbs, events, state: machineStatus(directory).devices[0]?.tdi}
}

const givenBack: Meanwhile = (_, other) => other.write(`${DEVICE}/tsm/unlock`, new Uint8Array(Buffer.from('tsm0\n')))
const revised: Meanwhile = tree => void tree.set(`${DEVICE}/revision`, '0x0f\n')

describe('while a person reads', () => {
  it('nothing happens, and the device is accepted', async () => {
    const {failure, verbs, events} = await approvedWhile(() => undefined)
    expect(failure).toBeNull()
    expect(verbs).toEqual(['accept'])
    expect(events.slice(-3)).toEqual(['approved', 'committing', 'committed'])
  })

  it.each<[string, string, Meanwhile, RegExp, string, ('G2' | 'P2')?]>([
    ['N115 RUN, because somebody else accepted it', 'commit.state', {do: 'rival-accept'}, /is "RUN"/, 'RUN'],
    [
      'N115 UNLOCKED, because somebody gave it back',
      'commit.state',
      givenBack,
      /is "CONFIG_UNLOCKED"/,
      'CONFIG_UNLOCKED',
    ],
    // the kernel does not tell this state; that there is no report any more does
    ['ERROR, because bus mastering was cleared', 'commit.lock-epoch', {do: 'bme-clear'}, /report: .* -> none/, 'ERROR'],
    ['a reset', 'commit.lock-epoch', {do: 'reset'}, /report: .* -> none/, 'ERROR'],
    ['N116 another generation', 'commit.generation', {do: 'regenerate'}, /generation 3/, 'CONFIG_LOCKED'],
    ['N117 unlocked and locked again', 'commit.lock-epoch', {do: 'relock'}, /measurements: /, 'CONFIG_LOCKED', 'G2'],
    ['N118 a driver is bound', 'commit.driver-unbound', {do: 'bind-driver'}, /driver "acmegpu"/, 'CONFIG_LOCKED'],
    ['N119 another revision', 'commit.device-stable', revised, /revision: 0xa1 -> 0x0f/, 'CONFIG_LOCKED'],
  ])('%s: %s', async (_, check, meanwhile, said, state, abi) => {
    const {failure, verbs, events, state: now} = await approvedWhile(meanwhile, abi)
    expect(failure).toMatchObject({kind: 'busy', details: {check}})
    expect(failure.message).toMatch(/the device changed while you were reading/)
    expect(failure.message).toMatch(said)
    expect(verbs).toEqual([])
    expect(now).toBe(state)
    expect(events.at(-1)).toBe('commit-failed')
  })

  it('N116 the kernel refuses to validate the generation', async () => {
    const {verbs, events, state} = await approvedWhile({at: 'validate', do: 'errno', errno: 'EAGAIN'})
    expect(verbs).toEqual([])
    expect(events.at(-1)).toBe('commit-failed')
    expect(state).toBe('CONFIG_LOCKED')
  })

  it('their third wrong entry is a no', async () => {
    const {kernel, directory, policy: file} = await guestCopy()
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('human: none', 'human: typed'))
    await lock(kernel, GOOD)
    const {digest} = await collectEvidence(kernel, GOOD)
    const policy = readPolicy([file], kernel.now())
    const {failure} = await accept(kernel, GOOD, digest, {policy, ask: () => Promise.resolve('rejected')})
    expect(failure).toMatchObject({kind: 'review', message: expect.stringContaining('three wrong entries')})
    expect(readAudit(kernel).records.at(-1)).toMatchObject({event: 'rejected'})
    expect(machineStatus(directory).devices[0]?.tdi).toBe('CONFIG_LOCKED')
  })
})

/** What a machine remembers of devices: enrolled by a person, or accepted before; and what it makes of a change. */
import {readFileSync, writeFileSync} from 'node:fs'
import {describe, expect, it} from 'vitest'
import {ErrnoError, TsmctlError} from '../../src/errors.js'
import type {Kernel} from '../../src/kernel/index.js'
import {
  accept,
  admit,
  collectEvidence,
  lock,
  readAudit,
  readPolicy,
  showDevice,
  unlock,
} from '../../src/operations/index.js'
import {choosePin, listPins} from '../../src/operations/choose-pin.js'
import {enroll, type EnrollOptions} from '../../src/operations/enroll.js'
import {forget} from '../../src/operations/forget.js'
import {pinIds, readPins, rememberAcceptance} from '../../src/operations/pin-store.js'
import {reviewDevice} from '../../src/operations/review.js'
import {machineStatus} from '../../src/sim/index.js'
import {DEBUG, GOOD, guestCopy} from '../support/guest.js'

type Guest = Awaited<ReturnType<typeof guestCopy>>

/** The machine's policy with other words in it. */
function policyWith({kernel, policy: file}: Guest, ...changes: readonly (readonly [string | RegExp, string])[]) {
  const text = changes.reduce(
    (from, [what, by]) => {
      expect(from).toMatch(what)
      return from.replaceAll(new RegExp(what, 'g'), by)
    },
    readFileSync(file, 'utf8'),
  )
  const other = `${file}.${changes.length}.yaml`
  writeFileSync(other, text)
  const policy = readPolicy([other], kernel.now())
  expect(policy.findings).toEqual([])
  return policy
}
const ENROLLED = ['mode: any-from-anchor', 'mode: enrolled'] as const
const FIRST_USE = [
  ['mode: any-from-anchor', 'mode: tofu'],
  ['decision: accept', 'decision: review'],
] as const

const typing: NonNullable<EnrollOptions['ask']> = (_, wanted) =>
  Promise.resolve({typed: wanted, reason: 'bring-up of the first node', by: 'alice'})
const approving = (bdf = GOOD) => ({
  ask: ({shortD}: {shortD: string}) =>
    Promise.resolve({typed: `${bdf} ${shortD}`, reason: 'bring-up of the first node', by: 'alice'}),
})
const eventsOf = ({kernel}: Guest): string[] => readAudit(kernel).records.map(({event}) => event)
const tdiOf = ({directory}: Guest) => machineStatus(directory).devices[0]?.tdi

describe('a device that was accepted', () => {
  it('is remembered, and compared with the next time', async () => {
    const machine = await guestCopy()
    const {kernel} = machine
    const policy = policyWith(machine)
    const first = await admit(kernel, GOOD, {policy})
    expect(first.appraisal.comparison).toEqual({kind: 'first-seen'})
    expect(readPins(kernel.state)).toMatchObject([
      {bdf: GOOD, mode: 'auto', pinId: first.appraisal.profile?.pinId, history: [{event: 'accepted', D: first.digest}]},
    ])
    expect((await showDevice(kernel, GOOD)).view.meaning.at(-1)?.text).toMatch(/^by tsmctl, on evidence [0-9a-f]{12}$/)
    await unlock(kernel, GOOD, {force: true, rebind: true})
    const second = await admit(kernel, GOOD, {policy})
    expect(second.admitted).toBe(true)
    expect(second.appraisal.comparison).toMatchObject({kind: 'compared', changes: [], since: {D: first.digest}})
    expect(readPins(kernel.state)[0]?.history).toHaveLength(2)
  })

  it('once is not remembered, unless it is known already', async () => {
    const machine = await guestCopy()
    const {kernel} = machine
    const policy = policyWith(machine)
    await admit(kernel, GOOD, {policy, once: true})
    expect(pinIds(kernel.state)).toEqual([])
  })

  it('and cannot be remembered does not run', async () => {
    const machine = await guestCopy()
    const {kernel} = machine
    const full: Kernel = {
      ...kernel,
      state: {
        ...kernel.state,
        replace(name, bytes) {
          if (name.startsWith('pin-')) throw new ErrnoError('ENOSPC', 'replace', name)
          kernel.state.replace(name, bytes)
        },
      },
    }
    await expect(admit(full, GOOD, {policy: policyWith(machine)})).rejects.toThrow(/ENOSPC/)
    expect(tdiOf(machine)).toBe('CONFIG_UNLOCKED')
    expect(pinIds(kernel.state)).toEqual([])
    expect(eventsOf(machine)).not.toContain('committed')
  })
})

describe('a rule for enrolled devices', () => {
  it('denies a device that was only seen, and accepts it once a person enrolled it', async () => {
    const machine = await guestCopy()
    const {kernel} = machine
    const policy = policyWith(machine, ENROLLED)
    await admit(kernel, GOOD, {policy: policyWith(machine)})
    await unlock(kernel, GOOD, {force: true})
    const denied = await admit(kernel, GOOD, {policy})
    expect(denied).toMatchObject({admitted: false, failure: {details: {checks: ['spdm.id.pinned']}}})
    await lock(kernel, GOOD)
    expect(await enroll(kernel, GOOD, {policy, ask: typing})).toMatchObject({enrolled: 'again', bdf: GOOD})
    expect(await admit(kernel, GOOD, {policy})).toMatchObject({admitted: true})
    expect(readPins(kernel.state)).toMatchObject([
      {mode: 'manual', history: [{event: 'accepted'}, {event: 'enrolled', by: 'alice'}, {event: 'accepted'}]},
    ])
    expect(eventsOf(machine)).toContain('enrolled')
  })

  it('can take the measured values from the pin', async () => {
    const machine = await guestCopy()
    const {kernel} = machine
    const policy = policyWith(machine, ENROLLED, [/source: inline\n +values:\n(?: +- .*\n)+/, 'source: enrolled\n'])
    await lock(kernel, GOOD)
    await enroll(kernel, GOOD, {policy, ask: typing})
    expect(await admit(kernel, GOOD, {policy})).toMatchObject({admitted: true})
  })
})

describe('enrolling', () => {
  it('outlives a policy that accepts another firmware by itself: only a person changes what is enrolled', async () => {
    const machine = await guestCopy()
    const {kernel} = machine
    await lock(kernel, GOOD)
    await enroll(kernel, GOOD, {policy: policyWith(machine, ENROLLED), ask: typing})
    const enrolled = readPins(kernel.state)[0]!
    const {bundle, appraisal} = await reviewDevice(kernel, GOOD, {policy: policyWith(machine)})
    const [first, ...rest] = appraisal.profile!.measurements
    const measurements = [{...first!, value: 'ab'.repeat(first!.value.length / 2)}, ...rest]
    const changed = {...appraisal, profile: {...appraisal.profile!, measurements}}
    await rememberAcceptance(kernel, {bundle, appraisal: changed, by: 'rule lax'})
    expect(readPins(kernel.state)).toMatchObject([{mode: 'manual', measurements: enrolled.measurements}])
    expect(readPins(kernel.state)[0]!.history).toHaveLength(2)
    await rememberAcceptance(kernel, {bundle, appraisal: {...changed, decision: 'review'}, by: 'alice'})
    expect(readPins(kernel.state)).toMatchObject([{mode: 'manual', measurements}])
  })

  it('needs a device that is locked, and that nobody let run before', async () => {
    const machine = await guestCopy()
    const {kernel} = machine
    const policy = policyWith(machine)
    await expect(enroll(kernel, GOOD, {policy, ask: typing})).rejects.toThrow(/only what is locked can be known/)
    await lock(kernel, GOOD)
    const sysfs = `/sys/bus/pci/devices/${GOOD}/tsm/accept`
    await kernel.write(sysfs, new Uint8Array(Buffer.from('tsm0\n')))
    await expect(enroll(kernel, GOOD, {policy, ask: typing})).rejects.toThrow(/unverified \(accepted by others\)/)
    expect((await showDevice(kernel, GOOD)).view.meaning.at(-1)?.text).toMatch(/^unverified \(accepted by others\)/)
    expect(pinIds(kernel.state)).toEqual([])
  })

  it.each<[string, EnrollOptions['ask']]>([
    ['nobody', undefined],
    ['somebody who types something else', () => Promise.resolve({typed: 'yes', reason: null, by: 'alice'})],
    ['somebody who cannot type it', () => Promise.resolve('rejected')],
  ])('%s: nothing is kept', async (_, ask) => {
    const machine = await guestCopy()
    const {kernel} = machine
    await lock(kernel, GOOD)
    await expect(enroll(kernel, GOOD, {policy: policyWith(machine), ask})).rejects.toMatchObject({kind: 'review'})
    expect(pinIds(kernel.state)).toEqual([])
    expect(eventsOf(machine)).not.toContain('enrolled')
  })

  it('is denied where the policy has no rule, or the anchor is another', async () => {
    const machine = await guestCopy()
    const {kernel} = machine
    await lock(kernel, GOOD)
    const policy = readPolicy([], kernel.now())
    await expect(enroll(kernel, GOOD, {policy, ask: typing})).rejects.toMatchObject({kind: 'denied'})
  })

  it('for an allow list keeps nothing, and the list then accepts the device', async () => {
    const machine = await guestCopy()
    const {kernel} = machine
    await lock(kernel, GOOD)
    const {allow, enrolled} = await enroll(kernel, GOOD, {policy: policyWith(machine), exportOnly: true})
    expect([enrolled, pinIds(kernel.state)]).toEqual([null, []])
    const list = ['mode: any-from-anchor', `mode: allowlist, allow: [${JSON.stringify(allow)}]`] as const
    const {appraisal} = await reviewDevice(kernel, GOOD, {policy: policyWith(machine, list)})
    expect(appraisal.decision).toBe('accept')
    const other = await reviewDevice(kernel, DEBUG, {policy: policyWith(machine, list)})
    expect(other.appraisal.results.find(({id}) => id === 'spdm.id.pinned')?.result).toBe('fail')
  })
})

describe('first use', () => {
  it('asks a person and says so; after that the device is known, and in its place no other', async () => {
    const machine = await guestCopy()
    const {kernel} = machine
    const policy = policyWith(machine, ...FIRST_USE)
    const first = await admit(kernel, GOOD, {policy, ...approving()})
    expect(first).toMatchObject({admitted: true, appraisal: {decision: 'review', comparison: {kind: 'first-seen'}}})
    const pinned = first.appraisal.results.find(({id}) => id === 'spdm.id.pinned')
    expect(pinned).toMatchObject({word: 'RELAXED', relaxedBy: 'identity.mode: tofu', text: /first use/})
    await unlock(kernel, GOOD, {force: true})
    const second = await admit(kernel, GOOD, {policy, ...approving()})
    expect(second.appraisal.results.find(({id}) => id === 'spdm.id.pinned')).toMatchObject({word: 'ok'})
  })

  it('of a device nobody approves: nothing is kept', async () => {
    const machine = await guestCopy()
    const {kernel} = machine
    const policy = policyWith(machine, ...FIRST_USE)
    expect(await admit(kernel, GOOD, {policy})).toMatchObject({admitted: false, failure: {kind: 'review'}})
    expect(pinIds(kernel.state)).toEqual([])
  })
})

it('a damaged pin stops every appraisal, until it is given up', async () => {
  const machine = await guestCopy()
  const {kernel} = machine
  const policy = policyWith(machine)
  await admit(kernel, GOOD, {policy})
  await unlock(kernel, GOOD, {force: true})
  const [pinId] = pinIds(kernel.state)
  const name = `pin-${pinId!.slice('sha384:'.length)}.json`
  const text = Buffer.from(kernel.state.read(name)!).toString('utf8')
  const put = (content: string) => kernel.state.replace(name, new Uint8Array(Buffer.from(content)))
  const damages = [
    text.slice(0, -40),
    text.replace(/"svn":"\d+"/, '"svn":"0"'),
    '',
    text.replace('{"pin"', '{"pin":1,"pin"'),
    'x'.repeat(5 * 1024 * 1024),
  ]
  for (const damage of damages) {
    expect(damage).not.toBe(text)
    put(damage)
    expect(() => readPins(kernel.state)).toThrow(/^cannot read pin sha384:/)
    expect(listPins(kernel)).toMatchObject({pins: [], damaged: [{pinId}]})
  }
  await expect(admit(kernel, GOOD, {policy})).rejects.toMatchObject({kind: 'malformed'})
  expect(tdiOf(machine)).toBe('CONFIG_UNLOCKED')
  expect(await forget(kernel, pinId!)).toMatchObject({damaged: true})
  expect(await admit(kernel, GOOD, {policy})).toMatchObject({admitted: true})
})

describe('functions of one device, accepted at the same moment', () => {
  it('leave one whole pin with all of them in its history', async () => {
    const machine = await guestCopy()
    const {kernel} = machine
    const {bundle, appraisal} = await reviewDevice(kernel, GOOD, {policy: policyWith(machine)})
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    await Promise.all(names.map(by => rememberAcceptance(kernel, {bundle, appraisal, by})))
    const [pin, ...others] = readPins(kernel.state)
    expect(others).toEqual([])
    expect(pin?.history.map(({by}) => by).toSorted()).toEqual(names)
    expect(pin?.floor.measurements).toEqual([{index: 16, svn: '7'}])
  })

  it('wait for whoever has the pin, and find what they left', async () => {
    const machine = await guestCopy()
    const {kernel} = machine
    const {bundle, appraisal} = await reviewDevice(kernel, GOOD, {policy: policyWith(machine)})
    const release = kernel.lock(`pin-${appraisal.profile!.pinId.slice('sha384:'.length)}`)
    const waiting = rememberAcceptance(kernel, {bundle, appraisal, by: 'late'})
    expect(pinIds(kernel.state)).toEqual([])
    release()
    await waiting
    expect(readPins(kernel.state)).toMatchObject([{lastAccepted: {by: 'late'}}])
  })
})

describe('which pin is meant', () => {
  it('the id, its beginning, or the place; forgetting is recorded', async () => {
    const machine = await guestCopy()
    const {kernel} = machine
    await admit(kernel, GOOD, {policy: policyWith(machine)})
    const [id] = pinIds(kernel.state)
    for (const given of [id!, id!.slice(7), id!.slice(7, 19), GOOD, GOOD.slice(5)])
      expect(choosePin(kernel, given)).toBe(id)
    for (const given of ['', 'sha384:', id!.slice(7, 12), '0000:0f:00.0', '../audit'])
      expect(() => choosePin(kernel, given)).toThrow(TsmctlError)
    await forget(kernel, GOOD)
    expect(pinIds(kernel.state)).toEqual([])
    expect(readAudit(kernel).records.at(-1)).toMatchObject({event: 'forgotten', result: {pinId: id}})
  })
})

it('reading makes evidence no older: the ten minutes begin with the decision', async () => {
  const machine = await guestCopy()
  writeFileSync(machine.policy, readFileSync(machine.policy, 'utf8').replaceAll('human: none', 'human: typed'))
  let after = 0
  const kernel: Kernel = {
    ...machine.kernel,
    now: () => new Date(machine.kernel.now().getTime() + after * 1000),
    monotonic: () => machine.kernel.monotonic() + BigInt(after) * 1_000_000_000n,
  }
  const policy = readPolicy([machine.policy], kernel.now())
  await lock(kernel, GOOD)
  const {digest} = await collectEvidence(kernel, GOOD)
  // nobody there: what is decided is that somebody is needed
  expect((await accept(kernel, GOOD, digest, {policy})).failure).toMatchObject({kind: 'review'})
  after = 500
  expect(await accept(kernel, GOOD, digest, {policy, dryRun: true})).toMatchObject({failure: null})
  after = 601
  expect((await accept(kernel, GOOD, digest, {policy, ...approving()})).failure).toMatchObject({
    details: {checks: ['policy.age']},
  })
})

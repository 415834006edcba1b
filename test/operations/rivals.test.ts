/** Somebody else at the device between any two calls of `accept`: what is said afterwards is what was seen last. */
import {describe, expect, it} from 'vitest'
import {TsmctlError} from '../../src/errors.js'
import type {Kernel} from '../../src/kernel/index.js'
import {accept, collectEvidence, lock, readPolicy} from '../../src/operations/index.js'
import {type FaultKind, injectFault} from '../../src/sim/index.js'
import {readTdi} from '../../src/tsm/index.js'
import {GOOD, guestCopy} from '../support/guest.js'

const DEVICE = `/sys/bus/pci/devices/${GOOD}`

/** Accepts, while `does` strikes when `isMoment` of a call says so for the first time. */
async function acceptDespite(does: readonly FaultKind[], isMoment: (call: string, bound: boolean) => boolean) {
  const {kernel: inner, directory, policy: file} = await guestCopy('P2')
  await lock(inner, GOOD)
  const {digest} = await collectEvidence(inner, GOOD)
  let struck = false
  let bound = false
  const before = async (call: string): Promise<void> => {
    if (struck || !isMoment(call, bound)) return
    struck = true
    for (const kind of does) await injectFault(directory, {device: GOOD, at: 'now', do: kind})
  }
  const kernel: Kernel = {
    ...inner,
    async query(path, signal) {
      await before(path)
      return inner.query(path, signal)
    },
    async write(path, bytes, signal) {
      await inner.write(path, bytes, signal)
      bound ||= path.endsWith('drivers_probe')
    },
    async netlinkDump(request, signal) {
      await before('digests')
      return inner.netlinkDump(request, signal)
    },
  }
  const policy = readPolicy([file], inner.now())
  const result = await accept(kernel, GOOD, digest, {policy, bind: true}).catch((error: unknown) => error)
  expect(struck).toBe(true)
  return {result, now: await readTdi(inner, GOOD)}
}

describe('a rival', () => {
  it.each<[string, FaultKind[]]>([
    ['locks it anew', ['relock']],
    ['has its TSM unregistered and registered', ['tsm-gone', 'tsm-back']],
    ['unplugs and plugs it', ['vanish', 'rescan']],
  ])('who %s after the driver was bound makes no success of it', async (_, does) => {
    // the last look at the whole: tsm/lock is not read between the binding and it
    const {result, now} = await acceptDespite(does, (call, bound) => bound && call === `${DEVICE}/tsm/lock`)
    expect(result).toBeInstanceOf(TsmctlError)
    expect((result as TsmctlError).message).toMatch(new RegExp(`left ${now.state}.*, no driver bound`))
    expect(now.driver).toBeNull()
  })

  it.each<[FaultKind, object]>([
    ['bind-driver', {state: 'CONFIG_LOCKED', driver: 'acmegpu'}],
    ['rival-accept', {state: 'RUN', driver: null}],
  ])('whose %s stops the commit is not concealed by an older look', async (does, expected) => {
    let looks = 0
    const {result, now} = await acceptDespite([does], call => call === `${DEVICE}/tsm/lock` && ++looks === 2)
    expect(now).toMatchObject(expected)
    expect(result).toMatchObject({failure: {kind: 'busy'}, after: now, changed: false})
  })
})

/** An unattended watch on a real kernel: what its events announce is admitted, or refused, under a policy. */
import {afterAll, beforeAll, expect, it} from 'vitest'
import type {Kernel} from '../../../../../src/kernel/index.js'
import {readPolicy} from '../../../../../src/operations/index.js'
import {watch} from '../../../../../src/operations/watch/index.js'
import {tdiOf} from '../../guest/device.js'
import {ENDPOINTS, remove, rescan} from '../../guest/machine.js'
import {writePolicy} from '../../guest/policy.js'
import {openKernel, prepareGuest, withoutProbing} from '../../guest/trusted.js'

const [KNOWN, STRANGER] = ENDPOINTS
/** Milliseconds between two looks, and until the watch is given up. */
const INTERVAL = 60_000
const PATIENCE = 30_000

let kernel: Kernel

beforeAll(async () => {
  kernel = openKernel()
  await prepareGuest(kernel, [KNOWN, STRANGER])
  for (const bdf of [KNOWN, STRANGER]) remove(bdf)
})
afterAll(() => kernel.close())

it('a device that is plugged is admitted, and one with the root of nobody we know is not', async () => {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(), PATIENCE)
  const policy = readPolicy([writePolicy(KNOWN)], kernel.now())
  const outcomes = new Map<string, string>()
  const only = new Set<string>([KNOWN, STRANGER])
  for await (const event of watch(kernel, {
    signal: controller.signal,
    interval: INTERVAL,
    only,
    policy: () => policy,
  })) {
    if (event.kind === 'watching') withoutProbing(rescan)
    if (event.kind !== 'admission' || event.outcome === 'begun') continue
    outcomes.set(event.bdf, event.outcome)
    if (outcomes.size === only.size) controller.abort()
  }
  clearTimeout(timer)
  expect(Object.fromEntries(outcomes)).toEqual({[KNOWN]: 'admitted', [STRANGER]: 'denied'})
  expect(await tdiOf(kernel, KNOWN).state()).toBe('RUN')
  expect(await tdiOf(kernel, STRANGER).state()).toBe('CONFIG_UNLOCKED')
})

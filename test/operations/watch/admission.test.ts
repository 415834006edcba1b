/** Unattended admission: who is admitted, who is left alone, and when anybody is tried again. */
import {mkdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {describe, expect, it} from 'vitest'
import {ErrnoError, TsmctlError} from '../../../src/errors.js'
import type {Kernel} from '../../../src/kernel/index.js'
import {admit, lock, readAudit, readPolicy, unlock} from '../../../src/operations/index.js'
import {backoff} from '../../../src/operations/watch/backoff.js'
import {watch} from '../../../src/operations/watch/index.js'
import {type Fault, injectFault, machineStatus, simKernel} from '../../../src/sim/index.js'
import {readTdi} from '../../../src/tsm/index.js'
import {DEBUG, GOOD, guestDirectory, MISFIT} from '../../support/guest.js'
import {lab, pciEvent, quiet, tsmEvent} from './lab.js'

const text = (line: string): Uint8Array => new Uint8Array(Buffer.from(line))

/** A machine with its policy, and watches of it that admit. */
async function machine(change?: (kernel: Kernel) => Kernel) {
  const directory = await guestDirectory()
  const file = `${directory}/policy.yaml`
  const parts = lab(directory, change === undefined ? {} : {change})
  const policy = () => readPolicy([file], parts.kernel.now())
  return {
    ...parts,
    directory,
    policy,
    admitting: (options: Parameters<typeof parts.begin>[0] = {}) => parts.begin({policy, interval: 10_000, ...options}),
    inject: (fault: Partial<Fault>, device = GOOD) => injectFault(directory, {device, ...fault} as Fault),
    rewrite: (edit: (text: string) => string) => writeFileSync(file, edit(readFileSync(file, 'utf8'))),
    state: async (bdf = GOOD) => (await readTdi(parts.kernel, bdf)).state,
  }
}
const only = new Set([GOOD])

/** Unplugs and plugs a device, as its events tell. */
async function replug({kernel, send}: Pick<Awaited<ReturnType<typeof machine>>, 'kernel' | 'send'>, bdf: string) {
  await kernel.write(`/sys/bus/pci/devices/${bdf}/remove`, text('1'))
  await kernel.write('/sys/bus/pci/rescan', text('1'))
  send(pciEvent('remove', bdf), pciEvent('add', bdf))
}

describe('unattended admission', () => {
  it('takes the devices one at a time in the order of BDFs, and tells each state once', async () => {
    const {admitting, directory, kernel} = await machine()
    const seen = admitting()
    await seen.until(() => seen.outcomes().length === 6)
    expect(seen.outcomes()).toEqual([
      `${GOOD} begun`,
      `${GOOD} admitted`,
      `${DEBUG} begun`,
      `${DEBUG} denied`,
      `${MISFIT} begun`,
      `${MISFIT} denied`,
    ])
    expect(seen.changes().filter(line => line.includes('RUN'))).toHaveLength(1)
    expect(seen.of('admission')[1]).toMatchObject({rule: expect.any(String), digest: expect.stringMatching(/^sha384:/)})
    expect(seen.of('admission')[3]!.checks).toContain('spdm.meas.debug')
    await seen.stop()
    expect(machineStatus(directory)).toMatchObject({violations: [], devices: [{tdi: 'RUN'}, {}, {}]})
    expect(readAudit(kernel).problems).toEqual([])
  })

  it('tells that an admission begins before what it changes, to a reader that takes its time too', async () => {
    const directory = await guestDirectory('guest-two')
    const kernel = simKernel(directory)
    const policy = () => readPolicy([`${directory}/policy.yaml`], kernel.now())
    const {signal} = new AbortController()
    const order: string[] = []
    for await (const event of watch(kernel, {signal, policy, interval: 1000, once: true})) {
      if (event.kind === 'admission') order.push(`${event.bdf} ${event.outcome}`)
      if (event.kind === 'transition') order.push(`${event.transition.name} changes`)
      // the next admission gets as far as it can meanwhile
      while (
        event.kind === 'admission' &&
        event.outcome === 'admitted' &&
        event.bdf === GOOD &&
        (await readTdi(kernel, DEBUG)).state !== 'RUN'
      )
        await quiet()
    }
    for (const bdf of [GOOD, DEBUG]) expect(order.find(line => line.startsWith(bdf))).toBe(`${bdf} begun`)
    expect(order).toContain(`${DEBUG} changes`)
  })

  it('never tries a denied device again, also after a restart', async () => {
    const {admitting, clock} = await machine()
    const seen = admitting({only: new Set([DEBUG])})
    await seen.until(() => seen.outcomes().length === 2)
    await clock.advance(300_000)
    expect(seen.outcomes()).toEqual([`${DEBUG} begun`, `${DEBUG} denied`])
    await seen.stop()
    const again = admitting({only: new Set([DEBUG])})
    await again.until(() => again.outcomes().length === 1)
    await clock.advance(60_000)
    expect(again.outcomes()).toEqual([`${DEBUG} denied`])
    expect(again.of('admission')[0]!.message).toContain('nothing changed since')
    await again.stop()
  })

  it('asks a device that was plugged anew, and refuses the same evidence without appraising it', async () => {
    const parts = await machine()
    const {admitting, kernel, clock} = parts
    const seen = admitting({only: new Set([DEBUG])})
    await seen.until(() => seen.outcomes().length === 2)
    const decided = () => readAudit(kernel).records.filter(({event}) => event === 'decided').length
    expect(decided()).toBe(1)
    await replug(parts, DEBUG)
    await seen.until(() => seen.outcomes().length === 4)
    await clock.advance(60_000)
    expect(seen.outcomes().slice(2)).toEqual([`${DEBUG} begun`, `${DEBUG} denied`])
    expect(seen.of('admission')[3]!.message).toContain('its evidence is the same')
    expect(decided()).toBe(1)
    expect(await parts.state(DEBUG)).toBe('CONFIG_UNLOCKED')
    await seen.stop()
  })

  it('tries everybody again under another policy, which it reads when it changes', async () => {
    const {admitting, rewrite, clock} = await machine()
    const seen = admitting({only})
    rewrite(policy => policy.replaceAll('human: none', 'human: typed'))
    // the policy is read before each attempt
    await seen.until(() => seen.outcomes().length === 1)
    expect(seen.outcomes()).toEqual([`${GOOD} review`])
    await clock.advance(30_000)
    expect(seen.outcomes()).toHaveLength(1)
    rewrite(policy => policy.replaceAll('human: typed', 'human: none'))
    await clock.advance(11_000)
    await seen.until(() => seen.outcomes().length === 3)
    expect(seen.outcomes().slice(1)).toEqual([`${GOOD} begun`, `${GOOD} admitted`])
    await seen.stop()
  })

  it('tries everybody again with other statements about revocation', async () => {
    const {admitting, directory, clock} = await machine()
    mkdirSync(`${directory}/revocation`)
    writeFileSync(`${directory}/revocation/list.crl`, 'not a list')
    const seen = admitting({only})
    await seen.until(() => seen.outcomes().length === 2)
    expect(seen.outcomes()).toEqual([`${GOOD} begun`, `${GOOD} denied`])
    expect(seen.of('admission')[1]!.checks).toEqual(['spdm.chain.revocation'])
    rmSync(`${directory}/revocation/list.crl`)
    await clock.advance(11_000)
    await seen.until(() => seen.outcomes().length === 4)
    expect(seen.outcomes().slice(2)).toEqual([`${GOOD} begun`, `${GOOD} admitted`])
    await seen.stop()
  })

  it('admits nobody while the policy cannot be used, and says so once', async () => {
    const {admitting, rewrite, clock, state} = await machine()
    const other = admitting({only})
    rewrite(policy => `${policy}\nnonsense: true\n`)
    await other.until(() => other.codes().includes('policy'))
    await clock.advance(60_000)
    expect(other.codes()).toEqual(['policy'])
    expect(other.outcomes()).toEqual([])
    expect(await state()).toBe('CONFIG_UNLOCKED')
    await other.stop()
    await expect(admitting().ended).rejects.toMatchObject({kind: 'policy'})
  })

  it('does not touch a device that no rule selects, or whose rule wants a person or denies', async () => {
    for (const [edit, outcome] of [
      [(policy: string) => policy.replaceAll(/vendor: ['"]?0x7e57['"]?/g, 'vendor: "0x1234"'), 'not-selected'],
      [(policy: string) => policy.replaceAll('human: none', 'human: confirm'), 'review'],
      [(policy: string) => policy.replaceAll('decision: accept', 'decision: deny'), 'denied'],
    ] as const) {
      const {admitting, rewrite, calls, clock} = await machine()
      rewrite(edit)
      const seen = admitting({only})
      await seen.until(() => seen.outcomes().length === 1)
      await clock.advance(20_000)
      expect(seen.outcomes()).toEqual([`${GOOD} ${outcome}`])
      expect(calls.filter(call => call.startsWith('write '))).toEqual([])
      await seen.stop()
    }
  })

  it('tries again ever later after failures that may pass, and is itself again after a success', async () => {
    const {admitting, inject, clock} = await machine()
    await inject({at: 'lock', do: 'errno', errno: 'EBUSY', times: 4})
    const seen = admitting({only})
    for (let attempts = 1; attempts <= 4; attempts++) {
      await seen.until(() => seen.outcomes().filter(line => line.endsWith('retry')).length === attempts)
      const {retryInMilliseconds: pause} = seen.of('admission').at(-1)!
      expect(pause).toBeGreaterThanOrEqual(500 * 2 ** (attempts - 1))
      expect(pause).toBeLessThanOrEqual(1000 * 2 ** (attempts - 1))
      await clock.advance(pause! - 50)
      expect(seen.outcomes().filter(line => line.endsWith('begun'))).toHaveLength(attempts)
      await clock.advance(60)
    }
    await seen.until(() => seen.outcomes().at(-1) === `${GOOD} admitted`)
    await seen.stop()
  })

  it.each([
    ['0 at the least', 1, [0, 0, 0, 0], 500],
    ['all at the most', 1, [255, 255, 255, 255], 1000],
    ['doubled', 3, [0, 0, 0, 0], 2000],
    ['bounded', 40, [255, 255, 255, 255], 300_000],
  ])('waits between half and all of the time: %s', (_, failures, random, expected) => {
    expect(backoff(failures, new Uint8Array(random))).toBe(expected)
  })

  it('goes on with the next device while one waits for its turn', async () => {
    const {admitting, inject} = await machine()
    await inject({at: 'lock', do: 'errno', errno: 'EBUSY', times: 'always'})
    const seen = admitting()
    await seen.until(() => seen.outcomes().includes(`${MISFIT} denied`))
    expect(seen.outcomes().slice(0, 3)).toEqual([`${GOOD} begun`, `${GOOD} retry`, `${DEBUG} begun`])
    await seen.stop()
  })

  it('reports what others run or lock, and does not touch it', async () => {
    const {admitting, kernel, policy, clock} = await machine()
    await admit(kernel, GOOD, {policy: policy()})
    await lock(kernel, DEBUG)
    const seen = admitting({only: new Set([GOOD, DEBUG])})
    await seen.until(() => seen.outcomes().length === 2)
    await clock.advance(20_000)
    expect(seen.outcomes()).toEqual([`${GOOD} running`, `${DEBUG} locked`])
    await seen.stop()
  })

  it('reports a device that is locked anew while it runs, unbinds its driver, and does not admit it again', async () => {
    const {admitting, kernel, directory, clock, state} = await machine()
    const seen = admitting({only})
    await seen.until(() => seen.outcomes().includes(`${GOOD} admitted`))
    await clock.advance(20_000)
    // a rival: unlocks, locks, and binds the driver by force
    await kernel.write('/sys/bus/pci/drivers/acmegpu/unbind', text(GOOD))
    await kernel.write(`/sys/bus/pci/devices/${GOOD}/tsm/unlock`, text('tsm0'))
    await kernel.write(`/sys/bus/pci/devices/${GOOD}/tsm/lock`, text('tsm0'))
    await kernel.write('/sys/bus/pci/drivers/acmegpu/bind', text(GOOD))
    await clock.advance(10_000)
    await seen.until(() => seen.outcomes().includes(`${GOOD} shut-out`))
    await clock.advance(120_000)
    expect(seen.outcomes().slice(2)).toEqual([`${GOOD} fell-out`, `${GOOD} shut-out`])
    expect(await readTdi(kernel, GOOD)).toMatchObject({state: 'CONFIG_LOCKED', driver: null})
    expect(readAudit(kernel).records.map(({event}) => event)).toContain('watch-error')
    expect(readAudit(kernel).problems).toEqual([])
    await seen.stop()
    expect(await state()).toBe('CONFIG_LOCKED')
    expect(machineStatus(directory).violations.map(({kind}) => kind)).toEqual(['bound-while-locked'])
  })

  it('does not fight an operator who unlocks what it admitted', async () => {
    const {admitting, kernel, clock, state} = await machine()
    const seen = admitting({only})
    await seen.until(() => seen.outcomes().includes(`${GOOD} admitted`))
    await unlock(kernel, GOOD, {force: true, rebind: true})
    await clock.advance(120_000)
    expect(seen.outcomes().slice(2)).toEqual([`${GOOD} fell-out`])
    expect(await state()).toBe('CONFIG_UNLOCKED')
    await seen.stop()
  })

  it('admits a device that is plugged while it watches', async () => {
    const {admitting, kernel, send} = await machine()
    await kernel.write(`/sys/bus/pci/devices/${GOOD}/remove`, text('1'))
    const seen = admitting({only})
    await seen.until(() => seen.of('watching').length === 1)
    await kernel.write('/sys/bus/pci/rescan', text('1'))
    send(pciEvent('add', GOOD))
    await seen.until(() => seen.outcomes().includes(`${GOOD} admitted`))
    expect(await readTdi(kernel, GOOD)).toMatchObject({state: 'RUN', driver: 'acmegpu'})
    await seen.stop()
  })

  it.each(['lock', 'evidence', 'accept'] as const)('ended during %s, it gives the device back first', async at => {
    const {admitting, inject, clock, kernel, directory} = await machine()
    await inject({at, do: 'delay', ms: 5000})
    const seen = admitting({only})
    await seen.until(() => seen.outcomes().includes(`${GOOD} begun`))
    await clock.advance(1000)
    seen.abort()
    await clock.advance(60_000)
    await seen.ended
    expect(seen.outcomes()).toEqual([`${GOOD} begun`, `${GOOD} stopped`])
    expect(await readTdi(kernel, GOOD)).toMatchObject({
      state: 'CONFIG_UNLOCKED',
      driver: 'acmegpu',
      driverOverride: null,
    })
    expect(machineStatus(directory).violations).toEqual([])
  })

  it('takes up again what a watch that was killed left locked', async () => {
    const {admitting, kernel} = await machine()
    await lock(kernel, GOOD)
    const bootId = Buffer.from(kernel.read('/proc/sys/kernel/random/boot_id')).toString().trim()
    const left = {version: 1, denied: {}, admitted: {}, underway: {bdf: GOOD, bootId}}
    kernel.state.replace('watch.json', text(JSON.stringify(left)))
    const seen = admitting({only})
    await seen.until(() => seen.outcomes().includes(`${GOOD} admitted`))
    expect(await readTdi(kernel, GOOD)).toMatchObject({state: 'RUN', driver: 'acmegpu'})
    await seen.stop()
  })

  it('refuses a memory that somebody damaged, and a second watch', async () => {
    const {admitting, kernel} = await machine()
    const first = admitting({only: new Set(['0000:00:10.0'])})
    await first.until(() => first.of('watching').length === 1)
    await expect(admitting().ended).rejects.toMatchObject({kind: 'busy'})
    await first.stop()
    kernel.state.replace('watch.json', text('{}'))
    await expect(admitting().ended).rejects.toMatchObject({kind: 'malformed'})
    kernel.state.replace('watch.json', text('{"version":1,"denied":{},"admitted":{},"underway":null}'))
    const again = admitting({only: new Set(['0000:00:10.0'])})
    await again.until(() => again.of('watching').length === 1)
    await again.stop()
  })

  it('tries each device once and ends, when asked to', async () => {
    const {admitting, inject} = await machine()
    await inject({at: 'lock', do: 'errno', errno: 'EBUSY'})
    const seen = admitting({once: true})
    await seen.ended
    expect(seen.outcomes()).toEqual([
      `${GOOD} begun`,
      `${GOOD} retry`,
      `${DEBUG} begun`,
      `${DEBUG} denied`,
      `${MISFIT} begun`,
      `${MISFIT} denied`,
    ])
  })

  it('goes on watching when what it has to write down cannot be written', async () => {
    let full = false
    const {admitting, clock, state} = await machine(kernel => ({
      ...kernel,
      state: {
        ...kernel.state,
        replace(name, bytes) {
          if (full && name === 'watch.json') throw new ErrnoError('ENOSPC', 'write', name)
          kernel.state.replace(name, bytes)
        },
      },
    }))
    full = true
    const seen = admitting({only})
    await seen.until(() => seen.outcomes().includes(`${GOOD} failed`))
    expect(seen.of('admission').at(-1)!.error).toBeInstanceOf(TsmctlError)
    await clock.advance(5000)
    expect(await state()).toBe('CONFIG_UNLOCKED')
    await seen.stop()
  })

  it('leaves a device alone that somebody else locked while it was tried', async () => {
    const {admitting, inject, clock, kernel} = await machine()
    await inject({at: 'lock', do: 'relock'})
    const seen = admitting({only})
    await seen.until(() => seen.outcomes().length >= 2)
    await clock.advance(600_000)
    expect(seen.outcomes()).toEqual([`${GOOD} begun`, `${GOOD} retry`, `${GOOD} locked`])
    expect(await readTdi(kernel, GOOD)).toMatchObject({state: 'CONFIG_LOCKED', driver: null})
    await seen.stop()
  })

  it('does not call its own what somebody else accepts after it denied it, or gave it up', async () => {
    const {admitting, kernel, clock, policy} = await machine()
    const seen = admitting({only: new Set([DEBUG])})
    await seen.until(() => seen.outcomes().includes(`${DEBUG} denied`))
    await lock(kernel, DEBUG)
    await kernel.write(`/sys/bus/pci/devices/${DEBUG}/tsm/accept`, text('1'))
    await clock.advance(20_000)
    expect(seen.outcomes().at(-1)).toBe(`${DEBUG} running`)
    expect(seen.of('admission').at(-1)!.message).toContain('not by this watch')
    await seen.stop()
    const first = admitting({only})
    await first.until(() => first.outcomes().includes(`${GOOD} admitted`))
    await first.stop()
    await unlock(kernel, GOOD, {force: true, rebind: true})
    await admit(kernel, GOOD, {policy: policy()})
    const again = admitting({only})
    await again.until(() => again.outcomes().length === 1)
    expect(again.of('admission')[0]!.message).toContain('not by this watch')
    await again.stop()
  })

  it('tells that a device was admitted also when that cannot be remembered', async () => {
    let full = false
    const {admitting, clock, state} = await machine(kernel => ({
      ...kernel,
      state: {
        ...kernel.state,
        append(name, bytes) {
          if (Buffer.from(bytes).toString('latin1').includes('"event":"committed"')) full = true
          kernel.state.append(name, bytes)
        },
        replace(name, bytes) {
          if (full && name === 'watch.json') throw new ErrnoError('ENOSPC', 'write', name)
          kernel.state.replace(name, bytes)
        },
      },
    }))
    const seen = admitting({only})
    await seen.until(() => seen.outcomes().length === 2)
    await clock.advance(60_000)
    expect(seen.outcomes()).toEqual([`${GOOD} begun`, `${GOOD} admitted`])
    expect(seen.of('admission')[1]!.message).toContain('ENOSPC')
    expect(await state()).toBe('RUN')
    await seen.stop()
  })

  it('tries a device again whose TSM went while it was admitted, when there is one again', async () => {
    const {admitting, inject, clock, send} = await machine()
    await inject({at: 'evidence', do: 'tsm-gone'})
    const seen = admitting({only})
    await seen.until(() => seen.outcomes().includes(`${GOOD} failed`))
    await clock.advance(60_000)
    expect(seen.outcomes()).toHaveLength(2)
    await inject({at: 'now', do: 'tsm-back'})
    send(tsmEvent('add'))
    await clock.advance(10_000)
    await seen.until(() => seen.outcomes().length === 4)
    expect(seen.outcomes().slice(2)).toEqual([`${GOOD} begun`, `${GOOD} admitted`])
    await seen.stop()
  })

  it('keeps drivers away from a device that is locked anew without one, until it is given back', async () => {
    const {admitting, kernel, inject, clock, directory} = await machine()
    const seen = admitting({only})
    await seen.until(() => seen.outcomes().includes(`${GOOD} admitted`))
    await clock.advance(20_000)
    await kernel.write('/sys/bus/pci/drivers/acmegpu/unbind', text(GOOD))
    await inject({at: 'now', do: 'relock'})
    await clock.advance(20_000)
    await seen.until(() => seen.outcomes().includes(`${GOOD} shut-out`))
    // somebody loads a module, which probes whatever it matches
    await kernel.write('/sys/bus/pci/drivers_probe', text(GOOD))
    expect(await readTdi(kernel, GOOD)).toMatchObject({state: 'CONFIG_LOCKED', driver: null})
    expect(machineStatus(directory).violations).toEqual([])
    await seen.stop()
    await unlock(kernel, GOOD, {rebind: true})
    expect(await readTdi(kernel, GOOD)).toMatchObject({state: 'CONFIG_UNLOCKED', driverOverride: null})
  })
})

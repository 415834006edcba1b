/** The watch on simulated machines whose clock stands still until it is moved. */
import {describe, expect, it} from 'vitest'
import {ErrnoError, TsmctlError} from '../../../src/errors.js'
import {lock} from '../../../src/operations/index.js'
import {watch} from '../../../src/operations/watch/index.js'
import {injectFault} from '../../../src/sim/index.js'
import {DEBUG, GOOD, guestDirectory} from '../../support/guest.js'
import {lab, type LabOptions, pciEvent, quiet, tsmEvent} from './lab.js'

const text = (line: string): Uint8Array => new Uint8Array(Buffer.from(line))
const remove = (bdf: string) => `/sys/bus/pci/devices/${bdf}/remove`
const RESCAN = '/sys/bus/pci/rescan'
const UNBIND = '/sys/bus/pci/drivers/acmegpu/unbind'
const UNBOUND = `${GOOD} driver acmegpu > -`

function refuse(errno: string, path: string): never {
  throw new ErrnoError(errno, 'read', path)
}

/** A watch that has told the present state. */
async function watched(options: Parameters<ReturnType<typeof lab>['begin']>[0] = {}, how: LabOptions = {}) {
  const directory = await guestDirectory()
  const machine = lab(directory, how)
  const seen = machine.begin(options)
  await seen.until(() => seen.of('watching').length === 1)
  return {...machine, ...seen, directory}
}

describe('watch', () => {
  it('tells the present state, then waits, and ends without error', async () => {
    const {of, stop} = await watched()
    expect(of('state').map(({name}) => name)).toEqual([
      'tsm0',
      '0000:00:01.0',
      '0000:00:02.0',
      '0000:00:03.0',
      '0000:00:10.0',
      GOOD,
      DEBUG,
      '0000:03:00.0',
    ])
    expect(of('watching')[0]).toMatchObject({functions: 7, tsms: 1, events: true})
    await stop()
    expect(of('warning')).toEqual([])
  })

  it('tells what a lock changes, which sends no event, at the next look and once', async () => {
    const {kernel, clock, of, changes, stop} = await watched()
    await lock(kernel, GOOD)
    await quiet()
    expect(changes()).toEqual([])
    await clock.advance(1000)
    expect(changes()).toEqual([`${GOOD} tsm - > tsm0`, `${GOOD} state CONFIG_UNLOCKED > CONFIG_LOCKED`])
    expect(of('transition').every(({cause}) => cause === 'poll')).toBe(true)
    // unbinding the driver sends an event; without it, it is found when everything is looked at
    await clock.advance(60_000)
    expect(changes().slice(2)).toEqual([UNBOUND])
    await stop()
  })

  it('tells a removal and a return as soon as their events come, and not again', async () => {
    const {kernel, clock, send, until, of, changes, stop} = await watched({uevents: true})
    await kernel.write(remove(GOOD), text('1'))
    send(pciEvent('unbind', GOOD), pciEvent('remove', GOOD))
    await until(() => changes().length === 1)
    await kernel.write(RESCAN, text('1'))
    send(pciEvent('add', GOOD), pciEvent('bind', GOOD))
    await until(() => changes().length === 2)
    await clock.advance(5000)
    expect(changes()).toEqual([`${GOOD} gone`, `${GOOD} appeared`])
    expect(of('transition').map(({cause}) => cause)).toEqual(['event', 'event'])
    expect(of('uevent').map(({event}) => event.action)).toEqual(['unbind', 'remove', 'add', 'bind'])
    await stop()
  })

  it('tells a device that went and came between two looks as another one', async () => {
    const {kernel, clock, send, until, changes, stop} = await watched()
    await kernel.write(remove(GOOD), text('1'))
    await kernel.write(RESCAN, text('1'))
    send(pciEvent('remove', GOOD), pciEvent('add', GOOD))
    await until(() => changes().length === 2)
    await clock.advance(3000)
    expect(changes()).toEqual([`${GOOD} gone`, `${GOOD} appeared`])
    await stop()
  })

  it('does not tell again what looking noticed before the event came', async () => {
    const {kernel, clock, send, changes, stop} = await watched()
    await kernel.write(remove(GOOD), text('1'))
    await clock.advance(1000)
    await kernel.write(RESCAN, text('1'))
    await clock.advance(1000)
    expect(changes()).toEqual([`${GOOD} gone`, `${GOOD} appeared`])
    send(pciEvent('remove', GOOD), pciEvent('add', GOOD))
    await clock.advance(2000)
    expect(changes()).toHaveLength(2)
    await stop()
  })

  it('looks at everything again when events were lost, and tells the differences', async () => {
    const {kernel, send, until, of, changes, stop} = await watched()
    await kernel.write(UNBIND, text(GOOD))
    await kernel.write(remove(DEBUG), text('1'))
    send('lost')
    await until(() => changes().length === 2)
    expect(of('lost')).toHaveLength(1)
    expect(changes()).toEqual([UNBOUND, `${DEBUG} gone`])
    expect(of('transition').map(({cause}) => cause)).toEqual(['rescan', 'rescan'])
    await stop()
  })

  it('reports an event that is none, and looks at everything because of it', async () => {
    const {kernel, send, until, codes, changes, stop} = await watched()
    await kernel.write(UNBIND, text(GOOD))
    send(text('nonsense'))
    await until(() => changes().length === 1)
    expect(codes()).toEqual(['bad-event'])
    await stop()
  })

  it('says once that there are no events, and finds drivers by looking', async () => {
    const {kernel, clock, codes, changes, stop} = await watched(
      {},
      {change: inner => ({...inner, uevents: () => refuse('EOPNOTSUPP', 'events')})},
    )
    await kernel.write(UNBIND, text(GOOD))
    await clock.advance(3000)
    expect(changes()).toEqual([UNBOUND])
    expect(codes()).toEqual(['no-events'])
    await stop()
  })

  it('repeats why there are none without escaping it twice', async () => {
    const got = 'the optional package "koffi" does not load: \\x1b[31m'
    const uevents = (): never => {
      throw new ErrnoError('EOPNOTSUPP', 'listen to', 'kernel events', {got})
    }
    const {of, stop} = await watched({}, {change: inner => ({...inner, uevents})})
    expect(of('warning').map(({message}) => message)).toEqual([expect.stringContaining(`: ${got}; looking again`)])
    await stop()
  })

  it('hears what the simulated kernel sends, also when too much of it came at once', async () => {
    const {kernel, clock, of, changes, stop} = await watched({}, {events: false})
    await kernel.write(UNBIND, text(GOOD))
    await clock.advance(100)
    expect(changes()).toEqual([UNBOUND])
    expect(of('transition')[0]!.cause).toBe('event')
    for (let i = 0; i < 70; i++) {
      await kernel.write('/sys/bus/pci/drivers/acmegpu/bind', text(GOOD))
      await kernel.write(UNBIND, text(GOOD))
    }
    await kernel.write(remove(DEBUG), text('1'))
    await clock.advance(100)
    expect(of('lost')).toHaveLength(1)
    expect(changes().slice(1)).toEqual([`${DEBUG} gone`])
    await stop()
  })

  it('waits for a TSM, and tells what it brings, does and takes', async () => {
    const directory = await guestDirectory('gpu-host')
    const bdf = '0000:01:00.0'
    const happens = (what: 'tsm-gone' | 'tsm-back' | 'rival' | 'insecure') =>
      injectFault(directory, {device: bdf, at: 'now', do: what})
    await happens('tsm-gone')
    const {clock, send, begin} = lab(directory)
    const {until, changes, codes, stop} = begin()
    await until(() => codes().length === 1)
    expect(codes()).toEqual(['no-tsm'])
    await happens('tsm-back')
    send(tsmEvent('add'), tsmEvent('change'))
    await until(() => changes().includes(`${bdf} state - > disconnected`))
    expect(changes()[0]).toBe('tsm0 appeared')
    await happens('rival')
    await clock.advance(1000)
    expect(changes()).toContain(`${bdf} state disconnected > connected`)
    expect(changes().find(line => line.startsWith(`${bdf} streams`))).toMatch(/> stream\S+ ID \d+ secure$/)
    await happens('insecure')
    await clock.advance(20_000)
    expect(changes().at(-1)).toMatch(/streams stream\S+ ID \d+ secure > stream\S+ ID \d+ (?!secure)/)
    await happens('tsm-gone')
    send(tsmEvent('remove'))
    await until(() => changes().includes('tsm0 gone'))
    expect(changes()).toContain(`${bdf} state connected > -`)
    await stop()
  })

  it('goes on while one device does not answer, and says so once', async () => {
    const {directory, kernel, clock, codes, changes, stop} = await watched()
    await injectFault(directory, {device: GOOD, at: 'read:tsm/lock', do: 'delay', ms: 20_000})
    await lock(kernel, DEBUG)
    await clock.advance(2500)
    expect(changes()).toContain(`${DEBUG} state CONFIG_UNLOCKED > CONFIG_LOCKED`)
    await clock.advance(8000)
    expect(codes()).toEqual(['slow'])
    expect(changes().filter(line => line.startsWith(GOOD))).toEqual([])
    await clock.advance(15_000)
    expect(codes()).toEqual(['slow', 'slow-over'])
    await stop()
  })

  it('gives up a reading after a minute: unknown, not absent', async () => {
    const {directory, clock, changes, stop} = await watched()
    await injectFault(directory, {device: GOOD, at: 'read:tsm/lock', do: 'delay', ms: 10_000_000})
    await clock.advance(64_000)
    expect(changes()).toEqual([
      `${GOOD} tsm - > ?`,
      `${GOOD} state CONFIG_UNLOCKED > ?`,
      `${GOOD} tsm ? > -`,
      `${GOOD} state ? > CONFIG_UNLOCKED`,
    ])
    await stop()
  })

  it('tries again, ever later, while the machine cannot be listed, and then tells what changed', async () => {
    let broken = false
    const tries: bigint[] = []
    const {kernel, clock, codes, changes, stop} = await watched(
      {},
      {
        change: inner => ({
          ...inner,
          list(path) {
            if (!broken || path !== '/sys/bus/pci/devices') return inner.list(path)
            tries.push(inner.monotonic())
            throw new ErrnoError('EIO', 'list', path)
          },
        }),
      },
    )
    await kernel.write(UNBIND, text(GOOD))
    broken = true
    await clock.advance(16_500)
    const pauses = tries.slice(1).map((at, index) => Number((at - tries[index]!) / 1_000_000n))
    expect(pauses).toEqual([1000, 2000, 4000, 8000])
    broken = false
    await clock.advance(60_000)
    expect(codes()).toEqual(['unreadable', 'readable'])
    expect(changes()).toEqual([UNBOUND])
    await stop()
  })

  it('watches only the functions it is asked to', async () => {
    const {kernel, clock, of, calls, changes, stop} = await watched({only: new Set([GOOD])})
    await lock(kernel, DEBUG)
    calls.length = 0
    await clock.advance(70_000)
    expect(of('state').map(({name}) => name)).toEqual(['tsm0', GOOD])
    expect(changes()).toEqual([])
    expect(calls.filter(call => call.includes(DEBUG))).toEqual([])
    await stop()
  })

  it('ends after one look when asked to', async () => {
    const {kernel} = lab(await guestDirectory())
    const once = {interval: 1000, once: true, signal: new AbortController().signal}
    const kinds: string[] = []
    for await (const {kind} of watch(kernel, once)) kinds.push(kind)
    expect(kinds).toEqual([...Array.from({length: 8}, () => 'state'), 'watching'])
    await expect(watch({...kernel, list: path => refuse('EIO', path)}, once).next()).rejects.toBeInstanceOf(TsmctlError)
  })
})

/** The mailbox driver against the simulated device: what works, and that every misfortune ends typed and in time. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {ErrnoError, TsmctlError} from '../../src/errors.js'
import type {Kernel} from '../../src/kernel/index.js'
import {CMA_SPDM, discoverFeatures, DOE_REGISTER, DoeInstance, MAX_DOE_PAYLOAD} from '../../src/pci/index.js'
import type {MailboxFaultKind} from '../../src/sim/index.js'
import {CONFIG, DEVICE, mailboxSetup, type MailboxSetup, OFFSET} from './mailbox-kernel.js'

const REQUEST = {...CMA_SPDM, payload: Uint8Array.of(0x10, 0x84, 0, 0, 1, 2, 3, 4)}
const OPTIONS = {timeout: 500, largest: 4096}
/** What an abort may take on top of the time for the exchange, and one pause each. */
const ABORT = 1000
const SLACK = 16

async function failure(promise: Promise<unknown>): Promise<TsmctlError> {
  const error: unknown = await promise.then(
    () => undefined,
    (caught: unknown) => caught,
  )
  expect(error).toBeInstanceOf(TsmctlError)
  return error as TsmctlError
}

/** The second exchange, which fails, a moment after a good one. */
async function afterOne({instance, clock}: MailboxSetup): Promise<TsmctlError> {
  await instance.exchange(REQUEST, OPTIONS)
  await clock.sleep(1)
  return failure(instance.exchange(REQUEST, OPTIONS))
}

const padded = (bytes: Uint8Array): Buffer =>
  Buffer.concat([bytes, new Uint8Array(Math.ceil(bytes.length / 4) * 4 - bytes.length)])

/** `kernel`, whose access number `strike` is refused, and if `forever` all later ones. */
const refusing =
  (errno: string, strike: number, forever: boolean) =>
  (kernel: Kernel): Kernel => {
    let count = 0
    const check = (verb: string): void => {
      const n = count++
      if (n === strike || (forever && n > strike)) throw new ErrnoError(errno, verb, CONFIG)
    }
    return {
      ...kernel,
      readAt: (...args) => (check('read'), kernel.readAt(...args)),
      writeAt: (...args) => (check('write'), kernel.writeAt(...args)),
    }
  }

describe('an exchange', () => {
  it('brings back what the device answers, of any size up to the largest', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({maxLength: 3000}), fc.uint8Array({maxLength: 3000}), async (asked, answered) => {
        let got: Uint8Array | undefined
        const {instance, status} = mailboxSetup({answer: ({payload}) => ((got = payload), answered)})
        const {vendor, type, payload} = await instance.exchange({...CMA_SPDM, payload: asked})
        expect({vendor, type}).toEqual(CMA_SPDM)
        expect(Buffer.compare(payload, padded(answered))).toBe(0)
        expect(Buffer.compare(got!, padded(asked))).toBe(0)
        expect(status()).toBe(0)
        expect(instance.state).toBe('idle')
      }),
      {numRuns: 40},
    )
  })

  it('takes the largest object there is', async () => {
    const largest = new Uint8Array(MAX_DOE_PAYLOAD).fill(0x5a)
    const {instance} = mailboxSetup()
    const {payload} = await instance.exchange({...CMA_SPDM, payload: largest})
    expect(Buffer.compare(payload, largest)).toBe(0)
  })

  it('lets the device take the time it was given', async () => {
    const {instance, clock} = mailboxSetup({faults: [{do: 'slow', ms: 900}]})
    expect((await instance.exchange(REQUEST)).payload).toEqual(REQUEST.payload)
    expect(clock.elapsed()).toBeGreaterThanOrEqual(900)
    expect(clock.elapsed()).toBeLessThan(900 + SLACK)
  })

  it('leaves every other bit of the control register alone', async () => {
    const {instance, box} = mailboxSetup({faults: [{do: 'error', after: 1}]})
    const others = 0x7fff_fffe
    box.write(DOE_REGISTER.control, others)
    await instance.exchange(REQUEST)
    expect(box.read(DOE_REGISTER.control)).toBe(others)
    await failure(instance.exchange(REQUEST))
    expect(box.read(DOE_REGISTER.control)).toBe(others)
  })

  it('touches single aligned dwords only', async () => {
    const accesses: (readonly [string, number, number])[] = []
    const {instance} = mailboxSetup({}, kernel => ({
      ...kernel,
      readAt: (path, offset, length) => (accesses.push([path, offset, length]), kernel.readAt(path, offset, length)),
      writeAt: (path, offset, bytes) => (
        accesses.push([path, offset, bytes.length]),
        kernel.writeAt(path, offset, bytes)
      ),
    }))
    await instance.exchange(REQUEST)
    expect(accesses.length).toBeGreaterThan(10)
    expect(accesses.filter(([path, at, length]) => path !== CONFIG || at % 4 !== 0 || length !== 4)).toEqual([])
  })

  it('takes an answer of another type only where the caller does', async () => {
    const request = {vendor: 1, type: 2, payload: new Uint8Array(8)}
    const {instance} = mailboxSetup({answer: () => ({...CMA_SPDM, payload: new Uint8Array(4)})})
    expect(await instance.exchange(request, {answers: [2, 1]})).toMatchObject({type: 1})
    expect((await failure(instance.exchange(request))).kind).toBe('busy')
  })

  it.each([
    ['busy', true],
    ['left-over', false],
    ['left-error', false],
  ] as const)('first clears away what a predecessor left behind: %s', async (left, waits) => {
    const {instance, clock} = mailboxSetup({faults: [{do: left}]})
    expect((await instance.exchange(REQUEST, {timeout: 100})).payload).toEqual(REQUEST.payload)
    expect(clock.elapsed() >= ABORT).toBe(waits)
  })

  it('goes one at a time', async () => {
    const {instance} = mailboxSetup({faults: [{do: 'slow', ms: 10}]})
    const first = instance.exchange(REQUEST)
    expect((await failure(instance.exchange(REQUEST))).kind).toBe('bug')
    expect((await first).payload).toEqual(REQUEST.payload)
    expect((await instance.exchange(REQUEST)).payload).toEqual(REQUEST.payload)
  })
})

interface Expected {
  readonly kind: string
  readonly says: RegExp
  readonly ms?: number
}

const FAULTS: Readonly<Record<Exclude<MailboxFaultKind, 'slow' | 'circle' | 'gone'>, Expected>> = {
  busy: {kind: 'busy', says: /somebody else uses it.*0x00000001 \(DOE Busy\)/},
  'left-over': {kind: 'busy', says: /somebody else uses it.*0x80000000 \(Data Object Ready\)/},
  'left-error': {kind: 'transition', says: /reports an error before anything was sent.*\(DOE Error\)/},
  error: {kind: 'transition', says: /reports an error instead of an answer.*0x00000004 \(DOE Error\)/},
  silent: {kind: 'timeout', says: /no answer within 500 ms.*\(DOE Busy\)/, ms: 500},
  foreign: {kind: 'busy', says: /an object 0000:00 came where one of 0001:01 was due: somebody else/},
  truncated: {kind: 'malformed', says: /truncated: it ended before byte 16 of 16.*\(idle\)/},
  excess: {kind: 'malformed', says: /more than the announced 16 bytes came.*\(Data Object Ready\)/},
  'late-error': {kind: 'transition', says: /reports an error at the end of its answer/},
  short: {kind: 'malformed', says: /shorter than its own header/},
  huge: {kind: 'malformed', says: /an answer of 1048568 bytes came, more than the 4096 taken here/},
}

describe.each(Object.entries(FAULTS))('a device that goes wrong: %s', (fault, {kind, says, ms = 0}) => {
  const what = fault as MailboxFaultKind
  it('is told by name, register and next step, in time, and leaves the mailbox idle', async () => {
    const setup = mailboxSetup({faults: [{do: what, after: 1}]})
    const error = await afterOne(setup)
    expect(error.kind).toBe(kind)
    expect(error.message).toMatch(says)
    expect(error.message).toContain(`the DOE mailbox at 0x150 of ${DEVICE}`)
    expect(error.subject).toBe(DEVICE)
    expect(error.hint).toMatch(/./)
    expect(setup.clock.elapsed()).toBeGreaterThanOrEqual(ms)
    expect(setup.clock.elapsed()).toBeLessThan(ms + SLACK)
    expect([setup.instance.state, setup.status()]).toEqual(['idle', 0])
    expect((await setup.instance.exchange(REQUEST, OPTIONS)).payload).toEqual(REQUEST.payload)
  })

  it('is a dead mailbox when the abort does not help either, and stays one', async () => {
    const setup = mailboxSetup({faults: [{do: what, after: 1, stubborn: true}]})
    const error = await afterOne(setup)
    expect(error.kind).toBe('transition')
    expect(error.message).toMatch(new RegExp(`${says.source}.*the mailbox is dead`))
    expect(error.hint).toContain(`/sys/bus/pci/devices/${DEVICE}/remove`)
    expect(setup.instance.state).toBe('dead')
    expect(setup.clock.elapsed()).toBeLessThan(ms + ABORT + SLACK)
    const before = setup.clock.elapsed()
    expect((await failure(setup.instance.exchange(REQUEST))).message).toContain('dead since an abort failed')
    expect(setup.clock.elapsed()).toBe(before)
  })
})

describe('a device that makes no sense', () => {
  it('whatever its registers read, is told of in time, and nothing is taken that it did not announce', async () => {
    const status = fc.constantFrom(0, 1, 4, 0x8000_0000, 0x8000_0001, 0x8000_0004)
    const data = fc.oneof(fc.constantFrom(0x0001_0001, 1, 2, 3, 4, 0, 0x100), fc.nat({max: 0xffff_ffff}))
    await fc.assert(
      fc.asyncProperty(
        fc.array(status, {minLength: 1, maxLength: 12}),
        fc.array(data, {minLength: 1, maxLength: 6}),
        async (statuses, words) => {
          const reads = {status: 0, data: 0}
          const next = (at: number): number => {
            if (at === OFFSET + DOE_REGISTER.status) return statuses[reads.status++ % statuses.length]!
            return at === OFFSET + DOE_REGISTER.read ? words[reads.data++ % words.length]! : 0
          }
          const {instance, clock} = mailboxSetup({}, kernel => ({
            ...kernel,
            readAt: (_, at) => new Uint8Array(Uint32Array.of(next(at)).buffer),
            writeAt: () => undefined,
          }))
          const outcome = await instance.exchange(REQUEST, OPTIONS).catch((error: unknown) => error)
          if (outcome instanceof Error) expect(outcome).toBeInstanceOf(TsmctlError)
          else expect((outcome as {payload: Uint8Array}).payload.length).toBeLessThanOrEqual(OPTIONS.largest)
          expect(reads.data).toBeLessThanOrEqual(OPTIONS.largest / 4 + 2)
          expect(['idle', 'dead']).toContain(instance.state)
          expect(clock.elapsed()).toBeLessThan(OPTIONS.timeout + 3 * (ABORT + SLACK))
        },
      ),
      {numRuns: 150},
    )
  })
})

describe('a function that goes away', () => {
  it('is not found, and the mailbox is dead at once', async () => {
    const {instance, clock} = mailboxSetup({faults: [{do: 'gone'}]})
    const error = await failure(instance.exchange(REQUEST))
    expect(error.kind).toBe('not-found')
    expect(error.message).toContain('reads all ones')
    expect([instance.state, clock.elapsed() < SLACK]).toEqual(['dead', true])
  })

  it('or a kernel that refuses an access ends typed at every step', async () => {
    let steps = 0
    for (const [errno, kind, forever] of [
      ['ENODEV', 'not-found', true],
      ['EPERM', 'not-permitted', true],
      ['EIO', 'transition', true],
      ['EIO', 'transition', false],
    ] as const)
      for (let strike = 0; ; strike++) {
        const {instance, clock, status} = mailboxSetup({}, refusing(errno, strike, forever))
        // oxlint-disable-next-line no-await-in-loop
        const outcome = await instance.exchange(REQUEST).catch((error: unknown) => error)
        if (!(outcome instanceof Error)) break
        steps += 1
        expect(outcome).toBeInstanceOf(TsmctlError)
        expect([kind, 'unsupported', 'transition']).toContain((outcome as TsmctlError).kind)
        expect((outcome as TsmctlError).subject).toBe(DEVICE)
        expect(instance.state).toBe(forever ? 'dead' : 'idle')
        if (!forever) expect(status()).toBe(0)
        expect(clock.elapsed()).toBeLessThan(ABORT + SLACK)
      }
    expect(steps).toBeGreaterThan(60)
  })

  it('says what is missing where configuration space cannot be written', async () => {
    const {instance} = mailboxSetup({}, refusing('EPERM', 1, true))
    const error = await failure(instance.exchange(REQUEST))
    expect(error).toMatchObject({kind: 'not-permitted', hint: expect.stringContaining('Run as root')})
  })
})

describe('an interruption', () => {
  it('before the exchange touches nothing', async () => {
    const {instance} = mailboxSetup({}, kernel => ({
      ...kernel,
      readAt: () => expect.unreachable(),
      writeAt: () => expect.unreachable(),
    }))
    const error = await failure(instance.exchange(REQUEST, {signal: AbortSignal.abort()}))
    expect(error).toMatchObject({kind: 'interrupted', errno: 'EINTR'})
    expect(instance.state).toBe('fresh')
  })

  it.each([
    ['the caller', (controller: AbortController) => controller.abort()],
    ['its release', (_: AbortController, instance: DoeInstance) => void instance.release()],
  ])('by %s while the device thinks leaves the mailbox aborted and idle', async (_, interrupt) => {
    const controller = new AbortController()
    const {instance, status, clock} = mailboxSetup({faults: [{do: 'slow', ms: 900}]})
    const exchange = failure(instance.exchange(REQUEST, {signal: controller.signal}))
    expect(instance.state).toBe('exchanging')
    interrupt(controller, instance)
    expect((await exchange).kind).toBe('interrupted')
    expect([instance.state, status()]).toEqual(['idle', 0])
    expect(clock.elapsed()).toBeLessThan(SLACK)
  })

  it('in the middle of a long object does so too', async () => {
    for (const size of [8, 2048, 16_384]) {
      for (const reads of [4, 300, 1500, 5000]) {
        const controller = new AbortController()
        let count = 0
        const {instance, status} = mailboxSetup({}, kernel => ({
          ...kernel,
          readAt: (...args) => (++count === reads && controller.abort(), kernel.readAt(...args)),
        }))
        // oxlint-disable-next-line no-await-in-loop
        const outcome = await instance
          .exchange({...CMA_SPDM, payload: new Uint8Array(size)}, {signal: controller.signal})
          .catch((error: unknown) => error)
        if (outcome instanceof Error) expect(outcome).toMatchObject({errno: 'EINTR'})
        expect([instance.state, status()]).toEqual(['idle', 0])
      }
    }
  })

  it('of a released mailbox is final', async () => {
    const {instance} = mailboxSetup()
    await instance.release()
    expect((await failure(instance.exchange(REQUEST))).kind).toBe('interrupted')
  })
})

describe('somebody else in the same mailbox', () => {
  const OTHER = {vendor: 1, type: 2, payload: Uint8Array.of(9, 9, 9, 9)}

  /** Another requester, who knows nothing of us, at the moment of our access number `at`. */
  function intruding(at: number): {setup: MailboxSetup; intruder: () => Promise<unknown>} {
    let count = 0
    let done: Promise<unknown> = Promise.resolve()
    let other: DoeInstance | undefined
    const intrude = (): void => {
      if (count++ !== at) return
      done = other!.exchange(OTHER, {timeout: 50}).catch((error: unknown) => error)
    }
    const setup = mailboxSetup({}, kernel => ({
      ...kernel,
      readAt: (...args) => (intrude(), kernel.readAt(...args)),
      writeAt: (...args) => (intrude(), kernel.writeAt(...args)),
    }))
    other = new DoeInstance(setup.kernel, DEVICE, {offset: OFFSET, version: 1})
    return {setup, intruder: () => done}
  }

  it('is noticed before our object is sent off, when its answer waits already', async () => {
    const sent: number[] = []
    const setup: MailboxSetup = mailboxSetup({}, kernel => ({
      ...kernel,
      writeAt(path, offset, bytes) {
        sent.push(offset - OFFSET)
        if (sent.length === 2) {
          const {control, write} = DOE_REGISTER
          setup.box.write(control, 1)
          for (const word of [0x0000_0001, 3, 0]) setup.box.write(write, word)
          setup.box.write(control, 0x8000_0000)
        }
        kernel.writeAt(path, offset, bytes)
      },
    }))
    const error = await failure(setup.instance.exchange(REQUEST))
    expect(error.message).toMatch(
      /somebody else uses it: it was not idle while an object was written.*Data Object Ready/,
    )
    // four dwords and the abort: never a Go
    expect(sent).toEqual([...Array<number>(4).fill(DOE_REGISTER.write), DOE_REGISTER.control])
  })

  it('never passes for the device, and never hangs us, whenever it comes', async () => {
    const outcomes = new Set<string>()
    for (let at = 0; at < 40; at++) {
      const {setup, intruder} = intruding(at)
      // oxlint-disable-next-line no-await-in-loop
      const outcome = await setup.instance.exchange(REQUEST, {timeout: 200}).catch((error: unknown) => error)
      // oxlint-disable-next-line no-await-in-loop
      await intruder()
      if (outcome instanceof TsmctlError) outcomes.add(outcome.kind)
      else {
        expect(outcome).toEqual(REQUEST)
        outcomes.add('unharmed')
      }
      expect(setup.clock.elapsed()).toBeLessThan(2 * (200 + ABORT))
      expect(setup.instance.state).toBe('idle')
    }
    expect([...outcomes]).toContain('unharmed')
    expect(outcomes.size).toBeGreaterThan(1)
  })
})

describe('discovery', () => {
  it.each([1, 2, 3])('walks the list of a capability of version %i', async version => {
    const features = Array.from({length: 12}, (_, i) => ({vendor: 0x7e57, type: i}))
    const {instance} = mailboxSetup({version, features})
    expect(await discoverFeatures(instance)).toEqual([{vendor: 1, type: 0}, ...features])
  })

  it('ends where the device says there is no such entry', async () => {
    const {instance} = mailboxSetup({features: []})
    expect(await discoverFeatures(instance)).toEqual([{vendor: 1, type: 0}])
  })

  it('takes 256 entries and refuses a list that runs in circles', async () => {
    const features = Array.from({length: 255}, (_, i) => ({vendor: 0x7e57, type: i}))
    expect(await discoverFeatures(mailboxSetup({features}).instance)).toHaveLength(256)
    const {instance} = mailboxSetup({faults: [{do: 'circle', times: 'always'}]})
    const error = await failure(discoverFeatures(instance))
    expect([error.kind, error.message.includes('leads back to entry 0x01')]).toEqual(['malformed', true])
  })

  it('that nobody answers times out', async () => {
    const {instance, clock} = mailboxSetup({faults: [{do: 'silent'}]})
    expect((await failure(discoverFeatures(instance))).kind).toBe('timeout')
    expect(clock.elapsed()).toBeLessThan(1000 + SLACK)
  })
})

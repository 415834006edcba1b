/** SPDM through a mailbox: who is let in, what goes through, and that nothing stays behind. */
import {describe, expect, it} from 'vitest'
import {TsmctlError} from '../../src/errors.js'
import type {Kernel} from '../../src/kernel/index.js'
import {type DoeTransport, openDoeTransport} from '../../src/operations/spdm-doe-transport.js'
import {CMA_SPDM, SECURED_CMA_SPDM} from '../../src/pci/index.js'
import {injectFault, type MailboxModel, type ScenarioSource, type SimOptions} from '../../src/sim/index.js'
import {rejectedErrno} from '../kernel/errnos.js'
import {virtualClock} from '../pci/mailbox-kernel.js'
import {GPU, machines, NVME, PLAIN} from '../sim/machines.js'

const make = machines()
const YES = {useMailbox: true}
const MESSAGE = {secured: false, payload: Uint8Array.of(0x10, 0x84, 0, 0)}
const RECORD = {secured: true, payload: Uint8Array.of(1, 2, 3, 4, 5)}
const echo = ({payload}: {readonly payload: Uint8Array}): Uint8Array => payload

async function opened(source: ScenarioSource, model: MailboxModel = {answer: echo}, options: SimOptions = {}) {
  const machine = await make(source)
  const clock = virtualClock()
  const kernel = machine.open({...clock, mailboxes: () => model, ...options})
  return {...machine, kernel, clock}
}

const refusal = async (kernel: Kernel, bdf: string, options = YES): Promise<TsmctlError> => {
  const error: unknown = await openDoeTransport(kernel, bdf, options).catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(TsmctlError)
  return error as TsmctlError
}

/** The lock is free: nobody holds the mailbox. */
const isFree = (kernel: Kernel, bdf = GPU): boolean => {
  kernel.lock(`doe-${bdf}`)()
  return true
}

/** A host with one device whose mailboxes are as given. */
const hostWith = (device: string, more = ''): ScenarioSource => ({
  name: 'made for this test',
  text: `title: One device\ntsm: none\nbridges: [{at: "0000:00"}]\n${more}devices: [${device}]\n`,
})
const AT = '0000:00:04.0'

const closed = async (kernel: Kernel, transport: DoeTransport): Promise<void> => {
  await transport.close()
  await transport.close()
  expect(isFree(kernel)).toBe(true)
}

/** A device that answers with an object of this type, whatever it is asked. */
const answering = (type: number): MailboxModel => ({answer: ({payload}) => ({vendor: 1, type, payload})})

describe('who is let in', () => {
  it('nobody who did not ask for it by name', async () => {
    const {kernel} = await opened('bare-device')
    const error = await refusal(kernel, GPU, {useMailbox: false})
    expect(error).toMatchObject({kind: 'usage', subject: GPU, hint: expect.stringContaining('--use-mailbox')})
    expect(error.hint).toContain('dead until the function is removed and rescanned')
  })

  it.each([
    ['guest', GPU],
    ['gpu-host', '0000:01:00.0'],
  ])('nobody where a TSM speaks to the device: %s', async (scenario, bdf) => {
    const {kernel} = await opened(scenario)
    for (const useMailbox of [true, false]) {
      // oxlint-disable-next-line no-await-in-loop
      const error = await refusal(kernel, bdf, {useMailbox})
      expect(error).toMatchObject({kind: 'unsupported', hint: expect.stringContaining('tsmctl connect')})
      expect(error.message).toContain(`${bdf}/tsm exists`)
    }
  })

  it('nobody on another function than 0 of a device with a TSM, or without', async () => {
    const devices = `{at: "${AT}", kind: gpu}, {at: "0000:00:04.1", kind: gpu}`
    const {kernel} = await opened(hostWith(devices))
    const error = await refusal(kernel, '0000:00:04.1')
    expect(error).toMatchObject({kind: 'unsupported', hint: expect.stringContaining(`Name ${AT} instead`)})
    const {kernel: connected} = await opened({
      name: 'tsm',
      text: (hostWith(devices) as {text: string}).text.replace('none', 'link'),
    })
    expect((await refusal(connected, '0000:00:04.1')).message).toContain(`a TSM of this machine speaks to ${AT}`)
  })

  it('nobody on a virtual function, which is named its physical one', async () => {
    const {kernel, directory} = await opened('nvme-host')
    await injectFault(directory, {device: '0000:03:00.0', at: 'now', do: 'tsm-gone'})
    await injectFault(directory, {device: '0000:03:00.0', at: 'now', do: 'vfs', count: 2})
    expect((await refusal(kernel, '0000:03:00.1')).hint).toContain('Name 0000:03:00.0 instead')
  })

  it.each([
    ['without a mailbox', 'bare-device', PLAIN, 'unsupported', /no DOE mailbox|takes CMA-SPDM/],
    ['that is not there', 'bare-device', '0000:05:00.0', 'not-found', /no such PCI function/],
    [
      'whose mailboxes take something else',
      hostWith(`{at: "${AT}", kind: gpu, doe: [["1234:05"]]}`),
      AT,
      'unsupported',
      /takes CMA-SPDM \(0001:01\)/,
    ],
    ['that is suspended', hostWith(`{at: "${AT}", kind: gpu, power: D3hot}`), AT, 'unsupported', /suspended \(D3hot\)/],
  ] as const)('nobody on a function %s', async (_, scenario, bdf, kind, says) => {
    const {kernel} = await opened(scenario)
    const error = await refusal(kernel, bdf)
    expect(error.kind).toBe(kind)
    expect(error.message).toMatch(says)
    expect(error.hint).toMatch(/./)
  })

  it('nobody whose mailbox says something else than the kernel did', async () => {
    const {kernel} = await opened('bare-device', {features: [SECURED_CMA_SPDM]})
    expect((await refusal(kernel, GPU)).message).toContain('none of its 1 mailboxes takes CMA-SPDM')
    expect(isFree(kernel)).toBe(true)
  })

  it('nobody who is not root', async () => {
    const {kernel} = await opened('bare-device', {}, {privileged: false})
    const error = await refusal(kernel, GPU)
    expect(error).toMatchObject({kind: 'not-permitted', hint: expect.stringContaining('Run as root')})
    expect(error.message).toContain('only 64 bytes of configuration space')
    expect(isFree(kernel)).toBe(true)
  })

  it('only one at a time', async () => {
    const {kernel} = await opened('bare-device')
    const transport = await openDoeTransport(kernel, GPU, YES)
    expect(await refusal(kernel, GPU)).toMatchObject({kind: 'busy', errno: 'EBUSY'})
    const other = await openDoeTransport(kernel, NVME, YES)
    await transport.close()
    await (await openDoeTransport(kernel, GPU, YES)).close()
    await other.close()
  })
})

describe('what goes through', () => {
  it('messages and records, padded to dwords', async () => {
    const {kernel} = await opened('bare-device')
    const transport = await openDoeTransport(kernel, GPU, YES)
    expect(transport).toMatchObject({peer: GPU, maxPadding: 3, takesSecured: true})
    expect(transport.features).toContainEqual(CMA_SPDM)
    expect(await transport.exchange(MESSAGE, 1000)).toEqual(MESSAGE)
    const padded = Uint8Array.of(1, 2, 3, 4, 5, 0, 0, 0)
    expect(await transport.exchange(RECORD, 1000)).toEqual({secured: true, payload: padded})
    await transport.close()
  })

  it('an answer in the clear to a record that the device cannot decrypt, and never the other way round', async () => {
    const clear = await opened('bare-device', answering(CMA_SPDM.type))
    const transport = await openDoeTransport(clear.kernel, GPU, YES)
    expect(await transport.exchange(RECORD, 1000)).toMatchObject({secured: false})
    await transport.close()
    const secured = await opened('bare-device', answering(SECURED_CMA_SPDM.type))
    const wrong = await openDoeTransport(secured.kernel, GPU, YES)
    await expect(wrong.exchange(MESSAGE, 1000)).rejects.toMatchObject({kind: 'busy'})
    await wrong.close()
  })

  it('no records where another mailbox takes them', async () => {
    const device = `{at: "${AT}", kind: gpu, doe: [["0001:02"], ["1234:05"], ["0001:01"]]}`
    const {kernel} = await opened(hostWith(device))
    const transport = await openDoeTransport(kernel, AT, YES)
    expect(transport.takesSecured).toBe(false)
    expect(await transport.exchange(MESSAGE, 1000)).toEqual(MESSAGE)
    const error = await transport.exchange(RECORD, 1000).catch((caught: unknown) => caught)
    expect(error).toMatchObject({kind: 'unsupported'})
    expect(String(error)).toContain('no secured messages (0001:02)')
    await transport.close()
  })

  it('through the mailbox that takes both, wherever it is', async () => {
    const device = `{at: "${AT}", kind: gpu, doe: [["0001:01"], ["0001:01", "0001:02"]]}`
    const {kernel} = await opened(hostWith(device))
    const transport = await openDoeTransport(kernel, AT, YES)
    expect(transport.takesSecured).toBe(true)
    await transport.close()
  })

  it('nothing larger than a mailbox takes', async () => {
    const {kernel} = await opened('bare-device')
    const transport = await openDoeTransport(kernel, GPU, YES)
    const huge = {secured: false, payload: new Uint8Array(transport.maxPayload + 1)}
    await expect(transport.exchange(huge, 1000)).rejects.toMatchObject({kind: 'unsupported'})
    await transport.close()
  })
})

describe('what stays behind', () => {
  it('nothing after a device that never answers, in the time that was given', async () => {
    const {kernel, clock} = await opened('bare-device', {answer: echo, faults: [{do: 'silent', after: 3}]})
    const transport = await openDoeTransport(kernel, GPU, YES)
    const before = clock.elapsed()
    await expect(transport.exchange(MESSAGE, 300)).rejects.toMatchObject({kind: 'timeout', subject: GPU})
    expect(clock.elapsed() - before).toBeLessThan(320)
    await closed(kernel, transport)
    await (await openDoeTransport(kernel, GPU, YES)).close()
  })

  it('nothing when discovery fails', async () => {
    const {kernel} = await opened('bare-device', {faults: [{do: 'error', stubborn: true}]})
    expect((await refusal(kernel, GPU)).message).toContain('the mailbox is dead')
    expect(isFree(kernel)).toBe(true)
  })

  it('nothing after an interruption, by the caller of an exchange or by closing', async () => {
    const {kernel} = await opened('bare-device', {answer: echo, faults: [{do: 'slow', ms: 900, after: 3, times: 2}]})
    const transport = await openDoeTransport(kernel, GPU, YES)
    const controller = new AbortController()
    const first = rejectedErrno(transport.exchange(MESSAGE, 1000, controller.signal))
    controller.abort()
    expect(await first).toBe('EINTR')
    const second = rejectedErrno(transport.exchange(MESSAGE, 1000))
    await closed(kernel, transport)
    expect(await second).toBe('EINTR')
  })

  it('no further message once a TSM has registered', async () => {
    const scenario = hostWith(`{at: "${AT}", kind: gpu}`, 'provider: {registered: false}\n') as {
      name: string
      text: string
    }
    const {kernel, directory} = await opened({...scenario, text: scenario.text.replace('tsm: none', 'tsm: link')})
    const transport = await openDoeTransport(kernel, AT, YES)
    expect(await transport.exchange(MESSAGE, 1000)).toEqual(MESSAGE)
    await injectFault(directory, {device: AT, at: 'now', do: 'tsm-back'})
    await expect(transport.exchange(MESSAGE, 1000)).rejects.toThrow(/a TSM of this machine speaks to/)
    await transport.close()
    expect(isFree(kernel, AT)).toBe(true)
  })
})

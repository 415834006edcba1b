import {beforeEach, describe, expect, it} from 'vitest'
import {type Fault, injectFault, machineStatus, resetMachine} from '../../../src/sim/index.js'
import {openMachine} from '../../../src/sim/store.js'
import {TDISP_ERROR_CODE, type TdispErrorName} from '../../../src/tdisp/index.js'
import {rejectedErrno} from '../../kernel/errnos.js'
import {attributePath, BUS, DRIVERS, GPU, machines, NVME, type TestMachine} from '../machines.js'

const make = machines()
const SRIOV = {
  name: 'sriov',
  text: `
title: a physical function and one of its virtual functions
devices:
  - {at: '0000:01:00.0', kind: nic, bound: false}
  - {at: '0000:01:00.1', kind: nic, dsm: '0000:01:00.0', bound: false}
  - {at: '0000:02:00.0', kind: nvme, bound: false}
`,
}
const PF = '0000:01:00.0'
const VF = '0000:01:00.1'

let machine: TestMachine
const status = (bdf = GPU) => machineStatus(machine.directory).devices.find(device => device.bdf === bdf)!
const write = (attribute: string, text: string, bdf = GPU) => machine.write(bdf, attribute, text)
const outcome = (attribute: string, text: string, bdf = GPU) => rejectedErrno(write(attribute, text, bdf))
const lock = (bdf = GPU) => outcome('tsm/lock', 'tsm0', bdf)
const accept = (bdf = GPU) => outcome('tsm/accept', '1', bdf)
const unlock = (bdf = GPU) => outcome('tsm/unlock', 'tsm0', bdf)
const inject = (fault: Omit<Fault, 'device'>): Promise<void> => injectFault(machine.directory, {device: GPU, ...fault})
const linkOf = (name: string) => openMachine(machine.directory).state().links[name]
const elsewhere = (attribute: string, text: string) =>
  machine.open().write(attributePath(GPU, attribute), Buffer.from(text))
/** Of the TSM, and of the device. */
const nonces = () => [
  openMachine(machine.directory).state().functions[GPU]!.tdi.startNonce,
  linkOf(GPU)!.device.dsm.tdis[0]!.nonce,
]

describe('the TSM of a guest', () => {
  beforeEach(async () => {
    machine = await make()
    await machine.write(`${DRIVERS}/acmegpu`, 'unbind', GPU)
  })

  it('has no session before the first lock, and keeps the one it made then', async () => {
    expect(status().link).toEqual({session: null, phase: 'none', streamId: null, keys: 0})
    expect(await lock()).toBe('none')
    const {link} = status()
    expect(link).toMatchObject({phase: 'application', streamId: 1, keys: 6})
    expect(await accept()).toBe('none')
    expect(await unlock()).toBe('none')
    expect(await lock()).toBe('none')
    expect(status().link).toEqual(link)
  })

  it('moves the TDI as the DSM says, whoever opened the machine', async () => {
    await elsewhere('tsm/lock', 'tsm0')
    expect(status().tdi).toBe('CONFIG_LOCKED')
    await elsewhere('tsm/accept', '1')
    expect(status()).toMatchObject({tdi: 'RUN', accepted: true})
    await elsewhere('tsm/unlock', 'tsm0')
    expect(status()).toMatchObject({tdi: 'CONFIG_UNLOCKED', accepted: false, lockedBy: null})
  })

  it('gets the report that was made for the machine, through the DSM', async () => {
    await lock()
    const store = openMachine(machine.directory)
    const {dsm} = store.machine.functions.find(({bdf}) => bdf === GPU)!
    expect(store.state().functions[GPU]!.tdi.report).toBe(dsm!.report)
    expect(dsm!.mmioReportingOffset).not.toBe('0')
  })

  it('draws another nonce at every lock, and neither side keeps one that has served', async () => {
    await lock()
    const [first, ofDevice] = nonces()
    expect(first).toBe(ofDevice)
    await inject({at: 'now', do: 'relock'})
    const [second] = nonces()
    expect(second).toMatch(/^[0-9a-f]{64}$/)
    expect(second).not.toBe(first)
    expect(status().lockEpoch).toBe(2)
    await accept()
    expect(nonces()).toEqual([null, null])
  })

  it('is refused by a DSM that has another nonce, and the TDI stays locked', async () => {
    await lock()
    openMachine(machine.directory).update(state => void (state.functions[GPU]!.tdi.startNonce = '00'.repeat(32)))
    expect(await accept()).toBe('EIO')
    expect(status()).toMatchObject({tdi: 'CONFIG_LOCKED', accepted: false, lockedBy: 'tsm0'})
  })

  it.each(['requester', 'responder'] as const)('loses the session when a record of the %s is replayed', async side => {
    await lock()
    openMachine(machine.directory).update(state => {
      const link = state.links[GPU]!
      const {session} = link.tsm!
      const back = {...session[side], next: session[side].next - 1}
      state.links[GPU] = {...link, tsm: {...link.tsm!, session: {...session, [side]: back}}}
    })
    expect(await accept()).toBe('EIO')
    expect(status().tdi).toBe(side === 'requester' ? 'ERROR' : 'RUN')
    expect(status().link.session).toBeNull()
    expect(status().accepted).toBe(false)
    await unlock()
    expect(await lock()).toBe('none')
    expect(await accept()).toBe('none')
  })

  it('starts anew with the machine', async () => {
    await lock()
    await resetMachine(machine.directory)
    expect(status()).toMatchObject({tdi: 'CONFIG_UNLOCKED', link: {session: null}})
  })

  it('forgets a device that is removed, and meets it anew', async () => {
    await lock()
    await machine.write(GPU, 'remove', '1')
    expect(status().link.session).toBeNull()
    await machine.write(BUS, 'rescan', '1')
    await machine.write(`${DRIVERS}/acmegpu`, 'unbind', GPU)
    expect(await lock()).toBe('none')
  })

  describe.each([
    ['a reset', () => write('reset', '1')],
    ['the end of the session', () => inject({at: 'now', do: 'session-end'})],
    ['a stream that fails', () => inject({at: 'now', do: 'stream-fail'})],
    ['bus mastering turned off', () => inject({at: 'now', do: 'bme-clear'})],
  ])('after %s', (_, happens) => {
    it.each(['CONFIG_LOCKED', 'RUN'])('in %s', async state => {
      await lock()
      if (state === 'RUN') await accept()
      await happens()
      expect(status().tdi).toBe('ERROR')
      expect(linkOf(GPU)!.device.dsm.tdis[0]!.nonce).toBeNull()
      if (state === 'CONFIG_LOCKED') expect(await accept()).not.toBe('none')
      expect(await unlock()).toBe('none')
      const again = await lock()
      // nobody has told the TSM that its session is over
      if (again === 'ETIMEDOUT') expect(await lock()).toBe('none')
      else expect(again).toBe('none')
      expect(await accept()).toBe('none')
      expect(status()).toMatchObject({tdi: 'RUN', link: {phase: 'application', keys: 6}})
    })
  })

  describe('when a step fails', () => {
    const WAYS: readonly (readonly [Omit<Fault, 'device' | 'at'>, string])[] = [
      [{do: 'tdisp-error', code: 'BUSY'}, 'EIO'],
      [{do: 'no-answer'}, 'ETIMEDOUT'],
      [{do: 'wrong-interface'}, 'EIO'],
      [{do: 'wrong-version'}, 'EIO'],
      [{do: 'session-end'}, 'ETIMEDOUT'],
      [{do: 'stream-fail'}, 'EIO'],
    ]

    it.each(WAYS)('%o: lock fails, and nothing stays locked', async (fault, errno) => {
      await inject({at: 'lock', ...fault})
      expect(await lock()).toBe(errno)
      expect(status()).toMatchObject({tdi: 'CONFIG_UNLOCKED', lockedBy: null, lockEpoch: 0})
      expect(await lock()).toBe('none')
    })

    it('every request of lock may fail, with every code, and the TSM has stopped what was locked', async () => {
      const requests = [
        'GET_TDISP_VERSION',
        'GET_TDISP_CAPABILITIES',
        'GET_DEVICE_INTERFACE_STATE',
        'LOCK_INTERFACE_REQUEST',
        'GET_DEVICE_INTERFACE_REPORT',
      ] as const
      const codes = Object.keys(TDISP_ERROR_CODE) as TdispErrorName[]
      for (const [i, code] of codes.entries()) {
        await inject({at: 'lock', do: 'tdisp-error', code, request: requests[i % requests.length]!})
        expect([code, await lock()]).toEqual([code, 'EIO'])
        expect(status()).toMatchObject({tdi: 'CONFIG_UNLOCKED', lockedBy: null, lockEpoch: 0})
      }
      expect(await lock()).toBe('none')
    })

    // what the DSM did is done, whatever was heard of it
    const AFTER: Readonly<Record<string, string>> = {
      'no-answer': 'RUN',
      'wrong-interface': 'RUN',
      'wrong-version': 'RUN',
      'session-end': 'ERROR',
      'stream-fail': 'ERROR',
      'tdisp-error': 'CONFIG_LOCKED',
    }

    it.each(WAYS)('%o: accept fails, the TDI is as the DSM has it, and unlock ends it', async (fault, errno) => {
      await lock()
      await inject({at: 'accept', ...fault})
      expect(await accept()).toBe(errno)
      expect(status()).toMatchObject({tdi: AFTER[fault.do], accepted: false, lockedBy: 'tsm0'})
      expect(await unlock()).toBe('none')
      expect(status().lockedBy).toBeNull()
      expect(await lock()).toBe('none')
    })

    it.each(WAYS)('%o: unlock succeeds as in the kernel, and the next lock begins with a stop', async fault => {
      await lock()
      await inject({at: 'unlock', ...fault})
      expect(await unlock()).toBe('none')
      expect(status()).toMatchObject({lockedBy: null, accepted: false})
      expect(await lock()).toBe('none')
      expect(status().tdi).toBe('CONFIG_LOCKED')
    })
  })
})

describe('functions of one device', () => {
  beforeEach(async () => {
    machine = await make(SRIOV)
  })

  it('share identity and session, and have interfaces of their own', async () => {
    await lock(PF)
    await lock(VF)
    expect(status(VF).link).toEqual(status(PF).link)
    expect(status(VF).identity).toBe(status(PF).identity)
    expect(status(VF).interfaceId).toBe(status(PF).interfaceId + 1)
    expect(status(NVME).link.session).toBeNull()
  })

  it('fall together when the first is reset, and alone otherwise', async () => {
    await lock(PF)
    await lock(VF)
    await write('reset', '1', VF)
    expect([status(PF).tdi, status(VF).tdi]).toEqual(['CONFIG_LOCKED', 'ERROR'])
    await unlock(VF)
    await lock(VF)
    await write('reset', '1', PF)
    expect([status(PF).tdi, status(VF).tdi]).toEqual(['ERROR', 'ERROR'])
  })

  it('keep their session while one of them is there', async () => {
    await lock(PF)
    await lock(VF)
    const {session} = status(PF).link
    await machine.write(VF, 'remove', '1')
    expect(status(PF)).toMatchObject({tdi: 'CONFIG_LOCKED', link: {session}})
    expect(await accept(PF)).toBe('none')
    await machine.write(BUS, 'rescan', '1')
  })
})

it('two openings that lock for the first time make one session', async () => {
  machine = await make()
  await machine.write(`${DRIVERS}/acmegpu`, 'unbind', GPU)
  const kernels = [machine.open(), machine.open(), machine.open()]
  const outcomes = await Promise.all(
    kernels.map(kernel => rejectedErrno(kernel.write(attributePath(GPU, 'tsm/lock'), Buffer.from('tsm0')))),
  )
  expect(outcomes.sort()).toEqual(['EBUSY', 'EBUSY', 'none'])
  expect(status()).toMatchObject({lockEpoch: 1, link: {keys: 6}})
  expect(await accept()).toBe('none')
})

/** The guest's ABI on a real kernel: order and values of the errnos, and the family that gives evidence. */
import {createHash} from 'node:crypto'
import {existsSync, readFileSync, writeFileSync} from 'node:fs'
import {afterAll, beforeAll, beforeEach, describe, expect, it} from 'vitest'
import {errnoOf} from '../../../../../src/errors.js'
import {EVIDENCE_TYPES, liveKernel} from '../../../../../src/kernel/index.js'
import {parseVca} from '../../../../../src/spdm/index.js'
import {
  type Announced,
  announcedDump,
  attribute,
  deviceEvidence,
  P2_FAMILY,
  readRequest,
  u32,
  validate,
} from '../../../../sim/dump.js'
import {tdiOf} from '../../guest/device.js'
import {asNobody} from '../../guest/nobody.js'
import {deviceOf, ENDPOINTS, insmod, modelHardware, rescan, rmmod, setParameter, tsmName} from '../../guest/machine.js'
import {bindDriver, unbind, withoutProbing} from '../../guest/trusted.js'

const [BDF, OTHER] = ENDPOINTS
const MODULE = 'tsmtest_devsec'
const NVME = '/sys/bus/pci/drivers/nvme'
const NONCE = new Uint8Array(32).fill(7)
const MEASUREMENTS = 0x200

const kernel = liveKernel()

const read = (name: string, bdf: string = BDF): string => readFileSync(`${deviceOf(bdf)}/tsm/${name}`, 'latin1')

/** Errno of a write, or "none". */
function writing(path: string, value: string): string {
  try {
    writeFileSync(path, value)
    return 'none'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

const write = (name: string, value: string, bdf: string = BDF): string => writing(`${deviceOf(bdf)}/tsm/${name}`, value)

const errno = (doing: Promise<unknown>): Promise<string> =>
  doing.then(
    () => 'none',
    (error: unknown) => errnoOf(error) ?? String(error),
  )

const objectOf = (objects: readonly Announced[], label: string): Announced => objects.find(one => one.label === label)!

/** The nonce of the GET_MEASUREMENTS request that the object begins with. */
const nonceOf = ({bytes}: Announced): Buffer => bytes.subarray(4, 36)

const measurements = async (nonce?: Uint8Array): Promise<Announced> =>
  objectOf(await announcedDump(kernel, BDF, {mask: MEASUREMENTS, ...(nonce && {nonce})}), 'measurements')

const readOf = (...attributes: readonly Buffer[]) => ({
  family: P2_FAMILY,
  version: 1,
  command: 1,
  attributes: new Uint8Array(Buffer.concat(attributes)),
})

/** Faults strike once. */
const isOver = (): boolean => readFileSync(`/sys/module/${MODULE}/parameters/fault`, 'latin1') === 'none\n'

let tsm: string

beforeAll(() => {
  withoutProbing(() => modelHardware())
  bindDriver(BDF)
  insmod(MODULE)
  tsm = tsmName()
})
afterAll(() => kernel.close())

type Step = readonly [name: string, value: string, errno: string]

/** The steps as the kernel answers them. */
const taken = (steps: readonly Step[]): Step[] => steps.map(([name, value]) => [name, value, write(name, value)])

function lock(): void {
  const refusal = write('lock', tsm)
  if (refusal !== 'none') throw new Error(`lock: ${refusal}`)
}

describe('lock, unlock and accept', () => {
  it('belong to functions with the TEE bit and a mailbox, and the TSM says what it is for', () => {
    expect(ENDPOINTS.map(bdf => [read('lock', bdf), read('accept', bdf)])).toEqual(ENDPOINTS.map(() => ['\n', '0\n']))
    expect(existsSync(`${deviceOf('0000:00:03.0')}/tsm`)).toBe(false)
    expect(existsSync(`${deviceOf(BDF)}/tsm/connect`)).toBe(false)
    expect(readFileSync(`/sys/class/tsm/${tsm}/pci_mode`, 'latin1')).toBe('devsec\n')
  })

  it('of a function with a driver: the driver comes last', () => {
    const steps: Step[] = [
      ['lock', 'foo', 'EINVAL'],
      ['lock', 'tsm99', 'ENXIO'],
      ['lock', tsm, 'EBUSY'],
      ['unlock', tsm, 'EINVAL'],
      ['accept', '1', 'EINVAL'],
    ]
    expect(taken(steps)).toEqual(steps)
  })

  it('of an unlocked function', () => {
    unbind(BDF)
    const steps: Step[] = [
      ['lock', '', 'none'],
      ['lock', 'tsm', 'EINVAL'],
      ['lock', 'tsm99', 'ENXIO'],
      ['unlock', tsm, 'EINVAL'],
      ['unlock', 'foo', 'EINVAL'],
      ['accept', '1', 'EINVAL'],
      ['accept', '0', 'EINVAL'],
      ['accept', 'maybe', 'EINVAL'],
    ]
    expect(taken(steps)).toEqual(steps)
    expect([read('lock'), read('accept')]).toEqual(['\n', '0\n'])
  })

  it('of a locked function, which cannot be locked again', () => {
    const steps: Step[] = [
      // only the number is looked at
      ['lock', `${tsm}junk`, 'none'],
      ['lock', tsm, 'EBUSY'],
      ['lock', 'tsm99', 'EBUSY'],
      ['lock', 'foo', 'EINVAL'],
      ['unlock', 'tsm99', 'EINVAL'],
      ['accept', '0', 'EINVAL'],
      ['accept', 'maybe', 'EINVAL'],
    ]
    expect(taken(steps)).toEqual(steps)
    expect([read('lock'), read('accept')]).toEqual([`${tsm}\n`, '0\n'])
  })

  it('of a locked function that got a driver: name and value come first', () => {
    expect(writing(`${NVME}/bind`, BDF)).toBe('none')
    const steps: Step[] = [
      ['lock', tsm, 'EBUSY'],
      ['unlock', 'tsm99', 'EINVAL'],
      ['unlock', tsm, 'EBUSY'],
      ['accept', 'maybe', 'EINVAL'],
      ['accept', '1', 'EBUSY'],
    ]
    expect(taken(steps)).toEqual(steps)
    unbind(BDF)
  })

  it('accept as often as one likes, and unlock once', async () => {
    const steps: Step[] = [
      ['accept', 'yes', 'none'],
      ['accept', '1', 'none'],
    ]
    expect(taken(steps)).toEqual(steps)
    expect([read('lock'), read('accept')]).toEqual([`${tsm}\n`, '1\n'])
    expect(await tdiOf(kernel, BDF).state()).toBe('RUN')
    const end: Step[] = [
      ['unlock', tsm, 'none'],
      ['unlock', tsm, 'EINVAL'],
    ]
    expect(taken(end)).toEqual(end)
    expect([read('lock'), read('accept')]).toEqual(['\n', '0\n'])
    expect(await tdiOf(kernel, BDF).state()).toBe('CONFIG_UNLOCKED')
  })
})

describe('the family', () => {
  it('has two commands, and says how long attributes may be', async () => {
    expect(await kernel.netlinkFamily(P2_FAMILY)).toEqual({
      name: P2_FAMILY,
      version: 1,
      maxAttribute: 7,
      commands: new Set([1, 2]),
      policy: new Map([
        [2, 4],
        [3, 4],
        [4, null],
        [5, null],
        // 32 bytes, of which the kernel does not tell
        [6, null],
        [7, 4],
      ]),
    })
  })

  it('knows nothing of what is not locked', async () => {
    expect(await errno(announcedDump(kernel, BDF))).toBe('ENODEV')
    expect(await errno(validate(kernel, BDF, 1))).toBe('ENODEV')
  })
})

describe('of a locked function', () => {
  beforeAll(lock)

  describe('a dump', () => {
    it('announces type, generation and length of every object before its bytes, empty ones included', async () => {
      const objects = await announcedDump(kernel, BDF)
      expect(objects.map(({label}) => label)).toEqual([...EVIDENCE_TYPES])
      for (const {length, bytes, generation, head} of objects) {
        expect(bytes).toHaveLength(length)
        expect([generation, head]).toEqual([1, [1, 7, 9, 10]])
      }
      expect(objects.filter(({length}) => length > 0).map(({label}) => label)).toEqual([
        'cert0',
        'vca',
        'measurements',
        'report',
      ])
      expect(parseVca(objectOf(objects, 'vca').bytes)).toMatchObject({version: 0x12})
    })

    it('comes in as many fragments as the kernel likes', async () => {
      const whole = await announcedDump(kernel, BDF)
      const few = (await kernel.netlinkDump(readRequest(BDF))).length
      setParameter(MODULE, 'chunk', 97)
      const parts = await announcedDump(kernel, BDF)
      const many = (await kernel.netlinkDump(readRequest(BDF))).length
      setParameter(MODULE, 'chunk', 0)
      expect(parts).toEqual(whole)
      expect(many).toBe(whole.reduce((sum, {length}) => sum + Math.max(1, Math.ceil(length / 97)), 0))
      expect(few).toBeLessThan(many)
    })

    it('gives the digests of what the TSM holds, with the same generation', async () => {
      const objects = await announcedDump(kernel, BDF)
      const digests = await announcedDump(kernel, BDF, {digests: true})
      for (const [i, {bytes, generation}] of objects.entries()) {
        const digest = bytes.length === 0 ? Buffer.alloc(0) : createHash('sha384').update(bytes).digest()
        expect(digests[i]).toMatchObject({bytes: digest, generation})
      }
    })

    it('with a nonce is fresh, and another generation, whatever objects are asked for', async () => {
      const before = await measurements()
      await announcedDump(kernel, BDF, {mask: 1, nonce: NONCE})
      const after = await measurements()
      expect([before.generation, after.generation]).toEqual([1, 2])
      expect(nonceOf(after)).toEqual(Buffer.from(NONCE))
      expect(await measurements()).toEqual(after)
    })

    it('tells how often the device was measured, if the kernel does', async () => {
      setParameter(MODULE, 'count', 1)
      const {head} = await measurements(NONCE)
      setParameter(MODULE, 'count', 0)
      expect(head).toEqual([1, 7, 9, 8, 10])
    })
  })

  describe('a request is refused, with words,', () => {
    const subsystem = attribute(4, Buffer.from('pci\0'))
    const device = attribute(5, Buffer.from(`${BDF}\0`))
    const types = attribute(2, u32(1))
    it.each([
      ['without subsystem', [types, device], 'EINVAL', 'missing'],
      ['without device', [types, subsystem], 'EINVAL', 'missing'],
      ['for another subsystem', [types, attribute(4, Buffer.from('usb\0')), device], 'EOPNOTSUPP', 'usb'],
      ['for no device', [types, subsystem, attribute(5, Buffer.from('0000:77:00.0\0'))], 'ENODEV', '0000:77:00.0'],
      ['for an unlocked device', [types, subsystem, attribute(5, Buffer.from(`${OTHER}\0`))], 'ENODEV', OTHER],
      ['with a long name', [types, subsystem, attribute(5, Buffer.from(`${'x'.repeat(32)}\0`))], 'EINVAL', 'too long'],
      ['without mask', [subsystem, device], 'EINVAL', 'mask of objects is missing'],
      ['with an empty mask', [attribute(2, u32(0)), subsystem, device], 'EINVAL', 'no object'],
      ['with an unknown object', [attribute(2, u32(0x800)), subsystem, device], 'EINVAL', 'not known'],
      ['with an unknown flag', [types, attribute(3, u32(2)), subsystem, device], 'EINVAL', 'not known'],
      ['with a short word', [attribute(2, Buffer.alloc(2)), subsystem, device], 'EINVAL', ''],
      ['with an unknown attribute', [types, subsystem, device, attribute(8, u32(1))], 'EINVAL', ''],
      ['with a long nonce', [types, subsystem, device, attribute(6, Buffer.alloc(33))], 'ERANGE', ''],
    ] as const)('%s', async (_, attributes, expected, words) => {
      const refusal: unknown = await kernel.netlinkDump(readOf(...attributes)).catch((error: unknown) => error)
      expect(errnoOf(refusal)).toBe(expected)
      expect(String((refusal as {got?: string}).got)).toContain(words)
    })

    it('by others than root, and for commands of another kind', async () => {
      const answers = await asNobody(async () => {
        const user = liveKernel()
        try {
          const {version} = await user.netlinkFamily(P2_FAMILY)
          return [version, await errno(announcedDump(user, BDF)), await errno(validate(user, BDF, 1))]
        } finally {
          user.close()
        }
      })
      expect(answers).toEqual([1, 'EPERM', 'EPERM'])
      expect(await errno(kernel.netlinkDo(readRequest(BDF)))).toBe('EOPNOTSUPP')
      expect(await errno(kernel.netlinkDump(deviceEvidence(BDF, 2)))).toBe('EOPNOTSUPP')
    })

    it('when the provider cannot measure with a nonce', async () => {
      setParameter(MODULE, 'refresh', 0)
      expect(await errno(measurements(NONCE))).toBe('EOPNOTSUPP')
      expect(await errno(measurements())).toBe('none')
      setParameter(MODULE, 'refresh', 1)
    })
  })

  describe('what can go wrong with a dump', () => {
    it('is that somebody refreshes meanwhile', async () => {
      const {generation} = await measurements()
      setParameter(MODULE, 'fault', 'bump')
      expect(await errno(announcedDump(kernel, BDF))).toBe('EAGAIN')
      expect((await measurements()).generation).toBe(generation + 1)
      expect(isOver()).toBe(true)
    })

    it('is that it ends early', async () => {
      setParameter(MODULE, 'fault', 'short')
      const report = (await announcedDump(kernel, BDF)).at(-1)!
      expect([report.label, report.bytes.length, isOver()]).toEqual(['report', report.length / 2, true])
    })

    it('is that the nonce is not used', async () => {
      const before = await measurements(NONCE)
      setParameter(MODULE, 'fault', 'stale')
      const after = await measurements(new Uint8Array(32).fill(8))
      expect(after).toEqual({...before, generation: before.generation + 1})
      expect(isOver()).toBe(true)
    })

    it('is that a length is wrong', async () => {
      setParameter(MODULE, 'fault', 'length')
      const objects = await announcedDump(kernel, BDF)
      expect(objects.filter(({length, bytes}) => length !== bytes.length).map(({label}) => label)).toEqual(['cert0'])
      expect(isOver()).toBe(true)
    })
  })

  describe('validate', () => {
    it('records the present generation, and no other', async () => {
      const {generation} = await measurements()
      expect(await errno(kernel.netlinkDo(deviceEvidence(BDF, 2)))).toBe('EINVAL')
      expect(await errno(validate(kernel, BDF, generation + 1))).toBe('ESTALE')
      expect(await validate(kernel, BDF, generation)).toEqual([])
    })

    it('may be what accept insists on, and new evidence revokes it', async () => {
      setParameter(MODULE, 'require_validate', 1)
      const {generation} = await measurements(NONCE)
      expect(write('accept', '1')).toBe('EPERM')
      await validate(kernel, BDF, generation)
      expect(write('accept', '1')).toBe('none')
      setParameter(MODULE, 'require_validate', 0)
    })
  })
})

describe('the lock ends', () => {
  beforeEach(() => {
    if (read('lock') === '\n') {
      unbind(BDF)
      lock()
    }
  })

  it('when the device goes away, and the next one is unlocked', async () => {
    writeFileSync(`${deviceOf(BDF)}/remove`, '1')
    expect(await errno(announcedDump(kernel, BDF))).toBe('ENODEV')
    withoutProbing(rescan)
    expect(await tdiOf(kernel, BDF).state()).toBe('CONFIG_UNLOCKED')
    expect(read('lock')).toBe('\n')
  })

  it('when the module is unloaded', async () => {
    rmmod(MODULE)
    expect(existsSync(`${deviceOf(BDF)}/tsm`)).toBe(false)
    expect(await errno(kernel.netlinkFamily(P2_FAMILY))).toBe('ENOENT')
    expect(await tdiOf(kernel, BDF).state()).toBe('CONFIG_UNLOCKED')
  })
})

describe('the ABI before', () => {
  it('has no family, and asks the device at every accept', async () => {
    insmod(MODULE, {abi: 'G1n', funcs: [BDF]})
    tsm = tsmName()
    expect(existsSync(`/sys/class/tsm/${tsm}/pci_mode`)).toBe(false)
    expect(existsSync(`${deviceOf(OTHER)}/tsm`)).toBe(false)
    expect([write('lock', tsm), write('accept', '1'), write('accept', '1')]).toEqual(['none', 'none', 'none'])
    await tdiOf(kernel, BDF).stop()
    expect([write('accept', '1'), read('accept'), write('unlock', tsm)]).toEqual(['EIO', '1\n', 'none'])
    expect(await errno(kernel.netlinkFamily(P2_FAMILY))).toBe('ENOENT')
    rmmod(MODULE)
  })
})

describe('with a link TSM in the same kernel', () => {
  it('what is connected cannot be locked, and each keeps its own', () => {
    insmod('tsmtest_link')
    const link = tsmName()
    insmod(MODULE, {funcs: [BDF, OTHER]})
    const devsec = link === 'tsm0' ? 'tsm1' : 'tsm0'
    unbind(BDF)
    unbind(OTHER)
    expect([write('connect', devsec), write('connect', link), write('lock', devsec)]).toEqual([
      'ENXIO',
      'none',
      'EBUSY',
    ])
    expect([write('lock', link, OTHER), write('lock', devsec, OTHER)]).toEqual(['ENXIO', 'none'])
    expect([write('unlock', devsec), write('accept', '1')]).toEqual(['EINVAL', 'EINVAL'])
    rmmod(MODULE)
    expect([existsSync(`${deviceOf(BDF)}/tsm/lock`), read('connect')]).toEqual([false, `${link}\n`])
    rmmod('tsmtest_link')
    expect(existsSync(`${deviceOf(BDF)}/tsm`)).toBe(false)
  })
})

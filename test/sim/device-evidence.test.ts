/** Family `device-evidence`: what it announces, what it refuses, and what a generation is worth. */
import {createHash} from 'node:crypto'
import {readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import fc from 'fast-check'
import {beforeEach, describe, expect, it} from 'vitest'
import {ErrnoError} from '../../src/errors.js'
import {decodeAttributes, EVIDENCE_TYPES, PCI_TSM} from '../../src/kernel/index.js'
import {injectFault, machineStatus, SCENARIO_TEXTS, simKernel} from '../../src/sim/index.js'
import {evidenceFamily} from '../../src/sim/evidence-families.js'
import {messages} from '../../src/sim/evidence-messages.js'
import {nextGeneration} from '../../src/sim/evidence-state.js'
import {assemble} from '../../src/tsm/evidence/assemble.js'
import {rejectedErrno} from '../kernel/errnos.js'
import {
  announcedDump,
  attribute,
  deviceEvidence,
  dump,
  evidenceRequest,
  generationOf,
  P2_FAMILY,
  readRequest,
  u32,
  validate,
} from './dump.js'
import {GPU, lockDevice, machines, PLAIN, type TestMachine} from './machines.js'

const make = machines()
const P2 = {name: 'P2', text: `abi: P2\n${SCENARIO_TEXTS['guest']!}`}
const EARLIER = {name: 'earlier', text: `abi: P2\nvalidate: false\n${SCENARIO_TEXTS['guest']!}`}
const NONCE = new Uint8Array(32).fill(7)
const sha384 = (bytes: Uint8Array): Buffer => createHash('sha384').update(bytes).digest()

let machine: TestMachine
beforeEach(async () => {
  machine = await make(P2)
})

const gpu = () => machineStatus(machine.directory).devices[0]!

describe('the family', () => {
  it('has two commands, and says how long attributes may be', async () => {
    expect(await machine.kernel.netlinkFamily(P2_FAMILY)).toEqual({
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

  it('had one command in an earlier posting, and knew nothing of generations in requests', async () => {
    const earlier = await make(EARLIER)
    await lockDevice(earlier, GPU)
    const {commands, maxAttribute} = await earlier.kernel.netlinkFamily(P2_FAMILY)
    expect([[...commands], maxAttribute]).toEqual([[1], 6])
    expect(await rejectedErrno(validate(earlier.kernel, GPU, 1))).toBe('EOPNOTSUPP')
    expect((await announcedDump(earlier.kernel, GPU))[0]!.generation).toBe(1)
  })

  it('of G2 takes longer nonces, and knows no generations', async () => {
    const earlier = await make()
    await lockDevice(earlier, GPU)
    const {maxAttribute, policy, commands} = await earlier.kernel.netlinkFamily(PCI_TSM.name)
    expect([maxAttribute, policy?.get(5), [...commands]]).toEqual([5, null, [1]])
    const answers = [256, 257].map(length =>
      rejectedErrno(earlier.kernel.netlinkDump(evidenceRequest(GPU, {nonce: new Uint8Array(length)}))),
    )
    expect(await Promise.all(answers)).toEqual(['none', 'ERANGE'])
  })
})

describe('a dump', () => {
  beforeEach(() => lockDevice(machine, GPU))

  it('announces type, generation and length of every object before its bytes, empty ones included', async () => {
    const objects = await announcedDump(machine.kernel, GPU)
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
    const [first, second] = await machine.kernel.netlinkDump(readRequest(GPU, {mask: 1}))
    const shape = [first!, second!].map(message =>
      decodeAttributes(message).map(({type, value}) => [type, value.length]),
    )
    expect(shape).toEqual([
      [
        [1, 4],
        [7, 4],
        [9, 4],
        [10, 1024],
      ],
      [[10, objects[0]!.length - 1024]],
    ])
  })

  it('may leave the flags out', async () => {
    const asked = deviceEvidence(GPU, 1, attribute(2, u32(1)))
    expect((await machine.kernel.netlinkDump(asked)).length).toBeGreaterThan(0)
  })

  it('gives the digests of what the TSM holds, with the same generation', async () => {
    const objects = await announcedDump(machine.kernel, GPU, {nonce: NONCE})
    const digests = await announcedDump(machine.kernel, GPU, {digests: true})
    expect(new Set([...objects, ...digests].map(({generation}) => generation))).toEqual(new Set([2]))
    for (const [i, {bytes}] of objects.entries())
      expect(digests[i]!.bytes).toEqual(bytes.length === 0 ? Buffer.alloc(0) : sha384(bytes))
  })

  it('with a nonce is fresh, and another generation, whatever objects are asked for', async () => {
    const before = await announcedDump(machine.kernel, GPU, {mask: 0x200})
    await announcedDump(machine.kernel, GPU, {mask: 1, nonce: NONCE})
    const [after] = await announcedDump(machine.kernel, GPU, {mask: 0x200})
    expect(after!.generation).toBe(before[0]!.generation + 1)
    expect(after!.bytes.subarray(4, 36)).toEqual(Buffer.from(NONCE))
  })

  it('is the same in both families', async () => {
    await announcedDump(machine.kernel, GPU, {nonce: NONCE})
    const options = [{}, {digests: true}]
    const later = await Promise.all(options.map(option => announcedDump(machine.kernel, GPU, option)))
    // the same machine, with the same past, under the kernel before
    const path = join(machine.directory, 'machine.json')
    writeFileSync(path, readFileSync(path, 'utf8').replace('"abi":"P2"', '"abi":"G2"'))
    const kernel = simKernel(machine.directory)
    for (const [i, option] of options.entries())
      expect(Object.entries(await dump(kernel, GPU, option))).toEqual(later[i]!.map(({label, bytes}) => [label, bytes]))
  })
})

const readOf = (...attributes: readonly Buffer[]) => ({
  family: P2_FAMILY,
  version: 1,
  command: 1,
  attributes: new Uint8Array(Buffer.concat(attributes)),
})

describe('a request is refused, with words,', () => {
  const subsystem = attribute(4, Buffer.from('pci\0'))
  const device = attribute(5, Buffer.from(`${GPU}\0`))
  const types = attribute(2, u32(1))
  it.each([
    ['without subsystem', [types, device], 'EINVAL', 'name of the subsystem is missing'],
    ['without device', [types, subsystem], 'EINVAL', 'name of the device is missing'],
    ['for another subsystem', [types, attribute(4, Buffer.from('usb\0')), device], 'EOPNOTSUPP', 'usb'],
    ['for no device', [types, subsystem, attribute(5, Buffer.from('0000:77:00.0\0'))], 'ENODEV', '0000:77:00.0'],
    ['for a device without evidence', [types, subsystem, attribute(5, Buffer.from(`${PLAIN}\0`))], 'ENODEV', PLAIN],
    ['with a long name', [types, subsystem, attribute(5, Buffer.alloc(32, 'x'))], 'EINVAL', 'too long'],
    ['without mask', [subsystem, device], 'EINVAL', 'mask of objects is missing'],
    ['with an empty mask', [attribute(2, u32(0)), subsystem, device], 'EINVAL', 'no object'],
    ['with an unknown object', [attribute(2, u32(0x800)), subsystem, device], 'EINVAL', 'not known'],
    ['with an unknown flag', [types, attribute(3, u32(2)), subsystem, device], 'EINVAL', 'flags 2'],
    ['with a short word', [attribute(2, Buffer.alloc(2)), subsystem, device], 'EINVAL', 'another length'],
    ['with an unknown attribute', [types, subsystem, device, attribute(8, u32(1))], 'EINVAL', 'type 8'],
    ['with a long nonce', [types, subsystem, device, attribute(6, Buffer.alloc(33))], 'ERANGE', '32 bytes'],
    ['with a cut attribute', [types, subsystem, device, Buffer.from([9, 0, 5])], 'EINVAL', 'do not fit'],
  ])('%s', async (_, attributes, errno, words) => {
    await lockDevice(machine, GPU)
    const refusal = await machine.kernel
      .netlinkDump(readOf(...attributes))
      .catch((error: unknown) => error as ErrnoError)
    expect(refusal).toBeInstanceOf(ErrnoError)
    expect((refusal as ErrnoError).errno).toBe(errno)
    expect((refusal as ErrnoError).got).toMatch(/^E[A-Z]+ \(.*\), the kernel says: "/)
    expect((refusal as ErrnoError).got).toContain(words)
  })

  it('for what is not locked, by others than root, and for commands of another kind', async () => {
    expect(await rejectedErrno(announcedDump(machine.kernel, GPU))).toBe('ENODEV')
    expect(await rejectedErrno(validate(machine.kernel, GPU, 1))).toBe('ENODEV')
    await lockDevice(machine, GPU)
    const user = machine.open({privileged: false})
    expect(await rejectedErrno(user.netlinkDump(readRequest(GPU)))).toBe('EPERM')
    expect(await rejectedErrno(validate(user, GPU, 1))).toBe('EPERM')
    expect((await user.netlinkFamily(P2_FAMILY)).version).toBe(1)
    expect(await rejectedErrno(machine.kernel.netlinkDo(readRequest(GPU)))).toBe('EOPNOTSUPP')
    expect(await rejectedErrno(machine.kernel.netlinkDump(deviceEvidence(GPU, 2)))).toBe('EOPNOTSUPP')
    expect(await rejectedErrno(machine.kernel.netlinkDo(readRequest(GPU), AbortSignal.abort()))).toBe('EINTR')
  })

  it('when it is unlocked between two steps of the kernel', async () => {
    await lockDevice(machine, GPU)
    await injectFault(machine.directory, {device: GPU, at: 'evidence', do: 'tsm-gone', when: 'before'})
    expect(await rejectedErrno(announcedDump(machine.kernel, GPU))).toBe('ENXIO')
    expect(await rejectedErrno(announcedDump(machine.kernel, GPU))).toBe('ENODEV')
  })

  it('when the provider cannot measure with a nonce, or the host refuses to', async () => {
    const without = await make({name: 'refused', text: `nonce: refused\n${P2.text}`})
    await lockDevice(without, GPU)
    expect(await rejectedErrno(announcedDump(without.kernel, GPU, {nonce: NONCE}))).toBe('EOPNOTSUPP')
    expect(await generationOf(without.kernel, GPU)).toBe(1)
    await lockDevice(machine, GPU)
    await injectFault(machine.directory, {device: GPU, at: 'now', do: 'host-refuses'})
    expect(await rejectedErrno(announcedDump(machine.kernel, GPU, {nonce: NONCE}))).toBe('EIO')
    expect(await generationOf(machine.kernel, GPU)).toBe(1)
  })
})

describe('validate', () => {
  beforeEach(() => lockDevice(machine, GPU))

  it('records the present generation, and no other', async () => {
    expect(await rejectedErrno(machine.kernel.netlinkDo(deviceEvidence(GPU, 2)))).toBe('EINVAL')
    expect(await rejectedErrno(validate(machine.kernel, GPU, 2))).toBe('ESTALE')
    expect(gpu().validated).toBeNull()
    expect(await validate(machine.kernel, GPU, 1)).toEqual([])
    expect(gpu()).toMatchObject({generation: 1, validated: 1})
  })

  it('is revoked by new evidence, by a rival, and by unlock', async () => {
    await validate(machine.kernel, GPU, 1)
    await announcedDump(machine.kernel, GPU, {nonce: NONCE})
    expect(gpu()).toMatchObject({generation: 2, validated: null})
    await validate(machine.kernel, GPU, 2)
    await injectFault(machine.directory, {device: GPU, at: 'now', do: 'relock'})
    expect(gpu()).toMatchObject({generation: 1, validated: null})
    await validate(machine.kernel, GPU, 1)
    await machine.write(GPU, 'tsm/unlock', 'tsm0')
    expect(gpu()).toMatchObject({generation: 0, validated: null})
  })

  it('is not what accept asks for', async () => {
    await machine.write(GPU, 'tsm/accept', '1')
    expect(gpu()).toMatchObject({tdi: 'RUN', validated: null})
  })

  it.each([
    [{do: 'errno', errno: 'EPERM'}, 'EPERM', null],
    [{do: 'stuck'}, 'none', null],
    [{do: 'regenerate'}, 'ESTALE', null],
    [{do: 'regenerate', when: 'after'}, 'none', null],
    [{do: 'vanish'}, 'ENODEV', null],
    [{do: 'clock', seconds: 60}, 'none', 1],
  ] as const)('with %j: %s', async (fault, errno, validated) => {
    await injectFault(machine.directory, {device: GPU, at: 'validate', ...fault})
    expect(await rejectedErrno(validate(machine.kernel, GPU, 1))).toBe(errno)
    expect(gpu().validated).toBe(validated)
  })
})

describe('a generation', () => {
  it('is never 0, and wraps', () => {
    expect([1, 0xffff_fffe, 0xffff_ffff].map(nextGeneration)).toEqual([2, 0xffff_ffff, 1])
  })

  type Step = 'lock' | 'unlock' | 'accept' | 'nonce' | 'read' | 'validate' | 'validate another' | 'regenerate'
  const STEPS: readonly Step[] = [
    'lock',
    'unlock',
    'accept',
    'nonce',
    'read',
    'validate',
    'validate another',
    'regenerate',
  ]

  it('and what was validated follow the model, whatever happens in which order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...STEPS), {maxLength: 12}), async steps => {
        machine = await make(P2)
        const {kernel} = machine
        await machine.write('/sys/bus/pci/drivers/acmegpu', 'unbind', GPU)
        let generation = 0
        let validated: number | null = null
        for (const step of steps) {
          const locked = generation > 0
          const act: Record<Step, () => Promise<unknown>> = {
            lock: () => machine.write(GPU, 'tsm/lock', 'tsm0'),
            unlock: () => machine.write(GPU, 'tsm/unlock', 'tsm0'),
            accept: () => machine.write(GPU, 'tsm/accept', '1'),
            nonce: () => announcedDump(kernel, GPU, {mask: 0x200, nonce: NONCE}),
            read: () => announcedDump(kernel, GPU, {mask: 0x200}),
            validate: () => validate(kernel, GPU, generation),
            'validate another': () => validate(kernel, GPU, generation + 1),
            regenerate: () => injectFault(machine.directory, {device: GPU, at: 'now', do: 'regenerate'}),
          }
          const expected: Record<Step, string> = {
            lock: locked ? 'EBUSY' : 'none',
            unlock: locked ? 'none' : 'EINVAL',
            accept: locked ? 'none' : 'EINVAL',
            nonce: locked ? 'none' : 'ENODEV',
            read: locked ? 'none' : 'ENODEV',
            validate: locked ? 'none' : 'ENODEV',
            'validate another': locked ? 'ESTALE' : 'ENODEV',
            regenerate: 'none',
          }
          expect([step, await rejectedErrno(act[step]())]).toEqual([step, expected[step]])
          if (step === 'lock' && !locked) generation = 1
          if (step === 'unlock') generation = 0
          if ((step === 'nonce' || step === 'regenerate') && locked) generation += 1
          if (step === 'validate' && locked) validated = generation
          if (['lock', 'unlock', 'nonce', 'regenerate'].includes(step) && !(step === 'lock' && locked)) validated = null
          expect(gpu()).toMatchObject({generation, validated})
        }
      }),
      {numRuns: 15},
    )
  })
})

function openFamily(abi: 'G2' | 'P2') {
  const name = abi === 'G2' ? PCI_TSM.name : P2_FAMILY
  return evidenceFamily(name, {tsm: 'devsec', abi, validate: true} as Parameters<typeof evidenceFamily>[1])
}

describe('fragments', () => {
  const families = [
    [openFamily('G2'), {type: 1, value: 6}],
    [openFamily('P2'), {type: 1, value: 10, announced: {generation: 7, length: 9, count: 8}}],
  ] as const

  it('of whatever objects, in either family, are what the room above puts together', () => {
    const object = fc.oneof(fc.uint8Array({maxLength: 4}), fc.uint8Array({minLength: 1020, maxLength: 3100}))
    const objects = fc.dictionary(fc.constantFrom(...EVIDENCE_TYPES), object)
    fc.assert(
      fc.property(objects, fc.integer({min: 1, max: 0xffff_ffff}), (given, generation) => {
        const held = new Map(Object.entries(given)) as Parameters<typeof messages>[0]['objects']
        for (const [family, reply] of families) {
          const sent = messages({
            family,
            labels: new Set(EVIDENCE_TYPES),
            objects: held,
            generation,
            fault: undefined,
            random: length => new Uint8Array(length),
          })
          const whole = assemble(sent, 0x7ff, reply)
          expect(Object.fromEntries(whole.objects)).toEqual(
            Object.fromEntries([...held].filter(([, bytes]) => bytes.length > 0)),
          )
          expect(whole.generations).toEqual('announced' in reply ? [generation] : [])
        }
      }),
      {numRuns: 60},
    )
  })
})

/** What may become of a dump on its way: on the wire, and as the room above takes it. */
import {createHash} from 'node:crypto'
import {describe, expect, it} from 'vitest'
import {ErrnoError} from '../../src/errors.js'
import {PCI_TSM} from '../../src/kernel/index.js'
import {type Fault, injectFault, machineStatus, SCENARIO_TEXTS} from '../../src/sim/index.js'
import {assemble, LARGEST_OBJECT} from '../../src/tsm/evidence/assemble.js'
import {rejectedErrno} from '../kernel/errnos.js'
import {announcedDump, dump, evidenceRequest, P2_FAMILY, readRequest, validate} from './dump.js'
import {GPU, lockDevice, machines, type TestMachine} from './machines.js'

const make = machines()
const sha384 = (bytes: Uint8Array): Buffer => createHash('sha384').update(bytes).digest()
type Given = Omit<Fault, 'device' | 'at'> & {readonly at?: Fault['at']}

async function locked(abi: 'G2' | 'P2', fault: Given): Promise<TestMachine> {
  const machine = await make({name: abi, text: `abi: ${abi}\n${SCENARIO_TEXTS['guest']!}`})
  await lockDevice(machine, GPU)
  await injectFault(machine.directory, {device: GPU, at: 'evidence', ...fault})
  return machine
}

const REPLY = {type: 1, value: 10, announced: {generation: 7, length: 9, count: 8}}
const REPLY_G2 = {type: PCI_TSM.attribute.type, value: PCI_TSM.attribute.value}
const CERT0_AND_REPORT = 0x401

/** What the reader makes of the messages: an error's text, or nothing. */
async function readBy({kernel}: TestMachine, abi: 'G2' | 'P2', mask: number): Promise<string | undefined> {
  const request = abi === 'P2' ? readRequest(GPU, {mask}) : evidenceRequest(GPU, {mask})
  const messages = await kernel.netlinkDump(request)
  try {
    const {unknownAttributes} = assemble(messages, mask, abi === 'P2' ? REPLY : REPLY_G2)
    return unknownAttributes.length === 0 ? undefined : `unknown ${unknownAttributes.join()}`
  } catch (error) {
    return String(error)
  }
}

describe('an object', () => {
  it.each([0, 1, 1500])('of which %i bytes come is announced in full', async offset => {
    const machine = await locked('P2', {do: 'truncate', object: 'cert0', offset})
    const [cut, report] = await announcedDump(machine.kernel, GPU, {mask: CERT0_AND_REPORT})
    expect(cut!.bytes).toHaveLength(offset)
    const [whole] = await announcedDump(machine.kernel, GPU, {mask: CERT0_AND_REPORT})
    expect(whole!.bytes).toHaveLength(cut!.length)
    expect(cut!.bytes).toEqual(whole!.bytes.subarray(0, offset))
    expect(report!.bytes).toHaveLength(report!.length)
  })

  it('that is cut shows in the digest alone, where nothing is announced', async () => {
    const machine = await locked('G2', {do: 'truncate', object: 'cert0', offset: 1024})
    const cut = await dump(machine.kernel, GPU, {mask: 1})
    expect(cut['cert0']).toHaveLength(1024)
    expect(sha384(cut['cert0']!)).not.toEqual((await dump(machine.kernel, GPU, {mask: 1, digests: true}))['cert0'])
  })

  it('that comes twice is whole both times', async () => {
    const machine = await locked('P2', {do: 'duplicate', object: 'cert0'})
    const objects = await announcedDump(machine.kernel, GPU, {mask: CERT0_AND_REPORT})
    expect(objects.map(({label}) => label)).toEqual(['cert0', 'cert0', 'report'])
    expect(objects[0]).toEqual(objects[1])
  })

  it('that nobody asked for is one of the others, or of no known type', async () => {
    const machine = await locked('P2', {do: 'unrequested', times: 2})
    const some = await announcedDump(machine.kernel, GPU, {mask: CERT0_AND_REPORT})
    expect(some.map(({label}) => label)).toEqual(['cert0', 'report', 'cert1'])
    expect((await announcedDump(machine.kernel, GPU)).at(-1)!.label).toBe('type 11')
  })

  it('may be larger than any may be', async () => {
    const machine = await locked('P2', {do: 'oversize', object: 'report'})
    const messages = await machine.kernel.netlinkDump(readRequest(GPU, {mask: 0x400}))
    expect(messages.length).toBeLessThan(600)
    expect(messages.reduce((sum, {length}) => sum + length, 0)).toBeGreaterThan(LARGEST_OBJECT)
  })

  it('ends differently at every reading, while its digest stays', async () => {
    const machine = await locked('P2', {do: 'double-fetch', object: 'report', times: 'always'})
    const seen = new Set<string>()
    const digests = new Set<string>()
    for (let i = 0; i < 12; i++) {
      const [report] = await announcedDump(machine.kernel, GPU, {mask: 0x400})
      const [digest] = await announcedDump(machine.kernel, GPU, {mask: 0x400, digests: true})
      seen.add(report!.bytes.toString('hex'))
      digests.add(digest!.bytes.toString('hex'))
    }
    expect(seen.size).toBeGreaterThan(2)
    expect(digests.size).toBe(1)
  })
})

describe('the room above', () => {
  it.each([
    ['P2', {do: 'truncate', object: 'cert0'}, /bytes of cert0/],
    ['P2', {do: 'duplicate', object: 'report'}, /report twice/],
    ['G2', {do: 'duplicate', object: 'report'}, /report twice/],
    ['P2', {do: 'unrequested'}, /requested object.*cert1/],
    ['G2', {do: 'unrequested'}, /requested object.*cert1/],
    ['P2', {do: 'oversize', object: 'cert0'}, /at most 16777216/],
    ['G2', {do: 'oversize', object: 'cert0'}, /at most 16777216/],
    ['P2', {do: 'unknown-attribute'}, /unknown 1023/],
    ['G2', {do: 'unknown-attribute'}, /unknown 1023/],
    ['P2', {do: 'clock', seconds: 1}, undefined],
  ] as const)('on %s takes no dump with %j', async (abi, fault, refusal) => {
    const machine = await locked(abi, fault)
    const text = await readBy(machine, abi, CERT0_AND_REPORT)
    if (refusal === undefined) expect(text).toBeUndefined()
    else expect(text).toMatch(refusal)
    expect(await readBy(machine, abi, CERT0_AND_REPORT)).toBeUndefined()
  })
})

describe('the answer', () => {
  it('is of another version when the family is next asked for', async () => {
    const {kernel} = await locked('P2', {do: 'family-version'})
    await announcedDump(kernel, GPU, {mask: 1})
    expect([(await kernel.netlinkFamily(P2_FAMILY)).version, (await kernel.netlinkFamily(P2_FAMILY)).version]).toEqual([
      2, 1,
    ])
  })

  it('may be inconsistent, which is no interruption by the user', async () => {
    const {kernel} = await locked('P2', {do: 'interrupted'})
    const error = await announcedDump(kernel, GPU).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({errno: 'EINTR', kind: 'busy', hint: 'try again'})
  })

  it.each(['evidence', 'validate'] as const)('of %s cannot drive a terminal', async at => {
    const {kernel} = await locked('P2', {at, do: 'hostile-text', errno: 'EIO'})
    const error = await (at === 'evidence' ? announcedDump(kernel, GPU) : validate(kernel, GPU, 1)).catch(
      (thrown: unknown) => thrown as ErrnoError,
    )
    const {errno, message} = error as ErrnoError
    expect(errno).toBe('EIO')
    expect(message).toContain('the kernel says: "\\x1b[2J')
    expect(message).toMatch(/^[\x20-\x7e]{1,1000}$/)
  })
})

describe('evidence that changes', () => {
  it.each([
    ['before', 'none', 2, 2],
    ['during', 'EAGAIN', undefined, 2],
    ['after', 'none', 1, 2],
  ] as const)('%s the dump', async (when, errno, served, held) => {
    const machine = await locked('P2', {do: 'regenerate', when})
    let generation: number | undefined
    const reading = async (): Promise<void> => {
      const [first] = await announcedDump(machine.kernel, GPU)
      generation = first!.generation
    }
    const outcome = await rejectedErrno(reading())
    expect([outcome, generation]).toEqual([errno, served])
    expect(machineStatus(machine.directory).devices[0]).toMatchObject({generation: held})
  })
})

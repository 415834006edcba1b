/** Guests whose evidence has a generation, none at all, or other bytes at every look. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {ErrnoError} from '../../src/errors.js'
import {
  type Attribute,
  decodeAttributes,
  DEVICE_EVIDENCE,
  encodeAttributes,
  type Kernel,
  type NetlinkFamily,
  type NetlinkRequest,
  PCI_TSM,
  stringAttribute,
  stringOf,
  u32Attribute,
  u32Of,
} from '../../src/kernel/index.js'
import {accept, admit, readAudit, readPolicy, reviewDevice} from '../../src/operations/index.js'
import {machineStatus} from '../../src/sim/index.js'
import {readTdi} from '../../src/tsm/index.js'
import {assemble} from '../../src/tsm/evidence/index.js'
import {GOOD, guest} from '../support/guest.js'
import {P2_FAMILY, p2Messages} from '../tsm/evidence-messages.js'

/** What the device-evidence half of the kernel does; whoever tests changes it on the way. */
interface Later {
  generation: number
  family: NetlinkFamily
  /** Generations that were validated, and `accept` for the write, in order. */
  readonly log: (number | 'accept')[]
  /** Called before every dump. */
  beforeDump: (digests: boolean) => void
  beforeValidate: () => void
}

const valueOf = (list: readonly Attribute[], type: number) => list.find(item => item.type === type)

const absent = (name: string): never => {
  throw new ErrnoError('ENOENT', 'ask', `the generic-netlink family ${name}`)
}

const nothing = (): void => undefined

/** `inner`, a kernel with family pci-tsm, as a kernel of the later series. */
function laterKernel(inner: Kernel): {kernel: Kernel; later: Later} {
  const {attribute} = DEVICE_EVIDENCE
  const later: Later = {generation: 1, family: P2_FAMILY, log: [], beforeDump: nothing, beforeValidate: nothing}
  async function netlinkDump({family, attributes}: NetlinkRequest, signal?: AbortSignal) {
    if (family !== DEVICE_EVIDENCE.name) absent(family)
    const asked = decodeAttributes(attributes)
    const [flags, nonce] = [u32Of(valueOf(asked, attribute.flags)!), valueOf(asked, attribute.nonce)]
    later.beforeDump(flags === DEVICE_EVIDENCE.digestFlag)
    if (nonce !== undefined) later.generation++
    const request = encodeAttributes([
      u32Attribute(PCI_TSM.attribute.typeMask, PCI_TSM.allTypes),
      u32Attribute(PCI_TSM.attribute.flags, flags),
      stringAttribute(PCI_TSM.attribute.deviceName, stringOf(valueOf(asked, attribute.deviceName)!)),
      ...(nonce === undefined ? [] : [{type: PCI_TSM.attribute.nonce, value: nonce.value}]),
    ])
    const messages = await inner.netlinkDump(
      {family: PCI_TSM.name, version: 1, command: 1, attributes: request},
      signal,
    )
    return p2Messages(assemble(messages, PCI_TSM.allTypes, PCI_TSM.attribute).objects, 500, later.generation)
  }

  const kernel: Kernel = {
    ...inner,
    netlinkFamily: async name => (name === later.family.name ? later.family : absent(name)),
    netlinkDump,
    async netlinkDo({command, attributes}) {
      if (command !== DEVICE_EVIDENCE.validate) throw new ErrnoError('EOPNOTSUPP', 'ask', DEVICE_EVIDENCE.name)
      later.beforeValidate()
      const generation = u32Of(valueOf(decodeAttributes(attributes), attribute.generation)!)
      if (generation !== later.generation) throw new ErrnoError('ESTALE', 'ask', DEVICE_EVIDENCE.name)
      later.log.push(generation)
      return []
    },
    async write(path, bytes, signal) {
      if (path.endsWith('/tsm/accept')) later.log.push('accept')
      return inner.write(path, bytes, signal)
    },
  }
  return {kernel, later}
}

async function laterGuest() {
  const machine = await guest()
  return {...machine, ...laterKernel(machine.kernel), policy: readPolicy([machine.policy], machine.kernel.now())}
}

const failed = (results: readonly {id: string; blocking: boolean; result: string}[]): string[] =>
  results.filter(({blocking, result}) => blocking && result === 'fail').map(({id}) => id)
const lastAudit = (kernel: Kernel) => readAudit(kernel).records.at(-1)!

describe('evidence with a generation', () => {
  it('is validated immediately before the accept that is recorded with it', async () => {
    const {kernel, later, policy, directory} = await laterGuest()
    const {bundle, appraisal} = await reviewDevice(kernel, GOOD, {policy})
    expect(bundle.manifest.provider).toMatchObject({kind: 'device-evidence', abi: 'device-evidence/1', generation: 2})
    expect(appraisal.results.find(({id}) => id === 'acq.generation.stable')).toMatchObject({result: 'pass'})
    const result = await accept(kernel, GOOD, bundle.digest, {policy})
    expect(result).toMatchObject({changed: true, failure: null, after: {state: 'RUN'}})
    expect(result.commit.find(({id}) => id === 'commit.generation')).toMatchObject({result: 'pass'})
    expect(later.log).toEqual([2, 'accept'])
    expect(lastAudit(kernel)).toMatchObject({event: 'committed', evidence: {generation: 2}, result: {validated: true}})
    expect(machineStatus(directory).violations).toEqual([])
  })

  it('is compared only, where the kernel has no validate', async () => {
    const {kernel, later, policy} = await laterGuest()
    later.family = {...P2_FAMILY, commands: new Set([1])}
    expect((await admit(kernel, GOOD, {policy})).failure).toBeNull()
    expect(later.log).toEqual(['accept'])
  })

  it('does not lead to accept once it was refreshed after the review', async () => {
    const {kernel, later, policy} = await laterGuest()
    const {bundle} = await reviewDevice(kernel, GOOD, {policy})
    later.generation++
    const result = await accept(kernel, GOOD, bundle.digest, {policy})
    expect(result).toMatchObject({changed: false, failure: {kind: 'busy'}, after: {state: 'CONFIG_LOCKED'}})
    expect(failed(result.commit)).toEqual(['commit.generation'])
    expect(later.log).toEqual([])
  })

  it('does not lead to accept when only validate sees the refresh', async () => {
    const {kernel, later, policy} = await laterGuest()
    const {bundle} = await reviewDevice(kernel, GOOD, {policy})
    later.beforeValidate = () => void later.generation++
    const result = await accept(kernel, GOOD, bundle.digest, {policy})
    expect(result).toMatchObject({changed: false, failure: {kind: 'busy'}})
    expect(later.log).toEqual([])
    expect((await readTdi(kernel, GOOD)).state).toBe('CONFIG_LOCKED')
    expect(lastAudit(kernel)).toMatchObject({event: 'commit-failed', result: {check: 'commit.generation'}})
  })

  it('that was refreshed during the write is found out in RUN, and the device is unlocked', async () => {
    const {kernel, later, policy} = await laterGuest()
    const {bundle} = await reviewDevice(kernel, GOOD, {policy})
    later.beforeDump = () => void (later.log.includes('accept') && later.generation++)
    await expect(accept(kernel, GOOD, bundle.digest, {policy})).rejects.toThrow(/evidence changed since the review/)
    expect((await readTdi(kernel, GOOD)).state).toBe('CONFIG_UNLOCKED')
  })

  it('is refused when the two dumps are of different generations, or of generation 0', async () => {
    const {kernel, later, policy} = await laterGuest()
    later.beforeDump = digests => void (digests && later.generation++)
    const changed = await reviewDevice(kernel, GOOD, {policy})
    expect(failed(changed.appraisal.results)).toEqual(['acq.generation.stable'])
    // the refresh in front of the data dump makes it 0
    later.beforeDump = digests => void (later.generation = digests ? 0 : -1)
    const zero = await reviewDevice(kernel, GOOD, {policy})
    expect(failed(zero.appraisal.results)).toEqual(['acq.generation.stable'])
    expect(zero.appraisal.decision).toBe('deny')
  })

  it('does not lead to accept through another interface than it came from', async () => {
    const {kernel, later, policy} = await laterGuest()
    const {bundle} = await reviewDevice(kernel, GOOD, {policy})
    later.family = {...P2_FAMILY, version: 2}
    const result = await accept(kernel, GOOD, bundle.digest, {policy})
    expect(result.changed).toBe(false)
    expect(failed(result.commit)).toContain('commit.generation')
    expect(later.log).toEqual([])
  })
})

describe('a kernel whose evidence interface', () => {
  const families: readonly (readonly [string, Partial<NetlinkFamily>])[] = [
    ['is missing', {name: 'something-else'}],
    ['has an unknown version', {version: 2}],
    ['cannot be read', {commands: new Set([2])}],
  ]
  it.each(families)('%s never gets a device accepted, and the reason is told', async (_, family) => {
    const {kernel, later, policy} = await laterGuest()
    later.family = {...P2_FAMILY, ...family}
    const {admitted, appraisal, after} = await admit(kernel, GOOD, {policy})
    expect(admitted).toBe(false)
    expect(appraisal.decision).toBe('deny')
    expect(failed(appraisal.results)).toContain('acq.abi.known')
    expect(appraisal.results.find(({id}) => id === 'acq.abi.known')?.text).toMatch(/no interface|device-evidence\/\d/)
    expect(after.state).toBe('CONFIG_UNLOCKED')
    expect(later.log).toEqual([])
  })
})

describe('a provider that answers other bytes at every read', () => {
  it('never gets a device accepted (P16)', async () => {
    const {kernel, directory, policy} = await guest()
    const reading = readPolicy([policy], kernel.now())
    const flip = fc.record({message: fc.nat(), byte: fc.nat(), bit: fc.nat(7)})
    await fc.assert(
      fc.asyncProperty(flip, flip, async (first, second) => {
        let turn = 0
        const changing: Kernel = {
          ...kernel,
          async netlinkDump(request, signal) {
            const messages = await kernel.netlinkDump(request, signal)
            const {message, byte, bit} = turn++ % 2 === 0 ? first : second
            const changed = messages[message % messages.length]!
            // value bytes, so that the message stays one; what carries nothing else has nothing to change
            const at = changed.length - 1 - (byte % Math.max(1, changed.length - 16))
            changed[at] = (changed[at]! + 2 ** bit) % 256
            return messages
          },
        }
        const outcome = await admit(changing, GOOD, {policy: reading}).then(
          ({admitted}) => admitted,
          () => false,
        )
        expect(outcome).toBe(false)
      }),
      {numRuns: 8},
    )
    expect(machineStatus(directory)).toMatchObject({violations: [], devices: [{tdi: 'CONFIG_UNLOCKED'}, {}, {}]})
  })
})

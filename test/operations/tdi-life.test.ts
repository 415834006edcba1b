/** A TDI's life with rivals, accidents and crashes at any moment (property P15), and a host that never says the same twice. */
import fc from 'fast-check'
import {beforeAll, describe, expect, it} from 'vitest'
import type {Appraisal, Policy} from '../../src/appraisal/index.js'
import {toHex} from '../../src/bits/index.js'
import {TsmctlError} from '../../src/errors.js'
import {decodeTsmFacts} from '../../src/evidence/index.js'
import type {Kernel} from '../../src/kernel/index.js'
import {
  accept,
  admit,
  collectEvidence,
  keptBundle,
  lock,
  readAudit,
  readPolicy,
  unlock,
} from '../../src/operations/index.js'
import {injectFault, machineStatus} from '../../src/sim/index.js'
import {chooseProvider, HOLD, readTdi} from '../../src/tsm/index.js'
import {interrupted} from '../support/failing-kernel.js'
import {GOOD, guestCopy} from '../support/guest.js'
import {runs} from '../support/runs.js'

type Guest = Awaited<ReturnType<typeof guestCopy>>

let policy: Policy
beforeAll(async () => {
  const {policy: file, kernel} = await guestCopy()
  policy = readPolicy([file], kernel.now())
})

const DEVICE = `/sys/bus/pci/devices/${GOOD}`
const write = (kernel: Kernel, path: string, text: string): Promise<void> =>
  kernel.write(path, new Uint8Array(Buffer.from(text))).catch((error: unknown) => {
    if (!(error instanceof TsmctlError)) throw error
  })

/** What others do to the device, whether the kernel lets them or not. None of them accepts. */
const EVENTS: Readonly<Record<string, (kernel: Kernel) => Promise<void>>> = {
  async relock(kernel) {
    await write(kernel, `${DEVICE}/tsm/unlock`, 'tsm0')
    await write(kernel, `${DEVICE}/tsm/lock`, 'tsm0')
  },
  unlock: kernel => write(kernel, `${DEVICE}/tsm/unlock`, 'tsm0'),
  lock: kernel => write(kernel, `${DEVICE}/tsm/lock`, 'tsm0'),
  probe: kernel => write(kernel, '/sys/bus/pci/drivers_probe', GOOD),
  async bind(kernel) {
    await write(kernel, `${DEVICE}/driver_override`, '\n')
    await write(kernel, '/sys/bus/pci/drivers/acmegpu/bind', GOOD)
  },
  unbind: kernel => write(kernel, '/sys/bus/pci/drivers/acmegpu/unbind', GOOD),
  reset: kernel => write(kernel, `${DEVICE}/reset`, '1'),
  disable: kernel => write(kernel, `${DEVICE}/enable`, '0'),
  vanish: kernel => write(kernel, `${DEVICE}/remove`, '1'),
  async replug(kernel) {
    await write(kernel, `${DEVICE}/remove`, '1')
    await write(kernel, '/sys/bus/pci/rescan', '1')
  },
}

type Verb = (kernel: Kernel, memory: {digest: string | undefined}) => Promise<unknown>
const VERBS: Readonly<Record<string, Verb>> = {
  lock: kernel => lock(kernel, GOOD),
  unlock: kernel => unlock(kernel, GOOD),
  'unlock --rebind': kernel => unlock(kernel, GOOD, {rebind: true}),
  'unlock --force': kernel => unlock(kernel, GOOD, {force: true}),
  async evidence(kernel, memory) {
    memory.digest = (await collectEvidence(kernel, GOOD)).digest
  },
  accept: async (kernel, {digest}) => digest && accept(kernel, GOOD, digest, {policy}),
  'accept --bind': async (kernel, {digest}) => digest && accept(kernel, GOOD, digest, {policy, bind: true}),
  admit: kernel => admit(kernel, GOOD, {policy}),
}

const policyOf = ({policy: file, kernel}: Guest): Policy => readPolicy([file], kernel.now())
const failing = ({results}: Appraisal): string[] => results.filter(({result}) => result === 'fail').map(({id}) => id)

class Crash extends Error {}

/** Somebody has the evidence refreshed: a new generation where the kernel counts them. */
const REFRESH = 'refresh'

/** Violations that a rival's own act made, which are not tsmctl's. */
async function strike(machine: Guest, event: string): Promise<number> {
  const before = machineStatus(machine.directory).violations.length
  if (event === REFRESH) await injectFault(machine.directory, {device: GOOD, at: 'now', do: 'regenerate'})
  else await EVENTS[event]!(machine.kernel)
  return machineStatus(machine.directory).violations.length - before
}

/** The last commit, and in which lock it was seen to be the reason of RUN. */
interface Commit {
  readonly seq: number
  readonly epoch: number
}

/** In which locks of the device the objects and the digests of evidence were read, by the machine's own account. */
type Epochs = Map<string, readonly number[]>

/** `kernel`, which enters in `epochs` in which lock every piece of evidence was dumped that is then collected. */
function witnessed({kernel, directory}: Guest, epochs: Epochs): Kernel {
  let dumps: number[] = []
  return {
    ...kernel,
    async netlinkDump(request, signal) {
      const messages = await kernel.netlinkDump(request, signal)
      dumps = [...dumps.slice(-1), machineStatus(directory).devices[0]!.lockEpoch]
      return messages
    },
    state: {
      ...kernel.state,
      append(name, bytes) {
        kernel.state.append(name, bytes)
        const text = Buffer.from(bytes).toString()
        if (text.includes('"event":"collected"')) epochs.set(/sha384:[0-9a-f]{96}/.exec(text)![0], dumps)
      },
    },
  }
}

/**
 * RUN is reached only from a commit of evidence that was read in the very lock that runs and that the TSM holds then, and
 * kept only in the same lock. Later evidence of a running device has measurements of its own. What the device is in and
 * which lock it is is asked of the machine, not of tsmctl.
 */
async function checkRun(
  {kernel, directory}: Guest,
  epochs: Epochs,
  known: Commit | undefined,
): Promise<Commit | undefined> {
  const {tdi, lockEpoch: epoch} = machineStatus(directory).devices[0]!
  if (tdi !== 'RUN') return known
  const last = readAudit(kernel).records.findLast(({event}) => event === 'committing' || event === 'committed')
  expect(last).toBeDefined()
  const {seq} = last!
  if (seq === known?.seq) {
    expect(epoch).toBe(known.epoch)
    return known
  }
  const {D} = last!['evidence'] as {D: string}
  expect(epochs.get(D)).toEqual([epoch, epoch])
  const frozen = decodeTsmFacts(keptBundle(kernel, D).objects.get('tsm')!).digests
  const {digests} = await (await chooseProvider(kernel)).readDigests(kernel, GOOD)
  expect(Object.fromEntries([...digests].map(([label, bytes]) => [label, toHex(bytes)]))).toEqual(frozen)
  return {seq: seq!, epoch}
}

interface Act {
  readonly verb: string
  /** What happens before which of its calls that may wait; a bare event where there is no verb. */
  readonly event: string
  readonly at: number
}

async function live(abi: 'G2' | 'P2', acts: readonly Act[]): Promise<void> {
  const machine = await guestCopy(abi)
  const memory: {digest: string | undefined} = {digest: undefined}
  const epochs: Epochs = new Map()
  const inner = witnessed(machine, epochs)
  let rivals = 0
  let commit: Commit | undefined
  for (const {verb, event, at} of acts) {
    let isDead = false
    const {kernel} = interrupted(
      inner,
      at,
      async () => {
        if (event === 'crash') isDead = true
        else if (event !== 'nothing') rivals += await strike(machine, event)
      },
      () => (isDead ? new Crash('gone') : undefined),
    )
    const error = await VERBS[verb]!(kernel, memory).then(
      () => null,
      (thrown: unknown) => thrown,
    )
    if (error !== null && !isDead) {
      expect(error).toBeInstanceOf(TsmctlError)
      expect((error as TsmctlError).kind).not.toBe('bug')
    }
    const {violations, devices} = machineStatus(machine.directory)
    expect(violations.length).toBe(rivals)
    commit = await checkRun(machine, epochs, commit)
    const {tdi, driver} = devices[0]!
    // a running device that is reset keeps its driver: the kernel does not tell
    if (rivals === 0 && tdi === 'CONFIG_LOCKED') expect(driver).toBeNull()
    expect(readAudit(machine.kernel).problems).toEqual([])
  }
  // whatever happened, it can be given back
  await write(machine.kernel, '/sys/bus/pci/rescan', '1')
  await unlock(machine.kernel, GOOD, {force: true, rebind: true})
  const after = await readTdi(machine.kernel, GOOD)
  expect(after.state).toBe('CONFIG_UNLOCKED')
  expect(after.driverOverride).not.toBe(HOLD)
}

const acts = fc.array(
  fc.record({
    verb: fc.constantFrom(...Object.keys(VERBS)),
    event: fc.oneof(
      {weight: 2, arbitrary: fc.constant('nothing')},
      {weight: 3, arbitrary: fc.constant('crash')},
      {weight: 5, arbitrary: fc.constantFrom(...Object.keys(EVENTS), REFRESH)},
    ),
    at: fc.nat(45),
  }),
  {minLength: 1, maxLength: 7},
)

describe('the life of a TDI', () => {
  it('reaches RUN only by a commit of its own evidence, and can always be given back', async () => {
    await fc.assert(fc.asyncProperty(fc.constantFrom('G2', 'P2'), acts, live), {
      numRuns: runs(12),
    })
  })
})

/** Every dump differs from the one before: one byte of one message, chosen anew each time, is another. */
function unsteady(inner: Kernel, places: readonly (readonly [number, number])[]): Kernel {
  let dumps = 0
  return {
    ...inner,
    async netlinkDump(request, signal) {
      const messages = (await inner.netlinkDump(request, signal)).map(message => message.slice())
      const [message = 0, byte = 0] = places[dumps % places.length]!
      const struck = messages[message % messages.length]!
      // the last bytes are content, the first name what follows
      struck[struck.length - 1 - (byte % Math.ceil(struck.length / 2))]! ^= 1 + (dumps++ % 255)
      return messages
    },
  }
}

const flip = (at: number, bit: number) => (text: string) =>
  text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ bit) + text.slice(at + 1)

describe('a host that says something else once', () => {
  const objects = ['cert0', 'vca', 'measurements', 'report'] as const
  const cells = (['G2', 'P2'] as const).flatMap(abi => objects.map(object => [abi, object] as const))

  it.each(cells)('of %s, %s in the dump that is frozen, never gets a device accepted', async (abi, object) => {
    const machine = await guestCopy(abi)
    // in the middle, which every object has
    await injectFault(machine.directory, {device: GOOD, at: 'evidence', do: 'flip-bit', object, offset: 40})
    const {admitted, appraisal} = await admit(machine.kernel, GOOD, {policy: policyOf(machine)})
    expect(admitted).toBe(false)
    expect(failing(appraisal)).toContain(`tsm.digest.${object === 'cert0' ? 'certs' : object}`)
  })

  it.each(['G2', 'P2'] as const)('of %s, any one digest, never gets a device accepted', async abi => {
    for (const at of [0, 1, 2, 3]) {
      const machine = await guestCopy(abi)
      let dumps = 0
      const {admitted} = await admit(
        {
          ...machine.kernel,
          async netlinkDump(request, signal) {
            const messages = await machine.kernel.netlinkDump(request, signal)
            if (dumps++ !== 1) return messages
            const changed = messages.map(message => message.slice())
            const struck = changed[at]!
            struck[struck.length - 1]! ^= 1
            return changed
          },
        },
        GOOD,
        {policy: policyOf(machine)},
      )
      expect([at, admitted]).toEqual([at, false])
    }
  })

  it.each([
    ['the identifiers', 'uevent', (text: string) => text.replace(/PCI_ID=./, 'PCI_ID=F')],
    ['the class', 'uevent', (text: string) => text.replace('PCI_CLASS=', 'PCI_CLASS=1')],
    ['the revision', 'revision', flip(3, 1)],
    ['the header type', 'config', flip(14, 1)],
    ['the size of a BAR', 'resource', flip(30, 1)],
    ['bus mastering', 'config', flip(4, 4)],
  ] as const)('about %s between two looks never gets a device accepted', async (_, file, edit) => {
    const machine = await guestCopy()
    const {kernel} = machine
    let isDumped = false
    let struck = 0
    const changed = (path: string, bytes: Uint8Array): Uint8Array => {
      if (!isDumped || !path.endsWith(`${GOOD}/${file}`)) return bytes
      const text = Buffer.from(bytes).toString('latin1')
      const other = edit(text)
      if (other !== text) struck++
      return new Uint8Array(Buffer.from(other, 'latin1'))
    }
    const other: Kernel = {
      ...kernel,
      read: path => changed(path, kernel.read(path)),
      readAt: (path, from, length) => changed(path, kernel.readAt(path, from, length)),
      netlinkDump(request, signal) {
        isDumped = true
        return kernel.netlinkDump(request, signal)
      },
    }
    const {admitted, appraisal} = await admit(other, GOOD, {policy: policyOf(machine)})
    expect(struck).toBeGreaterThan(0)
    expect(admitted).toBe(false)
    expect(failing(appraisal)).toContain('acq.device.stable')
  })
})

describe('a host that says something else at every reading', () => {
  it('never gets a device accepted (property P16)', async () => {
    const places = fc.array(fc.tuple(fc.nat(), fc.nat()), {minLength: 1, maxLength: 4})
    await fc.assert(
      fc.asyncProperty(places, async where => {
        const {kernel, directory} = await guestCopy()
        const outcome = await admit(unsteady(kernel, where), GOOD, {policy}).then(
          ({admitted}) => admitted,
          (error: unknown) => error,
        )
        expect(outcome === false || outcome instanceof TsmctlError).toBe(true)
        expect(machineStatus(directory)).toMatchObject({violations: [], devices: [{tdi: 'CONFIG_UNLOCKED'}, {}, {}]})
        expect(readAudit(kernel).records.map(({event}) => event)).not.toContain('committed')
      }),
      {numRuns: 8},
    )
  })
})

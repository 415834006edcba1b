/** Evidence of every generation of the guest ABI, from review to accept, with everything that can happen to it. */
import {readFileSync, writeFileSync} from 'node:fs'
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {TsmctlError} from '../../src/errors.js'
import {importDumped} from '../../src/evidence/index.js'
import {formatCapture, type Kernel, parseCapture, recordingKernel, replayKernel} from '../../src/kernel/index.js'
import {
  accept,
  admit,
  appraiseLive,
  collectEvidence,
  readAudit,
  readPolicy,
  reviewDevice,
  verifyBundle,
} from '../../src/operations/index.js'
import {type Fault, injectFault, machineStatus} from '../../src/sim/index.js'
import {readTdi} from '../../src/tsm/index.js'
import {GOOD, guestWith} from '../support/guest.js'

async function opened(keys: string) {
  const {kernel, directory, policy: file} = await guestWith(keys)
  const policy = readPolicy([file], kernel.now())
  return {
    kernel,
    directory,
    policy,
    /** The same rules for evidence of a device that is not here: it has a certificate and no identifiers. */
    policyFor() {
      const text = readFileSync(file, 'utf8').replaceAll(/vendor: "\w+", device: \["\w+"\], san/g, 'san')
      writeFileSync(file, text)
      return readPolicy([file], kernel.now())
    },
    inject: (fault: Omit<Fault, 'device'>) => injectFault(directory, {device: GOOD, ...fault}),
    device: () => machineStatus(directory).devices.find(({bdf}) => bdf === GOOD)!,
  }
}

const failed = (results: readonly {id: string; blocking: boolean; result: string}[]): string[] =>
  results.filter(({blocking, result}) => blocking && result === 'fail').map(({id}) => id)
const lastAudit = (kernel: Kernel) => readAudit(kernel).records.at(-1)!

describe('evidence with a generation', () => {
  it('is validated before the accept that is recorded with it', async () => {
    const {kernel, policy, device, directory} = await opened('abi: P2')
    const {bundle, appraisal} = await reviewDevice(kernel, GOOD, {policy})
    const {generation} = bundle.manifest.provider
    expect(bundle.manifest).toMatchObject({
      provider: {kind: 'device-evidence', abi: 'device-evidence/1', generation: device().generation},
      lockEpoch: {kind: 'generation', value: String(generation)},
    })
    expect(appraisal.results.find(({id}) => id === 'acq.generation.stable')).toMatchObject({result: 'pass'})
    const result = await accept(kernel, GOOD, bundle.digest, {policy})
    expect(result).toMatchObject({changed: true, failure: null, after: {state: 'RUN'}})
    expect(result.commit.find(({id}) => id === 'commit.generation')).toMatchObject({result: 'pass'})
    expect(device().validated).toBe(generation)
    expect(lastAudit(kernel)).toMatchObject({event: 'committed', evidence: {generation}, result: {validated: true}})
    expect(machineStatus(directory).violations).toEqual([])
  })

  it('is compared only, where the kernel has no validate', async () => {
    const {kernel, policy, device} = await opened('abi: P2\nvalidate: false')
    expect(await admit(kernel, GOOD, {policy})).toMatchObject({admitted: true, failure: null})
    expect(device().validated).toBeNull()
    expect(lastAudit(kernel)).toMatchObject({event: 'committed', result: {validated: false}})
  })

  it('does not lead to accept once it was refreshed after the review', async () => {
    const {kernel, policy, inject, device} = await opened('abi: P2')
    const {bundle} = await reviewDevice(kernel, GOOD, {policy})
    await inject({at: 'now', do: 'regenerate'})
    const result = await accept(kernel, GOOD, bundle.digest, {policy})
    expect(result).toMatchObject({changed: false, failure: {kind: 'busy'}, after: {state: 'CONFIG_LOCKED'}})
    expect(failed(result.commit)).toContain('commit.generation')
    expect(device().validated).toBeNull()
  })

  it.each<[string, Omit<Fault, 'device'>, string]>([
    ['a refresh', {at: 'validate', do: 'regenerate'}, 'busy'],
    ['a refusal with hostile words', {at: 'validate', do: 'hostile-text', errno: 'ESTALE'}, 'busy'],
    ['any other refusal', {at: 'validate', do: 'errno', errno: 'EPERM'}, 'not-permitted'],
  ])('does not lead to accept when only validate meets %s', async (_, fault, kind) => {
    const {kernel, policy, inject} = await opened('abi: P2')
    const {bundle} = await reviewDevice(kernel, GOOD, {policy})
    await inject(fault)
    const result = await accept(kernel, GOOD, bundle.digest, {policy})
    expect(result).toMatchObject({changed: false, failure: {kind}})
    expect(result.failure!.message).toMatch(/^[\x20-\x7e]*$/)
    expect((await readTdi(kernel, GOOD)).state).toBe('CONFIG_LOCKED')
    expect(lastAudit(kernel)).toMatchObject({event: 'commit-failed', result: {check: 'commit.generation'}})
  })

  it('that was refreshed during the write is found out in RUN, and the device is unlocked', async () => {
    const {kernel, policy, inject} = await opened('abi: P2')
    const {bundle} = await reviewDevice(kernel, GOOD, {policy})
    await inject({at: 'accept', do: 'regenerate', when: 'after'})
    await expect(accept(kernel, GOOD, bundle.digest, {policy})).rejects.toThrow(/evidence changed since the review/)
    expect((await readTdi(kernel, GOOD)).state).toBe('CONFIG_UNLOCKED')
  })

  it('is refused when the digests are of another generation than the objects', async () => {
    const {kernel, policy, inject} = await opened('abi: P2')
    await inject({at: 'evidence', do: 'regenerate'})
    const {appraisal} = await reviewDevice(kernel, GOOD, {policy})
    expect(appraisal.decision).toBe('deny')
    expect(failed(appraisal.results)).toContain('acq.generation.stable')
  })

  it('does not lead to accept through another interface than it came from', async () => {
    const {kernel, policy, inject} = await opened('abi: P2')
    const {bundle} = await reviewDevice(kernel, GOOD, {policy})
    await inject({at: 'evidence', do: 'family-version'})
    const result = await accept(kernel, GOOD, bundle.digest, {policy})
    expect(result.changed).toBe(false)
    expect(failed(result.commit)).toContain('commit.generation')
  })
})

describe('a kernel that', () => {
  it.each<[string, string, boolean, RegExp]>([
    ['has no interface for evidence', 'abi: G1n', false, /no evidence interface.*has none/],
    ['has device-evidence of another version', 'abi: P2', true, /device-evidence\/2/],
    ['has pci-tsm of another version', 'abi: G2', true, /pci-tsm\/2/],
  ])('%s never gets a device accepted, and the reason is told', async (_, keys, strange, reason) => {
    const {kernel, policy, inject} = await opened(keys)
    if (strange) await inject({at: 'evidence', do: 'family-version', times: 'always'})
    const {admitted, appraisal, failure, after} = await admit(kernel, GOOD, {policy})
    expect(admitted).toBe(false)
    expect(failure).toMatchObject({kind: 'denied'})
    expect(failure!.message).toMatch(reason)
    expect(failed(appraisal.results)).toContain('acq.abi.known')
    expect(after.state).toBe('CONFIG_UNLOCKED')
  })
})

describe.each(['G2', 'P2'])('a dump of %s', abi => {
  it.each<[string, Omit<Fault, 'at' | 'device'>]>([
    ['of which a piece is missing', {do: 'truncate', object: 'cert0', offset: 300}],
    ['with an object twice', {do: 'duplicate', object: 'report'}],
    ['with an object that nobody asked for', {do: 'unrequested'}],
    ['with an object of 16 MiB + 1', {do: 'oversize', object: 'measurements'}],
    ['with an attribute nobody knows', {do: 'unknown-attribute', times: 'always'}],
    ['that reads differently every time', {do: 'double-fetch', object: 'measurements', times: 'always'}],
    ['that fails with words to drive a terminal', {do: 'hostile-text', errno: 'ENXIO'}],
    ['that never gets to its end', {do: 'interrupted', times: 'always'}],
  ])('%s never leads to accept', async (_, fault) => {
    const {kernel, policy, inject} = await opened(`abi: ${abi}`)
    await inject({at: 'evidence', ...fault})
    const outcome = await admit(kernel, GOOD, {policy}).then(
      ({failure}) => failure!.message,
      (error: unknown) => (error as Error).message,
    )
    expect(outcome).toMatch(/^[\x20-\x7e]+$/)
    expect((await readTdi(kernel, GOOD)).state).toBe('CONFIG_UNLOCKED')
  })

  it('that is disturbed is read again', async () => {
    const {kernel, policy, inject} = await opened(`abi: ${abi}`)
    await inject({at: 'evidence', do: 'interrupted', times: 3})
    expect(await admit(kernel, GOOD, {policy})).toMatchObject({admitted: true})
  })

  it('is not shown as fresh when the nonce was refused', async () => {
    const {kernel, policy} = await opened(`abi: ${abi}\nnonce: refused`)
    const {bundle, appraisal} = await reviewDevice(kernel, GOOD, {policy})
    expect(bundle.manifest.nonce).toBeNull()
    expect(failed(appraisal.results)).toEqual(expect.arrayContaining(['acq.nonce.used', 'spdm.meas.nonce']))
  })

  it('that says other bytes at every read never gets a device accepted (P16)', async () => {
    const {kernel, directory, policy} = await opened(`abi: ${abi}`)
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
            const at = byte % changed.length
            changed[at] = (changed[at]! + 2 ** bit) % 256
            return messages
          },
        }
        const outcome = await admit(changing, GOOD, {policy}).then(
          ({admitted}) => admitted,
          () => false,
        )
        expect(outcome).toBe(false)
      }),
      {numRuns: 6},
    )
    expect(machineStatus(directory)).toMatchObject({violations: [], devices: [{tdi: 'CONFIG_UNLOCKED'}, {}, {}]})
  })
})

describe.each(['G2', 'P2'])('a capture of a guest with %s', abi => {
  it('gives its evidence again, which proves nothing now', async () => {
    const {kernel, policy} = await opened(`abi: ${abi}`)
    const recording = recordingKernel(kernel)
    const {bundle, appraisal} = await reviewDevice(recording, GOOD, {policy})
    expect(appraisal.decision).toBe('accept')
    const replay = replayKernel(parseCapture(formatCapture(recording.capture())))
    const again = await collectEvidence(replay, GOOD)
    expect(again.manifest.provider).toEqual(bundle.manifest.provider)
    for (const label of ['cert0', 'vca', 'measurements', 'report'] as const)
      expect(again.objects.get(label)).toEqual(bundle.objects.get(label))
    expect(failed((await verifyBundle(replay, again, policy, replay.now())).results)).toContain('spdm.meas.nonce')
  })
})

describe('what the helper of the kernel dumped', () => {
  it('can be verified, down to the signature over the nonce, and never leads to accept', async () => {
    const {kernel, policy, policyFor} = await opened('abi: P2')
    const {bundle} = await reviewDevice(kernel, GOOD, {policy})
    const labels = ['cert0', 'vca', 'measurements', 'report'] as const
    const lines = labels.map(type => {
      const {length} = bundle.objects.get(type)!
      return JSON.stringify({type, generation: bundle.manifest.provider.generation, length, received: length})
    })
    const imported = importDumped({
      files: new Map([
        ...labels.map(label => [`${label}.bin`, bundle.objects.get(label)!] as const),
        ['lines.json', new Uint8Array(Buffer.from(lines.join('\n')))],
      ]),
      hash: 'sha384',
      asym: 'ecdsa-p384',
      nonce: bundle.manifest.nonce!.value,
      collectedAt: bundle.manifest.collectedAt,
      bundleId: '0f'.repeat(16),
      tool: 'test',
      source: 'dump/',
    })
    const {decision, results} = await verifyBundle(kernel, imported, policyFor(), kernel.now())
    const passed = results.filter(({result}) => result === 'pass').map(({id}) => id)
    expect(passed).toEqual(
      expect.arrayContaining([
        'spdm.chain.signatures',
        'spdm.meas.signature',
        'spdm.meas.nonce',
        'acq.generation.stable',
      ]),
    )
    expect(decision).toBe('deny')
    expect(failed((await appraiseLive(kernel, imported, {policy})).results)).toContain('acq.source.live')
  })
})

describe('the record of a collection', () => {
  it('says when nobody could be asked what interface there is', async () => {
    const {kernel, policy} = await opened('abi: G2')
    const mute: Kernel = {
      ...kernel,
      async netlinkFamily() {
        throw new TsmctlError({kind: 'unsupported', attempted: 'ask the kernel', got: 'the bridge is not installed'})
      },
    }
    await expect(admit(mute, GOOD, {policy})).rejects.toThrow(/evidence interface.*not installed/)
    expect((await readTdi(kernel, GOOD)).state).toBe('CONFIG_UNLOCKED')
  })
})

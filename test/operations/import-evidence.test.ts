/** Evidence of other tools: told by its content, taken over byte for byte, and never more than it is. */
import {mkdtempSync, readFileSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import fc from 'fast-check'
import {beforeAll, describe, expect, it} from 'vitest'
import {concat} from '../../src/bits/index.js'
import {
  bundleFromJson,
  bundleToCbor,
  bundleToFiles,
  bundleToJson,
  freeze,
  integrityFindings,
} from '../../src/evidence/index.js'
import {TsmctlError} from '../../src/errors.js'
import {environment, type Kernel, listenTcp, memoryState} from '../../src/kernel/index.js'
import {
  type Brought,
  chosenItem,
  type ImportedItem,
  importItems,
  type ImportOptions,
} from '../../src/operations/import-evidence.js'
import {attest} from '../../src/operations/spdm-attest.js'
import {labDeviceOf} from '../../src/operations/spdm-lab.js'
import {serveSpdm} from '../../src/operations/spdm-respond.js'
import {Responder} from '../../src/spdm/index.js'
import {GENUINE} from '../appraisal/forge.js'
import {judge} from '../appraisal/guest.js'
import {FACTS, OBJECTS} from '../evidence/sample.js'

const scratch = mkdtempSync(join(tmpdir(), 'tsmctl-import-'))
const SAMPLE = freeze(OBJECTS, FACTS)
const latin1 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'))
const json = (value: unknown): Uint8Array => latin1(JSON.stringify(value))

let ids = 0
const imported = (brought: Brought, more: Partial<ImportOptions> = {}): Promise<readonly ImportedItem[]> =>
  importItems(brought, {
    hash: 'sha384',
    asym: 'ecdsa-p384',
    collectedAt: '2026-11-21T12:00:00Z',
    newId: () => `${ids++}`.padStart(32, '0'),
    tool: 'test',
    source: 'file',
    ...more,
  })

const pem = (...ders: readonly Uint8Array[]): string =>
  ders
    .map(der => `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`)
    .join('')
const LEAF_FIRST = pem(...GENUINE.toReversed())
const vendorEntry = (nonce: string | undefined) => ({
  arch: 'TEST',
  evidence: Buffer.from([0x11, 0xe0]).toString('base64'),
  certificate: Buffer.from(LEAF_FIRST).toString('base64'),
  nonce,
})
const NONCE = '0a'.repeat(32)

/** One attestation of a lab device: its own bundle, and what went over the wire. */
const recorded = {bundle: new Uint8Array(), capture: new Uint8Array()}
beforeAll(async () => {
  const {options, root} = await labDeviceOf({})
  const listener = await listenTcp({host: '127.0.0.1', port: 0})
  const abort = new AbortController()
  const served = serveSpdm(listener, new Responder(options), {signal: abort.signal})
  const [rootFile, bundleFile, transcriptFile] = ['root.der', 'lab.json', 'lab.pcap'].map(name => join(scratch, name))
  writeFileSync(rootFile!, root)
  await attest({...environment, state: memoryState()} as unknown as Kernel, {
    device: `tcp://127.0.0.1:${listener.address.port}`,
    roots: [rootFile!],
    policies: [],
    timeout: 2000,
    tool: 'test',
    signal: abort.signal,
    shutdown: true,
    session: true,
    bundleFile,
    transcriptFile,
  })
  abort.abort()
  await served
  recorded.bundle = new Uint8Array(readFileSync(bundleFile!))
  recorded.capture = new Uint8Array(readFileSync(transcriptFile!))
})

describe('a file is told by its content', () => {
  it.each<[string, () => Brought | Promise<Brought>, string]>([
    ['a bundle', () => latin1(bundleToJson(SAMPLE)), 'bundle'],
    ['a bundle in a directory', () => bundleToFiles(SAMPLE), 'bundle'],
    ['a bundle in CBOR', () => bundleToCbor(SAMPLE), 'bundle'],
    ['a list of NVIDIA', () => json([vendorEntry(NONCE)]), 'nvidia-json'],
    ['a capture', () => recorded.capture, 'pcap'],
    ['a dump', () => new Map([['report', latin1('x')]]), 'dump'],
  ])('%s', async (_, make, format) => {
    const [item, ...more] = await imported(await make())
    expect([item!.format, more]).toEqual([format, []])
    expect(integrityFindings(item!.bundle)).toEqual([])
    if (format === 'bundle') expect(item!.bundle.digest).toBe(SAMPLE.digest)
    else expect(['file', 'vendor-tool']).toContain(item!.bundle.manifest.provider.kind)
  })

  it('or is refused naming what is known', async () => {
    await expect(imported(latin1('hello'))).rejects.toMatchObject({kind: 'malformed', hint: /JSON of NVIDIA/})
    await expect(imported(new Uint8Array())).rejects.toMatchObject({kind: 'malformed'})
    await expect(imported(json({evidence: 1}))).rejects.toThrow(/its type is missing/)
    await expect(imported(bundleToFiles(SAMPLE), {format: 'pcap'})).rejects.toThrow(/a directory, and pcap is one/)
    await expect(imported(latin1('x'), {format: 'dump'})).rejects.toThrow(/a dump is a directory/)
    await expect(imported(latin1('x'), {format: 'raw'})).rejects.toMatchObject({kind: 'usage'})
  })
})

describe('a capture', () => {
  it('is the evidence that the requester itself kept', async () => {
    const [item] = await imported(recorded.capture)
    const own = bundleFromJson(recorded.bundle)
    for (const label of ['cert0', 'vca', 'measurements'] as const)
      expect(item!.bundle.objects.get(label)).toEqual(own.objects.get(label))
    expect(item!.statedNonce).toBe(own.manifest.nonce!.value)
    expect(item!.bundle.manifest.nonce).toBeNull()
  })

  it('without its end lacks what it lacks', async () => {
    const tenth = Math.floor(recorded.capture.length / 10)
    await expect(imported(recorded.capture.slice(0, 24))).rejects.toThrow(/does not hold a negotiation/)
    await expect(imported(recorded.capture.slice(0, tenth))).rejects.toThrow(/holds no|does not hold/)
  })
})

describe('a nonce', () => {
  it('that only the file names is told, and not believed', async () => {
    const [item] = await imported(json([vendorEntry(NONCE)]))
    expect([item!.statedNonce, item!.bundle.manifest.nonce]).toEqual([NONCE, null])
  })
  it('of the caller is in the manifest, as what somebody else drew', async () => {
    const [item] = await imported(json([vendorEntry(NONCE)]), {nonce: NONCE})
    expect(item!.bundle.manifest.nonce).toEqual({value: NONCE, derivation: 'external'})
  })
  it('of the caller that the file contradicts is refused', async () => {
    const nonce = '0b'.repeat(32)
    await expect(imported(json([vendorEntry(NONCE)]), {nonce})).rejects.toThrow(/collected with nonce "0a0a/)
    await expect(imported(recorded.capture, {nonce})).rejects.toThrow(/collected with nonce/)
  })
})

describe('several devices', () => {
  it('are bundles with ids of their own, of which one is chosen', async () => {
    const items = await imported(json([vendorEntry(NONCE), vendorEntry(undefined)]))
    expect(new Set(items.map(({bundle}) => bundle.manifest.bundleId)).size).toBe(2)
    expect(chosenItem(items, 2)).toBe(items[1])
    expect(() => chosenItem(items, undefined)).toThrow(/there are 2/)
    expect(() => chosenItem(items, 3)).toThrow(
      expect.objectContaining({kind: 'usage', hint: expect.stringMatching(/1 \(TEST\), 2 \(TEST\)/)}),
    )
  })
})

describe('whatever was imported', () => {
  it('never leads to accept on the machine it is shown to', async () => {
    for (const brought of [recorded.capture, json([vendorEntry(NONCE)]), new Map([['report', latin1('x')]])]) {
      // one after the other: a policy is read for each
      // oxlint-disable-next-line no-await-in-loop
      const [item] = await imported(brought)
      // oxlint-disable-next-line no-await-in-loop
      const {decision, results} = await judge(item!.bundle, undefined)
      expect(decision).toBe('deny')
      expect(results.find(({id}) => id === 'acq.source.live')?.result).not.toBe('pass')
    }
  })
})

const seeds = () => [recorded.capture, latin1(bundleToJson(SAMPLE)), json([vendorEntry(NONCE)])]

describe('any bytes', () => {
  it('are evidence or an explained refusal', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({maxLength: 64}).map(bytes => () => bytes),
          fc.tuple(fc.nat({max: 2}), fc.nat(), fc.nat({max: 255}), fc.nat()).map(([which, at, byte, end]) => () => {
            const bytes = seeds()[which]!.slice()
            bytes[at % bytes.length] = byte
            return end % 3 === 0 ? bytes.slice(0, end % bytes.length) : bytes
          }),
          fc.uint8Array({maxLength: 40}).map(bytes => () => concat(Uint8Array.of(0xd4, 0xc3, 0xb2, 0xa1), bytes)),
          fc.uint8Array({maxLength: 40}).map(bytes => () => concat(Uint8Array.of(0xa2), bytes)),
        ),
        async make => {
          try {
            for (const {bundle} of await imported(make())) expect(integrityFindings(bundle)).toEqual([])
          } catch (error) {
            expect(error).toBeInstanceOf(TsmctlError)
          }
        },
      ),
      {numRuns: 60},
    )
  })
})

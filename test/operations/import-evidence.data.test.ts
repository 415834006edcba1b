/** Public evidence in the forms it is handed out in: taken over unchanged, with signatures that hold. */
import {createPublicKey, verify} from 'node:crypto'
import {existsSync, readdirSync, readFileSync} from 'node:fs'
import {describe, expect, it} from 'vitest'
import {gatherFacts} from '../../src/appraisal/index.js'
import type {Bundle} from '../../src/evidence/index.js'
import {TsmctlError} from '../../src/errors.js'
import {importItems} from '../../src/operations/import-evidence.js'
import {leafKey, signingInput} from '../../src/spdm/index.js'

const DATA = new URL('../../../shared/data/', import.meta.url)
const bytes = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, DATA)))

const imported = (brought: Uint8Array) =>
  importItems(brought, {
    hash: 'sha384',
    asym: 'ecdsa-p384',
    collectedAt: '2026-11-21T12:00:00Z',
    newId: () => '00'.repeat(16),
    tool: 'test',
    source: 'file',
  })

/** Did the leaf of the bundle's chain sign its measurements? */
async function isSigned(bundle: Bundle): Promise<boolean> {
  const {measurements, negotiated, chain} = await gatherFacts(bundle)
  if (measurements.kind !== 'decoded' || chain.kind !== 'decoded') return expect.unreachable('it cannot be read')
  const {version, transcript, signature} = measurements.value
  const {hash} = negotiated!
  const spki = Buffer.from(leafKey(chain.value.certificates.at(-1)!.der))
  return verify(
    hash.name,
    signingInput(version, 'responder-measurements signing', hash, transcript!),
    {key: createPublicKey({key: spki, format: 'der', type: 'spki'}), dsaEncoding: 'ieee-p1363'},
    signature!,
  )
}

const NVIDIA = ['hopper-545', 'hopper-580.159.03', 'ls10-96.10.55']
const CAPTURES = 'spdm/emu/'

const text = (of: Uint8Array): string => Buffer.from(of).toString('base64')

describe.skipIf(!existsSync(DATA))('public evidence (needs ../shared/data)', () => {
  it('of NVIDIA, as its tools write it, is the report byte for byte and verifies', async () => {
    const items = await imported(
      new Uint8Array(
        Buffer.from(
          JSON.stringify(
            NVIDIA.map(name => ({
              arch: name,
              evidence: text(bytes(`nvidia/${name}.report.bin`)),
              certificate: text(bytes(`nvidia/${name}.chain.pem`)),
              nonce: Buffer.from(bytes(`nvidia/${name}.report.bin`).slice(4, 36)).toString('hex'),
            })),
          ),
        ),
      ),
    )
    for (const [i, {bundle}] of items.entries()) {
      expect(bundle.objects.get('measurements')).toEqual(bytes(`nvidia/${NVIDIA[i]}.report.bin`))
      // oxlint-disable-next-line no-await-in-loop
      expect([NVIDIA[i], await isSigned(bundle)]).toEqual([NVIDIA[i], true])
    }
  })

  it('in captures of other implementations is found and verifies', async () => {
    const names = readdirSync(new URL(CAPTURES, DATA)).filter(name => name.endsWith('.pcap'))
    const outcomes: string[] = []
    for (const file of [...names.map(name => `${CAPTURES}${name}`), 'spdm/single-algo.pcap']) {
      // one after the other: they are large
      // oxlint-disable-next-line no-await-in-loop
      const outcome = await outcomeOf(bytes(file))
      outcomes.push(`${file.replace(/^.*\//, '')}: ${outcome}`)
    }
    expect(outcomes).toEqual(OUTCOMES)
  })
})

async function outcomeOf(capture: Uint8Array): Promise<string> {
  try {
    const [item] = await imported(capture)
    const {negotiated} = await gatherFacts(item!.bundle)
    if (!negotiated?.asym.name.startsWith('ecdsa')) return `signed with ${negotiated?.asym.name}`
    return (await isSigned(item!.bundle)) ? 'signed' : 'NOT signed'
  } catch (error) {
    if (error instanceof TsmctlError && error.kind === 'malformed') return error.got!
    throw error
  }
}

/** What the captures hold, outside of sessions. */
const OUTCOMES: readonly string[] = [
  's10-sha384-p384.pcap: signed',
  's11-sha256-p256-chacha.pcap: signed',
  's12-sha384-p384.pcap: signed',
  's12-sha512-rsassa3072-raw.pcap: signed with rsassa-3072',
  's13-sha256-p256-encfinish.pcap: signed',
  's14-mldsa65-mlkem768.pcap: signed with ml-dsa-65',
  'sv12-sha256-p256.pcap: signed',
  'single-algo.pcap: signed',
]

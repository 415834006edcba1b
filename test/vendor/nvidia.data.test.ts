/** Public NVIDIA evidence and manifests against what independent checkers found (skipped where ../shared/data is absent). */
import {existsSync, readFileSync} from 'node:fs'
import {fileURLToPath} from 'node:url'
import {X509Certificate} from 'node:crypto'
import {describe, expect, it} from 'vitest'
import {appraise, loadPolicy} from '../../src/appraisal/index.js'
import {named} from '../../src/evidence/index.js'
import {importEvidence} from '../../src/operations/import-evidence.js'
import {asymNamed, parseMeasurements} from '../../src/spdm/index.js'
import {opaqueReaderOf, readRim} from '../../src/vendor/index.js'

const DATA = fileURLToPath(new URL('../../../shared/data/nvidia/', import.meta.url))
const bytesOf = (file: string): Uint8Array => new Uint8Array(readFileSync(DATA + file))

interface Expected {
  readonly signature_valid?: boolean
  readonly opaque_fields?: readonly {readonly type: number; readonly hex: string}[]
  readonly driver_version?: string
  readonly vbios_version?: string
  readonly xmldsig_and_chain_valid_inside_signer_window?: boolean
  readonly signer_chain?: readonly string[]
  readonly resources?: number
  readonly active?: number
  readonly colloquialVersion?: string
  readonly compare?: Readonly<Record<string, {readonly mismatched_indices: readonly number[]}>>
}
interface Entry {
  readonly file: string
  readonly expected?: Expected
}
const ENTRIES: readonly Entry[] = existsSync(DATA)
  ? JSON.parse(readFileSync(`${DATA}MANIFEST.json`, 'utf8')).entries
  : []
const REPORTS = ENTRIES.filter(({file}) => file.endsWith('.report.bin'))
const RIMS = ENTRIES.filter(({file}) => file.startsWith('rim/'))

const measurementsOf = (file: string) => parseMeasurements(bytesOf(file), {asym: asymNamed('ecdsa-p384')!})

describe.skipIf(ENTRIES.length === 0)('public NVIDIA data (skipped where ../shared/data is absent)', () => {
  it.each(REPORTS)('opaque data of $file', ({file, expected}) => {
    const {opaqueData} = measurementsOf(file).signed!.response
    const {facts, unknown} = opaqueReaderOf('NVIDIA')!(opaqueData)
    expect(facts.size + unknown.length).toBe(expected!.opaque_fields!.length)
    expect(facts.get('opaque.driver-version')).toBe(expected!.driver_version)
    expect(facts.get('opaque.vbios-version')).toBe(expected!.vbios_version)
    const nvdec = expected!.opaque_fields!.find(({type}) => type === 11)
    expect(facts.get('opaque.nvdec0')).toBe(nvdec && (nvdec.hex === '55' ? 'disabled' : 'enabled'))
  })

  it.each(RIMS)('$file', ({file, expected}) => {
    const {signed, resources, version} = readRim(bytesOf(file))
    const certificates = signed.certificates.map(der => new X509Certificate(der))
    expect(certificates.map(({subject}) => /CN=(.*)/.exec(subject)?.[1])).toEqual(
      expected!.signer_chain!.map(subject => subject.split('|')[0]),
    )
    const signer = certificates[0]!.publicKey.export({type: 'spki', format: 'der'})
    expect(signed.signedBy(signer)).toBe(expected!.xmldsig_and_chain_valid_inside_signer_window)
    expect(signed.signedBy(certificates[1]!.publicKey.export({type: 'spki', format: 'der'}))).toBe(false)
    expect(resources.length).toBe(expected!.resources)
    expect(resources.filter(({active}) => active).length).toBe(expected!.active)
    expect(version).toBe(expected!.colloquialVersion)
    for (const [evidence, {mismatched_indices: mismatched}] of Object.entries(expected!.compare ?? {})) {
      const {blocks} = measurementsOf(`${evidence}.report.bin`)
      const values = new Map(blocks.map(({index, value}) => [index, Buffer.from(value).toString('hex')]))
      const wrong = resources.filter(({active, block, digests}) => active && !digests.includes(values.get(block)!))
      expect(wrong.map(({block}) => block - 1)).toEqual(mismatched)
    }
  })
})

describe.skipIf(ENTRIES.length === 0)('a rule with manifests of NVIDIA', () => {
  const HOPPER = ['rim/driver_545_test_no_gpu.xml', 'rim/vbios_96005E0001_test_no_gpu.xml']
  const IN_TIME = new Date('2024-06-01T00:00:00Z')
  const LATE = new Date('2026-06-01T00:00:00Z')

  async function judged(
    evidence: string,
    rims: readonly string[],
    now = IN_TIME,
    root = 'nvidia_corim_signing_root.pem',
  ) {
    const file = (name: string): [string, Uint8Array] => [name, bytesOf(name)]
    const anchor = (name: string) => ({
      label: name,
      certSha384: named(new Uint8Array(new X509Certificate(readFileSync(DATA + name)).raw)),
      file: name,
    })
    const policy = loadPolicy(
      [
        {
          name: 'nvidia.yaml',
          text: JSON.stringify({
            tsmctlPolicy: 1,
            name: 'nvidia',
            anchors: {nvidia: [anchor('nvidia_device_identity_root.pem')]},
            rimSigners: {'nvidia-rim': [anchor(root)]},
            rules: [
              {
                id: 'gpu',
                match: {san: 'NVIDIA:*'},
                decision: 'review',
                anchors: ['nvidia'],
                spdm: {minVersion: '1.1'},
                identity: {mode: 'any-from-anchor'},
                measurements: {source: 'vendor-rim', rim: rims.map(name => ({file: name, signer: 'nvidia-rim'}))},
                time: {validity: 'device'},
                human: 'typed',
              },
            ],
          }),
        },
      ],
      new Map([file('nvidia_device_identity_root.pem'), file(root), ...rims.map(file)]),
      now,
    )
    expect(policy.findings).toEqual([])
    const bundle = await importEvidence({
      transcript: bytesOf(`${evidence}.report.bin`),
      certificates: readFileSync(`${DATA}${evidence}.chain.pem`, 'latin1'),
      hash: 'sha384',
      asym: 'ecdsa-p384',
      nonce: Buffer.from(bytesOf(`${evidence}.report.bin`).subarray(4, 36)).toString('hex'),
      collectedAt: now.toISOString(),
      bundleId: '00'.repeat(16),
      tool: 'test',
      source: evidence,
    })
    const built = new Date('2023-08-01T00:00:00Z')
    const {results, subject, profile} = await appraise({
      bundle,
      policy,
      now,
      clockTrusted: true,
      mode: 'offline',
      built,
    })
    const of = (id: string) => results.find(found => found.id === id)!
    return {of, subject, profile, result: (id: string) => of(id).result}
  }

  it('approves every block of the GPU they were made for', async () => {
    const {result, subject, profile} = await judged('hopper-545', HOPPER)
    for (const id of ['reference', 'coverage', 'values', 'type-rep', 'zero-digest', 'opaque'])
      expect(`${id} ${result(`spdm.meas.${id}`)}`).toBe(`${id} pass`)
    const by = (status: string) => subject.measurements.filter(row => row.status === status)
    expect(by('approved').length).toBe(63)
    // what the video decoder runs is not compared while it is off
    expect(by('informational').map(({index}) => index)).toEqual([36])
    expect(subject.measurements[7]!.approvedBy).toBe('"rim/driver_545_test_no_gpu.xml", signer "nvidia-rim"')
    // what one manifest approves is one row of a comparison
    expect(new Set(profile!.measurements.map(({group}) => group))).toEqual(new Set([...HOPPER, undefined]))
  })

  it('approves every block of a switch', async () => {
    const {result} = await judged('ls10-96.10.55', ['rim/ls10_9610550001.xml'], new Date('2026-08-01T00:00:00Z'))
    for (const id of ['reference', 'coverage', 'values', 'type-rep', 'zero-digest', 'opaque'])
      expect(`${id} ${result(`spdm.meas.${id}`)}`).toBe(`${id} pass`)
  })

  it.each<[string, string, readonly string[], RegExp, Date?, string?]>([
    ['another board firmware', 'spdm.meas.values', [HOPPER[0]!, 'rim/vbios_96005E0001_PROD.xml'], /block 2 value/],
    ['half of the manifests', 'spdm.meas.values', [HOPPER[0]!], /block 2 value/],
    [
      'two manifests for one part',
      'spdm.meas.reference',
      [HOPPER[1]!, 'rim/vbios_96005E0001_PROD.xml'],
      /two manifests/,
    ],
    [
      'a signature that does not hold',
      'spdm.meas.reference',
      ['rim/driver_550.144.03_badsig.xml'],
      /does not hold/,
      new Date('2025-06-01T00:00:00Z'),
    ],
    [
      'the manifest of another product',
      'spdm.meas.reference',
      ['rim/ls10_9610550001.xml'],
      /for "LS10"/,
      new Date('2026-08-01T00:00:00Z'),
    ],
    ['a signer whose time is over', 'spdm.meas.reference', HOPPER, /not valid after 2025/, LATE],
    [
      'another root',
      'spdm.meas.reference',
      HOPPER,
      /not signed by "nvidia-rim"/,
      IN_TIME,
      'nvidia_device_identity_root.pem',
    ],
  ])('refuses %s: %s', async (_, id, rims, text, now = IN_TIME, root = undefined) => {
    const {of} = await judged('hopper-545', rims, now, root)
    expect(of(id)).toMatchObject({result: 'fail'})
    expect(of(id).text).toMatch(text)
  })
})

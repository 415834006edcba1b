/** Public evidence of real devices: what can be verified is, what cannot be is said, and nothing of it is accepted. */
import {existsSync, readFileSync} from 'node:fs'
import {describe, expect, it} from 'vitest'
import {toHex} from '../../src/bits/index.js'
import {appraise, type Appraisal, loadPolicy, type Policy} from '../../src/appraisal/index.js'
import {certificateOf} from '../../src/appraisal/policy/index.js'
import {importForeign} from '../../src/evidence/index.js'
import {sha384} from './forge.js'

const DATA = new URL('../../../shared/data/nvidia/', import.meta.url)
const NOW = new Date('2026-11-21T12:00:10Z')
const bytes = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, DATA)))
const text = (name: string): string => Buffer.from(bytes(name)).toString()

function policy(): Policy {
  const root = certificateOf(bytes('nvidia_device_identity_root.pem'))!
  const document = {
    tsmctlPolicy: 1,
    name: 'nvidia',
    anchors: {nvidia: [{label: 'device identity root', certSha384: `sha384:${toHex(sha384(root))}`, file: 'root.pem'}]},
    rules: [
      {
        id: 'any',
        match: {san: 'NVIDIA:*'},
        decision: 'review',
        anchors: ['nvidia'],
        identity: {mode: 'any-from-anchor'},
        measurements: {source: 'none'},
      },
    ],
  }
  return loadPolicy(
    [{name: 'p', text: JSON.stringify(document)}],
    new Map([['root.pem', bytes('nvidia_device_identity_root.pem')]]),
    NOW,
  )
}

const review = (name: string, nonce?: string): Promise<Appraisal> =>
  appraise({
    bundle: importForeign({
      transcript: bytes(`${name}.report.bin`),
      certificates: text(`${name}.chain.pem`),
      hash: 'sha384',
      asym: 'ecdsa-p384',
      nonce,
      collectedAt: '2026-11-21T12:00:00Z',
      bundleId: '00'.repeat(16),
      tool: 'test',
      source: name,
    }),
    policy: policy(),
    now: NOW,
    clockTrusted: false,
    mode: 'offline',
    built: new Date('2026-11-01T00:00:00Z'),
  })

const SAMPLES: readonly (readonly [string, string | undefined])[] = [
  ['hopper-545', '4cff7f5380ead8fad8ec2c531c110aca4302a88f603792801a8ca29ee151af2e'],
  ['hopper-580.159.03', '5bb22e377702d4e1e8215a903ba094826b9ac7f731dee1fe8102958bf2840aca'],
  ['ls10-96.10.55', '931d8dd0add203ac3d8b4fbde75e115278eefcdceac5b87671a748f32364dfcb'],
]

describe.skipIf(!existsSync(DATA))('public NVIDIA evidence (skipped where ../shared/data is absent)', () => {
  it.each(SAMPLES)('%s: what its DICE extension and its issuers say', async (name, nonce) => {
    const {results} = await review(name, nonce)
    const said = Object.fromEntries(results.map(({id, result, reason, code}) => [id, `${result} ${reason ?? code}`]))
    expect(said).toMatchObject({
      'spdm.dice.parse': 'pass pass',
      // only one of them signs the firmware id of its certificate with the measurements
      'spdm.dice.consistent': name === 'hopper-580.159.03' ? 'pass pass' : 'skip abs',
      // nobody vouches for it, and the issuers name sources of status of which nothing was supplied
      'spdm.dice.fwid': 'skip abs',
      'spdm.chain.revocation': 'fail nothing',
    })
  })

  it.each(SAMPLES)('%s: chain and signature verify, and the decision is deny', async (name, nonce) => {
    const {decision, results, subject} = await review(name, nonce)
    const of = (id: string): string => {
      const {result, reason, blockedBy} = results.find(one => one.id === id)!
      return reason ?? blockedBy ?? result
    }
    for (const id of [
      'policy.selector',
      'spdm.chain.format',
      'spdm.chain.root-pinned',
      'spdm.chain.signatures',
      'spdm.chain.ca-flags',
      'spdm.chain.weak',
      'spdm.meas.framing',
      'spdm.meas.signature',
      'spdm.meas.nonce',
      'spdm.meas.blocks',
      'ui.safe-text',
    ])
      expect(`${id} ${of(id)}`).toBe(`${id} pass`)
    expect(subject.name).toMatch(/^NVIDIA:/)
    // SPDM 1.1 signs no negotiation, no TSM vouches for it, and no device is at hand
    expect(of('spdm.vca.framing')).toBe('fail')
    expect(of('spdm.vca.version')).toBe('fail')
    expect(of('spdm.vca.covered')).toBe('spdm.vca.framing')
    expect(of('spdm.meas.debug')).toBe('abs')
    expect(of('spdm.meas.svn')).toBe('abs')
    expect(of('tsm.digest.measurements')).toBe('tsm')
    expect(of('acq.source.live')).toBe('na')
    expect(of('acq.device.present')).toBe('fail')
    expect(subject.debug).toBe('absent')
    expect(decision).toBe('deny')
  })

  it('a nonce nobody knows is not ours', async () => {
    const {results} = await review('hopper-545')
    expect(results.find(({id}) => id === 'spdm.meas.nonce')?.result).toBe('fail')
  })

  it('a bad signature is refused, and nothing that depends on it is shown as proven', async () => {
    const {decision, results, subject} = await review('hopper-badsig')
    expect(results.find(({id}) => id === 'spdm.meas.signature')?.result).toBe('fail')
    const dependent = results.filter(({blockedBy}) => blockedBy === 'spdm.meas.signature').map(({id}) => id)
    expect(dependent).toContain('spdm.meas.nonce')
    expect(dependent).toContain('spdm.meas.blocks')
    expect(subject.measurements).toEqual([])
    expect(subject.name).toBeNull()
    expect(decision).toBe('deny')
  })
})

/** G3t of public samples: the suite's base of SPDM 1.1 stands on real evidence too, and falls with one byte of it. */
import {describe, expect, it} from 'vitest'
import {concat} from '../../src/bits/index.js'
import {hasSamples, sampleBase} from './bases/nvidia.js'
import {type Forgery, policyFrom} from './forge.js'
import {blockers, failures, judge} from './guest.js'
import {flip} from './suite/row.js'

const SAMPLES = ['hopper-545', 'hopper-580.159.03', 'ls10-96.10.55']
const ANOTHER = new Uint8Array(48)

describe.skipIf(!hasSamples).each(SAMPLES)('%s (skipped where ../shared/data is absent)', sample => {
  it('nothing stands against it', async () => {
    const {forge, document} = sampleBase(sample)
    const policy = policyFrom(document)
    expect(policy.findings).toEqual([])
    const appraisal = await judge(await forge(), policy)
    expect(blockers(appraisal)).toEqual([])
    expect(appraisal.decision).toBe('review')
  })

  it.each<[string, readonly string[], (measurements: Uint8Array) => Forgery]>([
    [
      'N045 a byte behind the signature',
      ['spdm.meas.framing'],
      bytes => ({measurements: concat(bytes, Uint8Array.of(0))}),
    ],
    ['N050 a bit of a value', ['spdm.meas.signature'], bytes => ({measurements: flip(bytes, 37 + 20)})],
    ['N050 a bit of the signature', ['spdm.meas.signature'], bytes => ({measurements: flip(bytes, bytes.length - 1)})],
    [
      'N069 another negotiation than the TSM saw',
      ['spdm.vca.covered', 'tsm.digest.vca'],
      () => ({digests: {vca: ANOTHER}}),
    ],
  ])('%s', async (_, checks, forgery) => {
    const {forge, document} = sampleBase(sample)
    const {objects} = await forge()
    const appraisal = await judge(await forge(forgery(objects.get('measurements')!)), policyFrom(document))
    expect(failures(appraisal)).toEqual(checks)
    expect(appraisal.decision).toBe('deny')
  })

  it('N017 without digests of a TSM the negotiation is nobody\u2019s word', async () => {
    const {forge, document} = sampleBase(sample)
    const without = {cert0: undefined, vca: undefined, measurements: undefined, report: undefined}
    const {decision, results} = await judge(await forge({digests: without}), policyFrom(document))
    expect(results.find(({id}) => id === 'spdm.vca.covered')?.result).toBe('fail')
    expect(decision).toBe('deny')
  })
})

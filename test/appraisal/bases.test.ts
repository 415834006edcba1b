/** Every base is sound: otherwise the rows that start from it prove nothing. */
import {describe, expect, it} from 'vitest'
import {BASES} from './bases/index.js'
import {policyFrom} from './forge.js'
import {blockers, judge} from './guest.js'

describe('bases', () => {
  it.each(BASES)('$name: nothing stands against it under its own policy', async base => {
    const policy = policyFrom(base.document)
    expect(policy.findings).toEqual([])
    const appraisal = await judge(await base.forge(), policy, base.circumstances)
    expect(blockers(appraisal)).toEqual([])
    expect(appraisal.decision).toBe(base.decision)
  })
})

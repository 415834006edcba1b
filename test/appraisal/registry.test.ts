/** The registry is complete, and its prerequisites form a graph that can be walked. */
import {describe, expect, it} from 'vitest'
import {
  ATTACKS,
  CHECK_IDS,
  isCommitCheck,
  isSkippable,
  isWaivable,
  REGISTRY,
} from '../../src/appraisal/registry/index.js'

const GROUPS: Readonly<Record<string, number>> = {
  acq: 12,
  'spdm.vca': 7,
  'spdm.chain': 16,
  'spdm.id': 4,
  'spdm.dice': 5,
  'spdm.meas': 21,
  tsm: 12,
  ide: 7,
  tdisp: 21,
  pci: 5,
  kernel: 3,
  policy: 4,
  commit: 9,
  ui: 1,
}

const ofClass = (wanted: string): number => CHECK_IDS.filter(id => REGISTRY[id].class === wanted).length

function depth(id: string, seen: readonly string[]): number {
  expect(seen).not.toContain(id)
  const requires = REGISTRY[id as (typeof CHECK_IDS)[number]].requires ?? []
  return 1 + Math.max(0, ...requires.map(next => depth(next, [...seen, id])))
}

describe('the check registry', () => {
  it('holds every check of every group', () => {
    const counted = Object.fromEntries(
      Object.keys(GROUPS).map(group => [group, CHECK_IDS.filter(id => id.startsWith(`${group}.`)).length]),
    )
    expect(counted).toEqual(GROUPS)
    expect(CHECK_IDS).toHaveLength(127)
    expect(CHECK_IDS.filter(isCommitCheck)).toHaveLength(9)
  })

  it('counts the fatal, the required and the advisory ones', () => {
    expect(['F', 'W', 'A'].map(ofClass)).toEqual([70, 45, 12])
  })

  it.each(CHECK_IDS)('%s says what it is for', id => {
    const {passes, fails, stops, skips = [], requires = [], class: kind, whenKnown} = REGISTRY[id]
    expect(id).toMatch(/^[a-z]+(\.[a-z0-9]+(-[a-z0-9]+)*){1,3}$/)
    expect(passes.length).toBeGreaterThan(10)
    expect(fails).not.toBe('')
    expect(stops.length).toBeGreaterThan(0)
    for (const attack of stops) expect(ATTACKS[attack]).toBeDefined()
    for (const prerequisite of requires) expect(CHECK_IDS).toContain(prerequisite)
    expect(`${passes}${fails}`).not.toMatch(/\b(secure device|trusted device|safe)\b/i)
    // what is fatal may only be left out where it does not apply, or where nobody can know
    if (kind === 'F' && !whenKnown) expect(skips.filter(reason => reason !== 'na')).toEqual([])
    expect(isWaivable(id)).toBe(kind === 'W')
    expect(isSkippable(id)).toBe(kind === 'W' || whenKnown === true)
  })

  it('has no circular prerequisites', () => {
    for (const id of CHECK_IDS) expect(depth(id, [])).toBeLessThan(12)
  })

  it('stops every attack that is not left to watch or to the attestation of the platform', () => {
    const stopped = new Set(CHECK_IDS.flatMap(id => REGISTRY[id].stops))
    expect(Object.keys(ATTACKS).filter(attack => !stopped.has(attack as keyof typeof ATTACKS))).toEqual([])
  })
})

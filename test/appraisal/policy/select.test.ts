import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {matchesClaims, matchesName, matchingRules} from '../../../src/appraisal/policy/index.js'
import type {DeviceFacts} from '../../../src/evidence/index.js'
import {load, policy, rule} from './documents.js'

const DEVICE: DeviceFacts = {
  bdf: '0000:01:00.0',
  vendor: '0x10de',
  device: '0x2901',
  subsystem: '0x10de:0x1111',
  class: '0x030200',
  revision: '0xa1',
}

describe('a selector', () => {
  it.each([
    ['the vendor', {vendor: '0x10de'}, true],
    ['another vendor', {vendor: '0x8086'}, false],
    ['one of the devices', {device: ['0x1', '0x2901']}, true],
    ['the subsystem', {subsystem: '0x10de:0x1111'}, true],
    ['another subsystem', {subsystem: '0x10de:0x2222'}, false],
    ['the whole class', {class: '0x030200'}, true],
    ['the beginning of the class', {class: '0x0302'}, true],
    ['another class', {class: '0x02'}, false],
    ['the function', {bdf: ['0000:01:00.0']}, true],
    ['another function', {bdf: ['0000:02:00.0']}, false],
    ['all members', {vendor: '0x10de', class: '0x03', bdf: ['0000:01:00.0']}, true],
    ['all members but one', {vendor: '0x10de', class: '0x03', bdf: ['0000:02:00.0']}, false],
  ])('of %s', (_, match, expected) => expect(matchesClaims(match, DEVICE)).toBe(expected))

  it.each(['vendor', 'device', 'subsystem', 'class', 'bdf'] as const)('never matches an unknown %s', member => {
    const match = {vendor: '0x10de', device: ['0x2901'], subsystem: '0x10de:0x1111', class: '0x03', bdf: [DEVICE.bdf!]}
    expect(matchesClaims({[member]: match[member]}, {...DEVICE, [member]: null})).toBe(false)
  })

  it.each([
    ['ACME:GPU:1', 'ACME:GPU:1', true],
    ['ACME:GPU:1', 'ACME:*', true],
    ['ACME:GPU:1', 'ACME:GPU:', false],
    ['ACME:GPU:1', '*', true],
    ['ACME*', 'ACME*x', false],
  ])('%s against %s', (name, pattern, expected) => expect(matchesName(name, pattern)).toBe(expected))

  it('with a name needs the verified one', () => {
    const loaded = load(policy({}, rule({match: {vendor: '0x10de', san: 'ACME:*'}})))
    const count = (name: string | undefined): number => matchingRules(loaded, DEVICE, () => name).length
    expect([count('ACME:GPU:1'), count('EVIL:GPU:1'), count(undefined)]).toEqual([1, 0, 0])
  })

  it('matches exactly the rules whose every member holds', () => {
    const vendor = fc.constantFrom('0x10de', '0x8086')
    const classCode = fc.constantFrom('0x03', '0x0302', '0x02')
    const rules = fc.array(fc.record({vendor, class: classCode}), {maxLength: 5})
    fc.assert(
      fc.property(rules, matches => {
        const others = matches.map((match, i) => rule({id: `r${i}`, match}))
        const loaded = load(policy({}, ...others, rule({id: 'last', match: {vendor: '0x0000'}})))
        const expected = matches.flatMap((match, i) =>
          match.vendor === '0x10de' && match.class !== '0x02' ? [`r${i}`] : [],
        )
        expect(matchingRules(loaded, DEVICE, () => undefined).map(({id}) => id)).toEqual(expected)
      }),
      {numRuns: 50},
    )
  })
})

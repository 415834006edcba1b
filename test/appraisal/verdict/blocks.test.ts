/** The blocks of a review: their order, what comes first in them, what is collapsed, and the words they use. */
import {describe, expect, it} from 'vitest'
import {
  type Appraisal,
  ATTACKS,
  CHECK_IDS,
  type CheckId,
  type CheckSpec,
  type Comparison,
  MOST_FINDINGS,
  REGISTRY,
  renderAppraisal,
  reviewBlocks,
} from '../../../src/appraisal/index.js'
import {barChart, sizeText} from '../../../src/appraisal/verdict/wiring.js'
import {isCommitCheck} from '../../../src/appraisal/registry/index.js'
import {appraisalWith, blockedBy, byRule, type Change, failing, resultsWith, skipped, waived} from './settled.js'

const reviewed = (changes: readonly Change[] = [], change: Partial<Appraisal> = {}): Appraisal =>
  appraisalWith(resultsWith(...changes), {decision: 'review'}, change)
const linesOf = (appraisal: Appraisal, all = false): readonly string[] => renderAppraisal(appraisal, {all})
const after = (lines: readonly string[], title: string): readonly string[] => {
  const rest = lines.slice(lines.indexOf(title) + 1)
  return rest.slice(0, rest.includes('') ? rest.indexOf('') : undefined)
}
const report: Appraisal['subject']['report'] = {
  noFwUpdate: true,
  ats: false,
  prs: false,
  pasid: false,
  msix: 'locked',
  ranges: [
    {rangeId: 0, firstPage: '0x1', pages: 3, barOffset: '0x0', tee: true, msix: false, updatable: false},
    {rangeId: 0, firstPage: '0x8', pages: 1, barOffset: '0x7000', tee: false, msix: true, updatable: false},
    {rangeId: 4, firstPage: '0x20', pages: 1, barOffset: null, tee: true, msix: false, updatable: true},
  ],
  bars: [
    {bar: 0, size: '0x8000'},
    {bar: 2, size: '0x1000'},
    {bar: 4, size: '0x1000'},
  ],
}

describe('a review', () => {
  it('has its blocks in the order in which a person needs them', () => {
    const lines = linesOf(reviewed())
    expect(lines.filter((_, i) => lines[i - 1] === '')).toEqual([
      'What stands against it',
      'Changed since last accept',
      'Who is it',
      'What runs on it',
      'Is it this device on this link',
      'How is it wired',
      'Who decided so',
      'Raw',
    ])
  })

  it('says decision, device, place, rule, evidence, age and time left in one line', () => {
    const [banner] = renderAppraisal(reviewed(), {elapsedSeconds: 95})
    expect(banner).toBe(
      'REVIEW NEEDED  "ACME:WIDGET:0001"  0000:01:00.0  rule widget  evidence 9f9f9f9f9f9f  105 s old  9 min left to accept',
    )
    expect(renderAppraisal(reviewed(), {elapsedSeconds: 600})[0]).toContain('no time left to accept')
    expect(renderAppraisal(reviewed(), {elapsedSeconds: 590})[0]).toContain('10 s left to accept')
    expect(renderAppraisal(appraisalWith(resultsWith(), {decision: 'deny'}))[0]).not.toContain('left')
  })
})

describe('what stands against it', () => {
  it('is nothing, when everything passed', () => {
    expect(after(linesOf(reviewed()), 'What stands against it')).toEqual(['  nothing'])
  })

  it('begins with what is grave, also where a waiver covers it', () => {
    const changes = [failing('tdisp.report.ats'), waived('spdm.id.pinned'), skipped('tsm.lock.flags', 'tsm')]
    const rows = reviewBlocks(reviewed(changes)).first[0].rows
    expect(rows.map(({mark, name}) => [mark, name])).toEqual([
      ['CHANGED', 'spdm.id.pinned'],
      ['FAIL', 'tdisp.report.ats'],
      ['RELAXED', 'tsm.lock.flags'],
    ])
    expect(rows[0]!.text).toContain('(waiver w-1)')
    expect(rows[0]!.notes).toHaveLength(1)
  })

  it('is at most a dozen findings, and says of which class the others are', () => {
    const ids = CHECK_IDS.filter(id => !isCommitCheck(id) && REGISTRY[id].class !== 'A').slice(0, 20)
    const {rows} = reviewBlocks(reviewed([...ids.map(id => failing(id)), failing('pci.siblings')])).first[0]
    expect(rows).toHaveLength(MOST_FINDINGS + 1)
    expect(rows.at(-1)!.text).toMatch(/^\+9 more: (?:\d fatal, )?\d required, 1 advisory$/)
  })

  it('tells consequences of other findings in one line', () => {
    const blocked = (['spdm.meas.values', 'spdm.meas.svn'] as CheckId[]).map(id => blockedBy(id, 'spdm.meas.signature'))
    const lines = after(linesOf(reviewed([failing('spdm.meas.signature'), ...blocked])), 'What stands against it')
    expect(lines.at(-1)).toBe('  ? NOT PROVEN  2 checks were not made, because these did not pass: spdm.meas.signature')
  })

  it('names an objection of the site before all others', () => {
    const external = {command: '/opt/gate', answer: 'deny', reason: 'change freeze'} as const
    const [row] = reviewBlocks(reviewed([failing('tdisp.report.ats')], {external})).first[0].rows
    expect(row).toMatchObject({mark: 'FAIL', name: 'external decision', text: '/opt/gate: change freeze'})
  })
})

const change = (topic: 'measurement' | 'svn', grave: boolean) => ({
  topic,
  grave,
  text: topic,
  before: 'a',
  after: 'b',
})

describe('what changed', () => {
  const since = {
    D: `sha384:${'1'.repeat(96)}`,
    P: `sha384:${'2'.repeat(96)}`,
    at: '2026-10-01T08:00:00Z',
    by: 'alice',
    tool: 'tsmctl/1',
  } as const
  it.each<[string, Comparison | null, readonly string[]]>([
    ['nobody knows', null, ['  ? NOT PROVEN  nothing verified that could be compared']],
    ['first seen', {kind: 'first-seen'}, ['  ! CHANGED  first time seen: no device was accepted here before']],
    [
      'another device',
      {kind: 'other-device', was: {...since, pinId: since.D, san: 'ACME:OTHER:1'}},
      ['  ! CHANGED  another device: "ACME:OTHER:1" was accepted here on 2026-10-01 by alice'],
    ],
    [
      'nothing',
      {kind: 'compared', since, changes: [], equalMeasurements: 3},
      ['  no change since 2026-10-01, accepted by alice'],
    ],
    [
      'the grave first',
      {kind: 'compared', since, changes: [change('measurement', false), change('svn', true)], equalMeasurements: 5},
      [
        '  ! CHANGED  svn: svn a -> b',
        '  ! CHANGED  measurement: measurement a -> b',
        '  5 measurements are as they were',
      ],
    ],
  ])('%s', (_, comparison, lines) => {
    expect(after(linesOf(reviewed([], {comparison})), 'Changed since last accept')).toEqual(lines)
  })
})

describe('blocks of which everything passed', () => {
  it('are one line, and all of it when asked for', () => {
    const appraisal = reviewed()
    expect(after(linesOf(appraisal), 'Who is it')).toEqual(['  + ok  "ACME:WIDGET:0001", under anchor "ACME root"'])
    expect(after(linesOf(appraisal, true), 'Who is it')).toContain('  anchor        "ACME root"')
  })

  it('are told in full when anything is missing', () => {
    const lines = after(linesOf(reviewed([skipped('spdm.id.san-cma', 'abs')])), 'Who is it')
    expect(lines).toContain('  claimed       0x1b36:0x0010 rev 0x02 class 0x010802 (config space)')
  })

  it('always say what is known about debugging', () => {
    const silent = reviewed()
    const lines = linesOf({...silent, subject: {...silent.subject, debug: 'absent'}})
    expect(after(lines, 'What runs on it')).toContain('  ? NO DEBUG INFO  the device does not say')
  })
})

describe('wiring', () => {
  it('draws each BAR', () => {
    const appraisal = reviewed([byRule('tdisp.report.mmio-tee')])
    const lines = linesOf({...appraisal, subject: {...appraisal.subject, report, placement: 'bar-aligned'}})
    expect(after(lines, 'How is it wired').slice(3)).toEqual([
      '  placement     bar-aligned, anchored',
      '  BAR0          [###....s] 32 KiB: TEE 12 KiB, shared 4 KiB, not reported 16 KiB, MSI-X inside',
      '  BAR2          [.] 4 KiB: TEE 0 KiB, shared 0 KiB, not reported 4 KiB',
      '  ? NOT PROVEN  BAR4: TEE 4 KiB, shared 0 KiB, attributes can change, place in the BAR not proven',
      '  # TEE  s shared with the host  . not reported  ? several in one cell',
    ])
  })

  it('shows shared memory however little of a cell it is', () => {
    const pages = 1n << 20n
    const chart = barChart(
      [
        {start: 0n, end: pages - 1n, tee: true},
        {start: pages - 1n, end: pages, tee: false},
      ],
      pages,
    )
    expect(chart).toBe(`${'#'.repeat(31)}s`)
    expect(barChart([{start: 0n, end: 1n, tee: true}], pages)).toBe(`?${'.'.repeat(31)}`)
  })

  it.each([
    [0n, '0 KiB'],
    [4096n, '4 KiB'],
    [1n << 20n, '1 MiB'],
    [(1n << 20n) + 4096n, '1028 KiB'],
    [1n << 38n, '256 GiB'],
  ])('%s bytes are %s', (bytes, text) => {
    expect(sizeText(bytes)).toBe(text)
  })
})

describe('who decided', () => {
  it('names policy, relaxations, waivers with their approvers and days, and the program of the site', () => {
    const lines = linesOf(
      reviewed([], {
        relaxations: ['tsm.ide: not-required'],
        waivers: [
          {
            id: 'w-1',
            check: 'spdm.chain.revocation',
            reason: 'the vendor has no responder yet',
            approvedBy: ['alice', 'bob'],
            expires: '2026-12-01T00:00:00Z',
            daysLeft: 9,
          },
        ],
        external: {command: '/opt/gate', answer: 'abstain', reason: null},
      }),
    )
    expect(after(lines, 'Who decided so')).toEqual([
      '  policy        "lab" 5c5c5c5c5c5c',
      '  ~ RELAXED  by policy: tsm.ide: not-required',
      '  ~ RELAXED  waiver w-1: spdm.chain.revocation: "the vendor has no responder yet"',
      '      approved by alice, bob, 9 days left',
      '  external      /opt/gate abstains',
    ])
  })
})

it('no string of ours promises more than a match with a policy', () => {
  const everything = CHECK_IDS.filter(id => !isCommitCheck(id)).map(id => failing(id))
  const texts = [
    ...linesOf(reviewed(everything), true),
    ...linesOf(reviewed(), true),
    ...Object.values(REGISTRY).flatMap(({passes, fails}: CheckSpec) => [passes, fails]),
    ...Object.values(REGISTRY).flatMap(({remedy = ''}: CheckSpec) => remedy),
    ...Object.values(ATTACKS),
  ]
  // ids are names, and Secure is what the specification calls a state of an IDE stream
  const said = texts.map(text => text.replaceAll(/\b[a-z]+(?:\.[a-z-]+)+|state Secure/g, ''))
  for (const text of said) expect(text).not.toMatch(/\b(secure|trusted|safe|score)\b|\d ?%/i)
})

/** The audit log over several files: it goes on, is verified as one, and survives a crash at any byte. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {
  type AuditEvent,
  type AuditFile,
  auditFileName,
  auditFiles,
  openAudit,
  verifyAudit,
} from '../../src/appraisal/index.js'
import {freeze} from '../../src/evidence/index.js'
import {FACTS, OBJECTS} from '../evidence/sample.js'
import {appraisalOf, type AuditKernel, auditKernel} from './audit-kernel.js'

const BDF = '0000:01:00.0'
const bundle = freeze(OBJECTS, FACTS)
const SHORT = {longestFile: 1500}
const locked: AuditEvent = {event: 'locked', bdf: BDF, bootId: 'boot'}

const filesOf = ({state}: AuditKernel): AuditFile[] =>
  auditFiles(state).map(name => ({name, bytes: state.read(name) ?? new Uint8Array()}))
const problemsOf = (files: readonly AuditFile[], head?: string): readonly string[] =>
  verifyAudit(files, head).problems.map(({file, line, message}) => `${file}:${line} ${message}`)

function rotated(count: number): AuditKernel {
  const kernel = auditKernel()
  const audit = openAudit(kernel, SHORT)
  for (let i = 0; i < count; i++) audit.record({...locked, result: {i}})
  return kernel
}

describe('a log that grows', () => {
  const kernel = rotated(10)
  const files = filesOf(kernel)

  it('goes on in files that name the one before, and is one chain', () => {
    expect(files.map(({name}) => name)).toEqual(['audit.jsonl', 'audit.1.jsonl', 'audit.2.jsonl', 'audit.3.jsonl'])
    const {records, problems, head} = verifyAudit(files)
    expect(problems).toEqual([])
    expect(records.map(({seq}) => seq)).toEqual(records.map((_, i) => i))
    expect(records.filter(({event}) => event === 'rotated')).toHaveLength(3)
    expect(records.filter(({event}) => event === 'rotated').map(record => record['closed'])).toMatchObject([
      {file: 'audit.jsonl'},
      {file: 'audit.1.jsonl'},
      {file: 'audit.2.jsonl'},
    ])
    expect(openAudit(kernel).head()?.digest).toBe(head)
  })

  it.each<[string, readonly AuditFile[]]>([
    ['without its first file', files.slice(1)],
    ['without one in the middle', [files[0]!, files[2]!, files[3]!]],
    ['with two swapped', [files[0]!, files[2]!, files[1]!, files[3]!]],
    ['with one twice', [files[0]!, files[1]!, files[1]!, files[2]!, files[3]!]],
    ['joined into one', [{name: 'audit.jsonl', bytes: Buffer.concat(files.map(({bytes}) => bytes))}]],
    ['with a file cut short', [{...files[0]!, bytes: files[0]!.bytes.slice(0, -20)}, ...files.slice(1)]],
  ])('%s is not whole', (_, changed) => {
    expect(problemsOf(changed)).not.toEqual([])
  })

  it('a last file that is gone is seen only against a published head', () => {
    const {head} = verifyAudit(files)
    expect(problemsOf(files.slice(0, -1))).toEqual([])
    expect(problemsOf(files.slice(0, -1), head!)).toEqual(['audit.2.jsonl:3 the published head is not in the log'])
  })

  it('names file and line of a problem', () => {
    const [first, second, ...others] = files
    const spoilt = Buffer.from(second!.bytes).toString('latin1').replace('"locked"', '"Locked"')
    expect(problemsOf([first!, {...second!, bytes: Buffer.from(spoilt, 'latin1')}, ...others])).toEqual([
      'audit.1.jsonl:3 does not follow the record before it',
    ])
  })
})

describe('a crash', () => {
  it('at any byte of any file loses nothing silently, and the log goes on', () => {
    const whole = filesOf(rotated(5))
    const total = whole.reduce((sum, {bytes}) => sum + bytes.length, 0)
    fc.assert(
      fc.property(fc.integer({min: 0, max: total}), length => {
        const kernel = auditKernel()
        kernel.mono = 2_000_000n
        let left = length
        for (const [index, {bytes}] of whole.entries()) {
          // a file that was not begun is not there, but for the first byte that made it
          if (left > 0) kernel.state.replace(auditFileName(index), bytes.slice(0, left))
          left -= bytes.length
        }
        const audit = openAudit(kernel, SHORT)
        audit.record({...locked, event: 'unlocked'})
        audit.record(locked)
        const {records, problems} = verifyAudit(filesOf(kernel))
        expect(problems).toEqual([])
        expect(records.slice(-3).map(({event}) => event)).toContain('unlocked')
      }),
      {numRuns: 100},
    )
  })
})

const withHead = (result: Record<string, string | number>): readonly string[] => {
  const kernel = auditKernel()
  openAudit(kernel).record(locked)
  openAudit(kernel).record({event: 'head', bdf: null, bootId: 'boot', result})
  return problemsOf(filesOf(kernel))
}

describe('heads in the log', () => {
  it('must name a record before them', () => {
    const kernel = auditKernel()
    const {seq, digest} = openAudit(kernel).record(locked)
    openAudit(kernel).record({event: 'head', bdf: null, bootId: 'boot', result: {seq, digest}})
    expect(problemsOf(filesOf(kernel))).toEqual([])
    expect(withHead({seq: 0, digest: `sha384:${'0'.repeat(96)}`})).toEqual([
      'audit.jsonl:2 the head it names is not in the log',
    ])
    expect(withHead({seq: 1, digest})).toHaveLength(1)
  })
})

describe('a rule that wants two people', () => {
  const appraisal = appraisalOf('review', 'two-person')
  const approval = (by: string, digest = bundle.digest) => ({
    by,
    method: 'typed' as const,
    at: '2026-11-21T12:00:00Z',
    reason: 'because',
    digest,
  })
  const of = {bdf: BDF, bundle}
  it.each<[string, readonly ReturnType<typeof approval>[], readonly string[]]>([
    ['two', [approval('alice'), approval('bob')], []],
    ['one', [approval('alice')], ['committed with one approval of two']],
    ['the same twice', [approval('alice'), approval('alice')], ['committed with one approval of two']],
    [
      'two, one for other evidence',
      [approval('alice'), approval('bob', `sha384:${'0'.repeat(96)}`)],
      ['committed with one approval of two'],
    ],
    ['none', [], ['committed without approved']],
  ])('has %s', (_, approvals, problems) => {
    const kernel = auditKernel()
    const audit = openAudit(kernel)
    audit.record({event: 'decided', ...of, appraisal})
    for (const one of approvals) audit.record({event: 'approved', ...of, approval: one})
    audit.record({event: 'committing', ...of})
    audit.record({event: 'committed', ...of})
    expect(verifyAudit(filesOf(kernel)).problems.map(({message}) => message)).toEqual(problems)
  })
})

it('a record says who, with what, about which device, on which evidence and verdict', () => {
  const kernel = auditKernel()
  const actor = {
    uid: 0,
    loginuid: 1003,
    user: 'alice',
    tty: 'pts/2',
    session: '27',
    remote: '10.0.0.5',
    ppidExe: '/bin/bash',
  }
  openAudit(kernel).record({event: 'locked', bdf: BDF, bundle, actor})
  expect(verifyAudit(filesOf(kernel)).records[0]).toMatchObject({
    actor,
    tool: {version: '0.0.0-source', sha384: null},
    device: {bdf: BDF, pinId: null, san: null},
    evidence: {D: bundle.digest, lockEpoch: {kind: 'none', value: null}},
  })
})

import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {AUDIT_FILE, type AuditEvent, openAudit, verifyAuditChain} from '../../src/appraisal/index.js'
import {FACTS, OBJECTS} from '../evidence/sample.js'
import {freeze} from '../../src/evidence/index.js'
import {appraisalOf, type AuditKernel, auditKernel, errorOf} from './audit-kernel.js'

const bundle = freeze(OBJECTS, FACTS)
const other = freeze(OBJECTS, {...FACTS, collectedAt: '2026-11-21T12:00:01Z'})
const BDF = '0000:01:00.0'
const event = (name: AuditEvent['event'], extra: Partial<AuditEvent> = {}): AuditEvent => ({
  event: name,
  bdf: BDF,
  bundle,
  ...extra,
})

const logOf = (kernel: AuditKernel): Uint8Array => kernel.state.read(AUDIT_FILE)!
const lines = (bytes: Uint8Array): string[] => Buffer.from(bytes).toString('latin1').split('\n').slice(0, -1)
const joined = (all: readonly string[]): Uint8Array =>
  new Uint8Array(Buffer.from(all.map(line => `${line}\n`).join(''), 'latin1'))

function written(count: number): AuditKernel {
  const kernel = auditKernel()
  const audit = openAudit(kernel, {machineIdHash: 'machine'})
  for (let i = 0; i < count; i++)
    audit.record(event(i % 2 === 0 ? 'locked' : 'collected', {result: {note: `ünïcode ${i}`}}))
  return kernel
}

describe('the audit log', () => {
  it('chains every record to the one before, from this machine on', () => {
    const bytes = logOf(written(5))
    const {records, problems, head} = verifyAuditChain(bytes)
    expect(problems).toEqual([])
    expect(records.map(({seq}) => seq)).toEqual([0, 1, 2, 3, 4])
    expect(records[0]).toMatchObject({v: 1, event: 'locked', genesis: {machineIdHash: 'machine'}})
    expect(head).toBe(openAudit(auditKernel(bytes)).head()?.digest)
  })

  it('names device, evidence, policy and verdict', () => {
    const [record] = verifyAuditChain(logOf(written(1))).records
    expect(record).toMatchObject({
      device: {bdf: BDF, vendor: '0x10de', device: '0x2901'},
      evidence: {D: bundle.digest, provider: 'pci-tsm'},
      policy: null,
      approval: [],
    })
  })

  it('an empty log is sound and has no head', () => {
    expect(verifyAuditChain(new Uint8Array())).toEqual({records: [], problems: [], head: null})
    expect(openAudit(auditKernel()).head()).toBeNull()
  })

  it('any edit, removal, swap or repetition is seen, except at the end', () => {
    const all = lines(logOf(written(6)))
    const {head} = verifyAuditChain(joined(all))
    const last = all.length - 1
    fc.assert(
      fc.property(
        fc.constantFrom('edit', 'remove', 'swap', 'repeat', 'insert'),
        fc.nat(last),
        fc.nat(200),
        (kind, at, place) => {
          const changed = [...all]
          const line = all[at]!
          if (kind === 'edit') {
            const index = place % line.length
            changed[at] = `${line.slice(0, index)}${line[index] === 'x' ? 'y' : 'x'}${line.slice(index + 1)}`
          } else if (kind === 'remove') changed.splice(at, 1)
          else if (kind === 'repeat') changed.splice(at, 0, line)
          else if (kind === 'insert') changed.splice(at, 0, '{"v":1}')
          else [changed[at], changed[(at + 1) % all.length]] = [changed[(at + 1) % all.length]!, line]
          const {problems} = verifyAuditChain(joined(changed), head!)
          expect(problems.length).toBeGreaterThan(0)
        },
      ),
      {numRuns: 200},
    )
  })

  it('a cut end is seen only against a published head', () => {
    const all = lines(logOf(written(4)))
    const {head} = verifyAuditChain(joined(all))
    const cut = joined(all.slice(0, 3))
    expect(verifyAuditChain(cut).problems).toEqual([])
    expect(verifyAuditChain(cut, head!).problems.map(({message}) => message)).toEqual([
      'the published head is not in the log',
    ])
  })

  it('after a crash at any byte, the next record says what was lost and goes on', () => {
    const bytes = logOf(written(3))
    fc.assert(
      fc.property(fc.integer({min: 1, max: bytes.length}), length => {
        const kernel = auditKernel(bytes.slice(0, length))
        kernel.mono = 2_000_000n
        openAudit(kernel, {machineIdHash: 'machine'}).record(event('unlocked'))
        const {records, problems} = verifyAuditChain(logOf(kernel))
        expect(problems).toEqual([])
        const torn = bytes[length - 1] !== 0x0a
        expect(records.at(-1)?.event).toBe('unlocked')
        expect(records.some(({event: name}) => name === 'recovered')).toBe(torn)
      }),
      {numRuns: 100},
    )
  })

  it('a torn line that nobody recovered is a problem', () => {
    const bytes = logOf(written(2))
    expect(verifyAuditChain(bytes.slice(0, -5)).problems.map(({message}) => message)).toEqual(['the last line is torn'])
  })

  it('cannot be written by two at once', () => {
    const kernel = auditKernel()
    kernel.lock('audit')
    expect(errorOf(() => openAudit(kernel).record(event('locked'))).kind).toBe('busy')
  })

  it('gives the lock back when writing fails', () => {
    const kernel = auditKernel()
    kernel.failWrites = true
    expect(errorOf(() => openAudit(kernel).record(event('locked')))).toMatchObject({errno: 'ENOSPC'})
    kernel.failWrites = false
    expect(openAudit(kernel).record(event('locked')).seq).toBe(0)
  })
})

const verdict = (decision: string): Partial<AuditEvent> => ({appraisal: appraisalOf(decision)})

const steps = (...events: readonly AuditEvent[]): readonly string[] => {
  const kernel = auditKernel()
  const audit = openAudit(kernel)
  for (const one of events) audit.record(one)
  return verifyAuditChain(logOf(kernel)).problems.map(({message}) => message)
}

describe('what must precede a commit', () => {
  const decided = (decision: string): AuditEvent => event('decided', verdict(decision))

  it.each([
    ['everything', [decided('accept'), event('committing'), event('committed')], []],
    ['an approval as well', [decided('review'), event('approved'), event('committing'), event('committed')], []],
    ['no approval', [decided('review'), event('committing'), event('committed')], ['committed without approved']],
    ['no intention', [decided('accept'), event('committed')], ['committed without committing']],
    ['no decision', [event('committing'), event('committed')], ['committed without decided']],
    ['a denial', [decided('deny'), event('committing'), event('committed')], ['committed although denied']],
    [
      'an approval before the decision that asks for it',
      [event('approved'), decided('review'), event('committing'), event('committed')],
      ['committed without approved'],
    ],
    [
      'an approval after the intention',
      [decided('review'), event('committing'), event('approved'), event('committed')],
      ['committed without approved'],
    ],
    [
      'an approval that a failed attempt used up',
      [
        decided('review'),
        event('approved'),
        event('committing'),
        event('commit-failed'),
        decided('review'),
        event('committing'),
        event('committed'),
      ],
      ['committed without approved'],
    ],
    [
      'one decision for two commits',
      [decided('accept'), event('committing'), event('committed'), event('committing'), event('committed')],
      ['committed without decided'],
    ],
    [
      'an intention before the decision',
      [event('committing'), decided('accept'), event('committed')],
      ['committed without committing'],
    ],
    [
      'a decision nobody knows',
      [decided('perhaps'), event('committing'), event('committed')],
      ['committed although denied'],
    ],
    [
      'steps for other evidence',
      [
        event('decided', {...verdict('accept'), bundle: other}),
        event('committing', {bundle: other}),
        event('committed'),
      ],
      ['committed without committing', 'committed without decided'],
    ],
  ])('%s', (_, events, problems) => {
    expect(steps(...events)).toEqual(problems)
  })

  it('time does not go backwards within one boot', () => {
    const kernel = auditKernel()
    const audit = openAudit(kernel)
    audit.record(event('locked'))
    kernel.mono -= 1000n
    audit.record(event('unlocked'))
    expect(verifyAuditChain(logOf(kernel)).problems.map(({message}) => message)).toEqual([
      'monotonic time goes backwards',
    ])
  })
})

describe('lines that are JSON but no records', () => {
  it.each([
    'null',
    '5',
    '[]',
    '{"event":"x","genesis":{"nonce":5},"mono":"1","prev":"x","seq":0}',
    '{"event":"x","genesis":{"machineIdHash":5,"nonce":"x"},"mono":"1","prev":"x","seq":0}',
  ])('%s is a problem, not a crash', line => {
    expect(verifyAuditChain(Buffer.from(`${line}\n`)).problems).not.toEqual([])
  })
})

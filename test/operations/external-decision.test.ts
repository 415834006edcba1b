/** A program of the site is asked: it can turn any decision into a denial, and none into anything else. */
import {chmodSync, mkdtempSync, readFileSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {renderAppraisal} from '../../src/appraisal/index.js'
import {ErrnoError} from '../../src/errors.js'
import {freeze} from '../../src/evidence/index.js'
import {environment, type Kernel, type ProgramResult} from '../../src/kernel/index.js'
import {admit, readAudit, readPolicy} from '../../src/operations/index.js'
import {consult} from '../../src/operations/external-decision.js'
import {appraisalWith, resultsWith} from '../appraisal/verdict/settled.js'
import {FACTS, OBJECTS} from '../evidence/sample.js'
import {GOOD, guest} from '../support/guest.js'

const bundle = freeze(OBJECTS, FACTS)
const PROGRAM = '/usr/local/lib/site-decision'
const answering = (result: Partial<ProgramResult> | Error): Pick<Kernel, 'runProgram'> => ({
  runProgram: () =>
    result instanceof Error
      ? Promise.reject(result)
      : Promise.resolve({ended: 'exit', code: 0, output: new Uint8Array(), ...result}),
})
const consulted = async (result: Partial<ProgramResult> | Error, decision: 'accept' | 'review' = 'accept') =>
  consult(answering(result) as Kernel, appraisalWith(resultsWith(), {decision}), bundle, {externalDecision: PROGRAM})
const saying = (output: string): Partial<ProgramResult> => ({output: Buffer.from(output)})

const NO_ANSWER = 'its answer is neither an abstention nor an objection with a reason'

describe('what the program says', () => {
  it.each<[string, Partial<ProgramResult> | Error, string]>([
    ['an objection', saying('{"decision":"deny","reason":"change freeze"}\n'), 'change freeze'],
    ['an objection in control characters', saying('{"decision":"deny","reason":"\\u001b[2J"}'), '\\x1b[2J'],
    ['nothing', saying(''), NO_ANSWER],
    ['accept', saying('{"decision":"accept"}'), NO_ANSWER],
    ['accept besides', saying('{"decision":"abstain","accept":true}'), NO_ANSWER],
    ['both', saying('{"decision":"abstain","decision":"accept"}'), NO_ANSWER],
    ['an abstention with a reason', saying('{"decision":"abstain","reason":"x"}'), NO_ANSWER],
    ['an objection without a reason', saying('{"decision":"deny"}'), NO_ANSWER],
    ['a list', saying('[{"decision":"abstain"}]'), NO_ANSWER],
    ['two documents', saying('{"decision":"abstain"}\n{"decision":"abstain"}'), NO_ANSWER],
    ['an abstention, and fails', {...saying('{"decision":"abstain"}'), code: 1}, 'it ended with exit code 1'],
    ['an abstention, and is killed', {...saying('{"decision":"abstain"}'), ended: 'signal', code: null}, 'a signal'],
    ['nothing in time', {ended: 'timeout', code: null}, 'no answer in 10 seconds'],
    ['too much', {ended: 'too-much', code: null}, 'it said more than 65536 bytes'],
    ['nothing, for there is none', new ErrnoError('ENOENT', 'run', PROGRAM), 'it could not be run: ENOENT'],
  ])('%s denies', async (_, result, reason) => {
    const {decision, external} = await consulted(result)
    expect(decision).toBe('deny')
    expect(external).toMatchObject({command: PROGRAM, answer: 'deny'})
    expect(external?.reason).toContain(reason)
    expect(external?.reason).toMatch(/^[\x20-\x7e]{1,400}$/)
  })

  it.each(['accept', 'review'] as const)('an abstention leaves %s as it was', async decision => {
    const appraisal = await consulted(saying(' {"decision": "abstain"}\n'), decision)
    expect(appraisal.decision).toBe(decision)
    expect(appraisal.external).toEqual({command: PROGRAM, answer: 'abstain', reason: null})
  })

  it('never makes a decision better', async () => {
    const order = ['deny', 'review', 'accept']
    const output = fc.oneof(
      fc.uint8Array({maxLength: 64}),
      fc.json().map(text => Buffer.from(text)),
      fc
        .record({decision: fc.constantFrom('accept', 'review', 'abstain', 'deny', true, null), reason: fc.string()})
        .map(answer => Buffer.from(JSON.stringify(answer))),
    )
    const exit = fc.record({
      ended: fc.constantFrom('exit', 'signal', 'timeout', 'too-much'),
      code: fc.constantFrom(0, 1, null),
      output,
    })
    await fc.assert(
      fc.asyncProperty(exit, fc.constantFrom('accept', 'review'), async (result, decision) => {
        const {decision: after} = await consulted(result as ProgramResult, decision)
        expect(order.indexOf(after)).toBeLessThanOrEqual(order.indexOf(decision))
      }),
      {numRuns: 60},
    )
  })

  it('is not asked about a denial, nor by a name that could mean several programs', async () => {
    const denied = appraisalWith(resultsWith(), {decision: 'deny'})
    const kernel = answering(new Error('asked')) as Kernel
    expect(await consult(kernel, denied, bundle, {externalDecision: PROGRAM})).toBe(denied)
    await expect(consult(kernel, denied, bundle, {externalDecision: 'site-decision'})).rejects.toMatchObject({
      kind: 'usage',
    })
  })
})

describe('on a machine', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tsmctl-external-'))
  const program = (name: string, body: string): string => {
    const path = join(directory, name)
    writeFileSync(path, `#!/bin/sh\n${body}\n`)
    chmodSync(path, 0o755)
    return path
  }

  it('a program sees verdict, checks and facts, and its objection is in text and audit log', async () => {
    const {kernel, policy: file} = await guest()
    const policy = readPolicy([file], kernel.now())
    const seen = join(directory, 'seen')
    const objecting = program('deny', `cat > ${seen}; echo '{"decision":"deny","reason":"outside the change window"}'`)
    const refused = await admit(kernel, GOOD, {policy, externalDecision: objecting})
    expect(refused).toMatchObject({admitted: false, after: {state: 'CONFIG_UNLOCKED'}})
    expect(refused.failure?.message).toContain(`external decision ${objecting}: outside the change window`)
    const question = JSON.parse(readFileSync(seen, 'ascii')) as Record<string, unknown>
    expect(Object.keys(question)).toEqual(['ear', 'checks', 'facts', 'D', 'P'])
    expect(question).toMatchObject({D: refused.digest, P: policy.digest, facts: {rule: refused.appraisal.rule}})
    expect(question['checks']).toHaveLength(refused.appraisal.results.length)
    expect(renderAppraisal(refused.appraisal).join('\n')).toContain('outside the change window')
    const decided = readAudit(kernel).records.findLast(({event}) => event === 'decided')
    expect(decided).toMatchObject({
      policy: {externalDecision: {command: objecting, answer: 'deny', reason: 'outside the change window'}},
      verdict: {decision: 'deny'},
    })

    const abstaining = program('abstain', `echo '{"decision":"abstain"}'`)
    expect(await admit(kernel, GOOD, {policy, externalDecision: abstaining})).toMatchObject({admitted: true})
  })

  it('a program that others may write to is not run', async () => {
    const path = program('open', `echo '{"decision":"abstain"}'`)
    chmodSync(path, 0o777)
    const appraisal = appraisalWith(resultsWith())
    await expect(consult(environment as Kernel, appraisal, bundle, {externalDecision: path})).rejects.toMatchObject({
      kind: 'not-permitted',
    })
  })
})

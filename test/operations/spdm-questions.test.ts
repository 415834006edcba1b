/** What an attestation may claim, and with which exit code it ends. */
import {describe, expect, it} from 'vitest'
import {type Answer, question, type QuestionId, refusalOf, verdictOf} from '../../src/operations/spdm-questions.js'

const asked = (answers: Partial<Record<QuestionId, Answer>>) =>
  Object.entries(answers).map(([id, answer]) => question(id as QuestionId, answer, `because of ${id}`))

const ALL = {chain: 'yes', key: 'yes', measurements: 'yes', negotiation: 'yes'} as const

describe('the verdict', () => {
  const table: readonly (readonly [string, Partial<Record<QuestionId, Answer>>, string, number])[] = [
    ['all that was asked', {...ALL, reference: 'not asked', session: 'not asked'}, 'verified', 0],
    ['also in a session, and with values', {...ALL, reference: 'yes', session: 'yes'}, 'verified', 0],
    ['without a root', {...ALL, chain: 'not verified'}, 'not verified', 10],
    ['a chain to nowhere', {...ALL, chain: 'no'}, 'failed', 4],
    ['a wrong signature, whatever else is open', {...ALL, chain: 'not verified', key: 'no'}, 'failed', 4],
    ['values nobody approved', {...ALL, reference: 'no'}, 'failed', 4],
    ['unsigned measurements', {...ALL, measurements: 'not verified'}, 'not verified', 10],
    ['nothing at all', {}, 'not verified', 10],
    ['a key of nobody', {key: 'yes', measurements: 'yes'}, 'not verified', 10],
  ]
  it.each(table)('%s', (_, answers, verdict, exit) => {
    const questions = asked(answers)
    expect(verdictOf(questions)).toBe(verdict)
    const error = refusalOf('tcp://127.0.0.1:1', questions, true)
    expect(error?.exitCode ?? 0).toBe(exit)
  })

  it('names the questions that stand against it, and what to do without a root', () => {
    const questions = asked({...ALL, chain: 'not verified', session: 'not verified'})
    const error = refusalOf('tcp://127.0.0.1:1', questions, false)
    expect(error).toMatchObject({
      kind: 'review',
      got: 'chain: because of chain; session: because of session',
      details: {questions: ['chain', 'session']},
      hint: expect.stringContaining('--root'),
    })
  })
})

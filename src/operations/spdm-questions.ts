/**
 * What an attestation answers, question by question. An answer is `yes` only when it was verified; whatever nobody could
 * verify is `not verified`, which is neither.
 */
import {TsmctlError} from '../errors.js'

export type QuestionId = 'chain' | 'key' | 'measurements' | 'reference' | 'negotiation' | 'session'

/** `not asked`: the command line did not ask for it, or the device offers nothing of the kind. */
export type Answer = 'yes' | 'no' | 'not verified' | 'not asked'

export interface Question {
  readonly id: QuestionId
  readonly question: string
  readonly answer: Answer
  /** One line: what the answer rests on. Device text in it is escaped. */
  readonly why: string
}

export type Verdict = 'verified' | 'not verified' | 'failed'

const TEXT: Readonly<Record<QuestionId, string>> = {
  chain: 'Does the certificate chain hold, up to a root that you trust?',
  key: "Does the device hold its certificate's key?",
  measurements: 'Are the measurements signed by it, and fresh?',
  reference: 'Are they the values that you expect?',
  negotiation: 'Is the negotiation authenticated?',
  session: 'Does a secure session with it work?',
}

export const question = (id: QuestionId, answer: Answer, why: string): Question => ({
  id,
  question: TEXT[id],
  answer,
  why,
})

/** Values are compared only when somebody brings values: without them the other answers stand for themselves. */
export function verdictOf(questions: readonly Question[]): Verdict {
  const asked = questions.filter(({answer}) => answer !== 'not asked')
  if (asked.some(({answer}) => answer === 'no')) return 'failed'
  const isComplete = asked.length > 0 && asked.every(({answer}) => answer === 'yes')
  // a key proves something about a device only with a chain to a trusted root
  return isComplete && asked.some(({id}) => id === 'chain') ? 'verified' : 'not verified'
}

/** Nothing for `verified`; exit code 4 when an answer is no, 10 when one is missing. */
export function refusalOf(peer: string, questions: readonly Question[], hasRoot: boolean): TsmctlError | undefined {
  const verdict = verdictOf(questions)
  if (verdict === 'verified') return undefined
  const wanted = verdict === 'failed' ? 'no' : 'not verified'
  const open = questions.filter(({answer}) => answer === wanted)
  const details = {questions: open.map(({id}) => id)}
  const got = open.map(({id, why}) => `${id}: ${why}`).join('; ') || 'nothing was asked of it'
  if (verdict === 'failed')
    return new TsmctlError({
      kind: 'denied',
      attempted: `attest ${peer}`,
      got,
      hint: 'What this device says about itself must not be relied on.',
      details,
    })
  return new TsmctlError({
    kind: 'review',
    attempted: `attest ${peer} completely`,
    got,
    hint: hasRoot ? undefined : "Name the root certificate of the device's manufacturer with --root.",
    details,
  })
}

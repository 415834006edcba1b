/**
 * A second opinion from a program of the site's own: it sees what was decided and may object. There is no answer that
 * means accept, and whatever is no answer is an objection.
 */
import {printable, TsmctlError} from '../errors.js'
import {type Bundle, strictJson} from '../evidence/index.js'
import type {Appraisal, ExternalDecision} from './types.js'
import {type Ear, machineReason} from './verdict/index.js'

const REASON_LENGTH = 256

/** What the program reads: one JSON object in printable ASCII and a line feed. */
export function externalQuestion(appraisal: Appraisal, {manifest}: Bundle, ear: Ear): Uint8Array {
  const {results, subject, D, P, policy, rule, decision, human, relaxations} = appraisal
  const {device, provider, tdiState, collectedAt} = manifest
  const facts = {device, provider, tdiState, collectedAt, subject, policy, rule, decision, human, relaxations}
  const text = JSON.stringify({ear, checks: results.map(machineReason), facts, D, P})
  const ascii = text.replaceAll(/[^\x20-\x7e]/g, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return new TextEncoder().encode(`${ascii}\n`)
}

export const objection = (command: string, reason: string): ExternalDecision => ({
  command: printable(command, REASON_LENGTH),
  answer: 'deny',
  reason: printable(reason, REASON_LENGTH),
})

const NO_ANSWER = 'its answer is neither an abstention nor an objection with a reason'

/** What the program's output says. Anything that is not exactly an abstention objects. */
export function externalAnswer(command: string, output: Uint8Array): ExternalDecision {
  let answer: unknown
  try {
    answer = strictJson(output, 'the external decision')
  } catch (error) {
    if (!(error instanceof TsmctlError)) throw error
    return objection(command, NO_ANSWER)
  }
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) return objection(command, NO_ANSWER)
  const {decision, reason, ...others} = answer as Readonly<Record<string, unknown>>
  if (Object.keys(others).length > 0) return objection(command, NO_ANSWER)
  if (decision === 'abstain' && reason === undefined)
    return {command: printable(command, REASON_LENGTH), answer: 'abstain', reason: null}
  return decision === 'deny' && typeof reason === 'string' && reason !== ''
    ? objection(command, reason)
    : objection(command, NO_ANSWER)
}

/** The appraisal with what the program said: denied if it objects, and otherwise decided as before. */
export const withExternal = (appraisal: Appraisal, external: ExternalDecision): Appraisal => ({
  ...appraisal,
  external,
  decision: external.answer === 'abstain' ? appraisal.decision : 'deny',
})

/** What verify, accept and admit print about an appraisal. */
import {
  type Appraisal,
  countersText,
  type Ear,
  findingLine,
  type Policy,
  reasonsOf,
  renderAppraisal,
  renderChecks,
} from '../appraisal/index.js'
import {TsmctlError} from '../errors.js'
import {type AcceptResult, denied} from '../operations/accept.js'
import {type AdmitResult} from '../operations/admit.js'
import {verdictOf} from '../operations/export-verdict.js'
import {stateText} from '../operations/transition.js'
import type {Outcome} from './base-command.js'
import {plannedText} from './transition-text.js'

const policyLines = ({findings}: Policy): string =>
  findings.map(finding => `policy unusable: ${findingLine(finding)}\n`).join('')

/** Exit code 0 for accept, 10 for review, 4 for deny, 11 when the policy itself is unusable. */
export function verdictOutcome(
  appraisal: Appraisal,
  policy: Policy,
  all: boolean,
  ear: Ear = verdictOf(appraisal),
): Outcome {
  const lines = [
    ...renderAppraisal(appraisal, {all}),
    ...(all ? ['', 'All checks', ...renderChecks(appraisal.results)] : []),
  ]
  return {
    data: {appraisal, ear, reasons: reasonsOf(appraisal.results), policyFindings: policy.findings},
    text: policyLines(policy) + lines.map(line => `${line}\n`).join(''),
    error: refusal(appraisal, policy),
  }
}

function refusal(appraisal: Appraisal, policy: Policy): TsmctlError | undefined {
  const subject = appraisal.subject.bdf ?? appraisal.shortD
  const [first] = policy.findings
  if (first !== undefined)
    return new TsmctlError({
      kind: 'policy',
      attempted: `appraise ${subject}`,
      got: findingLine(first),
      hint: 'With an unusable policy everything is denied.',
    })
  if (appraisal.decision === 'deny') return denied(subject, appraisal)
  if (appraisal.decision === 'accept') return undefined
  return new TsmctlError({
    kind: 'review',
    attempted: `decide about ${subject} without a person`,
    got: `rule ${appraisal.rule ?? '(none)'} asks for a review`,
    hint: 'A person reviews and accepts it in tsmctl tui, or with tsmctl accept on a terminal.',
  })
}

/** The checks that stand against the device, for a short report. */
const against = ({results}: Appraisal): string =>
  results
    .filter(({blocking, result}) => blocking && result !== 'blocked')
    .map(({word, id, text}) => `  ${word}  ${id}: ${text}\n`)
    .join('')

export const acceptText = ({bdf, changed, appraisal, commit, after, dryRun, writes, failure}: AcceptResult): string => {
  if (dryRun && failure === null) return plannedText(bdf, writes)
  const stopped = commit.filter(({blocking}) => blocking).map(({word, id, text}) => `  ${word}  ${id}: ${text}\n`)
  const basis = appraisal.unverified ? 'accepted UNVERIFIED, without evidence, ' : 'accepted on evidence '
  if (failure === null && !changed)
    return `${bdf}: unchanged, ${basis}${appraisal.shortD} before (${stateText(after)})\n`
  const head = changed ? `${basis}${appraisal.shortD}` : 'not accepted'
  return `${bdf}: ${head} (${stateText(after)})\n${changed ? '' : against(appraisal)}${stopped.join('')}`
}

export const admitText = ({bdf, admitted, appraisal, after}: AdmitResult): string => {
  const name = appraisal.subject.name === null ? 'unverified device' : `"${appraisal.subject.name}"`
  const policy = `policy ${appraisal.policy ?? ''}`
  const basis = appraisal.unverified ? `UNVERIFIED, by a person under ${policy}` : `${name} matches ${policy}`
  const head = admitted ? `admitted: ${basis}` : `not admitted: ${name}`
  return (
    `${bdf}: ${head} (${stateText(after)})\n` +
    `  evidence ${appraisal.shortD}: ${countersText(appraisal.counters)}\n${admitted ? '' : against(appraisal)}`
  )
}

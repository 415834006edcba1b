/**
 * The Review tab: the decision first, then what stands against it, then who the device is, what runs on it, how it is
 * bound to this link and how it is wired.
 */
import {countersText, type Appraisal, type CheckResult} from '../appraisal/index.js'
import {printable} from '../errors.js'
import {againstLines} from './findings.js'
import {identityLines} from './identity-lines.js'
import {BLANK, type Line, line, paragraph, span} from './lines.js'
import {measurementSummary} from './measurement-lines.js'
import {wiringSummary} from './report-lines.js'
import type {Review} from './review.js'
import {BANNERS, WORD_ORDER, WORDS, wordSpan} from './words.js'

export interface ReviewDocument {
  readonly lines: readonly Line[]
  /** Lines a person must have had on screen before accepting: the decision and what stands against it. */
  readonly mustSee: number
}

/** Minutes between the decision and the end of its use. */
export const APPROVAL_MINUTES = 10

export function reviewDocument(review: Review, now: number, width: number): ReviewDocument {
  const {appraisal} = review
  const first = [...banner(review, now, width), BLANK, ...againstLines(appraisal, width)]
  const lines = [
    ...first,
    BLANK,
    line('IDENTITY', 'title'),
    ...identityLines(appraisal.subject, width),
    BLANK,
    line('MEASUREMENTS', 'title'),
    ...measurementSummary(appraisal.subject, width),
    BLANK,
    line('THIS DEVICE ON THIS LINK', 'title'),
    ...linkSummary(appraisal.results, width),
    BLANK,
    line('WIRING', 'title'),
    ...wiringSummary(appraisal.subject, width),
    ...relaxationLines(appraisal, width),
  ]
  return {lines, mustSee: first.length}
}

/** `matches policy x` and nothing stronger: a decision is never better than the policy behind it. */
function policyText({decision, policy, unverified}: Appraisal): string {
  if (policy === null) return 'no policy was given'
  const name = `policy ${printable(policy)}`
  if (decision === 'deny') return `does not match ${name}`
  if (unverified) return `UNVERIFIED, this kernel has no evidence: ${name} leaves it to a person`
  return decision === 'accept' ? `matches ${name}` : `matches ${name}, if a person agrees`
}

const STANDINGS: Readonly<Record<Review['standing'], string | null>> = {
  open: null,
  accepted: 'accepted on this evidence',
  rejected: 'rejected here: review again before accepting',
  void: 'this evidence is no longer valid: review again',
}

function banner({appraisal, standing, receivedAt}: Review, now: number, width: number): Line[] {
  const {decision, subject, rule, shortD, ageSeconds} = appraisal
  const {text, tone} = BANNERS[decision]
  const since = Math.max(0, Math.floor((now - receivedAt) / 1000))
  const left = Math.max(0, Math.ceil(APPROVAL_MINUTES - since / 60))
  const facts = [
    `rule ${rule === null ? 'none' : printable(rule)}`,
    `D ${shortD}`,
    ageSeconds === null ? 'age of evidence unknown' : `evidence ${Math.round(ageSeconds) + since} s old`,
    ...(standing === 'open' && decision !== 'deny' ? [`${left} min left to accept`] : []),
  ]
  const note = STANDINGS[standing]
  return [
    ...paragraph([span(`${text}  `, tone)], policyText(appraisal), width),
    ...paragraph([], `${subject.name ?? 'unverified device'} at ${subject.bdf ?? 'unknown address'}`, width),
    ...paragraph([], facts.join(', '), width),
    ...paragraph([], countersText(appraisal.counters), width),
    ...(note === null ? [] : paragraph([], note, width, 'title')),
  ]
}

/** TSM and IDE statements: is the evidence about this device, on this link? */
function linkSummary(results: readonly CheckResult[], width: number): Line[] {
  const link = results.filter(({id}) => id.startsWith('tsm.') || id.startsWith('ide.'))
  if (link.length === 0) return paragraph([wordSpan('NOT PROVEN')], 'no statement by TSM or link', width)
  return WORD_ORDER.flatMap(word => {
    const of = link.filter(result => result.word === word)
    if (of.length === 0) return []
    const ids = of.map(({id}) => id).join(', ')
    return paragraph([wordSpan(word)], word === 'ok' ? `${of.length} of ${link.length} checks` : ids, width)
  })
}

function relaxationLines({relaxations}: Appraisal, width: number): Line[] {
  if (relaxations.length === 0) return []
  return [
    BLANK,
    line(`${WORDS.RELAXED.text} BY POLICY`, 'relaxed'),
    ...relaxations.flatMap(text => paragraph([span('  ')], text, width)),
  ]
}

/**
 * The words of a review: each with a glyph, and colour only repeats them. A result that nobody proved is never counted
 * or drawn as passed.
 */
import type {Appraisal, CheckResult, MeasurementRow, SkipReason, Subject, Word} from '../appraisal/index.js'
import {type Span, span, type Tone} from './lines.js'

interface Explained {
  readonly text: string
  readonly tone: Tone
  readonly meaning: string
}

interface Toned {
  readonly text: string
  readonly tone: Tone
}

/** In the order in which they are read. */
export const WORDS: Readonly<Record<Word, Explained>> = {
  FAIL: {text: 'X FAIL', tone: 'fail', meaning: 'checked and found wrong'},
  'NOT PROVEN': {text: '? NOT PROVEN', tone: 'unproven', meaning: 'nobody showed it; not the same as passed'},
  RELAXED: {
    text: '~ RELAXED',
    tone: 'relaxed',
    meaning: 'does not stand against acceptance only because the policy or a waiver says so',
  },
  WARNING: {text: '! WARNING', tone: 'unproven', meaning: 'an advisory check that failed; counted as not proven'},
  ok: {text: '+ ok', tone: 'ok', meaning: 'checked and found as it has to be'},
  'not applicable': {text: '- n/a', tone: 'quiet', meaning: 'does not apply to this device or kernel'},
}

export const WORD_ORDER = Object.keys(WORDS) as readonly Word[]

const WORD_WIDTH = Math.max(...Object.values(WORDS).map(({text}) => text.length))

/** The word in its column. */
export const wordSpan = (word: Word): Span => span(`${WORDS[word].text.padEnd(WORD_WIDTH)} `, WORDS[word].tone)

const REASONS: Readonly<Record<SkipReason, string>> = {
  abs: 'the device does not say',
  tsm: 'the TSM makes no statement',
  kern: 'the kernel does not offer it',
  clk: 'the clock is not trusted',
  off: 'not asked, by request',
  na: 'does not apply here',
}

/** Why a check has the result it has, where the result is not its own finding. Null for pass and fail. */
export function reasonOf({result, reason, blockedBy, waiver, relaxedBy}: CheckResult): string | null {
  if (result === 'blocked') return `depends on ${blockedBy ?? 'a check'}, which did not pass`
  if (result === 'waived') return `waived${waiver === null ? '' : ` by ${waiver}`}`
  if (relaxedBy !== null) return `relaxed by ${relaxedBy}`
  return reason === null ? null : REASONS[reason]
}

export const BANNERS: Readonly<Record<Appraisal['decision'], Toned>> = {
  deny: {text: 'DENY', tone: 'fail'},
  review: {text: 'REVIEW NEEDED', tone: 'relaxed'},
  accept: {text: 'ACCEPT', tone: 'ok'},
}

export const DEBUG_WORDS: Readonly<Record<Subject['debug'], Toned>> = {
  off: {text: '+ ok debug off', tone: 'ok'},
  on: {text: 'X FAIL debug access is on', tone: 'fail'},
  absent: {text: '? NO DEBUG INFO', tone: 'unproven'},
  'not proven': {text: '? NOT PROVEN debug mode', tone: 'unproven'},
}

export const STATUS_WORDS: Readonly<Record<MeasurementRow['status'], Word | null>> = {
  approved: 'ok',
  'not approved': 'FAIL',
  'no reference': 'NOT PROVEN',
  informational: null,
  'not evaluated': 'NOT PROVEN',
}

/** `1 fail  0 relaxed  2 not proven  40 ok`: four numbers, never a score. */
export const countersText = ({fail, relaxed, notProven, ok}: Appraisal['counters']): string =>
  `${fail} fail  ${relaxed} relaxed  ${notProven} not proven  ${ok} ok`

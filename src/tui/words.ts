/**
 * The words of a review. There are four for checks, each with a glyph, and one banner per decision; colour only repeats
 * them. A result that nobody proved is never counted or drawn as passed.
 */
import type {Appraisal, CheckResult, MeasurementRow, SkipReason, Subject} from '../appraisal/index.js'
import {type Span, span, type Tone} from './lines.js'

export type Word = 'fail' | 'relaxed' | 'unproven' | 'ok'

export const WORDS: Readonly<Record<Word, {readonly text: string; readonly meaning: string}>> = {
  fail: {text: 'X FAIL', meaning: 'stands against acceptance'},
  relaxed: {text: '~ RELAXED', meaning: 'taken although not proven, because the policy or a waiver says so'},
  unproven: {text: '? NOT PROVEN', meaning: 'nobody showed it; not the same as passed'},
  ok: {text: '+ ok', meaning: 'checked and found as it has to be'},
}

export const WORD_ORDER: readonly Word[] = ['fail', 'relaxed', 'unproven', 'ok']

const WORD_WIDTH = Math.max(...Object.values(WORDS).map(({text}) => text.length))

/** The word in its column. */
export const wordSpan = (word: Word): Span => span(`${WORDS[word].text.padEnd(WORD_WIDTH)} `, word)

export function wordOf({result, allowed}: CheckResult): Word {
  if (result === 'pass') return 'ok'
  if (result === 'fail' || result === 'error') return 'fail'
  return result === 'waived' || allowed ? 'relaxed' : 'unproven'
}

const REASONS: Readonly<Record<SkipReason, string>> = {
  abs: 'the device does not say',
  tsm: 'the TSM makes no statement',
  kern: 'the kernel does not offer it',
  clk: 'the clock is not trusted',
  off: 'not asked, by request',
  na: 'does not apply here',
}

/** Why a check has the result it has, where the result is not its own finding. Null for pass and fail. */
export function reasonOf({result, reason, blockedBy, waiver}: CheckResult): string | null {
  if (result === 'blocked') return `depends on ${blockedBy ?? 'a check'}, which did not pass`
  if (result === 'waived') return `waived${waiver === null ? '' : ` by ${waiver}`}`
  return reason === null ? null : REASONS[reason]
}

export const BANNERS: Readonly<Record<Appraisal['decision'], {readonly text: string; readonly tone: Tone}>> = {
  deny: {text: 'DENY', tone: 'fail'},
  review: {text: 'REVIEW NEEDED', tone: 'relaxed'},
  accept: {text: 'ACCEPT', tone: 'ok'},
}

export const DEBUG_WORDS: Readonly<Record<Subject['debug'], {readonly text: string; readonly word: Word}>> = {
  off: {text: '+ ok debug off', word: 'ok'},
  on: {text: 'X FAIL debug access is on', word: 'fail'},
  absent: {text: '? NO DEBUG INFO', word: 'unproven'},
  'not proven': {text: '? NOT PROVEN debug mode', word: 'unproven'},
}

export const STATUS_WORDS: Readonly<Record<MeasurementRow['status'], Word | null>> = {
  approved: 'ok',
  'not approved': 'fail',
  'no reference': 'unproven',
  informational: null,
  'not evaluated': 'unproven',
}

/** `1 fail  0 relaxed  2 not proven  40 ok`: four numbers, never a score. */
export const countersText = ({fail, relaxed, notProven, ok}: Appraisal['counters']): string =>
  `${fail} fail  ${relaxed} relaxed  ${notProven} not proven  ${ok} ok`

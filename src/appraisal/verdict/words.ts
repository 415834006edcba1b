/** The words of a verdict, the same wherever one is shown. A result nobody proved is never called passed. */
import type {Appraisal, MeasurementRow, Subject, Word} from '../types.js'

/** The words of results, and two more: for what is not as it was, and for a device that is silent about debugging. */
export type Mark = Word | 'CHANGED' | 'NO DEBUG INFO'

/** Glyph and word of each mark: the colour of a screen only repeats them. */
export const GLYPH: Readonly<Record<Mark, string>> = {
  FAIL: 'X FAIL',
  CHANGED: '! CHANGED',
  RELAXED: '~ RELAXED',
  'NOT PROVEN': '? NOT PROVEN',
  'NO DEBUG INFO': '? NO DEBUG INFO',
  WARNING: '! WARNING',
  ok: '+ ok',
  'not applicable': '- n/a',
}

export const BANNER = {accept: 'ACCEPT', review: 'REVIEW NEEDED', deny: 'DENY'} as const

/** Debug access gets its own words: silence of the device is not "off". */
export const DEBUG: Readonly<Record<Subject['debug'], readonly [Mark, string]>> = {
  off: ['ok', 'debug is off'],
  on: ['FAIL', 'debug access is on'],
  absent: ['NO DEBUG INFO', 'the device does not say'],
  'not proven': ['NOT PROVEN', 'whether debug is off'],
}

/** Four numbers, never a score. */
export const countersText = ({fail, relaxed, notProven, ok}: Appraisal['counters']): string =>
  `${fail} fail, ${relaxed} relaxed, ${notProven} not proven, ${ok} ok`

/** What came of a measured value, and who approved it where that is not the policy itself. */
export const measurementStatus = ({status, approvedBy}: MeasurementRow): string =>
  approvedBy === null || approvedBy === 'policy' ? status : `${status} by ${approvedBy}`

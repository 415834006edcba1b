/**
 * The words of a review: each with a glyph, and colour only repeats them. A result that nobody proved is never counted
 * or drawn as passed.
 */
import {
  type Appraisal,
  BANNER,
  type CheckResult,
  GLYPH,
  type Mark,
  type MeasurementRow,
  type SkipReason,
  type Word,
} from '../appraisal/index.js'
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
export const WORDS: Readonly<Record<Mark, Explained>> = {
  FAIL: {text: GLYPH.FAIL, tone: 'fail', meaning: 'checked and found wrong'},
  CHANGED: {
    text: GLYPH.CHANGED,
    tone: 'fail',
    meaning: 'not as it was when the device was last accepted, or not as it should be',
  },
  'NOT PROVEN': {text: GLYPH['NOT PROVEN'], tone: 'unproven', meaning: 'nobody showed it; not the same as passed'},
  'NO DEBUG INFO': {
    text: GLYPH['NO DEBUG INFO'],
    tone: 'unproven',
    meaning: 'the device does not say; not the same as off',
  },
  RELAXED: {
    text: GLYPH.RELAXED,
    tone: 'relaxed',
    meaning: 'does not stand against acceptance only because the policy or a waiver says so',
  },
  WARNING: {text: GLYPH.WARNING, tone: 'unproven', meaning: 'an advisory check that failed; counted as not proven'},
  ok: {text: GLYPH.ok, tone: 'ok', meaning: 'checked and found as it has to be'},
  'not applicable': {text: GLYPH['not applicable'], tone: 'quiet', meaning: 'does not apply to this device or kernel'},
}

export const WORD_ORDER = Object.keys(WORDS) as readonly Mark[]

const WORD_WIDTH = Math.max(...Object.values(WORDS).map(({text}) => text.length))

/** The word in its column. */
export const wordSpan = (word: Mark): Span => span(`${WORDS[word].text.padEnd(WORD_WIDTH)} `, WORDS[word].tone)

const REASONS: Readonly<Record<SkipReason, string>> = {
  abs: 'the device does not say',
  tsm: 'the TSM makes no statement',
  kern: 'the kernel does not offer it',
  clk: 'nobody vouches for the clock',
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
  deny: {text: BANNER.deny, tone: 'fail'},
  review: {text: BANNER.review, tone: 'relaxed'},
  accept: {text: BANNER.accept, tone: 'ok'},
}

export const STATUS_WORDS: Readonly<Record<MeasurementRow['status'], Word | null>> = {
  approved: 'ok',
  'not approved': 'FAIL',
  'no reference': 'NOT PROVEN',
  informational: null,
  'not evaluated': 'NOT PROVEN',
}

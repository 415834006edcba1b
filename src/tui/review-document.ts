/** The Review tab: the blocks of a review as lines of this width, and how many of them must have been seen. */
import {
  APPROVAL_SECONDS,
  type Banner,
  type Block,
  countersText,
  MOST_FINDINGS,
  type ReviewBlocks,
  reviewBlocks,
  type Row,
} from '../appraisal/index.js'
import {BLANK, indented, type Line, line, pair, paragraph, span} from './lines.js'
import type {Review} from './review.js'
import {BANNERS, WORDS, wordSpan} from './words.js'

export interface ReviewDocument {
  readonly lines: readonly Line[]
  /** Lines a person must have had on screen before accepting: the decision, what stands against it, what changed. */
  readonly mustSee: number
}

/** Minutes between the decision and the end of its use. */
export const APPROVAL_MINUTES = APPROVAL_SECONDS / 60

const STANDINGS: Readonly<Record<Review['standing'], string | null>> = {
  open: null,
  accepted: 'accepted on this evidence',
  rejected: 'rejected here: review again before accepting',
  void: 'this evidence is no longer valid: review again',
}

function bannerLines(banner: Banner, {appraisal, standing}: Review, width: number): Line[] {
  const {text, tone} = BANNERS[banner.decision]
  const {rule, evidence, age, left} = banner
  const facts = [rule, evidence, age, ...(left === null || standing !== 'open' ? [] : [left])]
  const note = STANDINGS[standing]
  return [
    ...paragraph([span(`${text}  `, tone)], banner.policy, width),
    ...paragraph([], `${banner.name} at ${banner.bdf}`, width),
    ...paragraph([], facts.join(', '), width),
    ...paragraph([], countersText(appraisal.counters), width),
    ...(note === null ? [] : paragraph([], note, width, 'title')),
  ]
}

/** How much of a row is told where there is little room: everything, without notes, or no more than a line. */
type Detail = 'full' | 'plain' | 'short'

const cut = (text: string, width: number): string => (text.length > width ? `${text.slice(0, width - 3)}...` : text)

function rowLines({mark, name, text, notes}: Row, width: number, detail: Detail): Line[] {
  if (mark === null) return name === null ? indented(text, width, 0) : pair(name, text, width)
  if (name === null) return paragraph([wordSpan(mark)], text, width, mark === 'ok' ? 'plain' : WORDS[mark].tone)
  const found = detail === 'short' ? [line(`    ${cut(text, width - 4)}`)] : indented(text, width, 4)
  return [
    [wordSpan(mark), span(name)],
    ...found,
    ...(detail === 'full'
      ? notes.flatMap(note => indented(note, width, 4, note.startsWith('->') ? 'title' : 'plain'))
      : []),
  ]
}

const blockLines = ({title, rows, folded}: Block, width: number, detail: Detail = 'full'): Line[] => [
  line(title.toUpperCase(), 'title'),
  ...(folded ?? rows).flatMap(row => rowLines(row, width, detail)),
]

/** Fewest findings that are told in full sight, however small the screen is. */
const FEWEST = 3

/** Details and numbers of findings to try, the most telling first. */
const FORMS: readonly (readonly [Detail, number])[] = [
  ['full', MOST_FINDINGS],
  ['plain', MOST_FINDINGS],
  ...Array.from({length: MOST_FINDINGS - FEWEST + 1}, (_, i) => ['short', MOST_FINDINGS - i] as const),
]

/** The first three blocks, in the most telling form that fits on one screen of `rows` lines. */
function firstLines(review: Review, elapsedSeconds: number, width: number, rows: number): Line[] {
  const form = (detail: Detail, mostFindings: number): Line[] => {
    const {banner, first} = reviewBlocks(review.appraisal, {elapsedSeconds, mostFindings})
    return [...bannerLines(banner, review, width), ...first.flatMap(block => blockLines(block, width, detail))]
  }
  for (const [detail, most] of FORMS) {
    const lines = form(detail, most)
    if (lines.length <= rows) return lines
  }
  // it does not fit: then it is told in full, and has to be read to its end
  return form('full', MOST_FINDINGS)
}

const otherLines = ({others}: ReviewBlocks, width: number): Line[] =>
  others.flatMap(block => [BLANK, ...blockLines(block, width)])

export function reviewDocument(review: Review, now: number, width: number, rows: number): ReviewDocument {
  const elapsedSeconds = Math.max(0, Math.floor((now - review.receivedAt) / 1000))
  const first = firstLines(review, elapsedSeconds, width, rows)
  return {lines: [...first, ...otherLines(reviewBlocks(review.appraisal), width)], mustSee: first.length}
}

/** A review as plain text: words, never colour or a score; device text was escaped where it was taken. */
import type {Appraisal, CheckResult} from '../types.js'
import {reliefText} from './against.js'
import type {Block, Row} from './block.js'
import {type Banner, type BlockOptions, reviewBlocks} from './blocks.js'
import {findingText} from './reason.js'
import {countersText, GLYPH} from './words.js'

const bannerLine = ({verdict, unverified, name, bdf, rule, evidence, age, left}: Banner): string =>
  [
    verdict,
    ...(unverified === null ? [] : [unverified]),
    name,
    bdf,
    rule,
    evidence,
    age,
    ...(left === null ? [] : [left]),
  ].join('  ')

const NAME_WIDTH = 12

function rowLines({mark, name, text, notes}: Row, indent = '  '): string[] {
  const word = mark === null ? '' : `${GLYPH[mark]}  `
  const about = name === null ? '' : mark === null ? `${name.padEnd(NAME_WIDTH)}  ` : `${name}: `
  return [`${indent}${word}${about}${text}`, ...notes.map(note => `${indent}    ${note}`)]
}

const blockLines =
  (all: boolean) =>
  ({title, rows, folded}: Block): string[] => [
    '',
    title,
    ...(all ? rows : (folded ?? rows)).flatMap(row => rowLines(row)),
  ]

export interface RenderOptions extends BlockOptions {
  /** Show also what is collapsed. */
  readonly all?: boolean
}

/** The blocks of a review in their order, as lines of printable ASCII. */
export function renderAppraisal(
  appraisal: Appraisal,
  {all = false, ...options}: RenderOptions = {},
): readonly string[] {
  const {banner, first, others} = reviewBlocks(appraisal, options)
  return [
    bannerLine(banner),
    `${banner.policy}; ${countersText(appraisal.counters)}`,
    ...[...first, ...others].flatMap(blockLines(all)),
  ]
}

/** One line per check, for whoever wants to see all of them. */
export const renderChecks = (results: readonly CheckResult[]): readonly string[] =>
  results.map(
    result =>
      `${GLYPH[result.word].padEnd(12)}  ${result.class}  ${result.id}: ${findingText(result)}${reliefText(result)}`,
  )

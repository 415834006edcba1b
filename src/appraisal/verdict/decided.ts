/** Who decided so: the policy, what it relaxes, whose waivers are in use, and what a program of the site said. */
import type {Appraisal, UsedWaiver} from '../types.js'
import {type Block, marked, pair, type Row} from './block.js'

const DIGITS = 12

const shortP = (P: string | null): string =>
  P === null ? '' : ` ${P.slice('sha384:'.length, 'sha384:'.length + DIGITS)}`

const waiverRow = ({id, check, reason, approvedBy, daysLeft}: UsedWaiver): Row => ({
  mark: 'RELAXED',
  name: `waiver ${id}`,
  text: `${check}: "${reason}"`,
  notes: [`approved by ${approvedBy.join(', ')}, ${daysLeft} day${daysLeft === 1 ? '' : 's'} left`],
})

function externalRow({external}: Appraisal): Row[] {
  if (external === undefined) return []
  const {command, answer, reason} = external
  return answer === 'deny'
    ? [pair('external decision', `${command} denies: ${reason ?? ''}`, 'FAIL')]
    : [pair('external', `${command} abstains`)]
}

/** Block 8; without rows where there is nothing to tell. */
export function decidedBlock(appraisal: Appraisal): Block {
  const {policy, P, relaxations, waivers = []} = appraisal
  return {
    id: 'decided',
    title: 'Who decided so',
    rows: [
      policy === null ? marked('NOT PROVEN', 'no usable policy') : pair('policy', `"${policy}"${shortP(P)}`),
      ...relaxations.map(text => pair('by policy', text, 'RELAXED')),
      ...waivers.map(waiverRow),
      ...externalRow(appraisal),
    ],
    folded: null,
  }
}

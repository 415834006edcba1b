/** What a laboratory may do and a production machine may not (L15). */
import type {PolicyDocument, Rule} from '../schema.js'
import {type Reporter, ruleName} from './finding.js'

const WORDS: readonly (readonly [(rule: Rule) => boolean, string])[] = [
  [({tsm}) => tsm?.ide === 'not-required', 'tsm.ide: not-required'],
  [({tsm}) => tsm?.platformAttestation === 'ignore', 'tsm.platformAttestation: ignore'],
  [({tsm}) => tsm?.digests === 'if-available', 'tsm.digests: if-available'],
  [({tdisp}) => tdisp?.updatableRanges === 'allow', 'tdisp.updatableRanges: allow'],
  [
    ({tdisp}) => tdisp?.nonTeeRanges?.some(({maxPages}) => maxPages === undefined) === true,
    'tdisp.nonTeeRanges without maxPages',
  ],
  [({withoutEvidence}) => withoutEvidence !== undefined, 'withoutEvidence'],
]

const IS_TEST = /\btest\b/i

export function lintProduction({find}: Reporter, policy: PolicyDocument): void {
  for (const rule of policy.rules)
    for (const [applies, words] of WORDS)
      if (applies(rule)) find('L15', ruleName(rule), `${words} is not for production`)
  for (const [name, anchors] of [...Object.entries(policy.anchors ?? {}), ...Object.entries(policy.rimSigners ?? {})])
    if (anchors.some(({label}) => IS_TEST.test(label)))
      find('L15', `anchor ${name}`, 'it is labelled as a test and not for production')
}

/** That these are the bytes the TSM saw: its digests against the private copy that everything else reads. */
import {createHash, timingSafeEqual} from 'node:crypto'
import {fromHex} from '../../bits/index.js'
import type {ObjectLabel} from '../../evidence/index.js'
import {certificateLabel, known} from '../facts.js'
import type {Check, Context} from './context.js'
import {type Answer, blocked, fail, malformed, pass, skip} from './verdict.js'

/** Digest algorithms that are strong enough, with the names of node:crypto. */
const ALGORITHMS = ['sha256', 'sha384', 'sha512']

const digestsOptional = ({rule}: Context): string | undefined =>
  rule.tsm.digests === 'if-available' ? 'tsm.digests: if-available' : undefined

const digestAlgorithm: Check = context => {
  const {tsm} = context.facts
  if (tsm.kind === 'malformed') return malformed('tsm', tsm.error)
  const {digestAlgorithm: algorithm = null, digests = {}} = known(tsm) ?? {}
  if (algorithm === null && Object.keys(digests).length > 0)
    return fail('unnamed', 'digests of no named algorithm', {place: {object: 'tsm'}})
  if (algorithm === null) return skip('tsm', 'the TSM gives no digests', digestsOptional(context))
  return ALGORITHMS.includes(algorithm) ? pass(algorithm) : fail('algorithm', algorithm, {place: {object: 'tsm'}})
}

function compare(context: Context, label: ObjectLabel): Answer {
  const tsm = known(context.facts.tsm)
  const stated = tsm?.digests[label]
  const bytes = context.facts.bundle.objects.get(label)
  if (context.facts.tsm.kind === 'malformed') return blocked('tsm.digest.algo')
  if (stated === undefined) return skip('tsm', `the TSM gives no digest of ${label}`, digestsOptional(context))
  if (!context.satisfied('tsm.digest.algo')) return blocked('tsm.digest.algo')
  if (bytes === undefined) return fail('missing', `${label} is missing`)
  const expected = fromHex(stated)
  const actual = createHash(tsm!.digestAlgorithm!).update(bytes).digest()
  // a truncated digest is not a digest
  if (expected.length !== actual.length)
    return fail('length', `${expected.length} bytes`, {expected: `${actual.length} bytes`})
  return timingSafeEqual(actual, expected) ? pass() : fail('differs', 'another digest', {place: {object: label}})
}

const digestOfObject =
  (label: ObjectLabel): Check =>
  context =>
    compare(context, label)

/** The chain in use must be the TSM's; of other slots, those it has a digest of. */
const digestCerts: Check = context => {
  const {facts} = context
  const used = certificateLabel(facts.slot)
  const others = [...facts.bundle.objects.keys()].filter(
    label => label.startsWith('cert') && label !== used && known(facts.tsm)?.digests[label] !== undefined,
  )
  const answers = [used, ...others].map(label => compare(context, label))
  return answers.find(({result}) => result === 'fail') ?? answers[0]!
}

export const DIGEST_CHECKS = {
  'tsm.digest.algo': digestAlgorithm,
  'tsm.digest.certs': digestCerts,
  'tsm.digest.vca': digestOfObject('vca'),
  'tsm.digest.measurements': digestOfObject('measurements'),
  'tsm.digest.report': digestOfObject('report'),
} satisfies Record<string, Check>

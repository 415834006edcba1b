/** What only the TSM can say: that these are the bytes it saw, that its session and its link are the device's. */
import {createHash, timingSafeEqual} from 'node:crypto'
import {fromHex} from '../../bits/index.js'
import type {ObjectLabel} from '../../evidence/index.js'
import {certificateLabel, known} from '../facts.js'
import type {Check, Context} from './context.js'
import {type Answer, blocked, fail, malformed, pass, relaxed, skip} from './verdict.js'

/** Digest algorithms that are strong enough, with the names of node:crypto. */
const ALGORITHMS = ['sha256', 'sha384', 'sha512']

const digestsOptional = ({rule}: Context): string | undefined =>
  rule.tsm.digests === 'if-available' ? 'tsm.digests: if-available' : undefined

const digestAlgorithm: Check = context => {
  const {tsm} = context.facts
  if (tsm.kind === 'malformed') return malformed('tsm', tsm.error)
  const algorithm = known(tsm)?.digestAlgorithm ?? null
  if (algorithm === null) return skip('tsm', 'the TSM gives no digests', digestsOptional(context))
  return ALGORITHMS.includes(algorithm) ? pass(algorithm) : fail('algorithm', algorithm, {place: {object: 'tsm'}})
}

function compare(context: Context, label: ObjectLabel): Answer {
  const tsm = known(context.facts.tsm)
  const stated = tsm?.digests[label]
  const bytes = context.facts.bundle.objects.get(label)
  if (stated === undefined) return skip('tsm', `the TSM gives no digest of ${label}`, digestsOptional(context))
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

const silent =
  (what: string): Check =>
  () =>
    skip('tsm', `the kernel interface does not tell ${what}`)

const platformAttested: Check = ({rule, facts}) => {
  const {platformAttestation} = rule.tsm
  const present = facts.bundle.objects.has('platform')
  return skip(
    'off',
    present ? 'there is a platform report, which is verified elsewhere' : 'no platform report was collected',
    platformAttestation === 'require' ? undefined : `tsm.platformAttestation: ${platformAttestation}`,
  )
}

const lockEpoch: Check = ({facts}) => {
  const {kind} = facts.bundle.manifest.lockEpoch
  return kind === 'none'
    ? skip('tsm', 'the kernel interface does not tell lock epochs')
    : skip('tsm', 'lock epochs are not compared by this version')
}

/** Protection of the link: asserted by nobody under the interfaces of this version. */
const ide =
  (what: string): Check =>
  ({rule}) =>
    skip('tsm', `the TSM does not tell ${what}`, rule.tsm.ide === 'not-required' ? 'tsm.ide: not-required' : undefined)

const errata: Check = ({rule, satisfied}) => {
  switch (rule.tsm.ideErrata) {
    case 'ignore':
      return relaxed('tsm.ideErrata: ignore', 'nothing declares whether the errata are fixed')
    case 'no-switch':
      // without a switch nothing can reorder packets between root port and device
      return satisfied('ide.topology') ? relaxed('allowSkip', 'as far as there is no switch') : blocked('ide.topology')
    default:
      return skip('abs', 'nothing declares whether the errata are fixed')
  }
}

const topology: Check = ({rule}) =>
  skip(
    'kern',
    'a guest sees the topology its host shows it',
    rule.tsm.ideErrata === 'no-switch' ? undefined : `tsm.ideErrata: ${rule.tsm.ideErrata}`,
  )

export const BINDING_CHECKS = {
  'tsm.platform.attested': platformAttested,
  'tsm.digest.algo': digestAlgorithm,
  'tsm.digest.certs': digestCerts,
  'tsm.digest.vca': digestOfObject('vca'),
  'tsm.digest.measurements': digestOfObject('measurements'),
  'tsm.digest.report': digestOfObject('report'),
  'tsm.digest.fresh': silent('whether its digests answer our request'),
  'tsm.session.bound': silent('whether the session is alive'),
  'tsm.session.pubkey': silent('which key the session was built with'),
  'tsm.lock.flags': silent('the flags of the lock'),
  'tsm.lock.epoch': lockEpoch,
  'tsm.report.counter': silent('how often the report was generated'),
  'ide.stream.secure': ide('whether the link is protected'),
  'ide.stream.default': ide('the default stream'),
  'ide.stream.association': ide('what the stream is associated with'),
  'ide.keys.session': ide('which session programmed the keys'),
  'ide.tee-limited': ide('whether the stream is limited to TEE traffic'),
  'ide.errata': errata,
  'ide.topology': topology,
} satisfies Record<string, Check>

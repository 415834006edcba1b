/** The members of a rule in words: selector, algorithms, identity, wiring, TSM, revocation and time. */
import {REGISTRY, SKIP_NAMES, type CheckId} from '../../registry/index.js'
import type {SkipReason} from '../../types.js'
import type {EffectiveRule} from '../effective.js'
import type {Match, Rule} from '../schema.js'
import {both, chosen, either, plain, plural, sayAll, text, type Words} from './say.js'

type Part<K extends keyof Rule> = NonNullable<Rule[K]>

const MATCH: Words<Match> = {
  vendor: value => `vendor ${value}`,
  device: value => `device ${either(value)}`,
  subsystem: value => `subsystem ${value}`,
  class: value => (value.length === 8 ? `class ${value}` : `a class that begins with ${value}`),
  bdf: value => `address ${either(value)}`,
  san: value =>
    value.endsWith('*')
      ? `a certified name that begins with ${text(value.slice(0, -1))}`
      : `the certified name ${text(value)}`,
}

export const sayMatch = (match: Match): string => both(sayAll(MATCH, match))

const SPDM: Words<EffectiveRule['spdm']> = {
  minVersion: value => `It speaks SPDM ${value}${value === '1.4' ? '' : ' or later'}.`,
  hash: value => `The hash is ${either(value)}.`,
  asym: value => `The signature is ${either(value)}.`,
  slot: value => `The certificate chain is that of slot ${value}.`,
  certModel: chosen({
    any: 'The certificate model may be any.',
    device: 'Its leaf is a device certificate.',
    alias: 'Its leaf is an alias certificate, made by its firmware.',
    generic: 'Its leaf is a generic certificate.',
  }),
}
export const saySpdm = (spdm: EffectiveRule['spdm']): readonly string[] => sayAll(SPDM, spdm)

type Allowed = NonNullable<Part<'identity'>['allow']>[number]
const ALLOWED: Words<Allowed> = {
  certSha384: value => `certificate ${value}`,
  spkiSha384: value => `key ${value}`,
  san: value => `name ${text(value)}`,
  label: value => `called ${text(value)}`,
}
type Product = NonNullable<Part<'identity'>['products']>[number]
const PRODUCT: Words<Product> = {
  san: value => `the name ${text(value)}`,
  vendor: value => `vendor ${value}`,
  device: value => `device ${either(value)}`,
}
const IDENTITY: Words<Omit<Part<'identity'>, 'allow'>> = {
  mode: chosen({
    allowlist: 'It is one of the devices this rule lists:',
    enrolled: 'It is a device that was enrolled on this machine before.',
    tofu: 'The first device that a person accepts is remembered; from then on it is that one.',
    'any-from-anchor': 'Any device whose certificates lead to these roots passes.',
  }),
  pin: chosen({
    'device-cert': 'A device is known again by its device certificate.',
    leaf: 'A device is known again by its leaf certificate, which may change with its firmware.',
    san: 'A device is known again by its certified name.',
  }),
  products: value => `Its name goes with its ids: ${value.map(product => both(sayAll(PRODUCT, product))).join('; ')}.`,
}
export function sayIdentity({allow, ...rest}: Part<'identity'>): readonly string[] {
  const [mode, ...others] = sayAll(IDENTITY, {pin: 'device-cert', ...rest})
  return [mode!, ...(allow ?? []).map(one => `  ${both(sayAll(ALLOWED, one))}`), ...others]
}

type Flags = NonNullable<Part<'dice'>['flags']>
const FLAG_WORDS: Readonly<Record<keyof Flags, string>> = {
  notConfigured: 'not configured',
  notSecure: 'not secure',
  recovery: 'in recovery',
  debug: 'under debug',
  other: 'anything else that may be flagged',
}
const DICE: Words<Part<'dice'>> = {
  flags: value =>
    (Object.entries(value) as [keyof Flags, string][])
      .map(
        ([flag, allowed]) =>
          `A DICE layer that says it is ${FLAG_WORDS[flag]} ${allowed === 'allow' ? 'passes' : 'is refused'}.`,
      )
      .join(' '),
  minSvn: value => `Every DICE layer has security version ${value} or higher.`,
}
export const sayDice = (dice: Part<'dice'>): readonly string[] => sayAll(DICE, dice)

type Range = NonNullable<Part<'tdisp'>['nonTeeRanges']>[number]
const range = ({bar, maxPages}: Range): string =>
  `BAR${bar} (${maxPages === undefined ? 'any number of pages' : `at most ${plural(maxPages, 'page')}`})`

const off = (what: string) => chosen({deny: `${what} is off.`, allow: `${what} may be on.`})
const TDISP: Words<EffectiveRule['tdisp']> = {
  noFwUpdate: chosen({
    require: 'Firmware cannot be replaced while it is locked.',
    'allow-update': 'Firmware may be replaced while it is locked.',
  }),
  lockMsix: chosen({
    require: 'Its interrupt table is locked with it.',
    'allow-unlocked': 'Its interrupt table may stay unlocked.',
  }),
  ats: off('ATS'),
  prs: off('PRS'),
  pasid: off('DMA with PASID'),
  bindP2p: off('Peer-to-peer traffic'),
  nonTeeRanges: value =>
    value.length === 0
      ? 'All of its memory is private.'
      : `The host may share the memory of ${both(value.map(range))}.`,
  updatableRanges: chosen({
    deny: 'What is private stays private.',
    allow: 'Private ranges may become shared later.',
  }),
  offsetMode: chosen({
    auto: 'Where ranges lie in their BARs has to follow from the report.',
    'bar-aligned': 'Ranges are placed in their BARs by aligned offsets.',
    relative: 'Ranges are placed in their BARs from the first one on.',
  }),
  deviceSpecific: chosen({
    ignore: 'Device-specific bytes of the report are ignored.',
    pin: 'Device-specific bytes of the report are the enrolled ones.',
    deny: 'The report has no device-specific bytes.',
  }),
  report: chosen({any: 'The layout of its memory may be any.', pin: 'The layout of its memory is the enrolled one.'}),
}
export const sayTdisp = (tdisp: EffectiveRule['tdisp']): readonly string[] => sayAll(TDISP, tdisp)

const TSM: Words<EffectiveRule['tsm']> = {
  digests: chosen({
    require: 'The TSM states digests of the evidence, and they are equal.',
    'if-available': 'The TSM need not state digests of the evidence; those that it states are equal.',
  }),
  platformAttestation: chosen({
    require: "This machine's own TSM was attested.",
    'if-available': "This machine's own TSM need not be attested where that cannot be done.",
    ignore: "Whether this machine's own TSM was attested is not asked.",
  }),
  ide: chosen({
    require: 'The link is encrypted: the TSM says so, and its registers say so too.',
    'tsm-asserted': 'The link is encrypted: the TSM says so.',
    'not-required': 'The link need not be encrypted.',
  }),
  ideErrata: chosen({
    'require-fixed': 'Platform and device declare the flaws of link encryption fixed.',
    'no-switch': 'No switch lies on the link, where the flaws of link encryption could be used.',
    ignore: 'The flaws of link encryption are not asked about.',
  }),
}
export const sayTsm = (tsm: EffectiveRule['tsm']): readonly string[] => sayAll(TSM, tsm)

const REVOCATION: Words<Part<'revocation'>> = {
  mode: chosen({
    hard: 'Every certificate is known not to be revoked.',
    soft: 'A certificate that is known to be revoked is refused; one of which nothing is known passes.',
    'local-only': 'Only lists that came with the policy say what is revoked.',
  }),
  maxAgeHours: value => `What is known about revocation is at most ${plural(value, 'hour')} old.`,
}
export const sayRevocation = (revocation: Part<'revocation'>): readonly string[] => sayAll(REVOCATION, revocation)

const TIME: Words<EffectiveRule['time']> = {
  validity: chosen({
    strict: 'Every certificate is valid at this moment, by a trusted clock.',
    device: "Certificates of CAs are valid at this moment, by a trusted clock; the device's own has not expired.",
    'floor-only': 'No certificate expired before the floor.',
  }),
  floor: value => `It is not earlier than ${plain(value)}, whatever the clock says.`,
}
export const sayTime = (time: EffectiveRule['time']): readonly string[] => sayAll(TIME, time)

const BECAUSE: Readonly<Record<SkipReason, string>> = {
  abs: 'the device has nothing to say about it',
  tsm: 'the TSM does not state it',
  kern: 'the kernel does not tell',
  clk: 'the clock is not trusted',
  off: 'it would have to be asked elsewhere',
  na: 'it does not apply',
}
const REASONS = new Map(Object.entries(SKIP_NAMES).map(([reason, name]) => [name, BECAUSE[reason as SkipReason]]))

/** What an allowed skip means: what is not proven then. */
export const saySkip = ({check, because}: Part<'allowSkip'>[number]): string =>
  `it may go unanswered where ${REASONS.get(because)}; then nobody proves that ${REGISTRY[check as CheckId]?.passes ?? 'it holds'}`

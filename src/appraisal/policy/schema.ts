/**
 * Form of a policy file, version 1. Closed: an unknown key is refused. Class-F checks have no key here; a rule only
 * narrows or relaxes what is required.
 */
import * as v from 'valibot'
import {implies, needs, notEmpty, oneOf, relation, required} from './relations.js'

const slug = v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9._-]{0,63}$/))
const digest = v.pipe(v.string(), v.regex(/^(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/))
const d384 = v.pipe(v.string(), v.regex(/^sha384:[0-9a-f]{96}$/))
const hex16 = v.pipe(v.string(), v.regex(/^0x[0-9a-f]{4}$/, 'a 16-bit hexadecimal number in quotes, "0x10de"'))
const hexBytes = v.pipe(v.string(), v.regex(/^([0-9a-f]{2})+$/))
const checkId = v.pipe(v.string(), v.regex(/^[a-z]+(\.[a-z0-9]+(-[a-z0-9]+)*){1,3}$/))
const checkGlob = v.pipe(v.string(), v.regex(/^[a-z]+(\.[a-z0-9]+(-[a-z0-9]+)*){0,3}(\.\*)?$/))
const bdf = v.pipe(v.string(), v.regex(/^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/))
const label = v.pipe(v.string(), v.maxLength(80))
const dateTime = v.pipe(
  v.string(),
  v.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/, 'an RFC 3339 time in quotes'),
  relation((text: string) => !Number.isNaN(Date.parse(text)), 'a time that exists', {format: 'date-time'}),
)
const whole = (least: number, most = Number.MAX_SAFE_INTEGER) =>
  v.pipe(v.number(), v.safeInteger(), v.minValue(least), v.maxValue(most))
const list = <const S extends v.GenericSchema>(item: S) => v.pipe(v.array(item), v.minLength(1))
const denyAllow = v.picklist(['deny', 'allow'])

const ANCHOR = v.pipe(
  v.strictObject({
    label,
    certSha384: v.optional(d384),
    spkiSha384: v.optional(d384),
    file: v.optional(v.pipe(v.string(), v.regex(/^[^/].*\.(pem|der)$/))),
  }),
  oneOf('certSha384', 'spkiSha384'),
)
const ANCHOR_MAP = v.record(slug, list(ANCHOR))

const DENY_ENTRY = v.pipe(
  v.strictObject({
    certSha384: v.optional(d384),
    measurement: v.optional(digest),
    device: v.optional(v.string()),
    reason: v.pipe(v.string(), v.minLength(8)),
  }),
  oneOf('certSha384', 'measurement', 'device'),
)

const MATCH = v.pipe(
  v.strictObject({
    vendor: v.optional(hex16),
    device: v.optional(list(hex16)),
    subsystem: v.optional(v.pipe(v.string(), v.regex(/^0x[0-9a-f]{4}:0x[0-9a-f]{4}$/))),
    class: v.optional(v.pipe(v.string(), v.regex(/^0x[0-9a-f]{2,6}$/))),
    bdf: v.optional(list(bdf)),
    san: v.optional(v.pipe(v.string(), v.maxLength(128))),
  }),
  notEmpty(),
)

/** Names of the DMTF measurement value types, by number (DSP0274 §10.11.1.1). */
export const VALUE_TYPES = [
  'rom',
  'firmware',
  'hw-config',
  'fw-config',
  'manifest',
  'device-mode',
  'version',
  'svn',
  'hash-extend',
  'informational',
  'structured-manifest',
] as const

const MEASUREMENT_VALUE = v.pipe(
  v.strictObject({
    index: whole(1, 254),
    type: v.picklist(VALUE_TYPES),
    digests: v.optional(list(digest)),
    raw: v.optional(list(hexBytes)),
    mask: v.optional(hexBytes),
    svn: v.optional(v.pipe(v.strictObject({min: v.optional(whole(0)), max: v.optional(whole(0))}), notEmpty())),
    informational: v.optional(v.literal(true)),
    allowZero: v.optional(v.boolean()),
    when: v.optional(
      v.strictObject({
        fact: v.string(),
        equals: v.union([v.string(), v.pipe(v.number(), v.safeInteger()), v.boolean()]),
      }),
    ),
  }),
  oneOf('digests', 'raw', 'svn', 'informational'),
)

const RIM = v.pipe(
  v.strictObject({file: v.optional(v.string()), tagId: v.optional(v.string()), sha384: v.optional(d384), signer: slug}),
  oneOf('file', 'tagId'),
)

const MEASUREMENTS = v.pipe(
  v.strictObject({
    source: v.picklist(['inline', 'corim', 'vendor-rim', 'enrolled', 'none']),
    values: v.optional(list(MEASUREMENT_VALUE)),
    rim: v.optional(list(RIM)),
    coverage: v.optional(v.picklist(['exhaustive', 'listed'])),
    rollback: v.optional(v.picklist(['deny', 'warn'])),
  }),
  needs('source', ['inline'], 'values'),
  needs('source', ['corim', 'vendor-rim'], 'rim'),
)

/** Which PCI functions a product of a vendor appears as. */
const PRODUCT = v.strictObject({
  /** `manufacturer:product` of the DMTF device info; may end in one `*`. */
  san: v.pipe(
    v.string(),
    v.maxLength(128),
    v.regex(/^[^*:]+:[^*:]*\*?$/, '"manufacturer:product"; only a last * is one'),
  ),
  vendor: hex16,
  device: list(hex16),
})

const IDENTITY = v.pipe(
  v.strictObject({
    products: v.optional(list(PRODUCT)),
    mode: v.picklist(['allowlist', 'enrolled', 'tofu', 'any-from-anchor']),
    pin: v.optional(v.picklist(['device-cert', 'leaf', 'san'])),
    allow: v.optional(
      list(
        v.pipe(
          v.strictObject({
            certSha384: v.optional(d384),
            spkiSha384: v.optional(d384),
            san: v.optional(v.string()),
            label: v.optional(v.string()),
          }),
          notEmpty(),
        ),
      ),
    ),
  }),
  needs('mode', ['allowlist'], 'allow'),
)

export const HASHES = ['sha256', 'sha384', 'sha512', 'sha3-256', 'sha3-384', 'sha3-512'] as const
const ASYMMETRIC = [
  'ecdsa-p256',
  'ecdsa-p384',
  'ecdsa-p521',
  'rsapss-3072',
  'rsapss-4096',
  'rsassa-3072',
  'rsassa-4096',
  'ed25519',
  'ed448',
  'ml-dsa-65',
  'ml-dsa-87',
] as const

const SKIPPED = v.strictObject({
  check: checkId,
  because: v.picklist([
    'absent-in-device',
    'no-tsm-support',
    'no-kernel-support',
    'clock-untrusted',
    'offline',
    'not-applicable',
  ]),
})

const RULE = v.pipe(
  v.strictObject({
    id: slug,
    description: v.optional(v.string()),
    match: MATCH,
    decision: v.picklist(['deny', 'review', 'accept']),
    anchors: v.optional(list(slug)),
    require: v.optional(v.array(checkGlob)),
    allowSkip: v.optional(v.array(SKIPPED)),
    spdm: v.optional(
      v.strictObject({
        minVersion: v.optional(v.picklist(['1.1', '1.2', '1.3', '1.4'])),
        hash: v.optional(list(v.picklist(HASHES))),
        asym: v.optional(list(v.picklist(ASYMMETRIC))),
        slot: v.optional(whole(0, 7)),
        certModel: v.optional(v.picklist(['device', 'alias', 'generic', 'any'])),
      }),
    ),
    identity: v.optional(IDENTITY),
    measurements: v.optional(MEASUREMENTS),
    dice: v.optional(
      v.strictObject({
        flags: v.optional(
          v.strictObject({
            notConfigured: v.optional(denyAllow),
            notSecure: v.optional(denyAllow),
            recovery: v.optional(denyAllow),
            debug: v.optional(denyAllow),
            other: v.optional(denyAllow),
          }),
        ),
        minSvn: v.optional(whole(0)),
      }),
    ),
    tdisp: v.optional(
      v.strictObject({
        noFwUpdate: v.optional(v.picklist(['require', 'allow-update'])),
        lockMsix: v.optional(v.picklist(['require', 'allow-unlocked'])),
        ats: v.optional(denyAllow),
        prs: v.optional(denyAllow),
        pasid: v.optional(denyAllow),
        bindP2p: v.optional(denyAllow),
        nonTeeRanges: v.optional(v.array(v.strictObject({bar: whole(0, 5), maxPages: v.optional(whole(1))}))),
        updatableRanges: v.optional(denyAllow),
        offsetMode: v.optional(v.picklist(['auto', 'bar-aligned', 'relative'])),
        deviceSpecific: v.optional(v.picklist(['ignore', 'pin', 'deny'])),
        report: v.optional(v.picklist(['any', 'pin'])),
      }),
    ),
    tsm: v.optional(
      v.strictObject({
        digests: v.optional(v.picklist(['require', 'if-available'])),
        platformAttestation: v.optional(v.picklist(['require', 'if-available', 'ignore'])),
        ide: v.optional(v.picklist(['require', 'tsm-asserted', 'not-required'])),
        ideErrata: v.optional(v.picklist(['require-fixed', 'no-switch', 'ignore'])),
      }),
    ),
    revocation: v.optional(
      v.strictObject({mode: v.picklist(['hard', 'soft', 'local-only']), maxAgeHours: v.optional(whole(1, 8784))}),
    ),
    time: v.optional(
      v.strictObject({
        validity: v.optional(v.picklist(['strict', 'device', 'floor-only'])),
        floor: v.optional(dateTime),
      }),
    ),
    human: v.optional(v.picklist(['none', 'confirm', 'typed', 'two-person'])),
    maxEvidenceAgeSeconds: v.optional(whole(1, 3600)),
    /** For kernels without any interface for evidence: a person may accept the device, unverified. */
    withoutEvidence: v.optional(v.strictObject({reason: v.pipe(v.string(), v.minLength(20))})),
  }),
  relation(
    ({decision, anchors, identity, measurements, withoutEvidence}) =>
      decision === 'deny' ||
      withoutEvidence !== undefined ||
      (anchors !== undefined && identity !== undefined && measurements !== undefined),
    'a rule that may accept needs anchors, identity and measurements',
    implies(
      {properties: {decision: {enum: ['accept', 'review']}}, not: required('withoutEvidence')},
      required('anchors', 'identity', 'measurements'),
    ),
  ),
)

const WAIVER = v.strictObject({
  id: slug,
  check: checkId,
  match: MATCH,
  evidenceDigest: v.optional(d384),
  reason: v.pipe(v.string(), v.minLength(20)),
  ticket: v.optional(v.string()),
  approvedBy: v.pipe(
    list(slug),
    relation((names: string[]) => new Set(names).size === names.length, 'names must be unique', {
      uniqueItems: true,
    }),
  ),
  created: dateTime,
  expires: dateTime,
})

export const POLICY = v.strictObject({
  tsmctlPolicy: v.literal(1),
  name: slug,
  notAfter: v.optional(dateTime),
  approvers: v.optional(
    v.record(
      slug,
      v.strictObject({
        key: v.pipe(v.string(), v.regex(/^ed25519:[0-9a-f]{64}$/)),
        label: v.optional(label),
      }),
    ),
  ),
  anchors: v.optional(ANCHOR_MAP),
  rimSigners: v.optional(ANCHOR_MAP),
  deny: v.optional(v.array(DENY_ENTRY)),
  rules: v.array(RULE),
  waivers: v.optional(v.array(WAIVER)),
})

/** Parts that a JSON Schema names once. */
export const POLICY_PARTS = {
  slug,
  digest,
  d384,
  hex16,
  checkId,
  bdf,
  dateTime,
  match: MATCH,
  anchors: ANCHOR_MAP,
  measurementValue: MEASUREMENT_VALUE,
  rule: RULE,
  waiver: WAIVER,
}

export type PolicyDocument = v.InferOutput<typeof POLICY>
export type Rule = PolicyDocument['rules'][number]
export type Match = Rule['match']
export type Waiver = NonNullable<PolicyDocument['waivers']>[number]
export type Anchor = v.InferOutput<typeof ANCHOR>
export type MeasurementValue = v.InferOutput<typeof MEASUREMENT_VALUE>

/**
 * What every command prints under `--json`, as valibot schemas. `scripts/docs.mjs` turns them into the JSON Schemas that
 * ship in `schema/`; tests hold every command's output against them. No command loads this file.
 */
import * as v from 'valibot'
import {BUNDLE_DATA} from './bundle.js'
import {DEVICE_DATA} from './devices.js'
import {DOCTOR} from './doctor.js'
import {CONNECT, DISCONNECT} from './hosts.js'
import {IDE_LIST, IDE_PLAN, IDE_SHOW} from './ide.js'
import {APPROVE, COMPARISON, ENROLL, FORGET, PIN, PINS, PROFILE} from './pins.js'
import {POLICY_DATA} from './policy.js'
import {REFERENCE_IMPORT, REFERENCE_LEARN, REFERENCE_SHOW} from './reference.js'
import {SPDM_ATTEST, SPDM_RESPOND} from './spdm-attest.js'
import {anything, bdf, digest, error, identifyingDigest, maybe, text, time} from './atoms.js'

export {FLEET_VERDICT} from './fleet.js'
export {WATCH_EVENT} from './watch.js'

const tdi = v.strictObject({
  bdf,
  state: v.picklist(['CONFIG_UNLOCKED', 'CONFIG_LOCKED', 'RUN']),
  lockedBy: maybe(text),
  driver: maybe(text),
  driverOverride: maybe(text),
})

const writes = v.array(v.strictObject({path: text, value: text, why: text}))

const transition = v.strictObject({
  bdf,
  changed: v.boolean(),
  dryRun: v.boolean(),
  before: tdi,
  after: tdi,
  writes,
  notes: v.array(text),
})

const perDevice = <S extends v.GenericSchema>(result: S) =>
  v.strictObject({
    devices: v.array(v.strictObject({bdf, ok: v.boolean(), result: maybe(result), error: maybe(error)})),
  })

const sha384 = maybe(digest)

const checkResult = v.strictObject({
  id: text,
  class: v.picklist(['F', 'W', 'A']),
  result: v.picklist(['pass', 'fail', 'skip', 'blocked', 'error', 'waived']),
  reason: maybe(text),
  blockedBy: maybe(text),
  waiver: maybe(text),
  relaxedBy: maybe(text),
  blocking: v.boolean(),
  word: text,
  title: text,
  text,
  code: text,
  expected: maybe(text),
  got: maybe(text),
  place: maybe(v.strictObject({object: text, offset: v.optional(v.number()), length: v.optional(v.number())})),
  consequence: text,
  remedy: maybe(text),
})

const subject = v.strictObject({
  name: maybe(text),
  bdf: maybe(bdf),
  claimed: text,
  anchor: maybe(text),
  path: v.array(text),
  certificate: maybe(identifyingDigest),
  slot: maybe(v.number()),
  spdm: maybe(v.strictObject({version: text, hash: text, asym: text})),
  measurements: v.array(
    v.strictObject({
      index: v.number(),
      type: text,
      representation: text,
      value: text,
      status: text,
      approvedBy: maybe(text),
    }),
  ),
  debug: v.picklist(['off', 'on', 'absent', 'not proven']),
  report: maybe(
    v.strictObject({
      noFwUpdate: v.boolean(),
      ats: v.boolean(),
      prs: v.boolean(),
      pasid: v.boolean(),
      msix: text,
      ranges: v.array(
        v.strictObject({
          rangeId: v.number(),
          firstPage: text,
          pages: v.number(),
          barOffset: maybe(text),
          tee: v.boolean(),
          msix: v.boolean(),
          updatable: v.boolean(),
        }),
      ),
      bars: v.optional(v.array(v.strictObject({bar: v.number(), size: text}))),
    }),
  ),
  placement: maybe(text),
})

const appraisal = v.strictObject({
  decision: v.picklist(['accept', 'review', 'deny']),
  human: v.picklist(['none', 'confirm', 'typed', 'two-person']),
  rule: maybe(text),
  results: v.array(checkResult),
  counters: v.strictObject({fail: v.number(), relaxed: v.number(), notProven: v.number(), ok: v.number()}),
  D: digest,
  shortD: text,
  unverified: v.boolean(),
  P: sha384,
  policy: maybe(text),
  collectedAt: time,
  decidedAt: time,
  ageSeconds: maybe(v.number()),
  subject,
  profile: maybe(PROFILE),
  comparison: maybe(COMPARISON),
  relaxations: v.array(text),
  waivers: v.optional(
    v.array(
      v.strictObject({
        id: text,
        check: text,
        reason: text,
        approvedBy: v.array(text),
        expires: time,
        daysLeft: v.number(),
      }),
    ),
  ),
  external: v.optional(v.strictObject({command: text, answer: v.picklist(['deny', 'abstain']), reason: maybe(text)})),
  allowSkip: v.optional(v.array(v.strictObject({check: text, because: text}))),
})

const ear = v.looseObject({eat_profile: text, iat: v.number(), submods: v.record(text, anything)})

const reason = v.strictObject({
  id: text,
  result: text,
  class: v.picklist(['F', 'W', 'A']),
  code: text,
  expected: maybe(text),
  actual: maybe(text),
  object: maybe(text),
  offset: maybe(v.number()),
  length: maybe(v.number()),
})

const auditLog = v.strictObject({
  file: text,
  records: v.array(v.looseObject({v: v.literal(1), seq: v.number(), prev: text, event: text, ts: time})),
  problems: v.array(v.strictObject({file: text, line: v.number(), message: text})),
  head: sha384,
})

/** Data of each command, by the name in its `schema` field; `error` is what no command could be found for. */
export const DATA = {
  error: v.null(),
  ...DEVICE_DATA,
  ...BUNDLE_DATA,
  connect: perDevice(CONNECT),
  disconnect: perDevice(DISCONNECT),
  doctor: DOCTOR,
  'ide-plan': IDE_PLAN,
  lock: perDevice(transition),
  unlock: perDevice(transition),
  evidence: v.strictObject({
    bdf: maybe(bdf),
    digest,
    collectedAt: time,
    provider: text,
    generation: maybe(v.number()),
    tsm: maybe(text),
    state: text,
    nonce: maybe(text),
    objects: v.array(
      v.strictObject({
        label: text,
        mediaType: text,
        length: v.number(),
        sha384: identifyingDigest,
        tsmDigest: v.boolean(),
      }),
    ),
    file: maybe(text),
  }),
  verify: v.strictObject({
    appraisal,
    ear,
    reasons: v.array(reason),
    policyFindings: v.array(v.strictObject({id: text, where: text, message: text})),
  }),
  accept: perDevice(
    v.strictObject({
      bdf,
      changed: v.boolean(),
      digest,
      appraisal,
      commit: v.array(checkResult),
      before: tdi,
      after: tdi,
      dryRun: v.boolean(),
      writes,
    }),
  ),
  // a dry run is a transition that was only planned
  admit: perDevice(
    v.union([v.strictObject({bdf, admitted: v.boolean(), digest, appraisal, before: tdi, after: tdi}), transition]),
  ),
  'verdict-check': v.strictObject({
    file: text,
    ear,
    devices: v.array(
      v.strictObject({name: text, status: text, vector: v.record(text, v.number()), policy: text, evidence: text}),
    ),
    issuedAt: time,
    verifier: text,
  }),
  'audit-head': v.strictObject({
    seq: v.number(),
    digest,
    signature: maybe(text),
    kid: maybe(text),
    published: v.array(v.strictObject({to: text, failure: maybe(text)})),
  }),
  'audit-show': auditLog,
  'audit-verify': auditLog,
  'ide-list': IDE_LIST,
  'ide-show': IDE_SHOW,
  ...POLICY_DATA,
  'reference-show': REFERENCE_SHOW,
  'reference-import': REFERENCE_IMPORT,
  'reference-learn': REFERENCE_LEARN,
  'sim-create': v.strictObject({directory: text, scenario: text, root: maybe(text), policy: maybe(text)}),
  'sim-list': v.strictObject({
    scenarios: v.array(v.strictObject({name: text, title: text, group: text, attack: maybe(text)})),
  }),
  'sim-explain': v.strictObject({scenario: text, text}),
  'sim-inject': v.union([
    v.strictObject({directory: text, fault: v.record(text, anything)}),
    v.strictObject({directory: text, cleared: v.number()}),
  ]),
  'sim-reset': v.strictObject({directory: text}),
  'sim-status': v.looseObject({directory: text, scenario: text, devices: v.array(anything), faults: v.array(anything)}),
  'spdm-attest': SPDM_ATTEST,
  'spdm-respond': SPDM_RESPOND,
  approve: APPROVE,
  enroll: ENROLL,
  forget: FORGET,
  pins: PINS,
  'pins-show': PIN,
  record: v.strictObject({file: text, functions: v.number(), nodes: v.number(), anonymised: v.boolean()}),
} as const

/** The envelope around `data`. */
export const envelopeOf = <S extends v.GenericSchema>(command: string, data: S) =>
  v.strictObject({
    schema: v.literal(`tsmctl.${command}/1`),
    tool: v.strictObject({name: v.literal('tsmctl'), version: text}),
    host: maybe(v.strictObject({kind: v.picklist(['live', 'sim', 'replay']), label: text})),
    ok: v.boolean(),
    data: maybe(data),
    warnings: v.array(v.strictObject({code: text, message: text, subject: maybe(text)})),
    error: maybe(error),
  })

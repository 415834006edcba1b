/** What `policy …` prints under `--json`. */
import * as v from 'valibot'
import {digest, maybe, text} from './atoms.js'

const finding = v.strictObject({id: text, where: text, message: text})
const decision = v.picklist(['deny', 'review', 'accept'])

export const POLICY_DATA = {
  'policy-checks': v.strictObject({
    checks: v.array(
      v.strictObject({
        id: text,
        class: v.picklist(['F', 'W', 'A']),
        whereKnown: v.boolean(),
        passes: text,
        protectsFrom: v.array(v.strictObject({id: text, text})),
        skips: v.array(text),
        requires: v.array(text),
        remedy: maybe(text),
      }),
    ),
  }),
  'policy-explain': v.strictObject({
    lines: v.array(text),
    rules: v.array(
      v.strictObject({
        id: text,
        decision,
        lines: v.array(text),
        relaxations: v.array(v.strictObject({key: text, cost: text})),
      }),
    ),
  }),
  'policy-init': v.strictObject({policy: text, digest: maybe(digest), file: maybe(text)}),
  'policy-lint': v.strictObject({
    policy: text,
    digest: maybe(digest),
    signedBy: maybe(text),
    findings: v.array(finding),
    warnings: v.array(finding),
  }),
  'policy-sign': v.strictObject({policy: text, digest, signedBy: text, file: text}),
  'policy-test': v.strictObject({
    policy: text,
    digest,
    cases: v.array(
      v.strictObject({
        name: text,
        ok: v.boolean(),
        expected: decision,
        decision,
        rule: maybe(text),
        failed: v.array(text),
        differences: v.array(text),
      }),
    ),
  }),
} as const

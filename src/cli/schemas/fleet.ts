/** The documents of `tsmctl verify DIR --json`, one per line. */
import * as v from 'valibot'
import {bdf, digest, error, maybe, text, time} from './atoms.js'

const count = v.pipe(v.number(), v.integer(), v.minValue(0))

const document = <K extends string, E extends v.ObjectEntries>(kind: K, entries: E) =>
  v.strictObject({schema: v.literal('tsmctl.fleet-verdict/1'), seq: count, kind: v.literal(kind), ...entries})

export const FLEET_VERDICT = v.variant('kind', [
  document('bundle', {
    file: text,
    digest: maybe(digest),
    bdf: maybe(bdf),
    rule: maybe(text),
    decision: maybe(v.picklist(['accept', 'review', 'deny'])),
    ear: maybe(v.picklist(['none', 'affirming', 'warning', 'contraindicated'])),
    failed: v.array(text),
    error: maybe(v.strictObject({kind: text, exit: v.number(), message: text, hint: maybe(text)})),
  }),
  document('summary', {
    decidedAt: time,
    policy: maybe(digest),
    bundles: count,
    accept: count,
    review: count,
    deny: count,
    errors: count,
    ignored: count,
    error: maybe(error),
    warnings: v.array(v.strictObject({code: text, message: text, subject: maybe(text)})),
  }),
])

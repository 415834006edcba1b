/** What `doctor --json` prints as data. */
import * as v from 'valibot'
import {maybe, text} from './atoms.js'

export const DOCTOR = v.strictObject({
  for: v.picklist(['host', 'guest']),
  because: text,
  kernel: maybe(text),
  counts: v.strictObject({FAIL: v.number(), UNKNOWN: v.number(), PASS: v.number(), SKIP: v.number()}),
  checks: v.array(
    v.strictObject({
      id: text,
      group: text,
      title: text,
      status: v.picklist(['PASS', 'SKIP', 'FAIL', 'UNKNOWN']),
      passes: text,
      reason: text,
      items: v.array(text),
      remedy: maybe(text),
      waitsFor: maybe(text),
    }),
  ),
})

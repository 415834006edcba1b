/** The documents of `tsmctl watch --json`, one per line. */
import * as v from 'valibot'
import {CAUSES, FUNCTION_FACTS, OUTCOMES, TSM_FACTS} from '../../operations/watch/index.js'
import {bdf, digest, error, maybe, text, time} from './atoms.js'

const count = v.pipe(v.number(), v.integer(), v.minValue(0))
const subject = v.picklist(['function', 'tsm'])
const named = {subject, name: text, bdf: maybe(bdf)}
const facts = v.record(v.picklist([...FUNCTION_FACTS, ...TSM_FACTS]), maybe(text))
const unknown = v.array(v.strictObject({fact: text, reason: text}))
const warning = {code: text, message: text}

const document = <K extends string, E extends v.ObjectEntries>(kind: K, entries: E) =>
  v.strictObject({schema: v.literal('tsmctl.watch-event/1'), seq: count, time, kind: v.literal(kind), ...entries})

export const WATCH_EVENT = v.variant('kind', [
  document('begin', {
    tool: v.strictObject({name: v.literal('tsmctl'), version: text}),
    host: v.strictObject({kind: v.picklist(['live', 'sim', 'replay']), label: text}),
    intervalMilliseconds: count,
    admits: v.boolean(),
  }),
  document('state', {...named, facts, unknown}),
  document('watching', {functions: count, tsms: count, events: v.boolean()}),
  document('transition', {
    ...named,
    what: v.picklist(['appeared', 'gone', ...FUNCTION_FACTS, ...TSM_FACTS]),
    from: maybe(text),
    to: maybe(text),
    fromUnknown: maybe(text),
    toUnknown: maybe(text),
    facts: maybe(facts),
    unknown,
    cause: v.picklist(CAUSES),
  }),
  document('uevent', {name: text, action: text, devpath: text, properties: v.record(text, text)}),
  document('lost', {message: text}),
  document('warning', warning),
  document('admission', {
    bdf,
    outcome: v.picklist(OUTCOMES),
    message: text,
    digest: maybe(digest),
    rule: maybe(text),
    checks: v.array(text),
    retryInMilliseconds: maybe(count),
    error: maybe(error),
  }),
  document('end', {warnings: v.array(v.strictObject(warning)), error: maybe(error)}),
])

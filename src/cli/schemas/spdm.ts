/** What `decode spdm` prints as data. */
import * as v from 'valibot'
import {anything, finding, hexText, maybe, text} from './atoms.js'

const inside = v.array(v.strictObject({what: text, name: maybe(text), fields: anything, problem: maybe(text)}))

const verdicts = v.strictObject({valid: v.number(), invalid: v.number(), unchecked: v.number()})

export const SPDM_MESSAGE = v.strictObject({
  kind: v.literal('spdm'),
  name: text,
  spec: text,
  form: v.literal('message'),
  message: text,
  size: v.number(),
  padding: v.number(),
  context: v.record(text, v.number()),
  guessed: v.array(text),
  notes: v.array(text),
  fields: anything,
  inside,
  findings: v.array(finding),
})

export const SPDM_CONVERSATION = v.strictObject({
  kind: v.literal('spdm'),
  name: text,
  spec: text,
  form: v.literal('conversation'),
  capture: v.strictObject({
    format: v.picklist(['pcap', 'pcapng']),
    records: v.number(),
    linkTypes: v.array(text),
    findings: v.array(v.strictObject({record: v.number(), offset: v.number(), message: text})),
  }),
  summary: v.strictObject({
    messages: v.number(),
    undecoded: v.number(),
    encrypted: v.number(),
    sessions: v.number(),
    signatures: verdicts,
    hmacs: verdicts,
  }),
  messages: v.array(
    v.strictObject({
      record: v.number(),
      time: maybe(v.pipe(v.string(), v.regex(/^\d+\.\d{9}$/))),
      direction: v.picklist(['request', 'response']),
      form: v.picklist(['message', 'reassembled', 'encapsulated', 'record', 'application']),
      session: maybe(hexText),
      secured: v.boolean(),
      name: maybe(text),
      size: v.number(),
      padding: v.number(),
      hex: text,
      fields: anything,
      inside,
      undecoded: maybe(text),
      findings: v.array(finding),
      transcripts: v.array(
        v.strictObject({
          name: v.picklist(['M1/M2', 'L1/L2', 'IL1/IL2', 'TH', 'TH1', 'TH2']),
          use: text,
          digest: maybe(text),
          proof: maybe(
            v.strictObject({
              kind: v.picklist(['signature', 'HMAC']),
              status: v.picklist(['valid', 'invalid', 'unchecked']),
              why: text,
            }),
          ),
        }),
      ),
    }),
  ),
  others: v.array(v.strictObject({record: v.number(), text, damaged: v.boolean()})),
})

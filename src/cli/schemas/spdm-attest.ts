/** What `spdm attest` and `spdm respond` print as data. */
import * as v from 'valibot'
import {digest, identifyingDigest, masked, maybe, text, time} from './atoms.js'

const hexDigits = v.union([v.pipe(v.string(), v.regex(/^([0-9a-f]{2})*$/)), masked])

const certificate = v.strictObject({
  subject: text,
  issuer: text,
  key: text,
  signature: text,
  notBefore: text,
  notAfter: text,
  sha384: hexDigits,
})

const chain = v.strictObject({
  length: v.number(),
  certificates: v.array(certificate),
  model: maybe(v.picklist(['device', 'alias'])),
  deviceInfo: maybe(text),
  problems: v.array(text),
  weaknesses: v.array(text),
  anchor: maybe(text),
})

export const SPDM_ATTEST = v.strictObject({
  peer: text,
  startedAt: time,
  verdict: v.picklist(['verified', 'not verified', 'failed']),
  questions: v.array(
    v.strictObject({
      id: v.picklist(['chain', 'key', 'measurements', 'reference', 'negotiation', 'session']),
      question: text,
      answer: v.picklist(['yes', 'no', 'not verified', 'not asked']),
      why: text,
    }),
  ),
  negotiated: maybe(
    v.strictObject({
      version: text,
      hash: maybe(text),
      asym: maybe(text),
      measurementHash: maybe(text),
      exchange: maybe(text),
      aead: maybe(text),
      capabilities: v.array(text),
      dataTransferSize: maybe(v.number()),
      maxMessageSize: maybe(v.number()),
      multiKey: v.boolean(),
    }),
  ),
  slots: v.array(v.strictObject({slot: v.number(), chainDigest: hexDigits, chain: maybe(chain)})),
  slot: maybe(v.number()),
  measurements: maybe(
    v.array(
      v.strictObject({
        index: v.number(),
        type: text,
        representation: v.picklist(['digest', 'raw']),
        value: hexDigits,
        meaning: maybe(text),
        status: maybe(text),
      }),
    ),
  ),
  session: maybe(
    v.strictObject({
      id: text,
      exchange: text,
      aead: text,
      heartbeatPeriod: v.number(),
      steps: v.array(text),
    }),
  ),
  exchanges: v.number(),
  bundle: maybe(v.strictObject({digest: v.union([digest, identifyingDigest]), file: text})),
  transcript: maybe(text),
})

export const SPDM_RESPOND = v.strictObject({
  address: text,
  root: maybe(text),
  connections: v.number(),
  exchanges: v.number(),
  ended: v.picklist(['shutdown', 'interrupted']),
})

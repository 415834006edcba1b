/** Data of the `reference` commands. */
import * as v from 'valibot'
import {digest, maybe, text, time} from './atoms.js'

const problems = v.array(text)

export const REFERENCE_SHOW = v.strictObject({
  file: text,
  sha384: digest,
  kind: v.picklist(['corim', 'nvidia-rim', 'policy']),
  id: maybe(text),
  validity: maybe(text),
  signature: maybe(v.strictObject({algorithm: text, certificates: v.array(text), holds: maybe(v.boolean())})),
  parts: v.array(
    v.strictObject({
      about: text,
      values: v.array(v.strictObject({index: maybe(v.number()), text})),
      problems,
    }),
  ),
  problems,
})

/** As in a policy. */
const value = v.looseObject({index: v.number(), type: text})

export const REFERENCE_IMPORT = v.strictObject({
  files: v.array(v.strictObject({file: text, sha384: digest})),
  signer: maybe(text),
  values: v.array(value),
  yaml: text,
  file: maybe(text),
})

export const REFERENCE_LEARN = v.strictObject({
  digest,
  record: v.strictObject({seq: v.number(), event: text, at: time}),
  values: v.array(value),
  yaml: text,
  file: maybe(text),
})

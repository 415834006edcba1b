/** What the `bundle` commands print under `--json`. */
import * as v from 'valibot'
import {BUNDLE_FORMS, EXPORT_FORMATS} from '../../operations/bundle.js'
import {IMPORT_FORMATS} from '../../operations/import-evidence.js'
import {DROPPABLE} from '../../evidence/index.js'
import {digest, identifyingDigest, masked, maybe, text, time} from './atoms.js'

const form = v.picklist(BUNDLE_FORMS)

const CHECK = v.strictObject({
  form,
  digest,
  objects: v.number(),
  findings: v.array(text),
  reportCarriesBinding: maybe(v.boolean()),
})

const SHOW = v.strictObject({
  check: CHECK,
  redactedFrom: maybe(digest),
  bundleId: text,
  collectedAt: time,
  clock: v.picklist(['trusted', 'untrusted']),
  host: v.strictObject({kernel: maybe(text), tool: text, bootId: maybe(text)}),
  device: v.strictObject({
    bdf: maybe(text),
    vendor: maybe(text),
    device: maybe(text),
    class: maybe(text),
    revision: maybe(text),
    serialNumber: maybe(v.union([text, masked])),
  }),
  provider: v.strictObject({kind: text, abi: text, tsm: maybe(text), generation: maybe(v.number())}),
  state: text,
  nonce: maybe(text),
  nonceFrom: maybe(text),
  lockEpoch: text,
  objects: v.array(
    v.strictObject({
      label: text,
      mediaType: text,
      length: v.number(),
      sha384: identifyingDigest,
      tsmDigest: maybe(text),
      source: text,
      says: text,
      proves: text,
      authenticatedBy: text,
      freshBy: text,
    }),
  ),
  platform: maybe(v.strictObject({provider: text, bytes: v.number(), nonce: maybe(text)})),
})

export const BUNDLE_DATA = {
  'bundle-show': SHOW,
  'bundle-check': CHECK,
  'bundle-convert': v.strictObject({digest, from: form, to: v.picklist(['json', 'directory', 'cbor']), file: text}),
  'bundle-redact': v.strictObject({
    digest,
    redactedFrom: digest,
    dropped: v.array(v.picklist(DROPPABLE)),
    file: text,
  }),
  'bundle-import': v.strictObject({
    file: text,
    items: v.array(
      v.strictObject({
        name: maybe(text),
        format: v.picklist(IMPORT_FORMATS),
        digest,
        objects: v.array(text),
        nonce: maybe(text),
        statedNonce: maybe(text),
      }),
    ),
  }),
  'bundle-export': v.strictObject({
    digest,
    format: v.picklist(EXPORT_FORMATS),
    signed: v.boolean(),
    bytes: v.number(),
    submodule: maybe(text),
    leftOut: v.array(text),
    file: text,
  }),
  'bundle-bind': v.strictObject({
    digest,
    relyingPartyNonce: maybe(text),
    value: text,
    report: maybe(v.strictObject({file: text, provider: text, bytes: v.number(), carriesBinding: maybe(v.boolean())})),
  }),
} as const

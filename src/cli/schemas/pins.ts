/** What is said about pins, and about the difference to what was accepted before. */
import * as v from 'valibot'
import {bdf, digest, hexText, identifyingDigest, maybe, text, time} from './atoms.js'

const acceptance = {D: digest, P: digest, at: time, by: text, tool: text}

const profile = {
  pinId: identifyingDigest,
  certificate: identifyingDigest,
  leaf: identifyingDigest,
  san: maybe(text),
  model: maybe(text),
  anchor: text,
  slot: v.number(),
  spdm: v.strictObject({version: text, hash: text, asym: text}),
  platform: v.strictObject({abi: text, digestAlgorithm: maybe(text), digests: v.array(text)}),
  measurements: v.array(
    v.strictObject({
      index: v.number(),
      type: text,
      valueType: v.picklist(['digest', 'raw']),
      value: text,
      group: v.optional(text),
    }),
  ),
  dice: v.array(v.strictObject({layer: v.number(), fwids: v.array(text), svn: maybe(text), flags: v.array(text)})),
  reportNormalForm: maybe(digest),
  deviceSpecific: maybe(digest),
  ranges: v.array(
    v.strictObject({
      bar: v.number(),
      firstPage: hexText,
      pages: v.number(),
      tee: v.boolean(),
      msix: v.boolean(),
      updatable: v.boolean(),
    }),
  ),
  bars: v.array(v.strictObject({bar: v.number(), size: hexText})),
  lockFlags: v.array(text),
  debug: v.picklist(['off', 'on', 'absent', 'not proven']),
  maxSvn: maybe(text),
}

export const PROFILE = v.strictObject(profile)

const change = v.strictObject({topic: text, grave: v.boolean(), text, before: maybe(text), after: maybe(text)})

export const COMPARISON = v.variant('kind', [
  v.strictObject({kind: v.literal('first-seen')}),
  v.strictObject({
    kind: v.literal('other-device'),
    was: v.strictObject({...acceptance, pinId: identifyingDigest, san: maybe(text)}),
  }),
  v.strictObject({
    kind: v.literal('compared'),
    since: v.strictObject(acceptance),
    changes: v.array(change),
    equalMeasurements: v.number(),
  }),
])

/** A pin as it is shown. */
export const PIN = v.strictObject({
  version: v.literal(1),
  ...profile,
  bdf,
  firstSeen: time,
  lastAccepted: v.strictObject(acceptance),
  mode: v.picklist(['auto', 'manual']),
  floor: v.strictObject({
    measurements: v.array(v.strictObject({index: v.number(), svn: text})),
    dice: v.array(v.strictObject({layer: v.number(), svn: text})),
  }),
  history: v.array(v.strictObject({event: v.picklist(['enrolled', 'accepted']), ...acceptance})),
})

export const PINS = v.strictObject({
  pins: v.array(PIN),
  damaged: v.array(v.strictObject({pinId: digest, message: text})),
})

export const ENROLL = v.strictObject({
  bdf,
  digest,
  pinId: digest,
  san: maybe(text),
  enrolled: maybe(v.picklist(['new', 'again'])),
  allow: v.strictObject({certSha384: v.optional(digest), san: v.optional(text), label: text}),
})

export const FORGET = v.strictObject({pinId: digest, san: maybe(text), bdf: maybe(bdf), damaged: v.boolean()})

export const APPROVE = v.strictObject({
  approval: v.strictObject({D: digest, P: digest, bdf, rule: text, notAfter: time, reason: maybe(text)}),
  key: text,
  signature: text,
})

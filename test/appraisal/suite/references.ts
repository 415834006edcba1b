/** Reference values that may not be used (N057), and what a manifest cannot approve (N061). */
import {toHex} from '../../../src/bits/index.js'
import {corim, digests, encode, environment, map, measured, Tag} from '../../corim/manifests.js'
import {basic, BLOCKS, KEYS, privateKey, Usage, usage} from '../forge.js'
import {documentFor, GOOD, manifestOf, measurementOf, RIM_SIGNER, rimSigner, SIGNER_KEY} from './manifest.js'
import {flip, row, type Row} from './row.js'

const measurements = BLOCKS.map(measurementOf)
const past = new Tag(1, Date.parse('2026-11-20T00:00:00Z') / 1000)
const future = new Tag(1, Date.parse('2026-11-23T00:00:00Z') / 1000)
const [, second, third] = BLOCKS
const dated = (period: object): Uint8Array =>
  manifestOf(undefined, {
    key: SIGNER_KEY,
    header: {33: RIM_SIGNER, 8: encode(map({1: map(period as Record<number, unknown>)}))},
  })

/** Manifests that must not be used, what is wrong with them, and the code that says so. */
export const UNUSABLE: readonly (readonly [name: string, code: string, manifest: Uint8Array])[] = [
  ['signed by a key that is not pinned', 'signer', manifestOf(undefined, {key: await privateKey(KEYS.leaf)})],
  [
    'signed by a certificate of another root',
    'signer',
    manifestOf(undefined, {key: SIGNER_KEY, header: {33: await rimSigner({signer: KEYS.root})}}),
  ],
  [
    'with a certificate whose key did not sign',
    'signature',
    manifestOf(undefined, {key: await privateKey(KEYS.leaf), header: {33: RIM_SIGNER}}),
  ],
  [
    'signed by a certificate that may not sign',
    'signer-path',
    manifestOf(undefined, {
      key: SIGNER_KEY,
      header: {33: await rimSigner({extensions: [basic(false), usage(Usage.keyAgreement)]})},
    }),
  ],
  [
    'signed by a certificate that has ended',
    'signer-path',
    manifestOf(undefined, {
      key: SIGNER_KEY,
      header: {33: await rimSigner({notAfter: new Date('2026-11-20T00:00:00Z')})},
    }),
  ],
  [
    'with more certificates than a path has',
    'signer-path',
    manifestOf(undefined, {key: SIGNER_KEY, header: {33: Array.from({length: 11}, () => RIM_SIGNER)}}),
  ],
  ['signed by nobody', 'unsigned', corim({measurements})],
  ['with a bit changed behind the signature', 'signature', flip(GOOD, GOOD.length - 200)],
  ['whose validity has ended', 'validity', manifestOf({measurements, corim: {4: map({1: past})}})],
  ['whose validity has not begun', 'validity', manifestOf({measurements, corim: {4: map({0: future, 1: future})}})],
  ['whose signature has ended', 'validity', dated({1: past})],
  [
    'without reference values',
    'empty',
    manifestOf({triples: map({2: [[environment(), [new Tag(559, [7, new Uint8Array(48)])]]]})}),
  ],
  ['with empty reference triples', 'malformed', manifestOf({triples: map({0: []})})],
  [
    'with a value nobody here knows',
    'not-understood',
    manifestOf({measurements: [...measurements, measured(9, {2: digests(second!.value), 99: 1})]}),
  ],
  ['with a profile', 'not-understood', manifestOf({measurements, corim: {3: 'https://acme.example/profile'}})],
  [
    'with conditional endorsements',
    'not-understood',
    manifestOf({triples: map({0: [[environment(), measurements]], 10: [1]})}),
  ],
  [
    'of one of several parts, which no layer is',
    'not-understood',
    manifestOf({measurements, environment: environment({4: 1})}),
  ],
  ['for another model', 'model', manifestOf({measurements, environment: environment({2: 'GADGET'})})],
  [
    'for devices with another certificate',
    'identity',
    manifestOf({
      triples: map({0: [[environment(), measurements]], 2: [[environment(), [new Tag(559, [7, new Uint8Array(48)])]]]}),
    }),
  ],
  [
    'with two digests of one value',
    'ambiguous',
    manifestOf({measurements: [measured(2, {2: digests(second!.value, second!.value)})]}),
  ],
  [
    'with a value of no measurement',
    'not-understood',
    manifestOf({measurements: [measured(undefined, {2: digests(second!.value)})]}),
  ],
  [
    'with an index no block has',
    'index',
    manifestOf({measurements: [...measurements, measured(255, {2: digests(second!.value)})]}),
  ],
  [
    'with a digest and a raw value for one block',
    'conflict',
    manifestOf({measurements: [...measurements, measured(2, {4: new Tag(560, third!.value)})]}),
  ],
  [
    'with a mask that approves any value',
    'mask',
    manifestOf({measurements: [measured(3, {4: new Tag(563, [third!.value, new Uint8Array(2)])})]}),
  ],
  ['that is no CoRIM', 'malformed', encode(1)],
]

const file = toHex(new Uint8Array(48))

export const ROWS: readonly Row[] = [
  ...UNUSABLE.map(([name, , manifest]) =>
    row(`N057 a manifest ${name}`, 'spdm.meas.reference', {}, documentFor([manifest])),
  ),
  row(
    'N057 a second manifest that is not signed',
    'spdm.meas.reference',
    {},
    documentFor([GOOD, corim({measurements})]),
  ),
  row(
    'N057 another file than the rule names',
    'spdm.meas.reference',
    {},
    documentFor([GOOD], {rim: {sha384: `sha384:${file}`}}),
  ),
  row(
    'N057 a manifest that is named only by its tag',
    'spdm.meas.reference',
    {},
    documentFor([GOOD], {rule: {measurements: {source: 'corim', rim: [{tagId: 'acme-tag', signer: 'acme-rim'}]}}}),
  ),
  row(
    'N061 a known bad value that a manifest approves',
    'spdm.meas.denied',
    {},
    documentFor([GOOD], {document: {deny: [{measurement: `sha384:${toHex(second!.value)}`, reason: 'known bad'}]}}),
  ),
]

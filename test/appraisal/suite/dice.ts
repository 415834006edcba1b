/** DICE layers (N041 to N044), on a device with two of them. */
import {remembered} from '../../../src/appraisal/pins/index.js'
import {digests, environment, map, measured} from '../../corim/manifests.js'
import {der} from '../../spdm/authority.js'
import {ALIAS_BLOCKS, ALIAS_RULE, aliasChain, G2, LAYERS, type LayerSpec, tcbInfoOf} from '../bases/g2.js'
import {policyFrom, sha384} from '../forge.js'
import {judge} from '../guest.js'
import {documentFor, manifestOf, measurementOf} from './manifest.js'
import {besides, DEBUG_FLAG, row, rowsOn, type Row} from './row.js'

/** The device with one layer changed. */
const layer = (number: 0 | 1, change: LayerSpec) =>
  aliasChain({layers: number === 0 ? [tcbInfoOf(0, change), tcbInfoOf(1)] : [tcbInfoOf(0), tcbInfoOf(1, change)]})

/** What a signed manifest approves of each layer: its firmware id, and whatever else is given. */
const ofLayer = (number: number, values: Readonly<Record<number, unknown>>): unknown => [
  map({0: map({3: number})}),
  [measured(undefined, values)],
]
const firmware = LAYERS.map(({fwid}) => digests(fwid!))
const documentWith = (second: Readonly<Record<number, unknown>>): object =>
  documentFor(
    [
      manifestOf({
        triples: map({
          0: [[environment(), ALIAS_BLOCKS.map(measurementOf)], ofLayer(0, {2: firmware[0]}), ofLayer(1, second)],
        }),
      }),
    ],
    {rule: {spdm: ALIAS_RULE.spdm, dice: ALIAS_RULE.dice}},
  )
/** The policy of G2, whose reference values are in a manifest of the vendor. */
export const VOUCHED = documentWith({2: firmware[1]})
/** The same, which approves a register of the second layer as well. */
const REGISTERS = documentWith({2: firmware[1], 14: map({0: firmware[1]})})

const RECOVERY_FLAG = Uint8Array.of(5, 0x20)
const NOT_SECURE_FLAG = Uint8Array.of(6, 0x40)
const TENTH_FLAG = Uint8Array.of(6, 0, 0x40)
const other = sha384(new TextEncoder().encode('other firmware'))
const UNKNOWN_FIELD = der(0xab, der(0x04, Uint8Array.of(1)))

const {profile, D, P} = await judge(await G2.forge(), policyFrom(G2.document), G2.circumstances)
const pin = remembered(undefined, {
  event: 'accepted',
  acceptance: {D, P: P!, at: '2026-11-20T12:00:00Z', by: 'alice', tool: 'test'},
  profile: profile!,
  bdf: '0000:01:00.0',
})
const ACCEPTED = {pins: {of: () => pin, at: () => pin}}

export const ROWS: readonly Row[] = rowsOn(
  G2,
  row(
    'N041 a TcbInfo cut short',
    'spdm.dice.parse',
    aliasChain({layers: [tcbInfoOf(0), tcbInfoOf(1).subarray(0, -1)]}),
  ),
  row('N041 a firmware id of half its length', 'spdm.dice.parse', layer(1, {fwid: other.subarray(0, 24)})),
  row('N041 a field that the references are about', 'spdm.dice.parse', layer(1, {more: [UNKNOWN_FIELD]}), REGISTERS),
  besides(row('N042 a layer in debug mode', 'spdm.dice.flags', layer(1, {flags: DEBUG_FLAG})), 'spdm.dice.consistent'),
  besides(row('N042 a layer in recovery', 'spdm.dice.flags', layer(0, {flags: RECOVERY_FLAG})), 'spdm.dice.consistent'),
  row('N042 a layer that is not secure', 'spdm.dice.flags', layer(0, {flags: NOT_SECURE_FLAG})),
  row('N042 a flag without a name', 'spdm.dice.flags', layer(0, {flags: TENTH_FLAG})),
  row('N043 firmware of layer 0 that nobody vouches for', 'spdm.dice.fwid', layer(0, {fwid: other}), VOUCHED),
  row('N043 firmware of the other layer', 'spdm.dice.fwid', layer(0, {fwid: LAYERS[1]!.fwid!}), VOUCHED),
  row('N043 a firmware id of zeros', 'spdm.dice.fwid', layer(0, {fwid: new Uint8Array(48)}), VOUCHED),
  row('N044 an svn below the minimum', 'spdm.dice.svn', layer(0, {svn: 0})),
  besides(
    row('N044 an svn below the accepted one', 'spdm.dice.svn', layer(1, {svn: 4}), undefined, ACCEPTED),
    'spdm.meas.rollback',
  ),
)

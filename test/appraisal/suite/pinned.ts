/** Against what was enrolled before: identity (N040), versions (N063), device-specific bytes and layout (N104, N105). */
import {G1, G2} from '../bases/index.js'
import {aliasChain, aliasRuleWith, withAliasBlock} from '../bases/g2.js'
import {basic, chainObject, certificates, deviceInfo, KEYS, report, ruleWith, Usage, usage} from '../forge.js'
import {enrolled, merelyAccepted} from '../pinned.js'
import {besides, range, row, rowsOn, second, third, type Row} from './row.js'

const DEVICE = {pins: await enrolled(G1)}
const ACCEPTED = {pins: await merelyAccepted(G1)}
const ALIAS = {pins: await enrolled(G2)}
const HALVES = [
  {...range, pages: 2},
  {...range, first: 0x1002n, pages: 2},
] as const
const MOVED = [
  {...range, pages: 1},
  {...range, first: 0x1001n, pages: 3},
] as const
const IN_TWO = {pins: await enrolled(G1, {report: report([...HALVES, second, third])})}
const WITH_BYTES = {pins: await enrolled(G1, {report: report(undefined, {deviceSpecificInfo: Uint8Array.of(1, 2)})})}
const PINNED = ruleWith({identity: {mode: 'enrolled'}})

/** Another device of the model: everything is its own, and genuine. */
const exchanged = async () => ({
  chain: chainObject(
    await certificates({
      leaf: {
        keys: KEYS.otherLeaf,
        extensions: [basic(false), usage(Usage.digitalSignature), deviceInfo('ACME:WIDGET:0002')],
      },
    }),
  ),
  transcript: {signer: KEYS.otherLeaf},
})

export const ROWS: readonly Row[] = [
  row('N040 another serial in the place of an enrolled device', 'spdm.id.pinned', exchanged, PINNED, DEVICE),
  row(
    'N040 another serial where first use would be enough',
    'spdm.id.pinned',
    exchanged,
    ruleWith({decision: 'review', identity: {mode: 'tofu'}}),
    DEVICE,
  ),
  row('N040 nobody enrolled it', 'spdm.id.pinned', {}, PINNED, {pins: {of: () => undefined, at: () => undefined}}),
  besides(
    row('N040 accepted under another rule, and enrolled by nobody', 'spdm.id.pinned', {}, PINNED, ACCEPTED),
    'spdm.meas.rollback',
  ),
  besides(
    row(
      'N105 the layout of a device that was accepted under another rule',
      'tdisp.report.pinned',
      {},
      ruleWith({tdisp: {report: 'pin'}}),
      ACCEPTED,
    ),
    'spdm.meas.rollback',
  ),
  ...rowsOn(
    G2,
    row(
      'N040 the same alias under another device certificate',
      'spdm.id.pinned',
      aliasChain({device: {keys: KEYS.otherLeaf}}),
      aliasRuleWith({identity: {mode: 'enrolled'}}),
      ALIAS,
    ),
    row(
      'N063 a version below the accepted one, and above the minimum',
      'spdm.meas.rollback',
      {transcript: {blocks: withAliasBlock(16, {value: Uint8Array.of(6, 0, 0, 0, 0, 0, 0, 0)})}},
      undefined,
      ALIAS,
    ),
  ),
  besides(
    row(
      'N104 other bytes than the pinned ones',
      'tdisp.report.device-specific',
      {report: report(undefined, {deviceSpecificInfo: Uint8Array.of(1, 3)})},
      ruleWith({tdisp: {deviceSpecific: 'pin'}}),
      WITH_BYTES,
    ),
    'spdm.meas.rollback',
  ),
  besides(
    row(
      'N105 a page moved to the next range',
      'tdisp.report.pinned',
      {report: report([...MOVED, second, third])},
      ruleWith({tdisp: {report: 'pin'}}),
      IN_TWO,
    ),
    'spdm.meas.rollback',
  ),
]

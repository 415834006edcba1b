/** The negotiation (N013 to N019). */
import {concat} from '../../../src/bits/index.js'
import {ruleWith, transcript} from '../forge.js'
import {VCA, changed, put, VERSION, CAPABILITIES, ALGORITHMS, flagsAt, row, type Row} from './row.js'

export const ROWS: readonly Row[] = [
  row('N013 a trailing byte', 'spdm.vca.framing', {vca: concat(VCA, Uint8Array.of(0))}),
  row('N013 a version too many', 'spdm.vca.framing', {vca: put(VCA, VERSION! + 5, 2)}),
  row('N013 messages out of order', 'spdm.vca.framing', {
    vca: concat(VCA.subarray(CAPABILITIES), VCA.subarray(0, CAPABILITIES)),
  }),
  row('N014 below the minimum', 'spdm.vca.version', {}, ruleWith({spdm: {minVersion: '1.3'}})),
  row('N014 a version nobody offered', 'spdm.vca.version', {vca: put(VCA, VERSION! + 7, 0x13)}),
  row('N015 two hashes', 'spdm.vca.algorithms', {vca: put(VCA, ALGORITHMS! + 16, 3)}),
  row('N015 a hash the rule forbids', 'spdm.vca.algorithms', {}, ruleWith({spdm: {hash: ['sha512']}})),
  row('N016 unsigned measurements', 'spdm.vca.capabilities', {vca: changed(VCA, v => (v[flagsAt]! ^= 0x18))}),
  row('N016 reserved MEAS_CAP', 'spdm.vca.capabilities', {vca: changed(VCA, v => (v[flagsAt]! |= 0x18))}),
  row('N016 no encryption', 'spdm.vca.capabilities', {vca: changed(VCA, v => (v[flagsAt]! &= 0xbf))}),
  row('N016 a reserved PSK_CAP', 'spdm.vca.capabilities', {vca: changed(VCA, v => (v[flagsAt + 1]! |= 0x0c))}),
  row('N018 another negotiation', 'spdm.vca.covered', async () => ({
    vca: put(VCA, CAPABILITIES! + 5, 19),
    measurements: concat(VCA, await transcript(VCA)),
  })),
]

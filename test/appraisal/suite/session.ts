/** The negotiation (N013 to N019). */
import {concat} from '../../../src/bits/index.js'
import {hashNamed, maskOf} from '../../../src/spdm/index.js'
import {createHash} from 'node:crypto'
import {negotiation} from '../../../src/sim/responder.js'
import {chainObject, GENUINE, ruleWith, transcript} from '../forge.js'
import {G3T, G4, SESSION, statedRuleWith} from '../bases/index.js'
import {besides, ALGORITHMS, CAPABILITIES, changed, flagsAt, put, row, type Row, rowsOn, VCA, VERSION} from './row.js'

const HASH_SELECTED = ALGORITHMS! + 16
const [first, second] = [VERSION! + 6, VERSION! + 8]

/** The negotiation of a responder that lists 1.3 as well, and everybody's headers say 1.2. */
const listing13 = (): Uint8Array => {
  const listed = put(VCA, VERSION! + 5, 2)
  return concat(listed.subarray(0, second), Uint8Array.of(0, 0x13), listed.subarray(second))
}
const knowing13 = {session: {...SESSION, maxSpdmVersion: '1.3'}}

const hashed = (hash: string, bytes: Uint8Array): Uint8Array => new Uint8Array(createHash(hash).update(bytes).digest())

export const ROWS: readonly Row[] = [
  row('N013 a trailing byte', 'spdm.vca.framing', {vca: concat(VCA, Uint8Array.of(0))}),
  row('N013 a version too many', 'spdm.vca.framing', {vca: put(VCA, VERSION! + 5, 2)}),
  row('N013 messages out of order', 'spdm.vca.framing', {
    vca: concat(VCA.subarray(CAPABILITIES), VCA.subarray(0, CAPABILITIES)),
  }),
  ...rowsOn(
    G4,
    row('N014 an older version than both sides have', 'spdm.vca.version', {vca: listing13(), tsm: knowing13}),
    row('N014 below the minimum', 'spdm.vca.version', {}, statedRuleWith({spdm: {minVersion: '1.3'}})),
    row('N014 a version nobody offered', 'spdm.vca.version', {vca: put(VCA, first + 1, 0x13)}),
  ),
  row('N015 two hashes', 'spdm.vca.algorithms', {vca: put(VCA, HASH_SELECTED, 3)}),
  row('N015 a hash that was not offered', 'spdm.vca.algorithms', {
    vca: put(VCA, HASH_SELECTED, maskOf(hashNamed('sha512')!)),
    chain: chainObject(GENUINE, hashed('sha512', GENUINE[0]!)),
    transcript: {hash: 'sha512'},
  }),
  row('N015 a hash the rule forbids', 'spdm.vca.algorithms', {}, ruleWith({spdm: {hash: ['sha512']}})),
  row(
    'N015 SHA-256 where the rule wants SHA-384',
    'spdm.vca.algorithms',
    {
      vca: negotiation('sha256'),
      chain: chainObject(GENUINE, hashed('sha256', GENUINE[0]!)),
      transcript: {hash: 'sha256'},
    },
    ruleWith({spdm: {hash: ['sha384']}}),
  ),
  row('N016 unsigned measurements', 'spdm.vca.capabilities', {vca: changed(VCA, v => (v[flagsAt]! ^= 0x18))}),
  row('N016 reserved MEAS_CAP', 'spdm.vca.capabilities', {vca: changed(VCA, v => (v[flagsAt]! |= 0x18))}),
  row('N016 no encryption', 'spdm.vca.capabilities', {vca: changed(VCA, v => (v[flagsAt]! &= 0xbf))}),
  row('N016 a reserved PSK_CAP', 'spdm.vca.capabilities', {vca: changed(VCA, v => (v[flagsAt + 1]! |= 0x0c))}),
  ...rowsOn(
    G3T,
    // SPDM 1.1 signs no negotiation, and of all objects the TSM has no digest of this one
    besides(
      row('N017 SPDM 1.1 that nobody vouches for', 'spdm.vca.covered', {digests: {vca: undefined}}),
      'tsm.digest.vca',
    ),
  ),
  row('N018 another negotiation', 'spdm.vca.covered', async () => ({
    vca: put(VCA, CAPABILITIES! + 5, 19),
    measurements: concat(VCA, await transcript(VCA)),
  })),
  ...rowsOn(
    G4,
    row('N019 another version in the session', 'spdm.vca.match-session', {
      tsm: {session: {...SESSION, spdmVersion: '1.3', maxSpdmVersion: '1.3'}},
    }),
    ...Object.entries({hash: 'sha256', asym: 'ecdsa-p256', dhe: 'secp256r1', aead: 'aes-128-gcm'}).map(([part, name]) =>
      row(`N019 another ${part} in the session`, 'spdm.vca.match-session', {
        tsm: {session: {...SESSION, algorithms: {...SESSION.algorithms, [part]: name}}},
      }),
    ),
  ),
]

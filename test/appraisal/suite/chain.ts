/** The certificate chain (N020 to N036). */
import {toHex} from '../../../src/bits/index.js'
import {dmtfExtension} from '../../spdm/authority.js'
import {
  basic,
  chainObject,
  eku,
  GENUINE,
  KEYS,
  privateCritical,
  ruleWith,
  sha384,
  Usage,
  usage,
  DOCUMENT,
} from '../forge.js'
import {put, flip, chain, row, chainOf, leafWith, DMTF, marked, type Row} from './row.js'

export const ROWS: readonly Row[] = [
  row('N020 a length too many', 'spdm.chain.format', {chain: put(chain, 0, chain[0]! + 1)}),
  row('N020 a root hash of 32 bytes', 'spdm.chain.format', {
    chain: chainObject(GENUINE, sha384(GENUINE[0]!).subarray(0, 32)),
  }),
  row('N020 garbage behind the leaf', 'spdm.chain.format', {
    chain: chainObject([...GENUINE, Uint8Array.of(1, 2, 3)]),
  }),
  row('N020 no certificates', 'spdm.chain.format', {chain: chainObject([], sha384(GENUINE[0]!))}),
  row('N021 an answer for slot 1', 'spdm.chain.slot', {transcript: {response: {slotId: 1}}}),
  row('N021 another slot than the rule', 'spdm.chain.slot', {}, ruleWith({spdm: {slot: 1}})),
  row('N022 another root hash', 'spdm.chain.root-hash', {chain: chainObject(GENUINE, sha384(GENUINE[1]!))}),
  row(
    'N023 a root of the same name',
    'spdm.chain.root-pinned',
    chainOf({root: {keys: KEYS.otherRoot, signer: KEYS.otherRoot}}),
  ),
  row('N025 a broken signature', 'spdm.chain.signatures', {
    chain: chainObject([GENUINE[0]!, flip(GENUINE[1]!, GENUINE[1]!.length - 1), GENUINE[2]!]),
  }),
  row('N025 another issuer name', 'spdm.chain.signatures', chainOf({ca: {issuer: 'Root Two'}})),
  row(
    'N026 an intermediate that is no CA',
    'spdm.chain.ca-flags',
    chainOf({ca: {extensions: [basic(false), usage(Usage.keyCertSign)]}}),
  ),
  row(
    'N026 an intermediate that may not sign',
    'spdm.chain.ca-flags',
    chainOf({ca: {extensions: [basic(true), usage(Usage.cRLSign)]}}),
  ),
  row('N027 a leaf that is a CA', 'spdm.chain.leaf-ca', leafWith(basic(true), usage(Usage.digitalSignature))),
  row('N028 a leaf that may not sign', 'spdm.chain.leaf-key-usage', leafWith(basic(false), usage(Usage.keyAgreement))),
  row(
    'N029 a requester leaf',
    'spdm.chain.leaf-eku',
    leafWith(basic(false), usage(Usage.digitalSignature), eku('1.3.6.1.4.1.412.274.4')),
  ),
  row('N030 a leaf on another curve', 'spdm.chain.leaf-key-algo', chainOf({leaf: {keys: KEYS.p256}})),
  row('N031 an alias leaf where none was announced', 'spdm.chain.model', marked(dmtfExtension(`${DMTF}.5`))),
  row(
    'N032 a private critical extension',
    'spdm.chain.critical-ext',
    leafWith(basic(false), usage(Usage.digitalSignature), privateCritical),
  ),
  row(
    'N034 an expired intermediate',
    'spdm.chain.validity',
    chainOf({ca: {notAfter: new Date('2026-11-20T00:00:00Z')}}),
  ),
  row(
    'N036 a denied leaf',
    'spdm.chain.denied',
    {},
    {
      ...DOCUMENT,
      deny: [{certSha384: `sha384:${toHex(sha384(GENUINE[2]!))}`, reason: 'extracted key'}],
    },
  ),
]

/** GET_DIGESTS and DIGESTS (DSP0274 1.3 §10.6). */
import {array, bytes, type Context, layout, NEXT, reserved, type Seen, u16, u8} from '../../bits/index.js'
import {bitsOf} from '../algorithms.js'
import {sizeOf} from './context.js'
import {header} from './header.js'

const SPEC = 'DSP0274 1.3 §10.6'

export const GET_DIGESTS = layout(
  {id: 'spdm-get-digests', name: 'GET_DIGESTS', spec: SPEC},
  {...header('GET_DIGESTS'), param1: reserved(2, 1), param2: reserved(3, 1)},
)

const DIGEST = layout(
  {id: 'spdm-digest', name: 'Digest', spec: SPEC, contexts: [{hashSize: 32}, {hashSize: 48}]},
  {digest: bytes(NEXT, sizeOf('hashSize'), 'digest of the certificate chain object')},
)

/** What the key of a slot may be used for, in a multi-key connection. */
export const KEY_USAGE = {
  keyExchange: 0,
  challenge: 1,
  measurement: 2,
  endpointInfo: 3,
  standards: 14,
  vendor: 15,
} as const

/** CertificateInfo [2:0]: the certificate model of a slot, in a multi-key connection. */
export const CERTIFICATE_MODEL_NAMES: Readonly<Record<number, string>> = {
  0: 'none',
  1: 'DeviceCert',
  2: 'AliasCert',
  3: 'GenericCert',
}

const KEY_USAGE_MASK = layout(
  {id: 'spdm-key-usage-mask', name: 'KeyUsageMask', spec: SPEC},
  {mask: u16(0, 'bit 0 key exchange, 1 challenge, 2 measurement, 3 endpoint info, 14 standards, 15 vendor')},
)

const slots = (seen: Seen): number => bitsOf(seen.provisionedSlotMask as number).length
const multiKey = (_: Seen, context: Context): boolean => context.multiKey === 1

/** Digests of the provisioned slots in ascending order; in a multi-key connection what their keys are for. */
export const DIGESTS = layout(
  {
    id: 'spdm-digests',
    name: 'DIGESTS',
    spec: SPEC,
    contexts: [{hashSize: 48}, {version: 0x10, hashSize: 32}, {version: 0x13, hashSize: 32, multiKey: 1}],
  },
  {
    ...header('DIGESTS'),
    supportedSlotMask: u8(2, 'Param1: SupportedSlotMask (1.3), reserved before'),
    provisionedSlotMask: u8(3, 'Param2: ProvisionedSlotMask'),
    digests: array(DIGEST, slots, 'one digest per provisioned slot'),
    keyPairIds: bytes(NEXT, slots, 'KeyPairID per slot', {when: multiKey}),
    certificateInfo: bytes(NEXT, slots, 'CertificateInfo per slot: model [2:0]', {when: multiKey}),
    keyUsageMasks: array(KEY_USAGE_MASK, slots, 'KeyUsageMask per slot', {when: multiKey}),
  },
)

/** Parts of these messages that are structures of their own. */
export const DIGEST_PARTS = [DIGEST, KEY_USAGE_MASK]

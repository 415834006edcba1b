/** GET_CERTIFICATE and CERTIFICATE, with the 32-bit form for large chains of 1.4 (DSP0274 1.3 §10.7). */
import {bit, bits, bytes, layout, NEXT, reserved, type Seen, u16, u32} from '../../bits/index.js'
import {CERTIFICATE_MODEL_NAMES} from './digests.js'
import {header, since} from './header.js'

const SPEC = 'DSP0274 1.3 §10.7'
const isLarge = (seen: Seen): boolean => since(0x14)(seen) && (seen.largeCertChain as boolean)
const CONTEXTS = [{}, {version: 0x14}]
const portion = (all: Seen): number => (all.certChain as Uint8Array | undefined)?.length ?? 0

const slot = {
  slotId: bits(2, 1, 3, 0, 'Param1: SlotID'),
  param1: reserved(2, 1, 6, 4),
  largeCertChain: bit(2, 1, 7, 'Param1: LargeCertChain, offsets and lengths have 32 bits (1.4)'),
}

/** Bytes wanted of a slot's chain object. In the large form the 16-bit fields are 0. */
export const GET_CERTIFICATE = layout(
  {id: 'spdm-get-certificate', name: 'GET_CERTIFICATE', spec: SPEC, contexts: CONTEXTS},
  {
    ...header('GET_CERTIFICATE'),
    ...slot,
    slotSizeRequested: bit(3, 1, 0, 'Param2: SlotSizeRequested (1.3)'),
    param2: reserved(3, 1, 7, 1),
    offset: u16(4, 'Offset in the chain object'),
    length: u16(6, 'Length wanted'),
    largeOffset: u32(NEXT, 'LargeOffset', {when: isLarge}),
    largeLength: u32(NEXT, 'LargeLength', {when: isLarge}),
  },
)

/** A portion of a slot's chain object and how much is left behind it. */
export const CERTIFICATE = layout(
  {id: 'spdm-certificate', name: 'CERTIFICATE', spec: SPEC, contexts: CONTEXTS},
  {
    ...header('CERTIFICATE'),
    ...slot,
    certificateInfo: bits(3, 1, 2, 0, 'Param2: CertificateInfo (1.3, multi-key)', {names: CERTIFICATE_MODEL_NAMES}),
    param2: reserved(3, 1, 7, 3),
    portionLength: u16(4, 'PortionLength', {is: (all: Seen) => (isLarge(all) ? 0 : portion(all))}),
    remainderLength: u16(6, 'RemainderLength; size of the slot if that was asked'),
    largePortionLength: u32(NEXT, 'LargePortionLength', {when: isLarge, is: portion}),
    largeRemainderLength: u32(NEXT, 'LargeRemainderLength', {when: isLarge}),
    certChain: bytes(
      NEXT,
      (seen: Seen) => (isLarge(seen) ? seen.largePortionLength : seen.portionLength) as number,
      'CertChain: the portion',
    ),
  },
)

/** Decode kinds that are more than one structure: walks and lists put together from several layouts. */
import type {Context} from '../bits/index.js'
import {decodeConfigSpace} from '../pci/index.js'
import {viewWholeSpace} from './config-space-view.js'
import {SPDM, SPDM_CONTEXT, viewSpdmMessage} from './decode-spdm-message.js'
import {viewCertificateChain, viewMeasurements, viewVca} from './spdm-views.js'
import type {View} from './view.js'

export interface Composite {
  readonly kind: string
  readonly name: string
  readonly spec: string
  readonly context: Context
  /** Throws DecodeError when the bytes are not this structure. */
  decode(bytes: Uint8Array, context: Context): View | Promise<View>
}

/** The kind that also takes dumps of whole machines. */
export const CONFIG_SPACE = {
  kind: 'config-space',
  name: 'PCI configuration space',
  spec: 'PCIe r6.2 §7.2.2',
} as const

export const COMPOSITES: readonly Composite[] = [
  {
    ...SPDM,
    context: SPDM_CONTEXT,
    decode: viewSpdmMessage,
  },
  {
    ...CONFIG_SPACE,
    context: {},
    decode: bytes => viewWholeSpace(decodeConfigSpace(bytes), bytes),
  },
  {
    kind: 'spdm-vca',
    name: 'GET_VERSION to ALGORITHMS, six messages back to back',
    spec: 'DSP0274 1.3 §10.1',
    context: {},
    decode: viewVca,
  },
  {
    kind: 'spdm-measurement-transcript',
    name: 'GET_MEASUREMENTS and MEASUREMENTS back to back',
    spec: 'DSP0274 1.3 §10.11',
    context: {signatureSize: 96, digestSize: 48},
    decode: viewMeasurements,
  },
  {
    kind: 'spdm-slot-certificates',
    name: 'certificate chain of a slot, with its certificates',
    spec: 'DSP0274 1.3 §10.7',
    context: {hashSize: 48},
    decode: viewCertificateChain,
  },
]

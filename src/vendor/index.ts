/** Formats of device vendors, bytes in, facts out: opaque data of measurements, reference integrity manifests. */
import type {AnyLayout} from '../bits/index.js'
import {NVIDIA_OPAQUE_FIELD} from './nvidia-opaque.js'

export {NVIDIA_FIELDS, NVIDIA_OPAQUE_FIELD} from './nvidia-opaque.js'
export {type OpaqueFacts, opaqueReaderOf} from './opaque.js'
export {readRim, type Rim, type RimResource} from './swid.js'

/** Every layout of this room, for `tsmctl decode`, the generated reference and the property tests. */
export const LAYOUTS: readonly AnyLayout[] = [NVIDIA_OPAQUE_FIELD]

/** Formats of device vendors, bytes in, facts out: opaque data of measurements, reference integrity manifests. */
export {NVIDIA_FIELDS, NVIDIA_OPAQUE_FIELD} from './nvidia-opaque.js'
export {type OpaqueFacts, opaqueReaderOf} from './opaque.js'
export {readRim, type Rim, type RimResource} from './swid.js'

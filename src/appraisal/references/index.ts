export {resolveReferences} from './resolve.js'
export type {FirmwareReference, Provenance, Reference, ReferenceSet} from './types.js'

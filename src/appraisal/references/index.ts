export {compare, type Comparison, isApproved, isPlaceholder, type SignedFacts} from './compare.js'
export {type ReferenceSources, resolveReferences} from './resolve.js'
export type {FirmwareReference, Provenance, Reference, ReferenceSet, UsableReferences} from './types.js'

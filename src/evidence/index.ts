export {
  type BoundEvidence,
  BOUND_TYPE,
  boundOf,
  boundToJson,
  carriesBinding,
  isBound,
  type PlatformReport,
} from './bound.js'
export {bundleFromCbor, bundleToCbor, inspectCbor} from './cbor-form.js'
export {BUNDLE_LIMIT, freeze, integrityFindings, OBJECT_LIMIT} from './bundle.js'
export {named, nameOfJson, sha384, shortDigest} from './digest.js'
export {type DumpedEvidence, importDumped, isDumpFile, looksDumped} from './dumped.js'
export {
  decodeCollectionFacts,
  decodeIdeFacts,
  decodePciFacts,
  decodeTsmFacts,
  encodeFacts,
  issueText,
  tsmFacts,
} from './fact-objects.js'
export {type ForeignEvidence, importForeign} from './foreign.js'
export type {IdeEndFacts, IdeFacts, IdeStreamFacts} from './ide-facts.js'
export {freezeImported, type ImportFacts} from './imported.js'
export {jcs, jcsBytes} from './jcs.js'
export {importNetlink} from './netlink-dump.js'
export {derivationHolds, drawNonce, isRelyingPartyNonce, NONCE_LENGTH, nonceBytes, platformBinding} from './nonce.js'
export {isNvidia, nvidiaItems, type VendorItem} from './nvidia.js'
export {DROPPABLE, type Droppable, redact} from './redact.js'
export {
  BUNDLE_TYPE,
  bundleFromFiles,
  bundleFromJson,
  bundleToFiles,
  bundleToJson,
  checkJsonSize,
  findBundle,
  type FoundBundle,
  inspectFiles,
  MANIFEST_FILE,
  wholeBundle,
} from './serialize.js'
export {strictJson} from './strict-json.js'
export {
  IDE_ERRATA,
  IDE_KEYS,
  type IdeErrata,
  type TsmLink,
  type TsmMark,
  type TsmMarks,
  type TsmSession,
  type TsmStatements,
} from './tsm-statements.js'
export * from './types.js'

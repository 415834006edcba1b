export {BUNDLE_LIMIT, freeze, integrityFindings, OBJECT_LIMIT} from './bundle.js'
export {named, nameOfJson, sha384, shortDigest} from './digest.js'
export {type DumpedEvidence, importDumped, isDumpFile} from './dumped.js'
export {
  decodeCollectionFacts,
  decodePciFacts,
  decodeTsmFacts,
  encodeFacts,
  issueText,
  tsmFacts,
} from './fact-objects.js'
export {type ForeignEvidence, importForeign} from './foreign.js'
export {jcs, jcsBytes} from './jcs.js'
export {derivationHolds, drawNonce, NONCE_LENGTH, nonceBytes, platformBinding} from './nonce.js'
export {BUNDLE_TYPE, bundleFromFiles, bundleFromJson, bundleToFiles, bundleToJson} from './serialize.js'
export {strictJson} from './strict-json.js'
export * from './types.js'

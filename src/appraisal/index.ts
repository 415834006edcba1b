export {
  anchorFilesOf,
  type EffectiveRule,
  findingLine,
  loadPolicy,
  type Policy,
  type PolicyDocument,
  type PolicyFile,
  type PolicyFinding,
  relaxationsOf,
  requireUsable,
} from './policy/index.js'
export {ATTACKS, CHECK_IDS, type CheckId, type CheckSpec, REGISTRY, SKIP_NAMES} from './registry/index.js'
export * from './types.js'

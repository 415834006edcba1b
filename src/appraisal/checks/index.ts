/** Every check of an appraisal by its id. The type makes a missing one an error. */
import type {CheckId} from '../registry/index.js'
import {ACQUISITION_CHECKS} from './acquisition.js'
import {CHAIN_CHECKS} from './chain.js'
import type {Check} from './context.js'
import {DICE_CHECKS} from './dice.js'
import {IDENTITY_CHECKS} from './identity.js'
import {REPORT_CHECKS} from './interface-report.js'
import {LINK_CHECKS} from './link.js'
import {MACHINE_CHECKS} from './machine.js'
import {MEASURED_VALUE_CHECKS} from './measured-values.js'
import {MEASUREMENT_MANIFEST_CHECKS} from './measurement-manifest.js'
import {MEASUREMENT_CHECKS} from './measurements.js'
import {NAME_CHECKS} from './names.js'
import {PLACEMENT_CHECKS} from './placement.js'
import {PLATFORM_CHECKS} from './platform.js'
import {SPDM_SESSION_CHECKS} from './spdm-session.js'
import {DIGEST_CHECKS} from './tsm-digests.js'
import {TSM_CHECKS} from './tsm-statements.js'

export type {Check, Circumstances, Context, NonceHistory, PlatformVerdict, TsmNow} from './context.js'
export {changes, hasGenerations} from './acquisition.js'
export {pinnedCertificate} from './chain.js'
export {comparisonOf} from './measured-values.js'
export {placementsOf} from './placement.js'
export {type Answer, blocked, fail, pass, relaxed, skip} from './verdict.js'

/** Made at the commit, or about the other results: not looked up here. */
export type EvidenceCheckId = Exclude<CheckId, `commit.${string}` | 'policy.waivers' | 'ui.safe-text'>

export const CHECKS: Readonly<Record<EvidenceCheckId, Check>> = {
  ...ACQUISITION_CHECKS,
  ...SPDM_SESSION_CHECKS,
  ...CHAIN_CHECKS,
  ...NAME_CHECKS,
  ...IDENTITY_CHECKS,
  ...DICE_CHECKS,
  ...MEASUREMENT_CHECKS,
  ...MEASUREMENT_MANIFEST_CHECKS,
  ...MEASURED_VALUE_CHECKS,
  ...PLATFORM_CHECKS,
  ...DIGEST_CHECKS,
  ...TSM_CHECKS,
  ...LINK_CHECKS,
  ...REPORT_CHECKS,
  ...PLACEMENT_CHECKS,
  ...MACHINE_CHECKS,
}

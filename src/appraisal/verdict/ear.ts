/**
 * The verdict as an EAT attestation result (EAR, draft-ietf-rats-ear) for relying parties: what was decided about one
 * device, by which policy, on which evidence, and every check behind it. Unsigned; `jws.ts` signs it.
 */
import type {Appraisal, CheckResult} from '../types.js'
import {isQuiet, outcomeText, reasonText} from './reason.js'
import {CLAIMS, type Tier, tierOf, trustVector, type TrustVector} from './trust-vector.js'

export const EAR_PROFILE = 'tag:github.com,2023:veraison/ear'

export interface Verifier {
  readonly developer: string
  readonly build: string
}

export interface EarOptions {
  /** The relying party's. */
  readonly nonce?: string | undefined
  /** The device was seen in RUN on this evidence. */
  readonly running?: boolean | undefined
}

const GRAVITY: readonly Tier[] = ['affirming', 'warning', 'contraindicated']

/**
 * Never better than the worst claim, and never affirming where somebody made an exception, where a person still has to
 * agree, or where a claim is missing.
 */
export function earStatus({decision, results, unverified}: Appraisal, vector: TrustVector): Tier {
  // nobody saw evidence: whatever a person accepts, no relying party is told that it was affirmed
  if (decision === 'deny' || unverified) return 'contraindicated'
  const tiers = CLAIMS.map(claim => tierOf(vector[claim]))
  const reserved = decision === 'review' || results.some(({word}) => word === 'RELAXED') || tiers.includes('none')
  const worst = Math.max(...tiers.map(tier => GRAVITY.indexOf(tier)), reserved ? GRAVITY.indexOf('warning') : 0)
  return GRAVITY[worst]!
}

const checkClaim = (result: CheckResult) => ({
  id: result.id,
  result: outcomeText(result),
  class: result.class,
  ...(!isQuiet(result) && {reason: reasonText(result)}),
  ...(result.waiver !== null && {waiver: result.waiver}),
})

/** Name of the submodule: what the verified leaf calls the device, else where it is. */
const moduleName = ({subject}: Appraisal): string =>
  `spdm:${subject.name ?? subject.path.at(-1) ?? subject.bdf ?? 'unverified'}`

/** The claims set. */
export function earOf(appraisal: Appraisal, verifier: Verifier, {nonce, running = false}: EarOptions = {}) {
  const vector = trustVector(appraisal.results, running)
  const {policy, P, D, results, decidedAt, unverified} = appraisal
  return {
    eat_profile: EAR_PROFILE,
    iat: Math.floor(Date.parse(decidedAt) / 1000),
    'ear.verifier-id': {...verifier},
    ...(nonce !== undefined && {eat_nonce: nonce}),
    submods: {
      [moduleName(appraisal)]: {
        'ear.status': earStatus(appraisal, vector),
        'ear.trustworthiness-vector': vector,
        'ear.appraisal-policy-id': P === null ? 'tsmctl:none' : `tsmctl:${policy}@${P}`,
        'tsmctl.evidence-digest': D,
        ...(unverified && {'tsmctl.unverified': true}),
        'tsmctl.checks': results.map(checkClaim),
      },
    },
  } as const
}

export type Ear = ReturnType<typeof earOf>

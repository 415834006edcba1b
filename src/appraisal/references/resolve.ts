/** Collects the reference values a rule names. */
import type {Pin} from '../pins/types.js'
import type {EffectiveRule, Policy} from '../policy/index.js'
import type {Provenance, ReferenceSet} from './types.js'

export interface ReferenceSources {
  readonly policy: Policy | undefined
  readonly rule: EffectiveRule
  /** Pin of the verified device certificate. */
  readonly pin: Pin | undefined
  readonly now: Date
}

const POLICY: Provenance = {label: 'policy', signer: null, tagId: null, sha384: null, validity: null}

/** The reference values of a rule; never throws for what is in them. */
export async function resolveReferences({rule}: ReferenceSources): Promise<ReferenceSet> {
  const {source, values} = rule.measurements
  if (source === 'none') return {status: 'none'}
  if (source !== 'inline')
    return {status: 'unusable', code: 'unsupported', why: `source ${source} is not supported by this version`}
  if (values.length === 0) return {status: 'unusable', code: 'empty', why: 'there are none'}
  return {status: 'usable', values: values.map(value => ({...value, provenance: POLICY})), firmware: []}
}

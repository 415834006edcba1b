/** A rule with every default filled in. Defaults are the strictest value of each key. */
import type {HumanMode} from '../types.js'
import type {MeasurementValue, Rule} from './schema.js'

type Filled<T> = {readonly [K in keyof T]-?: Exclude<T[K], undefined>}
type Part<K extends keyof Rule> = NonNullable<Rule[K]>

export interface EffectiveRule {
  /** Null where no single rule matched: then only defaults apply. */
  readonly id: string | null
  readonly decision: Rule['decision']
  readonly anchors: readonly string[]
  readonly require: readonly string[]
  readonly allowSkip: Part<'allowSkip'>
  readonly spdm: Omit<Filled<Part<'spdm'>>, 'slot'> & {readonly slot: number | null}
  readonly identity: Part<'identity'>
  readonly measurements: {
    readonly source: Part<'measurements'>['source']
    readonly values: readonly MeasurementValue[]
    readonly rim: NonNullable<Part<'measurements'>['rim']>
    readonly coverage: 'exhaustive' | 'listed'
    readonly rollback: 'deny' | 'warn'
  }
  readonly dice: Part<'dice'>
  readonly tdisp: Filled<Part<'tdisp'>>
  readonly tsm: Filled<Part<'tsm'>>
  readonly revocation: Part<'revocation'>
  readonly time: {readonly validity: 'strict' | 'device' | 'floor-only'; readonly floor: string | null}
  readonly human: HumanMode
  readonly maxEvidenceAgeSeconds: number
  /** Why a person may accept a device of which there can be no evidence; null where nobody may. */
  readonly withoutEvidence: Part<'withoutEvidence'> | null
}

const SPDM = {
  minVersion: '1.2',
  hash: ['sha384', 'sha512'],
  asym: ['ecdsa-p384', 'ecdsa-p521'],
  slot: null,
  certModel: 'any',
} satisfies EffectiveRule['spdm']

const TDISP = {
  noFwUpdate: 'require',
  lockMsix: 'require',
  ats: 'deny',
  prs: 'deny',
  pasid: 'deny',
  bindP2p: 'deny',
  nonTeeRanges: [],
  updatableRanges: 'deny',
  offsetMode: 'auto',
  deviceSpecific: 'ignore',
  report: 'any',
} satisfies EffectiveRule['tdisp']

const TSM = {
  digests: 'require',
  platformAttestation: 'require',
  ide: 'tsm-asserted',
  ideErrata: 'no-switch',
} satisfies EffectiveRule['tsm']

/** What applies where no rule matched: nothing is allowed. */
const NO_RULE: Pick<Rule, 'decision'> & {readonly id: null} = {id: null, decision: 'deny'}

const defined = <T extends object>(value: T | undefined): Filled<T> =>
  Object.fromEntries(Object.entries(value ?? {}).filter(([, member]) => member !== undefined)) as Filled<T>

export function effectiveRule(rule: Rule | undefined): EffectiveRule {
  const {id, decision} = rule ?? NO_RULE
  const {source = 'none', values = [], rim = [], coverage = 'exhaustive', rollback = 'deny'} = rule?.measurements ?? {}
  return {
    id,
    decision,
    anchors: rule?.anchors ?? [],
    require: rule?.require ?? [],
    allowSkip: rule?.allowSkip ?? [],
    spdm: {...SPDM, ...defined(rule?.spdm)},
    identity: rule?.identity ?? {mode: 'allowlist', allow: []},
    measurements: {source, values, rim, coverage, rollback},
    dice: rule?.dice ?? {},
    tdisp: {...TDISP, ...defined(rule?.tdisp)},
    tsm: {...TSM, ...defined(rule?.tsm)},
    revocation: rule?.revocation ?? {mode: 'hard'},
    time: {validity: rule?.time?.validity ?? 'device', floor: rule?.time?.floor ?? null},
    human: rule?.human ?? 'typed',
    maxEvidenceAgeSeconds: rule?.maxEvidenceAgeSeconds ?? 120,
    withoutEvidence: rule?.withoutEvidence ?? null,
  }
}

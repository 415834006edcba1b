/**
 * The verdict as an EAT attestation result (EAR) with an AR4SI trustworthiness vector, for relying parties. Unsigned:
 * whoever sends it off this machine signs it.
 */
import type {Appraisal, CheckResult} from '../types.js'

export interface Verifier {
  readonly developer: string
  readonly build: string
}

/** AR4SI values used here; 2 to 31 affirm, 32 to 95 warn, 96 and above contradict. */
const VALUE = {
  verifierFailed: -1,
  noClaim: 0,
  unparsable: 1,
  asPinned: 2,
  asRequired: 3,
  relaxed: 32,
  unrecognised: 33,
  unavailable: 36,
  contradicted: 96,
  unknown: 97,
  signatureFailed: 99,
} as const

type Value = (typeof VALUE)[keyof typeof VALUE]

export type EarStatus = 'none' | 'affirming' | 'warning' | 'contraindicated'

export type TrustVector = Readonly<
  Record<'instance-identity' | 'hardware' | 'executables' | 'configuration' | 'runtime-opaque', Value>
>

/** Looks results up by id, or by the beginning of ids. */
class Results {
  readonly #all: readonly CheckResult[]
  constructor(all: readonly CheckResult[]) {
    this.#all = all
  }
  of(...prefixes: readonly string[]): readonly CheckResult[] {
    return this.#all.filter(({id}) => prefixes.some(prefix => id === prefix || id.startsWith(`${prefix}.`)))
  }
  failed(...prefixes: readonly string[]): boolean {
    return this.of(...prefixes).some(({result, blocking}) => blocking && (result === 'fail' || result === 'error'))
  }
  passed(...prefixes: readonly string[]): boolean {
    return this.of(...prefixes).every(({result}) => result === 'pass')
  }
  relieved(...prefixes: readonly string[]): boolean {
    return this.of(...prefixes).some(({word}) => word === 'RELAXED')
  }
  unproven(...prefixes: readonly string[]): boolean {
    return this.of(...prefixes).some(({word, blocking}) => blocking && word === 'NOT PROVEN')
  }
}

/** The value of the first row that applies. */
const first = (rows: readonly (readonly [boolean, Value])[]): Value =>
  rows.find(([applies]) => applies)?.[1] ?? VALUE.noClaim

/** One value per claim this tool can make. */
export function trustVector(all: readonly CheckResult[]): TrustVector {
  const results = new Results(all)
  const signature = ['spdm.chain.signatures', 'spdm.meas.signature']
  const path = ['spdm.chain.root-pinned', 'spdm.chain.root-hash']
  const mode = ['spdm.meas.debug', 'spdm.meas.device-mode', 'spdm.dice.flags']
  const values = ['spdm.meas.values', 'spdm.meas.coverage', 'spdm.meas.reference']
  const wiring = ['tdisp', 'tsm.lock.flags', 'pci', 'kernel']
  return {
    'instance-identity': first([
      [results.failed(...signature), VALUE.signatureFailed],
      [results.failed('spdm.chain.denied'), VALUE.contradicted],
      [results.failed('spdm.id.pinned') || !results.passed('spdm.chain.root-pinned'), VALUE.unknown],
      [results.relieved('spdm.id'), VALUE.relaxed],
      [results.passed('spdm.id.pinned'), VALUE.asPinned],
    ]),
    hardware: first([
      [results.failed('spdm.chain.format'), VALUE.unparsable],
      [results.failed(...mode), VALUE.contradicted],
      [results.failed(...path) || !results.passed('spdm.chain.root-pinned', 'spdm.chain.signatures'), VALUE.unknown],
      [results.relieved('ide.errata', 'spdm.chain', ...mode), VALUE.relaxed],
      [true, VALUE.asPinned],
    ]),
    executables: first([
      [results.failed('spdm.meas.framing', 'spdm.meas.blocks'), VALUE.unparsable],
      [results.failed('spdm.meas.signature'), VALUE.signatureFailed],
      [results.failed('spdm.meas.denied'), VALUE.contradicted],
      [!results.passed(...values.slice(0, 2)), VALUE.unrecognised],
      [results.relieved('spdm.meas'), VALUE.unrecognised],
      [true, VALUE.asRequired],
    ]),
    configuration: first([
      [results.failed('tdisp.report.framing'), VALUE.unparsable],
      [results.failed(...wiring), VALUE.contradicted],
      [results.unproven(...wiring), VALUE.unavailable],
      [results.relieved(...wiring), VALUE.relaxed],
      [!results.passed('tdisp.report.framing'), VALUE.unavailable],
      [true, VALUE.asRequired],
    ]),
    'runtime-opaque': first([
      [results.failed('tdisp.report.mmio-tee'), VALUE.contradicted],
      [results.relieved('ide'), VALUE.relaxed],
      [results.passed('ide.stream.secure', 'ide.keys.session'), VALUE.asPinned],
    ]),
  }
}

function statusOf({decision, results, unverified}: Appraisal, vector: TrustVector): EarStatus {
  // nobody saw evidence: whatever a person accepts, no relying party is told that it was affirmed
  if (decision === 'deny' || unverified) return 'contraindicated'
  const worst = Math.max(...Object.values(vector))
  if (worst >= VALUE.contradicted) return 'contraindicated'
  const relieved = results.some(({word}) => word === 'RELAXED')
  const silent = Object.values(vector).some(value => value < VALUE.asPinned)
  return decision === 'review' || relieved || silent || worst >= VALUE.relaxed ? 'warning' : 'affirming'
}

/** The claims set. `nonce` is the relying party's. */
export function earOf(appraisal: Appraisal, verifier: Verifier, nonce?: string) {
  const vector = trustVector(appraisal.results)
  const {policy, P, D, results, subject, decidedAt, unverified} = appraisal
  const name = subject.name ?? subject.bdf ?? 'unverified'
  return {
    eat_profile: 'tag:github.com,2023:veraison/ear',
    iat: Math.floor(Date.parse(decidedAt) / 1000),
    'ear.verifier-id': {...verifier},
    ...(nonce !== undefined && {eat_nonce: nonce}),
    submods: {
      [`spdm:${name}`]: {
        'ear.status': statusOf(appraisal, vector),
        'ear.trustworthiness-vector': vector,
        'ear.appraisal-policy-id': P === null ? 'tsmctl:none' : `tsmctl:${policy}@${P}`,
        'tsmctl.evidence-digest': D,
        ...(unverified && {'tsmctl.unverified': true}),
        'tsmctl.checks': results.map(({id, result, class: kind, reason, waiver}) => ({
          id,
          result,
          class: kind,
          ...(reason !== null && {reason}),
          ...(waiver !== null && {waiver}),
        })),
      },
    },
  } as const
}

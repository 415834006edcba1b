/**
 * The AR4SI trustworthiness vector (draft-ietf-rats-ar4si) as a table: each claim has rows from the worst to the best,
 * and the first that applies is its value. -1 to 1 say nothing, 2 to 31 affirm, 32 to 95 warn, 96 and above contradict.
 */
import type {CheckResult} from '../types.js'

export const CLAIMS = ['instance-identity', 'hardware', 'executables', 'configuration', 'runtime-opaque'] as const
export type Claim = (typeof CLAIMS)[number]

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
  cryptographyFailed: 99,
} as const

export type TrustValue = (typeof VALUE)[keyof typeof VALUE]
export type TrustVector = Readonly<Record<Claim, TrustValue>>
export type Tier = 'none' | 'affirming' | 'warning' | 'contraindicated'

/** Which tier a value belongs to. */
export const tierOf = (value: number): Tier =>
  value < VALUE.asPinned
    ? 'none'
    : value < VALUE.relaxed
      ? 'affirming'
      : value < VALUE.contradicted
        ? 'warning'
        : 'contraindicated'

/** Looks results up by id, or by the beginning of ids. */
class Results {
  readonly #all: readonly CheckResult[]
  /** The device is in RUN, as its TSM says. */
  readonly running: boolean
  constructor(all: readonly CheckResult[], running: boolean) {
    this.#all = all
    this.running = running
  }
  of(...prefixes: readonly string[]): readonly CheckResult[] {
    return this.#all.filter(({id}) => prefixes.some(prefix => id === prefix || id.startsWith(`${prefix}.`)))
  }
  /** One of them stands against the device with a finding of its own. */
  failed(...prefixes: readonly string[]): boolean {
    return this.of(...prefixes).some(({result, blocking}) => blocking && (result === 'fail' || result === 'error'))
  }
  /** All of them exist and passed by themselves, or do not apply. */
  hold(...prefixes: readonly string[]): boolean {
    const found = this.of(...prefixes)
    return found.length > 0 && found.every(({word}) => word === 'ok' || word === 'not applicable')
  }
  /** All of them exist and passed, by themselves. */
  passed(...prefixes: readonly string[]): boolean {
    const found = this.of(...prefixes)
    return found.length > 0 && found.every(({word}) => word === 'ok')
  }
  relaxed(...prefixes: readonly string[]): boolean {
    return this.of(...prefixes).some(({word}) => word === 'RELAXED')
  }
  waived(...prefixes: readonly string[]): boolean {
    return this.of(...prefixes).some(({result}) => result === 'waived')
  }
  /** Left out because nobody knows, whether the rule allows that or not. */
  skipped(...prefixes: readonly string[]): boolean {
    return this.of(...prefixes).some(({result, reason}) => result === 'skip' && reason !== 'na')
  }
  /** Not evaluated, or left out, and that stands against the device. */
  unproven(...prefixes: readonly string[]): boolean {
    return this.of(...prefixes).some(({word, blocking}) => blocking && word === 'NOT PROVEN')
  }
  broken(...prefixes: readonly string[]): boolean {
    return this.of(...prefixes).some(({result}) => result === 'error')
  }
  has(id: string, code: string): boolean {
    return this.of(id).some(result => result.blocking && result.code.startsWith(code))
  }
}

interface Row {
  readonly value: TrustValue
  readonly when: (results: Results) => boolean
}

const row = (value: TrustValue, when: Row['when']): Row => ({value, when})
const always = (): boolean => true

const SIGNATURES = ['spdm.chain.signatures', 'spdm.meas.signature'] as const
const ANCHOR = ['spdm.chain.root-pinned', 'spdm.chain.root-hash', 'spdm.chain.signatures'] as const
const MODE = ['spdm.meas.debug', 'spdm.meas.device-mode', 'spdm.dice.flags'] as const
const VERSIONS = ['spdm.meas.svn', 'spdm.meas.rollback', 'spdm.dice.svn'] as const
const FRESHNESS = ['spdm.meas.nonce', 'spdm.meas.content-changed'] as const
const COMPARED = ['spdm.meas.coverage', 'spdm.meas.values'] as const
const APPROVED = [...COMPARED, 'spdm.meas.reference', 'spdm.meas.zero-digest', 'spdm.meas.type-rep'] as const
const LAYERS = ['spdm.dice.fwid'] as const
const WIRING = ['tdisp', 'tsm.lock', 'pci', 'kernel.autoprobe'] as const
const LINK = ['ide.stream', 'ide.keys'] as const
const ERRATA = ['ide.errata', 'ide.topology'] as const

const TABLE: Readonly<Record<Claim, readonly Row[]>> = {
  'instance-identity': [
    row(VALUE.verifierFailed, results => results.broken('spdm.id', 'spdm.chain')),
    row(VALUE.unparsable, results => results.failed('spdm.chain.format')),
    row(VALUE.cryptographyFailed, results => results.failed(...SIGNATURES)),
    row(
      VALUE.contradicted,
      results => results.failed('spdm.chain.denied') || results.has('spdm.chain.revocation', 'revoked'),
    ),
    row(
      VALUE.unknown,
      results => results.failed('spdm.id') || !results.hold(...ANCHOR) || results.unproven('spdm.id.pinned'),
    ),
    row(VALUE.asPinned, results => results.passed('spdm.id.pinned')),
    // any device of the vendor, or one that only a waiver lets in: nothing is claimed about which one it is
    row(VALUE.noClaim, always),
  ],
  hardware: [
    row(VALUE.verifierFailed, results => results.broken('spdm.chain', ...MODE)),
    row(VALUE.unparsable, results => results.failed('spdm.chain.format')),
    row(VALUE.contradicted, results => results.failed(...MODE)),
    row(
      VALUE.unknown,
      results => !results.hold(...ANCHOR) || results.failed('spdm.chain') || results.unproven('spdm.chain'),
    ),
    row(VALUE.unavailable, results => results.unproven(...MODE)),
    row(
      VALUE.relaxed,
      results => results.relaxed(...ERRATA, 'spdm.chain', 'spdm.id', ...MODE) || results.failed(...ERRATA),
    ),
    row(VALUE.unavailable, results => results.skipped(...MODE) || results.unproven(...ERRATA)),
    row(VALUE.asPinned, always),
  ],
  executables: [
    row(VALUE.verifierFailed, results => results.broken('spdm.meas', 'spdm.dice')),
    row(VALUE.unparsable, results => results.failed('spdm.meas.framing', 'spdm.meas.blocks', 'spdm.vca.framing')),
    row(VALUE.cryptographyFailed, results => results.failed('spdm.meas.signature')),
    row(VALUE.contradicted, results => results.failed('spdm.meas.denied', ...FRESHNESS)),
    row(VALUE.unrecognised, results => results.failed(...APPROVED, ...LAYERS)),
    row(VALUE.relaxed, results => results.failed(...VERSIONS) || results.waived(...VERSIONS)),
    row(VALUE.unrecognised, results => results.relaxed(...APPROVED) || results.waived(...LAYERS)),
    row(VALUE.unrecognised, results => !results.hold('spdm.meas.signature', ...COMPARED)),
    row(VALUE.asRequired, always),
  ],
  configuration: [
    row(VALUE.verifierFailed, results => results.broken(...WIRING)),
    row(VALUE.unparsable, results => results.failed('tdisp.report.framing')),
    row(VALUE.contradicted, results => results.failed(...WIRING)),
    row(VALUE.unavailable, results => results.unproven(...WIRING)),
    row(VALUE.relaxed, results => results.relaxed(...WIRING) && !results.skipped(...WIRING)),
    row(VALUE.unavailable, results => results.skipped(...WIRING)),
    row(VALUE.asPinned, results => results.passed('tdisp.report.pinned', 'tsm.lock.flags')),
    row(
      VALUE.asRequired,
      // on the host's side there is no report, and so nothing to say about it
      results => results.passed('tdisp.report.framing') && results.hold('tdisp.report.mmio-tee'),
    ),
    row(VALUE.unavailable, always),
  ],
  'runtime-opaque': [
    row(VALUE.verifierFailed, results => results.broken('ide')),
    row(VALUE.contradicted, results => results.failed('tdisp.report.mmio-tee', ...LINK)),
    row(VALUE.relaxed, results => results.relaxed('ide', 'tsm.session', 'tdisp.report.mmio-tee')),
    // before RUN the device has nothing to be opaque about
    row(VALUE.asPinned, results => results.running && results.passed(...LINK, 'tsm.session.bound')),
    row(VALUE.noClaim, always),
  ],
}

/** One value per claim this tool can make. `running`: the device was seen in RUN on this evidence. */
export function trustVector(all: readonly CheckResult[], running = false): TrustVector {
  const results = new Results(all, running)
  const valueOf = (claim: Claim): TrustValue => TABLE[claim].find(({when}) => when(results))?.value ?? VALUE.noClaim
  return Object.fromEntries(CLAIMS.map(claim => [claim, valueOf(claim)])) as TrustVector
}

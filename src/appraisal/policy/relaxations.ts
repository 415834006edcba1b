/** Keys of a rule that ask for less than their default, and what each of them costs. */
import type {EffectiveRule} from './effective.js'

export interface Relaxation {
  /** Key and value as a policy writes them. */
  readonly key: string
  /** What can happen because of it. */
  readonly cost: string
}

interface Row {
  readonly key: string | ((rule: EffectiveRule) => string)
  readonly applies: (rule: EffectiveRule) => boolean
  readonly cost: string
  /** Only for whoever reads the policy; a review says it elsewhere. */
  readonly quiet?: true
}

const LONGEST_DEFAULT_AGE = 120

const TABLE: readonly Row[] = [
  {
    key: 'human: none',
    applies: ({human, decision}) => human === 'none' && decision === 'accept',
    cost: 'nobody looks at the device before it is used: the policy alone decides',
    quiet: true,
  },
  {
    key: 'human: confirm',
    applies: ({human, decision}) => human === 'confirm' && decision !== 'deny',
    cost: 'whoever approves does not have to say which device and which evidence',
    quiet: true,
  },
  {
    key: 'spdm.minVersion: 1.1',
    applies: ({spdm}) => spdm.minVersion === '1.1',
    cost: 'before 1.2 the signature does not cover what was negotiated: somebody on the path can choose weaker algorithms',
  },
  {
    key: ({spdm}) => `spdm.hash: ${spdm.hash.filter(hash => hash.endsWith('256')).join(', ')}`,
    applies: ({spdm}) => spdm.hash.some(hash => hash.endsWith('256')),
    cost: 'transcripts are hashed to 256 bits instead of 384',
  },
  {
    key: 'spdm.asym: ecdsa-p256',
    applies: ({spdm}) => spdm.asym.includes('ecdsa-p256'),
    cost: 'signatures of a 256-bit curve count, instead of 384 bits or more',
  },
  {
    key: 'identity.mode: any-from-anchor',
    applies: ({identity}) => identity.mode === 'any-from-anchor',
    cost: 'any device of the vendor passes: one can be exchanged for another',
  },
  {
    key: 'identity.pin: san',
    applies: ({identity}) => identity.mode !== 'any-from-anchor' && identity.pin === 'san',
    cost: 'a new certificate with the same name passes for the same device',
  },
  {
    key: 'measurements.source: none',
    applies: ({measurements}) => measurements.source === 'none',
    cost: 'nothing says which firmware is right: any passes',
  },
  {
    key: 'measurements.coverage: listed',
    applies: ({measurements}) => measurements.coverage === 'listed',
    cost: 'what the device measures besides is only shown: unknown firmware passes',
  },
  {
    key: 'measurements.rollback: warn',
    applies: ({measurements}) => measurements.rollback === 'warn',
    cost: 'older firmware with known holes passes where newer ran before',
  },
  {
    key: 'measurements.values: informational',
    applies: ({measurements}) => measurements.values.some(({informational}) => informational === true),
    cost: 'the values listed so are shown and compared with nothing',
    quiet: true,
  },
  {
    key: ({dice}) =>
      `dice.flags: ${Object.entries(dice.flags ?? {})
        .flatMap(([flag, allowed]) => (allowed === 'allow' ? [flag] : []))
        .join(', ')} allowed`,
    applies: ({dice}) => Object.values(dice.flags ?? {}).includes('allow'),
    cost: 'a layer that says so of itself passes',
  },
  {
    key: 'tdisp.noFwUpdate: allow-update',
    applies: ({tdisp}) => tdisp.noFwUpdate === 'allow-update',
    cost: 'firmware can be replaced after it was measured',
  },
  {
    key: 'tdisp.lockMsix: allow-unlocked',
    applies: ({tdisp}) => tdisp.lockMsix === 'allow-unlocked',
    cost: 'the host can redirect and make up interrupts',
  },
  {
    key: 'tdisp.ats: allow',
    applies: ({tdisp}) => tdisp.ats === 'allow',
    cost: 'the device may use translations that it cached itself',
  },
  {
    key: 'tdisp.prs: allow',
    applies: ({tdisp}) => tdisp.prs === 'allow',
    cost: 'the device may ask for pages of memory while it runs',
  },
  {
    key: 'tdisp.pasid: allow',
    applies: ({tdisp}) => tdisp.pasid === 'allow',
    cost: 'the device may address several address spaces by its own choice',
  },
  {
    key: 'tdisp.bindP2p: allow',
    applies: ({tdisp}) => tdisp.bindP2p === 'allow',
    cost: 'other devices may reach this one without passing the IOMMU',
  },
  {
    key: 'tdisp.updatableRanges: allow',
    applies: ({tdisp}) => tdisp.updatableRanges === 'allow',
    cost: 'private memory of the device can become shared later',
  },
  {
    key: 'tdisp.nonTeeRanges',
    applies: ({tdisp}) => tdisp.nonTeeRanges.length > 0,
    cost: 'the host reads and writes these parts of the device',
  },
  {
    key: 'tsm.digests: if-available',
    applies: ({tsm}) => tsm.digests === 'if-available',
    cost: 'where the TSM states no digests, the host can exchange the evidence after the TSM saw it',
  },
  {
    key: ({tsm}) => `tsm.platformAttestation: ${tsm.platformAttestation}`,
    applies: ({tsm}) => tsm.platformAttestation !== 'require',
    cost: 'what is said to come from the TSM could come from the host',
  },
  {
    key: 'tsm.ide: not-required',
    applies: ({tsm}) => tsm.ide === 'not-required',
    cost: 'whoever is on the link may read and change what passes',
  },
  {
    key: 'tsm.ideErrata: ignore',
    applies: ({tsm}) => tsm.ideErrata === 'ignore',
    cost: 'known flaws of link encryption stay open to whoever controls the path',
  },
  {
    key: ({revocation}) => `revocation.mode: ${revocation.mode}`,
    applies: ({revocation}) => revocation.mode !== 'hard',
    cost: 'a certificate that its vendor revoked can still pass',
  },
  {
    key: 'time.validity: floor-only',
    applies: ({time}) => time.validity === 'floor-only',
    cost: 'certificates that expired after the floor pass',
  },
  {
    key: ({maxEvidenceAgeSeconds}) => `maxEvidenceAgeSeconds: ${maxEvidenceAgeSeconds}`,
    applies: ({maxEvidenceAgeSeconds}) => maxEvidenceAgeSeconds > LONGEST_DEFAULT_AGE,
    cost: 'more can have happened to the device since it was asked',
  },
  {
    key: 'withoutEvidence: UNVERIFIED where the kernel has no evidence',
    applies: ({withoutEvidence}) => withoutEvidence !== null,
    cost: 'where the kernel has no interface for evidence, a person may accept a device of which nothing is verified',
  },
]

const matching = (rule: EffectiveRule): readonly Row[] => TABLE.filter(({applies}) => applies(rule))
const keyOf = ({key}: Row, rule: EffectiveRule): string => (typeof key === 'string' ? key : key(rule))

/** Keys of the rule that ask for less than the default, in words: amber in every review. */
export const relaxationsOf = (rule: EffectiveRule): readonly string[] =>
  matching(rule).flatMap(row => (row.quiet ? [] : [keyOf(row, rule)]))

/** All of them, with what they cost. */
export const relaxationCosts = (rule: EffectiveRule): readonly Relaxation[] =>
  matching(rule).map(row => ({key: keyOf(row, rule), cost: row.cost}))

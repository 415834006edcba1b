/** What lint says, and the rules it says it by. */

/** Every rule over the fields of a policy that its form cannot express. Ids are append-only. */
export const LINT_RULES = {
  L01: 'Ids of rules and waivers, and names of anchor sets, signers and approvers, are given once in all files together.',
  L02: 'Every anchor set, RIM signer and approver that is named exists; every file that is named is there; the file of an anchor is one CA certificate with the stated digest.',
  L03: 'Every check, or pattern of checks, that is named is one this version knows.',
  L04: 'Only required checks are skipped or waived, never fatal or advisory ones.',
  L05: 'Nothing is accepted without reference values, and no enrolled values are compared across devices.',
  L06: 'First use is for a person to decide about: never `accept` with `tofu`.',
  L07: 'A live waiver for the devices of a rule with `human: none` makes it one that asks a person.',
  L08: 'Masks go with raw values of their length; raw values have the length of their type, and a range is for `svn`.',
  L09: 'An index is given twice only under different conditions on the same fact.',
  L10: 'A range is not empty. A minimum of 1 or more is recommended: everything is at least 0.',
  L11: 'A waiver is not of the future, ends after it began, and lasts at most 92 days. Its last 14 days are announced.',
  L12: 'Where two people have to agree there are two approvers with different keys: for rules of `two-person`, and for waivers of identity, measurements, DICE and the TSM.',
  L13: 'No two rules match one device, as far as their selectors can be compared.',
  L14: 'No digest is stronger than every hash the rule allows; SPDM 1.1 is never accepted without a person. SHA-256 is announced.',
  L15: 'For production: no link without IDE, no ignored platform attestation, no optional digests, no anchor labelled as a test, no attribute that can change later, no unlimited shared range, no device without evidence.',
  L16: 'Text is normalised (NFC), printable and at most 256 characters long.',
  L17: 'A device without evidence is for a person to decide about, who types which one it is.',
  L18: 'The policy has not expired.',
} as const

export type LintRule = keyof typeof LINT_RULES

export interface PolicyFinding {
  /** Lint rule; `form`, `schema` and `signature` for what is wrong before that. */
  readonly id: string
  /** File, line or member. */
  readonly where: string
  readonly message: string
}

export type Say = (id: LintRule, where: string, message: string) => void

/** Where a rule of lint says what it found. */
export interface Reporter {
  /** Makes the policy unusable. */
  readonly find: Say
  /** Worth knowing; the policy can be used. */
  readonly warn: Say
}

export const ruleName = ({id}: {readonly id: string}): string => `rule ${id}`
export const waiverName = ({id}: {readonly id: string}): string => `waiver ${id}`

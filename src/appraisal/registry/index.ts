/**
 * All checks as data: class, meaning, prerequisites, remedy. A check without code in this version is still listed, is
 * skipped with its reason, and so denies wherever the policy does not say otherwise.
 */
import type {SkipReason} from '../types.js'
import {ACQUISITION} from './acquisition.js'
import {BINDING} from './binding.js'
import {CHAIN} from './chain.js'
import {COMMIT} from './commit.js'
import {IDENTITY} from './identity.js'
import {INTERFACE_REPORT} from './interface-report.js'
import {MACHINE} from './machine.js'
import {MEASUREMENTS} from './measurements.js'
import type {CheckSpec} from './spec.js'
import {SPDM_SESSION} from './spdm-session.js'

export {type AttackId, ATTACKS} from './attacks.js'
export type {CheckSpec} from './spec.js'

const TABLES = {
  ...ACQUISITION,
  ...SPDM_SESSION,
  ...CHAIN,
  ...IDENTITY,
  ...MEASUREMENTS,
  ...BINDING,
  ...INTERFACE_REPORT,
  ...MACHINE,
  ...COMMIT,
}

export type CheckId = keyof typeof TABLES

export const REGISTRY: Readonly<Record<CheckId, CheckSpec>> = TABLES

export const CHECK_IDS = Object.keys(REGISTRY) as readonly CheckId[]

/** Checks of the commit step: made between approval and RUN, not when evidence is appraised. */
export const isCommitCheck = (id: CheckId): boolean => id.startsWith('commit.')

/** Only required checks can be waived. */
export const isWaivable = (id: CheckId): boolean => REGISTRY[id].class === 'W'

/** May a rule allow this check to be skipped? Required ones, and fatal ones whose answer nobody may know. */
export const isSkippable = (id: CheckId): boolean => isWaivable(id) || REGISTRY[id].whenKnown === true

/** What policies write for a skip reason. */
export const SKIP_NAMES: Readonly<Record<SkipReason, string>> = {
  abs: 'absent-in-device',
  tsm: 'no-tsm-support',
  kern: 'no-kernel-support',
  clk: 'clock-untrusted',
  off: 'offline',
  na: 'not-applicable',
}

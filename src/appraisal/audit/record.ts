/** One line of the audit log: what happened, to which device, on which evidence, under which policy, by whom. */
import {type Bundle, jcsBytes, named, nameOfJson, sha384} from '../../evidence/index.js'
import {concat, toHex} from '../../bits/index.js'
import type {Actor} from '../../kernel/index.js'
import type {Approval} from '../commit.js'
import {BUILD_DIGEST, VERSION} from '../../version.js'
import type {Appraisal} from '../types.js'
import {earStatus, trustVector} from '../verdict/index.js'

export const AUDIT_EVENTS = [
  'policy-loaded',
  'locked',
  'collected',
  'decided',
  'shown',
  'waiver-used',
  'approved',
  'rejected',
  'committing',
  'committed',
  'commit-failed',
  'unlocked',
  'enrolled',
  'forgotten',
  'watch-error',
  'rotated',
  'recovered',
  'head',
] as const
export type AuditEventName = (typeof AUDIT_EVENTS)[number]

export interface AuditEvent {
  readonly event: AuditEventName
  readonly bdf: string | null
  readonly bundle?: Bundle | undefined
  readonly appraisal?: Appraisal | undefined
  /** Where no appraisal names it. */
  readonly policy?: {readonly name: string | null; readonly P: string} | undefined
  readonly approval?: Approval | readonly Approval[] | null | undefined
  readonly actor?: Actor | undefined
  readonly bootId?: string | null | undefined
  readonly clock?: 'trusted' | 'untrusted' | undefined
  /** What came of it, in words or numbers. */
  readonly result?: Readonly<Record<string, string | number | boolean | null>> | undefined
}

/** How a chain of records begins: bound to this machine and to nothing that existed before. */
export interface Genesis {
  readonly machineIdHash: string | null
  readonly nonce: string
}

export interface AuditRecord {
  readonly v: 1
  readonly seq: number
  /** `sha384:` of the line before, without its line feed. */
  readonly prev: string
  readonly event: string
  /** RFC 3339. */
  readonly ts: string
  /** Monotonic nanoseconds, decimal: more than a double can count. */
  readonly mono: string
  readonly bootId: string | null
  readonly [member: string]: unknown
}

/** Lines are handled as bytes, one Latin-1 character per byte, so that torn and foreign ones keep theirs. */
export const lineDigest = (line: string): string => named(lineBytes(line))
export const lineBytes = (line: string): Uint8Array => new Uint8Array(Buffer.from(line, 'latin1'))
export const lineOf = (value: unknown): string => Buffer.from(jcsBytes(value)).toString('latin1')

/** The `prev` of a first record. */
export const genesisDigest = ({machineIdHash, nonce}: Genesis): string =>
  `sha384:${toHex(sha384(concat(new TextEncoder().encode(`tsmctl-audit-v1\0${machineIdHash ?? ''}`), Buffer.from(nonce, 'hex'))))}`

const verdictOf = (appraisal: Appraisal) => {
  const {decision, human, counters, results, unverified} = appraisal
  return {
    decision,
    ear: earStatus(appraisal, trustVector(results)),
    ...(unverified && {unverified}),
    human,
    fail: counters.fail,
    failed: results.filter(({blocking}) => blocking).map(({id}) => id),
    relaxed: results
      .filter(({word}) => word === 'RELAXED')
      .map(({id, waiver, relaxedBy}) => `${id}=${waiver ?? relaxedBy}`),
    notProven: results.filter(({word}) => word === 'NOT PROVEN').map(({id}) => id),
    // the whole list can be recomputed from D and P; its digest says that it was this one
    checks: nameOfJson(results.map(({id, result, code}) => ({id, result, code}))),
  }
}

const policyOf = ({appraisal, policy}: AuditEvent) =>
  appraisal === undefined
    ? policy === undefined
      ? null
      : {...policy, rule: null, externalDecision: null}
    : {name: appraisal.policy, P: appraisal.P, rule: appraisal.rule, externalDecision: appraisal.external ?? null}

const evidenceOf = ({digest, manifest}: Bundle) => ({
  D: digest,
  provider: manifest.provider.kind,
  generation: manifest.provider.generation,
  lockEpoch: manifest.lockEpoch,
})

/** The canonical line of a record, without its line feed. */
export function recordLine(
  event: AuditEvent,
  place: {readonly seq: number; readonly prev: string; readonly ts: string; readonly mono: bigint},
  extra: Readonly<Record<string, unknown>> = {},
): string {
  const {bdf, bundle, appraisal, approval, actor, bootId, clock, result} = event
  const {vendor = null, device = null} = bundle?.manifest.device ?? {}
  return lineOf({
    v: 1,
    seq: place.seq,
    prev: place.prev,
    event: event.event,
    ts: place.ts,
    clock: clock ?? bundle?.manifest.clock ?? 'untrusted',
    mono: String(place.mono),
    bootId: bootId ?? bundle?.manifest.host.bootId ?? null,
    actor: actor === undefined ? null : {...actor},
    tool: {version: VERSION, sha384: BUILD_DIGEST},
    device: {
      bdf,
      vendor,
      device,
      pinId: appraisal?.profile?.pinId ?? null,
      san: appraisal?.subject.name ?? null,
    },
    evidence: bundle === undefined ? null : evidenceOf(bundle),
    policy: policyOf(event),
    verdict: appraisal === undefined ? null : verdictOf(appraisal),
    approval: [approval ?? []].flat().map(item => ({...item})),
    result: result === undefined ? null : {...result},
    ...extra,
  })
}

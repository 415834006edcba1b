/** Policies for tests, as objects; `policyText` writes one as the YAML subset JSON is. */
import {loadPolicy, type Policy} from '../../../src/appraisal/index.js'

export const NOW = new Date('2026-11-21T12:00:00Z')
export const D = (digit: string): string => `sha384:${digit.repeat(96)}`

type Json = Record<string, unknown>

export const rule = (extra: Json = {}): Json => ({
  id: 'gpu',
  match: {vendor: '0x10de', device: ['0x2901']},
  decision: 'accept',
  anchors: ['vendor'],
  identity: {mode: 'any-from-anchor'},
  measurements: {source: 'inline', values: [{index: 1, type: 'firmware', digests: [D('b')]}]},
  ...extra,
})

export const policy = (extra: Json = {}, ...rules: readonly Json[]): Json => ({
  tsmctlPolicy: 1,
  name: 'test',
  anchors: {vendor: [{label: 'vendor root', certSha384: D('a')}]},
  rules: rules.length === 0 ? [rule()] : rules,
  ...extra,
})

export const waiver = (extra: Json = {}): Json => ({
  id: 'w1',
  check: 'spdm.chain.revocation',
  match: {vendor: '0x10de'},
  reason: 'the vendor publishes no CRL before firmware 4.2',
  approvedBy: ['alice'],
  created: '2026-11-01T00:00:00Z',
  expires: '2026-12-01T00:00:00Z',
  ...extra,
})

export const APPROVERS = {alice: {key: `ed25519:${'1'.repeat(64)}`}}

export const load = (document: Json | string, files = new Map<string, Uint8Array>()): Policy =>
  loadPolicy(
    [{name: 'test.yaml', text: typeof document === 'string' ? document : JSON.stringify(document)}],
    files,
    NOW,
  )

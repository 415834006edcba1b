/**
 * G1 with a TSM that states what it knows of session, lock, report and link: once as AMD's does, with a flag for fresh
 * measurements, lock flags and a count of reports, once as Arm's, with a nonce of each.
 */
import type {PlatformVerdict} from '../../../src/appraisal/checks/index.js'
import {type Bundle, IDE_KEYS, platformBinding, type TsmFacts} from '../../../src/evidence/index.js'
import {toHex} from '../../../src/bits/index.js'
import {ALLOW_SKIP, GENUINE, PCI, ruleWith, sha384} from '../forge.js'
import {NOW} from '../guest.js'
import {type Base, baseOf} from './base.js'

const digest = (bytes: Uint8Array): string => toHex(sha384(bytes))

export const SESSION = {
  bound: true,
  alive: true,
  id: '0x00050001',
  slot: 0,
  key: {of: 'certificate', alg: 'sha384', value: digest(GENUINE.at(-1)!)},
  spdmVersion: '1.2',
  maxSpdmVersion: '1.2',
  algorithms: {
    hash: 'sha384',
    asym: 'ecdsa-p384',
    measurementHash: 'sha384',
    dhe: 'secp384r1',
    aead: 'aes-256-gcm',
  },
} satisfies TsmFacts['session']

export const LINK = {
  secure: true,
  streamId: 0,
  defaultStream: true,
  trafficClass: 0,
  exclusive: true,
  keys: {session: SESSION.id, programmed: [...IDE_KEYS]},
} satisfies TsmFacts['link']

export const INTERFACE = {report: '0x0102', tdi: '0x0102', bdf: PCI.bdf} satisfies TsmFacts['interface']

export const FLAGS = {
  noFwUpdate: true,
  lockMsix: true,
  bindP2p: false,
  allRequestRedirect: true,
} satisfies TsmFacts['lockFlags']

const COMMON = {
  digestAlgorithm: 'sha384',
  session: SESSION,
  interface: INTERFACE,
  link: LINK,
} satisfies Partial<TsmFacts>

const NONCE = {lock: '11'.repeat(32), before: '22'.repeat(32), after: '33'.repeat(32), report: '44'.repeat(32)}
export const MARKS = {
  lock: {before: NONCE.lock, after: NONCE.lock},
  measurements: {before: NONCE.before, after: NONCE.after},
  report: {before: NONCE.report, after: NONCE.report},
} satisfies TsmFacts['marks']

/** What a relying party's verifier said about the machine that collected `bundle`. */
export const verdictOn = (bundle: Bundle, change: Partial<PlatformVerdict> = {}): PlatformVerdict => ({
  verifier: 'relying party',
  status: 'affirming',
  bindings: [toHex(platformBinding(bundle.digest, new Uint8Array()))],
  issuedAt: NOW,
  ...change,
})

const without = (...stated: readonly string[]): typeof ALLOW_SKIP =>
  ALLOW_SKIP.filter(({check}) => !stated.includes(check))

const STATED = [
  'spdm.vca.match-session',
  'tsm.platform.attested',
  'tsm.digest.fresh',
  'tsm.session.bound',
  'tsm.session.pubkey',
  'tsm.report.counter',
  'ide.stream.secure',
  'ide.stream.default',
  'ide.keys.session',
  'tdisp.interface.id',
]

export const attestedBase: Base['circumstances'] = bundle => ({platform: verdictOn(bundle)})

export const statedRuleWith = (change: object): object =>
  ruleWith({allowSkip: without(...STATED, 'tsm.lock.flags'), ...change})

export const G4 = baseOf(
  'G4',
  {
    tsm: {
      ...COMMON,
      measurementDigest: {valid: true, fresh: true},
      lockFlags: FLAGS,
      marks: {report: {before: '03', after: '03'}},
    },
  },
  statedRuleWith({}),
  {circumstances: attestedBase},
)

export const G4_ARM = baseOf(
  'G4 as of Arm',
  {tsm: {...COMMON, marks: MARKS}},
  ruleWith({allowSkip: without(...STATED, 'tsm.lock.epoch')}),
  {circumstances: attestedBase},
)

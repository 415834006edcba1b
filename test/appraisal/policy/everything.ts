/** A policy that uses every key of the form. Nobody would write it. */
import {D} from './documents.js'

const MATCH = {
  vendor: '0x10de',
  device: ['0x2901'],
  subsystem: '0x10de:0x0001',
  class: '0x0302',
  bdf: ['0000:01:00.0'],
  san: 'ACME:GPU:*',
}
const ANCHORS = [
  {label: 'by certificate', certSha384: D('a'), file: 'a.pem'},
  {label: 'by key', spkiSha384: D('b')},
]

export const EVERYTHING = {
  tsmctlPolicy: 1,
  name: 'everything',
  notAfter: '2027-06-30T00:00:00Z',
  approvers: {alice: {key: `ed25519:${'1'.repeat(64)}`, label: 'Alice'}, bob: {key: `ed25519:${'2'.repeat(64)}`}},
  anchors: {vendor: ANCHORS},
  rimSigners: {signer: ANCHORS},
  deny: [
    {certSha384: D('c'), reason: 'its key was read out'},
    {measurement: D('d'), reason: 'firmware with a hole'},
    {device: 'ACME:GPU:7', reason: 'was stolen in June'},
  ],
  rules: [
    {
      id: 'inline',
      description: 'every key',
      match: MATCH,
      decision: 'review',
      anchors: ['vendor'],
      require: ['kernel.swiotlb', 'ide.*'],
      allowSkip: [{check: 'ide.topology', because: 'no-kernel-support'}],
      spdm: {minVersion: '1.3', hash: ['sha384'], asym: ['ecdsa-p384'], slot: 0, certModel: 'alias'},
      identity: {
        products: [{san: 'ACME:GPU*', vendor: '0x10de', device: ['0x2901']}],
        mode: 'allowlist',
        pin: 'leaf',
        allow: [{certSha384: D('a'), spkiSha384: D('b'), san: 'ACME:GPU:1', label: 'unit 1'}],
      },
      measurements: {
        source: 'inline',
        values: [
          {index: 1, type: 'firmware', digests: [D('b'), D('c')], allowZero: true},
          {index: 2, type: 'hw-config', raw: ['0011'], mask: '00ff'},
          {index: 3, type: 'svn', svn: {min: 3, max: 9}},
          {index: 4, type: 'firmware', digests: [D('b')], when: {fact: 'opaque.x', equals: 'enabled'}},
          {index: 254, type: 'device-mode', informational: true},
        ],
        coverage: 'listed',
        rollback: 'warn',
      },
      dice: {
        flags: {notConfigured: 'allow', notSecure: 'deny', recovery: 'deny', debug: 'deny', other: 'deny'},
        minSvn: 1,
      },
      tdisp: {
        noFwUpdate: 'allow-update',
        lockMsix: 'allow-unlocked',
        ats: 'allow',
        prs: 'allow',
        pasid: 'allow',
        bindP2p: 'allow',
        nonTeeRanges: [{bar: 0, maxPages: 16}, {bar: 2}],
        updatableRanges: 'allow',
        offsetMode: 'relative',
        deviceSpecific: 'pin',
        report: 'pin',
      },
      tsm: {
        digests: 'if-available',
        platformAttestation: 'if-available',
        ide: 'not-required',
        ideErrata: 'ignore',
      },
      revocation: {mode: 'soft', maxAgeHours: 24},
      time: {validity: 'strict', floor: '2026-01-01T00:00:00Z'},
      human: 'two-person',
      maxEvidenceAgeSeconds: 60,
      withoutEvidence: {reason: 'this kernel has no evidence interface'},
    },
    {
      id: 'corim',
      match: {bdf: ['0000:02:00.0']},
      decision: 'accept',
      anchors: ['vendor'],
      identity: {mode: 'any-from-anchor'},
      measurements: {
        source: 'corim',
        rim: [
          {file: 'a.corim', sha384: D('d'), signer: 'signer'},
          {tagId: 'urn:a', signer: 'signer'},
        ],
      },
    },
  ],
  waivers: [
    {
      id: 'w1',
      check: 'spdm.chain.revocation',
      match: MATCH,
      evidenceDigest: D('e'),
      reason: 'the vendor publishes no CRL before firmware 4.2',
      ticket: 'SEC-1',
      approvedBy: ['alice', 'bob'],
      created: '2026-11-01T00:00:00Z',
      expires: '2026-12-30T00:00:00Z',
    },
  ],
}

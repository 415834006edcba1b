/** Canned appraisals and a cockpit without a machine behind it, for tests of the screen. */
import type {Appraisal, CheckResult, Subject} from '../../src/appraisal/index.js'
import {TsmctlError} from '../../src/errors.js'
import type {Cockpit, CockpitDevice, HostView, TypedApproval} from '../../src/tui/cockpit.js'

export const D = `9f3c01ab77de${'5'.repeat(84)}` as Appraisal['D']

export const check = (id: string, over: Partial<CheckResult> = {}): CheckResult => ({
  id,
  class: 'F',
  result: 'pass',
  reason: null,
  blockedBy: null,
  waiver: null,
  relaxedBy: null,
  blocking: false,
  word: 'ok',
  title: `what ${id} is about`,
  text: `what ${id} found`,
  code: id,
  expected: null,
  got: null,
  place: null,
  consequence: `what ${id} would mean`,
  remedy: null,
  ...over,
})

export const CHECKS = {
  failed: check('spdm.meas.values', {
    class: 'W',
    result: 'fail',
    word: 'FAIL',
    blocking: true,
    text: 'not approved: block 3',
    code: 'value-mismatch',
    expected: 'sha384:aa',
    got: 'sha384:bb',
    place: {object: 'measurements', offset: 12, length: 48},
    remedy: 'Find out which firmware this is.',
  }),
  waived: check('spdm.chain.revocation', {class: 'W', result: 'waived', word: 'RELAXED', waiver: 'w-2026-014'}),
  unproven: check('ide.stream.association', {
    class: 'W',
    result: 'skip',
    word: 'NOT PROVEN',
    reason: 'tsm',
    blocking: true,
  }),
  blocked: check('spdm.meas.svn', {
    class: 'W',
    result: 'blocked',
    word: 'NOT PROVEN',
    blockedBy: 'spdm.meas.values',
    blocking: true,
  }),
  notApplicable: check('acq.bundle.integrity', {result: 'skip', word: 'not applicable', reason: 'na'}),
  passed: check('acq.nonce.used'),
} as const

const SUBJECT: Subject = {
  name: 'ACME:NVME:0042',
  bdf: '0000:01:00.0',
  claimed: '0x1b36:0x0010 rev 0x02 class 0x010802',
  anchor: 'acme-root',
  path: ['ACME Root', 'ACME Device CA', 'ACME:NVME:0042'],
  certificate: `c0ffee${'0'.repeat(90)}` as Subject['certificate'],
  slot: 0,
  spdm: {version: '1.2', hash: 'SHA-384', asym: 'ECDSA P-384'},
  measurements: [
    {
      index: 1,
      type: 'firmware',
      representation: 'digest',
      value: 'a'.repeat(96),
      status: 'approved',
      approvedBy: 'policy',
    },
    {
      index: 3,
      type: 'firmware',
      representation: 'digest',
      value: 'b'.repeat(96),
      status: 'not approved',
      approvedBy: null,
    },
    {index: 5, type: '0x85', representation: 'raw', value: '00', status: 'informational', approvedBy: null},
  ],
  debug: 'absent',
  report: {
    noFwUpdate: true,
    ats: false,
    prs: false,
    pasid: false,
    msix: 'in BAR 0, locked',
    ranges: [
      {rangeId: 0, firstPage: '0xe0000', pages: 4, barOffset: '0x0', tee: true, msix: false, updatable: false},
      {rangeId: 1, firstPage: '0xe0004', pages: 1, barOffset: null, tee: false, msix: true, updatable: false},
    ],
  },
  placement: 'complete',
}

export const appraisal = (over: Partial<Appraisal> = {}): Appraisal => ({
  unverified: false,
  decision: 'review',
  human: 'typed',
  rule: 'boot-drive',
  results: [CHECKS.passed],
  counters: {fail: 0, relaxed: 0, notProven: 0, ok: 1},
  D,
  shortD: D.slice(0, 12),
  P: null,
  policy: 'nvme-enrolled',
  collectedAt: '2026-11-21T12:00:00Z',
  decidedAt: '2026-11-21T12:00:01Z',
  ageSeconds: 1,
  subject: SUBJECT,
  profile: null,
  comparison: null,
  relaxations: [],
  ...over,
})

export const DENIED = appraisal({
  decision: 'deny',
  results: [CHECKS.passed, CHECKS.blocked, CHECKS.unproven, CHECKS.notApplicable, CHECKS.waived, CHECKS.failed],
  counters: {fail: 1, relaxed: 1, notProven: 3, ok: 1},
})

export const device = (n: number, state = 'CONFIG_UNLOCKED'): CockpitDevice => ({
  bdf: `0000:${n.toString(16).padStart(2, '0')}:00.0`,
  id: '1b36:0010',
  className: 'NVMe',
  driver: state === 'CONFIG_UNLOCKED' ? 'nvme' : null,
  state,
  tsm: state === 'CONFIG_UNLOCKED' ? null : 'tsm0',
})

export const view = (over: Partial<HostView> = {}): HostView => ({
  connection: [{text: 'nothing stands against it', tone: 'plain'}],
  streams: [
    {text: 'stream0.0.0', tone: 'title'},
    {lead: '  ', text: 'both ends in state 2', tone: 'ok'},
  ],
  refusal: null,
  ...over,
})

export interface FakeCockpit extends Cockpit {
  readonly accepted: {readonly bdf: string; readonly digest: string; readonly approval: TypedApproval}[]
  readonly calls: string[]
}

/** Two devices: the first is up for review, the second is denied; the third has no TSM. */
export function fakeCockpit(verdicts: Readonly<Record<string, Appraisal>> = {}): FakeCockpit {
  const states = new Map([
    ['0000:01:00.0', 'CONFIG_UNLOCKED'],
    ['0000:02:00.0', 'CONFIG_UNLOCKED'],
    ['0000:03:00.0', 'unknown'],
  ])
  const accepted: FakeCockpit['accepted'][number][] = []
  const calls: string[] = []
  return {
    machine: 'sim:/tmp/x',
    policy: 'policy.yaml',
    accepted,
    calls,
    devices: async () => [...states].map(([, state], i) => device(i + 1, state)),
    review: async (bdf, progress) => {
      calls.push(`review ${bdf}`)
      progress('lock')
      states.set(bdf, 'CONFIG_LOCKED')
      progress('collect evidence')
      const verdict = verdicts[bdf]
      if (verdict !== undefined) return verdict
      if (bdf === '0000:01:00.0') return appraisal()
      throw new TsmctlError({kind: 'busy', attempted: `lock ${bdf}`, got: 'EBUSY', hint: 'Try again.'})
    },
    accept: async (bdf, digest, approval) => {
      accepted.push({bdf, digest, approval})
      states.set(bdf, 'RUN')
      return 'CONFIG_LOCKED -> RUN'
    },
    reject: async bdf => {
      calls.push(`reject ${bdf}`)
      states.set(bdf, 'CONFIG_UNLOCKED')
      return 'CONFIG_LOCKED -> CONFIG_UNLOCKED'
    },
    look: async bdf => {
      calls.push(`look ${bdf}`)
      return view()
    },
    host: async (verb, bdf) => {
      calls.push(`${verb} ${bdf}`)
      states.set(bdf, verb === 'connect' ? 'connected' : 'disconnected')
      return `${verb}ed to tsm0`
    },
    close: () => {
      calls.push('close')
    },
  }
}

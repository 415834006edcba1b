/**
 * Cases that are not evidence with one thing replaced: something happens on a live device, or a file is not what it
 * should be. Each is a test of its own, found by the name that stands here.
 */
export interface Elsewhere {
  /** Number of the case and what is wrong: the beginning of the test's name. */
  readonly name: string
  readonly check: string
  /** File below `test/`. */
  readonly file: string
}

const at = (file: string, ...cases: readonly (readonly [name: string, check: string])[]): readonly Elsewhere[] =>
  cases.map(([name, check]) => ({name, check, file}))

export const ELSEWHERE: readonly Elsewhere[] = [
  ...at('appraisal/safe-text.test.ts', ['N123 a device called by', 'ui.safe-text']),
  ...at('appraisal/report.test.ts', ['N123 shows hostile device text escaped, in every view', 'ui.safe-text']),
  ...at('tdisp/report.test.ts', ['N088 bit 0 means that updates are NOT permitted', 'tdisp.report.no-fw-update']),
  ...at(
    'appraisal/live.test.ts',
    ['N001 a family version above the known', 'acq.abi.known'],
    ['N002 a BDF that is nothing', 'acq.device.present'],
    ['N002 a function without a TSM', 'acq.device.present'],
    ['N004 a driver appears before the first dump', 'acq.driver.unbound'],
    ['N005 RUN after a lock that succeeded', 'acq.state.locked'],
    ['N007 another generation with the digests', 'acq.generation.stable'],
    ['N008 fewer bytes than announced', 'acq.object.complete'],
    ['N008 the report twice', 'acq.object.complete'],
    ['N008 an object nobody asked for', 'acq.object.complete'],
    ['N009 an object of 16 MiB and one byte', 'acq.object.limits'],
    ['N120 a disk that is full before the write', 'commit.audit-durable'],
    ['N120 a log that becomes immutable', 'commit.audit-durable'],
    ['N120 a log that cannot be synchronised', 'commit.audit-durable'],
    ['N121 success, and it is still LOCKED', 'commit.post-state'],
    ['N121 success, and it is in ERROR', 'commit.post-state'],
    ['N122 one of the ranges cannot be mapped', 'commit.mmio-validated'],
    ['N122 nobody says which ranges were mapped, and the rule wants to know', 'commit.mmio-validated'],
  ),
  ...at('appraisal/references.test.ts', ['N053 a block from a list that nobody signed', 'spdm.meas.signed-only']),
  ...at(
    'appraisal/approvals.test.ts',
    ['N114 other evidence', 'commit.human'],
    ['N114 a decision of eleven minutes ago', 'commit.human'],
    ['N114 one of them twice', 'commit.human'],
    ['N114 an edited reason', 'commit.human'],
  ),
  ...at('appraisal/pins.test.ts', ['N088 the bit of a report that refuses updates is 1', 'tdisp.report.no-fw-update']),
  ...at('appraisal/commit.test.ts', ['N115 the TDI is in ERROR', 'commit.state']),
  ...at(
    'appraisal/live-commit.test.ts',
    ['N115 RUN, because somebody else accepted it', 'commit.state'],
    ['N115 UNLOCKED, because somebody gave it back', 'commit.state'],
    ['N116 another generation', 'commit.generation'],
    ['N116 the kernel refuses to validate the generation', 'commit.generation'],
    ['N117 unlocked and locked again', 'commit.lock-epoch'],
    ['N118 a driver is bound', 'commit.driver-unbound'],
    ['N119 another revision', 'commit.device-stable'],
  ),
  ...at(
    'appraisal/policy/integrity.test.ts',
    ['N110 an alias', 'policy.integrity'],
    ['N110 a duplicate key', 'policy.integrity'],
    ['N110 an explicit tag', 'policy.integrity'],
    ['N110 a world-writable file', 'policy.integrity'],
    ['N110 a symbolic link', 'policy.integrity'],
    ['N110 a signature by another key', 'policy.integrity'],
    ['N113 a waiver of a fatal check', 'policy.integrity'],
  ),
  ...at(
    'appraisal/waivers.test.ts',
    ['N113 has expired', 'policy.waivers'],
    ['N113 is for another address', 'policy.waivers'],
    ['N113 is for other evidence', 'policy.waivers'],
    ['N113 has one approver where two are needed', 'policy.waivers'],
  ),
]

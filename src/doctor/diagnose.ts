/** Runs the checks in their order and says what each one waits for. */
import {AMD_CHECKS} from './amd-checks.js'
import {INTEL_CHECKS} from './intel-checks.js'
import {KERNEL_CHECKS} from './kernel-checks.js'
import type {DiagnosedMachine} from './machine.js'
import {PLATFORM_CHECKS} from './platform-checks.js'
import {PRIVILEGE_CHECKS} from './privilege-checks.js'
import {TOPOLOGY_CHECKS} from './topology-checks.js'
import {TSM_CHECKS} from './tsm-checks.js'
import type {Answer, Check, Status, Use} from './types.js'

/** Causes before consequences: a check requires only what stands above it. */
const TABLES = {
  ...PRIVILEGE_CHECKS,
  ...KERNEL_CHECKS,
  ...PLATFORM_CHECKS,
  ...AMD_CHECKS,
  ...INTEL_CHECKS,
  ...TSM_CHECKS,
  ...TOPOLOGY_CHECKS,
}

export type DoctorCheckId = keyof typeof TABLES

export const DOCTOR_CHECKS: Readonly<Record<DoctorCheckId, Check>> = TABLES

export const DOCTOR_CHECK_IDS = Object.keys(DOCTOR_CHECKS) as readonly DoctorCheckId[]

export interface Result {
  readonly id: DoctorCheckId
  readonly group: string
  readonly title: string
  readonly status: Status
  readonly passes: string
  readonly reason: string
  readonly items: readonly string[]
  /** Null when there is nothing to do. */
  readonly remedy: string | null
  /** The check that has to pass first; null when it is not for that that this one was skipped. */
  readonly waitsFor: string | null
}

export const groupOf = (id: string): string => id.slice(0, id.indexOf('.'))

const NOT_HELD =
  'Of a real machine make a new recording, as root: tsmctl record. A simulated one has nothing to look at.'

/** What to do about an answer nobody could give. */
function toFindOut({host}: DiagnosedMachine, check: Check, answer: Answer): string {
  if (!host.held) return NOT_HELD
  if (answer.remedy !== undefined) return answer.remedy
  return host.privileged.known && !host.privileged.value ? 'Run as root.' : check.remedy
}

function remedyOf(machine: DiagnosedMachine, check: Check, answer: Answer): string | null {
  if (answer.status === 'FAIL') return check.remedy
  return answer.status === 'UNKNOWN' ? toFindOut(machine, check, answer) : null
}

/** Every check for `use`, in order. Pure: the same machine, the same diagnosis. */
export function diagnose(machine: DiagnosedMachine, use: Use): readonly Result[] {
  const results = new Map<string, Result>()
  for (const id of DOCTOR_CHECK_IDS) {
    const check = DOCTOR_CHECKS[id]
    if (!check.for.includes(use)) continue
    const missing = check.requires
      ?.map(required => results.get(required))
      .find(result => result?.status === 'FAIL' || result?.status === 'SKIP')
    const inapplicable = check.inapplicable?.(machine)
    let answer: Answer
    if (inapplicable !== undefined) answer = {status: 'SKIP', reason: inapplicable}
    else if (missing !== undefined) answer = {status: 'SKIP', reason: `waits for ${missing.id} (${missing.title})`}
    else answer = check.examine(machine)
    results.set(id, {
      id,
      group: groupOf(id),
      title: check.title,
      status: answer.status,
      passes: check.passes,
      reason: answer.reason,
      items: answer.items ?? [],
      remedy: remedyOf(machine, check, answer),
      waitsFor: inapplicable === undefined ? (missing?.id ?? null) : null,
    })
  }
  return [...results.values()]
}

export const count = (results: readonly Result[], status: Status): number =>
  results.filter(result => result.status === status).length

/** What the machine is, as far as it says so, with the reason. */
export function likelyUse({probe, host}: DiagnosedMachine): {readonly use: Use; readonly because: string} {
  if (probe.profile === 'host' || probe.profile === 'both') return {use: 'host', because: 'functions have tsm/connect'}
  if (probe.profile === 'guest') return {use: 'guest', because: 'functions have tsm/lock'}
  const mode = probe.tsms.find(tsm => tsm.mode !== null)?.mode
  if (mode === 'devsec') return {use: 'guest', because: 'its TSM takes devices in'}
  if (mode === 'link') return {use: 'host', because: 'its TSM connects devices'}
  if (!host.cpu.known) return {use: 'host', because: 'nothing says that it is a guest'}
  const {flags} = host.cpu.value
  if (flags.has('tdx_guest') || (host.vmpl.present && host.vmpl.value.known))
    return {use: 'guest', because: 'it is a confidential VM'}
  return flags.has('hypervisor')
    ? {use: 'guest', because: 'it runs on a hypervisor'}
    : {use: 'host', because: 'it runs on no hypervisor'}
}

/** The cockpit's machine: every request is an operation that the command line has too. */
import type {Appraisal, Policy} from '../appraisal/index.js'
import type {Kernel} from '../kernel/index.js'
import {
  accept,
  approvalText,
  cellText,
  connect,
  connectionText,
  type DeviceRow,
  disconnect,
  listDevices,
  reject,
  reviewDevice,
  STANDARD_COLUMNS,
  showIde,
  stateText,
} from '../operations/index.js'
import {recordAudit} from '../operations/record-audit.js'
import type {Cockpit, CockpitDevice} from './cockpit.js'
import {hostView} from './host-view.js'

export interface OperationsCockpitOptions {
  readonly policy: Policy
  /** What the policy is called on screen; null when none was given. */
  readonly policyName: string | null
  /** Program that is asked about every decision. */
  readonly externalDecision?: string | undefined
}

export function operationsCockpit(
  kernel: Kernel,
  {policy, policyName, externalDecision}: OperationsCockpitOptions,
): Cockpit {
  const abort = new AbortController()
  const abandon = new AbortController()
  const {signal} = abort
  const reviewed = new Map<string, Appraisal>()
  const {kind, label} = kernel.host
  const {user, uid} = kernel.actor()
  const by = user ?? `uid ${uid ?? 'unknown'}`
  return {
    machine: label === '' ? kind : `${kind}:${label}`,
    policy: policyName,
    devices: async () => {
      const {devices} = await listDevices(kernel, signal)
      return devices.map(deviceOf).sort((a, b) => rank(a) - rank(b))
    },
    review: async (bdf, progress) => {
      const {appraisal, bundle} = await reviewDevice(kernel, bdf, {
        policy,
        signal,
        externalDecision,
        onStep: without(bdf, progress),
      })
      reviewed.set(appraisal.D, appraisal)
      recordAudit(kernel, 'shown', {bdf, bundle, appraisal})
      return appraisal
    },
    accept: async (bdf, digest, {typed, reason}, progress) => {
      const approval = {typed: answerFor(reviewed.get(digest), bdf, typed), reason, by}
      const options = {
        policy,
        signal,
        bind: true,
        approval,
        externalDecision,
        onStep: without(bdf, progress),
      }
      const {failure, after} = await accept(kernel, bdf, digest, options)
      if (failure !== null) throw failure
      return stateText(after)
    },
    reject: async (bdf, progress) => {
      const appraisal = [...reviewed.values()].findLast(({subject}) => subject.bdf === bdf)
      const {after} = await reject(kernel, bdf, {appraisal, signal, onStep: without(bdf, progress)})
      return stateText(after)
    },
    look: async (bdf, progress) => {
      const dry = await connect(kernel, bdf, {dryRun: true, signal, onStep: without(bdf, progress)})
      const {subjects} = await showIde(kernel, [bdf], signal)
      return hostView(dry, subjects[0])
    },
    host: async (verb, bdf, progress) => {
      const options = {signal, abandon: abandon.signal, onStep: without(bdf, progress)}
      const {failure, after, notes} = await (verb === 'connect' ? connect : disconnect)(kernel, bdf, options)
      if (failure !== null) throw failure
      return [connectionText(after), ...notes].join('; ')
    },
    close: () => (signal.aborted ? abandon : abort).abort(),
  }
}

/** Steps name their device; the cockpit's log does so itself. */
const without = (bdf: string, progress: (line: string) => void) => (line: string) =>
  progress(line.startsWith(`${bdf}: `) ? line.slice(bdf.length + 2) : line)

/**
 * The cockpit always asks for address and digest. A rule that asks only for the word gets it from whoever typed both:
 * that says everything the word says, and more.
 */
function answerFor(appraisal: Appraisal | undefined, bdf: string, typed: string): string {
  if (appraisal?.human !== 'confirm') return typed
  return typed === `${bdf} ${appraisal.shortD}` ? approvalText(appraisal, bdf) : typed
}

/** The words of `list`, from its columns. */
function deviceOf(row: DeviceRow): CockpitDevice {
  const cells = new Map(STANDARD_COLUMNS.map(column => [column.name, cellText(column.value(row))]))
  const {bdf, driver, state, unknown, tsm} = row
  return {
    bdf,
    id: cells.get('id')!,
    className: cells.get('class')!,
    driver,
    state: state ?? (unknown === null ? '-' : 'unknown'),
    tsm,
  }
}

/** What can be reviewed or connected comes first, in the order of the bus. */
const rank = ({state}: CockpitDevice): number => (/^(?:CONFIG_|RUN$|ERROR$|(?:dis)?connected$)/.test(state) ? 0 : 1)

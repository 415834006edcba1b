/** Every step of the road leaves a record in the audit log before anything depends on it. */
import {auditFileName, type AuditEvent, type AuditHead, currentAuditFile, openAudit} from '../appraisal/index.js'
import {errnoOf, TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {bootIdOf} from './device-facts.js'

/** How long another tsmctl may take over its record, and how often it is asked. */
const PATIENCE = {attempts: 400, milliseconds: 5}

/** A short wait that nothing else happens in: a record is written before anything goes on. */
const pause = (milliseconds: number): void =>
  void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)

/** What `act` gives, once no other tsmctl is writing to the log. */
function patiently<T>(act: () => T): T {
  for (let attempt = 1; ; attempt++) {
    try {
      return act()
    } catch (error) {
      if (errnoOf(error) !== 'EBUSY' || attempt === PATIENCE.attempts) throw error
      pause(PATIENCE.milliseconds)
    }
  }
}

/** Appends one record; it is on the disk when this returns. Throws TsmctlError when it cannot be written. */
export function recordAudit(kernel: Kernel, event: AuditEvent['event'], facts: Omit<AuditEvent, 'event'>): AuditHead {
  const actor = kernel.actor()
  const bootId = facts.bundle?.manifest.host.bootId ?? bootIdOf(kernel)
  return patiently(() => openAudit(kernel).record({...facts, event, actor, bootId}))
}

/** Records why something was not done, if it can: a log that cannot be written is no reason to hide why. */
export function recordFailure(kernel: Kernel, facts: Omit<AuditEvent, 'event'>): void {
  try {
    recordAudit(kernel, 'commit-failed', facts)
  } catch {
    // whoever reads the error learns more than whoever reads the log
  }
}

const fileOf = ({state}: Kernel): string => auditFileName(currentAuditFile(state))

/** Opening the log for an append of nothing tells whether it can be written, without leaving a trace. */
const probe = (kernel: Kernel): void => kernel.state.append(fileOf(kernel), new Uint8Array())

export function isAuditDurable(kernel: Kernel): boolean {
  try {
    probe(kernel)
    return true
  } catch {
    return false
  }
}

/** Nothing is changed on a machine where the change could not be recorded. */
export function requireAudit(kernel: Kernel): void {
  try {
    probe(kernel)
  } catch (error) {
    if (!(error instanceof TsmctlError)) throw error
    throw new TsmctlError({
      kind: error.kind,
      attempted: 'write the audit log',
      got: error.got ?? error.message,
      path: `${kernel.state.directory}/${fileOf(kernel)}`,
      hint: 'Nothing is changed that cannot be recorded: make the state directory writable, or set TSMCTL_STATE_DIR.',
      cause: error,
    })
  }
}

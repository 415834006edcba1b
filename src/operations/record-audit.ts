/** Every step of the road leaves a record in the audit log before anything depends on it. */
import {AUDIT_FILE, type AuditEvent, openAudit} from '../appraisal/index.js'
import {TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {bootIdOf} from './device-facts.js'

/** Appends one record; it is on the disk when this returns. Throws TsmctlError when it cannot be written. */
export function recordAudit(kernel: Kernel, event: AuditEvent['event'], facts: Omit<AuditEvent, 'event'>): void {
  openAudit(kernel).record({
    ...facts,
    event,
    actor: kernel.actor(),
    bootId: facts.bundle?.manifest.host.bootId ?? bootIdOf(kernel),
  })
}

/** Records why something was not done, if it can: a log that cannot be written is no reason to hide why. */
export function recordFailure(kernel: Kernel, facts: Omit<AuditEvent, 'event'>): void {
  try {
    recordAudit(kernel, 'commit-failed', facts)
  } catch {
    // whoever reads the error learns more than whoever reads the log
  }
}

/** Can the audit log be written? Opening it for an append of nothing tells, without leaving a trace. */
export function isAuditDurable(kernel: Kernel): boolean {
  try {
    kernel.state.append(AUDIT_FILE, new Uint8Array())
    return true
  } catch {
    return false
  }
}

/** Nothing is changed on a machine where the change could not be recorded. */
export function requireAudit(kernel: Kernel): void {
  try {
    kernel.state.append(AUDIT_FILE, new Uint8Array())
  } catch (error) {
    if (!(error instanceof TsmctlError)) throw error
    throw new TsmctlError({
      kind: error.kind,
      attempted: 'write the audit log',
      got: error.got ?? error.message,
      path: `${kernel.state.directory}/${AUDIT_FILE}`,
      hint: 'Nothing is changed that cannot be recorded: make the state directory writable, or set TSMCTL_STATE_DIR.',
      cause: error,
    })
  }
}

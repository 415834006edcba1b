/** Who let a device run: what runs without tsmctl's own record was accepted by others, and is verified by nobody here. */
import {TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {committedEvidence} from './audit.js'
import type {Meaning} from './meaning.js'

/** Nothing is said where the log cannot be read. */
function evidenceOf(kernel: Kernel, bdf: string): string | null | undefined {
  try {
    return committedEvidence(kernel, bdf)
  } catch (error) {
    if (error instanceof TsmctlError) return undefined
    throw error
  }
}

export function acceptedBy(kernel: Kernel, bdf: string, state: string | null): readonly Meaning[] {
  if (state !== 'RUN') return []
  const digest = evidenceOf(kernel, bdf)
  if (digest === undefined) return []
  return [
    {
      attribute: 'accepted',
      text:
        digest === null
          ? 'unverified (accepted by others): the audit log kept here has no record of it'
          : `by tsmctl, on evidence ${digest.slice('sha384:'.length, 'sha384:'.length + 12)}`,
    },
  ]
}

/** A failure as data: it crosses from a thread to another. */
import {printable, TsmctlError} from '../../errors.js'
import type {FleetFailure, FleetVerdict} from './types.js'

export const failureOf = (error: unknown): FleetFailure =>
  error instanceof TsmctlError
    ? {kind: error.kind, message: error.message, hint: error.hint ?? null}
    : {kind: 'bug', message: `cannot appraise this bundle: ${printable(String(error), 200)}`, hint: null}

export const withoutVerdict = (file: string, error: FleetFailure): FleetVerdict => ({
  file,
  digest: null,
  bdf: null,
  rule: null,
  decision: null,
  ear: null,
  failed: [],
  error,
})

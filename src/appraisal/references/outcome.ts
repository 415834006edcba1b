/** Reference values that cannot be used, and the one way to say so while reading them. */
import {DecodeError} from '../../bits/index.js'
import {printable, TsmctlError} from '../../errors.js'
import type {UnusableReferences} from './types.js'

export const unusable = (code: string, why: string): UnusableReferences => ({status: 'unusable', code, why})

export const isUnusable = (outcome: object): outcome is UnusableReferences =>
  'status' in outcome && outcome.status === 'unusable'

/** Ends the reading of a source. */
export class Refusal extends TsmctlError {
  readonly code: string
  readonly why: string

  constructor(code: string, why: string) {
    super({kind: 'policy', attempted: 'use the reference values', got: why})
    this.code = code
    this.why = why
  }
}

/** What `read` makes of a source; why it cannot be used, if it says so or the bytes are malformed. */
export async function orUnusable<T>(read: () => T | Promise<T>): Promise<T | UnusableReferences> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof Refusal) return unusable(error.code, error.why)
    if (!(error instanceof DecodeError)) throw error
    const {structure, path, expected, got} = error.where
    return unusable(
      'malformed',
      `${structure}${path === '' ? '' : `.${printable(path, 120)}`}: expected ${expected}, got ${got}`,
    )
  }
}

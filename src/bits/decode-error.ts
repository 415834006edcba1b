/** The one way decoding fails: which structure and field, at which byte, what was expected, what was there. */
import {printable, TsmctlError} from '../errors.js'

export interface DecodeFailure {
  readonly structure: string
  /** Dotted path of the field inside the structure, `ranges[3].pages`; empty for the structure as a whole. */
  readonly path: string
  /** Byte offset from the start of the input. */
  readonly offset: number
  readonly expected: string
  readonly got: string
}

export class DecodeError extends TsmctlError {
  readonly where: DecodeFailure

  constructor(where: DecodeFailure) {
    const field = where.path === '' ? where.structure : `${where.structure}.${where.path}`
    super({
      kind: 'malformed',
      attempted: `decode ${printable(field, 200)} at byte ${where.offset}`,
      got: `expected ${where.expected}, got ${where.got}`,
      details: {...where},
    })
    this.name = 'DecodeError'
    this.where = where
  }

  /** The same failure seen from the structure that contains this one. */
  within(structure: string, field: string): DecodeError {
    const {path} = this.where
    return new DecodeError({...this.where, structure, path: path === '' ? field : `${field}.${path}`})
  }
}

/** The one JSON object every command prints under `--json`. Keys are never missing: what is absent is null. */
import {EXIT_CODES, TsmctlError} from '../errors.js'
import type {HostInfo} from '../kernel/index.js'
import {VERSION} from '../version.js'

export interface Warning {
  readonly code: string
  readonly message: string
  readonly subject: string | null
}

export interface Envelope {
  /** Name of the command and major version of its data: `tsmctl.list/1`. */
  readonly schema: string
  readonly tool: {readonly name: 'tsmctl'; readonly version: string}
  readonly host: {readonly kind: string; readonly label: string} | null
  readonly ok: boolean
  readonly data: unknown
  readonly warnings: readonly Warning[]
  readonly error: EnvelopeError | null
}

export interface EnvelopeError {
  readonly kind: string
  readonly exit: number
  readonly message: string
  readonly hint: string | null
  readonly subject: string | null
  readonly path: string | null
  readonly details: unknown
}

export const envelopeError = (error: TsmctlError): EnvelopeError => ({
  kind: error.kind,
  exit: EXIT_CODES[error.kind],
  message: error.message,
  hint: error.hint ?? null,
  subject: error.subject ?? null,
  path: error.path ?? null,
  details: error.details ?? null,
})

export const envelope = (
  command: string,
  host: HostInfo | null,
  data: unknown,
  warnings: readonly Warning[],
  error: TsmctlError | undefined,
): Envelope => ({
  schema: `tsmctl.${command}/1`,
  tool: {name: 'tsmctl', version: VERSION},
  host: host === null ? null : {kind: host.kind, label: host.label},
  ok: error === undefined,
  data: data ?? null,
  warnings,
  error: error === undefined ? null : envelopeError(error),
})

const json = (value: unknown, indent?: number): string =>
  JSON.stringify(
    value,
    (_, item: unknown) => (typeof item === 'bigint' ? `0x${item.toString(16)}` : item),
    indent,
  ).replaceAll(/[^\x20-\x7e\n]/g, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** Pretty JSON with everything outside printable ASCII escaped, so that no string can drive a terminal. */
export const envelopeText = (value: Envelope): string => `${json(value, 2)}\n`

/** The same on one line, for streams of documents. */
export const jsonLine = (value: unknown): string => `${json(value)}\n`

/** Two or three lines for people: what failed, and what to do next. */
export const errorText = (error: TsmctlError): string =>
  `tsmctl: ${error.message}\n${error.hint === undefined ? '' : `  ${error.hint}\n`}`

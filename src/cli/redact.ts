/**
 * `--redact`: output that can be shown around. Serial numbers, certificate identities and nonces become labels; equal
 * values get equal labels within one output, so that "the same device" can still be seen. What identifies is found by
 * the names of the members of the data; the same values then go wherever they stand.
 */
import {Flags} from '@oclif/core'

export const redactFlag = {
  redact: Flags.boolean({description: 'mask serial numbers, certificate identities and nonces; equal ones stay equal'}),
}

/** Members that identify one device or one run, with what their label says. */
const IDENTIFYING: Readonly<Record<string, string>> = {
  serialNumber: 'serial',
  serial: 'serial',
  subject: 'subject',
  issuer: 'issuer',
  certificate: 'certificate',
  pinId: 'certificate',
  leaf: 'certificate',
  san: 'subject',
  sha384: 'digest',
  chainDigest: 'digest',
  deviceInfo: 'device',
  nonce: 'nonce',
}
/** Members that do so inside `subject`: what an appraisal says about the identity. */
const IN_SUBJECT: Readonly<Record<string, string>> = {...IDENTIFYING, name: 'subject', path: 'subject'}

/** Zeros are what a recording without serial numbers has: they identify nobody. */
const SAYS_NOTHING = /^(?:0x)?[0-]*$/
const SHA384 = /^sha384:([0-9a-f]{12})[0-9a-f]{84}$/
const SHORT_HEX = /^0x([0-9a-f]{1,16})$/

export interface Redactor {
  /** Values that are masked. */
  readonly count: number
  text(text: string): string
  json(value: unknown): unknown
}

/** What has to go from an output with this data: every spelling of a value, with the value's label. */
function labelsOf(data: unknown): Map<string, string> {
  const labels = new Map<string, string>()
  const numbers = new Map<string, number>()
  const hide = (kind: string, value: string): void => {
    if (SAYS_NOTHING.test(value) || labels.has(value)) return
    const number = (numbers.get(kind) ?? 0) + 1
    numbers.set(kind, number)
    const label = `[redacted ${kind} ${number}]`
    labels.set(value, label)
    // the text of a decoded register shows all its digits
    const digits = SHORT_HEX.exec(value)?.[1]
    // and that of a review the beginning of a digest
    const beginning = SHA384.exec(value)?.[1]
    if (kind === 'certificate' && beginning !== undefined) labels.set(beginning, label)
    if (digits !== undefined) labels.set(`0x${digits.padStart(16, '0')}`, label)
  }
  const collect = (value: unknown, kind: string | undefined, names: Readonly<Record<string, string>>): void => {
    if (typeof value === 'string') return kind === undefined ? undefined : hide(kind, value)
    if (Array.isArray(value)) return value.forEach(item => collect(item, kind, names))
    if (typeof value !== 'object' || value === null) return
    for (const [name, member] of Object.entries(value))
      collect(member, names[name], name === 'subject' ? IN_SUBJECT : IDENTIFYING)
  }
  collect(data, undefined, IDENTIFYING)
  return labels
}

export function redactor(data: unknown): Redactor {
  // a long value may contain a short one
  const labels = [...labelsOf(data)].sort(([a], [b]) => b.length - a.length)
  const text = (from: string): string =>
    labels.reduce((masked, [value, label]) => masked.replaceAll(value, label), from)
  const json = (value: unknown): unknown => {
    if (typeof value === 'string') return text(value)
    if (Array.isArray(value)) return value.map(json)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [text(name), json(member)]))
  }
  return {count: new Set(labels.map(([, label]) => label)).size, text, json}
}

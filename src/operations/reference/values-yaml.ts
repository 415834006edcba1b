/** Reference values as the `measurements` of a rule: YAML that can be pasted into a policy as it stands. */
import type {Reference} from '../../appraisal/index.js'
import {printable, TsmctlError} from '../../errors.js'

export interface PolicyValue extends Omit<Reference, 'type' | 'provenance'> {
  readonly type: string
}

const quote = (text: string): string => JSON.stringify(text)
const list = (items: readonly string[]): string => `[${items.map(quote).join(', ')}]`

function content({digests, raw, mask, svn}: PolicyValue): string {
  if (digests !== undefined) return `digests: ${list(digests)}`
  if (raw !== undefined) return `raw: ${list(raw)}${mask === undefined ? '' : `, mask: ${quote(mask)}`}`
  if (svn === undefined) return 'informational: true'
  const {min, max} = svn
  return `svn: {${[...(min === undefined ? [] : [`min: ${min}`]), ...(max === undefined ? [] : [`max: ${max}`])].join(', ')}}`
}

function line(value: PolicyValue): string {
  const {index, type, allowZero, when} = value
  const more = [
    ...(allowZero ? ['allowZero: true'] : []),
    ...(when === undefined ? [] : [`when: {fact: ${quote(when.fact)}, equals: ${JSON.stringify(when.equals)}}`]),
  ]
  // a rule cannot say that a block may be missing: whoever pastes it says whether it is there
  return `    ${value.optional ? '# ' : ''}- {${[`index: ${index}`, `type: ${type}`, content(value), ...more].join(', ')}}`
}

/** The key `measurements` of a rule, `notes` as comments above it. */
export const valuesYaml = (values: readonly PolicyValue[], notes: readonly string[]): string =>
  [
    ...notes.map(note => `# ${printable(note, 300)}`),
    'measurements:',
    '  source: inline',
    '  coverage: exhaustive',
    '  values:',
    ...values.toSorted((a, b) => a.index - b.index).map(line),
    '',
  ].join('\n')

/** Digests a policy can name. */
const IN_POLICIES = /^sha(256|384|512):/

const unsupported = (got: string, hint: string): TsmctlError =>
  new TsmctlError({kind: 'unsupported', attempted: 'write the values for a policy', got, hint})

/** One entry per block: a policy gives alternatives as several digests, or several raw values under one mask. */
export function merged(references: readonly Reference[], typeOf: (reference: Reference) => string): PolicyValue[] {
  const byIndex = new Map<number, PolicyValue>()
  for (const reference of references) {
    const {provenance: _, ...value} = reference
    const unnamed = reference.digests?.find(digest => !IN_POLICIES.test(digest))
    if (unnamed !== undefined)
      throw unsupported(
        `block ${reference.index} is approved by ${unnamed.split(':')[0]}`,
        'Policies name SHA-2 digests.',
      )
    const before = byIndex.get(reference.index)
    const same = before?.mask === value.mask && before?.svn === undefined && value.svn === undefined
    if (before !== undefined && !same)
      throw unsupported(
        `block ${reference.index} has alternatives that differ in more than their value`,
        'Name the manifest in the rule instead (measurements.source: corim).',
      )
    byIndex.set(reference.index, {
      ...value,
      type: typeOf(reference),
      ...(before?.digests && {digests: [...before.digests, ...(value.digests ?? [])]}),
      ...(before?.raw && {raw: [...before.raw, ...(value.raw ?? [])]}),
    })
  }
  return [...byIndex.values()]
}

/** What is generated from the form of a policy: its JSON Schema, and the page that says what every key means. */
import {type JsonSchema, toJsonSchema} from '@valibot/to-json-schema'
import {effectiveRule, LINT_RULES, POLICY_KEYS} from '../src/appraisal/index.js'
import {jsonFormOf} from '../src/appraisal/policy/relations.js'
import {POLICY, POLICY_PARTS} from '../src/appraisal/policy/schema.js'

type Members = Readonly<Record<string, unknown>>

/** With what a relation says added. Two implications stand side by side; everything else is said once. */
function withRelation(schema: Members, said: Members): Members {
  const others = (schema['allOf'] as readonly Members[] | undefined) ?? []
  return 'anyOf' in said ? {...schema, allOf: [...others, said]} : {...schema, ...said}
}

export const policyJsonSchema = (): Members => {
  const {$schema: _, ...schema} = toJsonSchema(POLICY, {
    target: 'draft-2020-12',
    definitions: POLICY_PARTS,
    overrideAction({valibotAction, jsonSchema}) {
      if (valibotAction.type === 'safe_integer') return {...jsonSchema, type: 'integer'}
      const said = jsonFormOf(valibotAction)
      return said && (withRelation(jsonSchema as Members, said as Members) as JsonSchema)
    },
  }) as Members
  return {$schema: 'https://json-schema.org/draft/2020-12/schema', ...schema}
}

const JSON_SCHEMA = policyJsonSchema()
const DEFINITIONS = JSON_SCHEMA['$defs'] as Readonly<Record<string, Members>>

const resolved = (schema: Members): Members => {
  const name = typeof schema['$ref'] === 'string' ? schema['$ref'].split('/').at(-1)! : undefined
  return name === undefined ? schema : DEFINITIONS[name]!
}

/** Path and schema of every key, as `POLICY_KEYS` writes paths. */
export function policyPaths(given: Members = JSON_SCHEMA, path = ''): readonly (readonly [string, Members])[] {
  const schema = resolved(given)
  const own: (readonly [string, Members])[] = path === '' ? [] : [[path, given]]
  const at = (name: string): string => (path === '' ? name : `${path}.${name}`)
  const properties = Object.entries((schema['properties'] ?? {}) as Readonly<Record<string, Members>>)
  const {items, additionalProperties: others} = schema
  return [
    ...own,
    ...properties.flatMap(([name, member]) => policyPaths(member, at(name))),
    ...(typeof items === 'object' ? policyPaths(items as Members, `${path}[]`) : []),
    ...(typeof others === 'object' ? policyPaths(others as Members, at('*')) : []),
  ]
}

const CODE = '`'
const code = (text: string): string => `${CODE}${text}${CODE}`
const FORMS: Readonly<Record<string, string>> = {
  slug: 'name',
  digest: 'digest, `sha384:…`',
  d384: '`sha384:…`',
  hex16: '`"0x10de"`',
  checkId: 'id of a check',
  bdf: '`"0000:01:00.0"`',
  dateTime: 'time, `"2027-01-31T00:00:00Z"`',
}

/** What may be written, in a few words. */
function form(given: Members): string {
  const name = typeof given['$ref'] === 'string' ? given['$ref'].split('/').at(-1)! : ''
  const schema = resolved(given)
  if (FORMS[name] !== undefined) return FORMS[name]
  const {enum: values, const: value, items, type, minimum, maximum, anyOf} = schema as Record<string, never>
  if (Array.isArray(values)) return (values as string[]).map(code).join(', ')
  if (value !== undefined) return code(String(value))
  if (Array.isArray(anyOf)) return (anyOf as Members[]).map(form).join(' or ')
  if (type === 'array')
    return typeof items === 'object' && (resolved(items)['type'] as unknown) !== 'object'
      ? `list: ${form(items)}`
      : 'list'
  if (type === 'integer')
    return `whole number${minimum === undefined ? '' : ` from ${minimum}`}${maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? '' : ` to ${maximum}`}`
  return type === 'object' ? 'map' : type === 'boolean' ? '`true`, `false`' : 'text'
}

/** Value of a rule's key where the rule leaves it out. */
function defaultOf(path: string): string {
  const keys = path.replace(/^rules\[\]\./, '').split('.')
  if (
    !path.startsWith('rules[].') ||
    path.endsWith(']') ||
    keys.length > 2 ||
    ['id', 'decision', 'match', 'identity', 'description'].includes(keys[0]!)
  )
    return ''
  let value: unknown = effectiveRule(undefined)
  for (const key of keys) value = (value as Members | null | undefined)?.[key]
  if (
    path === 'rules[].measurements.source' ||
    value === null ||
    value === undefined ||
    (typeof value === 'object' && !Array.isArray(value))
  )
    return ''
  return Array.isArray(value) ? (value.length === 0 ? 'none' : value.map(code).join(', ')) : code(String(value))
}

export function policyReference(generated: string): string {
  const meanings: Readonly<Record<string, string>> = POLICY_KEYS
  const rows = policyPaths().flatMap(([path, schema]) =>
    meanings[path] === undefined
      ? []
      : [`| ${code(path)} | ${form(schema)} | ${defaultOf(path)} | ${meanings[path]} |`],
  )
  return [
    '# Keys of a policy',
    '',
    generated,
    '',
    'Every key of a policy file ([policy](../policy.md) says how to write one). `[]` is an item of a list, `*` a name of',
    'your own. What is left out has its default, the strictest value there is. The same form as JSON Schema:',
    '`schema/policy-1.json`.',
    '',
    '| key | values | default | meaning |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
    '## What lint looks for',
    '',
    'Any finding makes the policy unusable; what is announced or recommended is a warning, and the policy can be used. L15',
    'is asked for with `--production`.',
    '',
    '| rule | what holds |',
    '| --- | --- |',
    ...Object.entries(LINT_RULES).map(([id, words]) => `| ${id} | ${words} |`),
    '',
  ].join('\n')
}

/** As much of JSON Schema (draft 2020-12) as our schemas use. An unknown keyword is an error, not a pass. */

type Json = Readonly<Record<string, unknown>>
type Keyword = (wanted: never, value: unknown, schema: Json, root: Json) => boolean

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)
/** Does `holds` hold, where the keyword is about values like this one? */
const about =
  <T, W>(is: (value: unknown) => value is T, holds: (wanted: W, value: T, schema: Json, root: Json) => boolean) =>
  (wanted: W, value: unknown, schema: Json, root: Json): boolean =>
    !is(value) || holds(wanted, value, schema, root)
const isText = (value: unknown): value is string => typeof value === 'string'
const isNumber = (value: unknown): value is number => typeof value === 'number'
const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value)

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: isText,
  object: isObject,
  array: isList,
  number: isNumber,
  integer: Number.isInteger,
  boolean: value => typeof value === 'boolean',
}

const says = (schema: Json, value: unknown, root: Json): boolean =>
  Object.entries(schema).every(([name, wanted]) => {
    const keyword = KEYWORDS[name]
    if (keyword === undefined) throw new Error(`unknown keyword ${name}`)
    return keyword(wanted as never, value, schema, root)
  })

const ignored: Keyword = () => true
const KEYWORDS: Readonly<Record<string, Keyword>> = {
  $id: ignored,
  $schema: ignored,
  $defs: ignored,
  title: ignored,
  description: ignored,
  $ref: (wanted: string, value, _, root) =>
    says((root['$defs'] as Record<string, Json>)[wanted.replace('#/$defs/', '')]!, value, root),
  type: (wanted: string, value) => TYPES[wanted]!(value),
  const: (wanted: unknown, value) => same(wanted, value),
  enum: (wanted: readonly unknown[], value) => wanted.some(one => same(one, value)),
  pattern: about(isText, (wanted: string, value) => new RegExp(wanted, 'u').test(value)),
  minLength: about(isText, (wanted: number, value) => value.length >= wanted),
  maxLength: about(isText, (wanted: number, value) => value.length <= wanted),
  format: about(isText, (wanted: string, value) => wanted === 'date-time' && !Number.isNaN(Date.parse(value))),
  minimum: about(isNumber, (wanted: number, value) => value >= wanted),
  maximum: about(isNumber, (wanted: number, value) => value <= wanted),
  minItems: about(isList, (wanted: number, value) => value.length >= wanted),
  uniqueItems: about(isList, (wanted: boolean, value) => !wanted || new Set(value).size === value.length),
  items: about(isList, (wanted: Json, value, _, root) => value.every(item => says(wanted, item, root))),
  minProperties: about(isObject, (wanted: number, value) => Object.keys(value).length >= wanted),
  required: about(isObject, (wanted: readonly string[], value) => wanted.every(name => Object.hasOwn(value, name))),
  properties: about(isObject, (wanted: Readonly<Record<string, Json>>, value, _, root) =>
    Object.entries(wanted).every(([name, one]) => !Object.hasOwn(value, name) || says(one, value[name], root)),
  ),
  propertyNames: about(isObject, (wanted: Json, value, _, root) =>
    Object.keys(value).every(name => says(wanted, name, root)),
  ),
  additionalProperties: about(isObject, (wanted: Json | false, value, schema, root) =>
    Object.entries(value).every(
      ([name, one]) =>
        Object.hasOwn((schema['properties'] as Json | undefined) ?? {}, name) ||
        (wanted !== false && says(wanted, one, root)),
    ),
  ),
  oneOf: (wanted: readonly Json[], value, _, root) => wanted.filter(one => says(one, value, root)).length === 1,
  anyOf: (wanted: readonly Json[], value, _, root) => wanted.some(one => says(one, value, root)),
  allOf: (wanted: readonly Json[], value, _, root) => wanted.every(one => says(one, value, root)),
  not: (wanted: Json, value, _, root) => !says(wanted, value, root),
}

/** Is `value` what `schema` describes? */
export const isDescribed = (schema: Json, value: unknown): boolean => says(schema, value, schema)

/** What people read: a decoded structure as text with offsets, its findings, and a layout's own documentation. */
import {type AnyField, type AnyLayout, type Extent, NEXT, REST, type Seen} from './field.js'
import {hex, toHex} from './hex.js'

/** A fact about a well-formed structure that a reviewer should see: reserved bits set, an undefined value. */
export interface Finding {
  readonly path: string
  /** Byte offset from the start of the structure. */
  readonly offset: number
  readonly message: string
}

interface Visit {
  readonly path: string
  readonly depth: number
  readonly offset: number
  readonly field: AnyField
  readonly value: unknown
}

/** Visits every present field in wire order; returns the offset behind the structure. */
function walk(layout: AnyLayout, value: Seen, start: number, prefix: string, depth: number, visit: (v: Visit) => void) {
  let at = start + layout.headSize
  for (const [key, field] of Object.entries(layout.fields)) {
    const item: unknown = value[key]
    if (item === undefined) continue
    const path = prefix === '' ? key : `${prefix}.${key}`
    const offset = field.at === NEXT ? at : start + field.at
    visit({path, depth, offset, field, value: item})
    let end = offset
    if (field.kind === 'uint' || field.kind === 'flag') end += field.width
    else if (field.kind === 'u64') end += 8
    else if (field.kind === 'bytes') end += (item as Uint8Array).length
    else if (field.kind === 'nested') end = walk(field.layout, item as Seen, offset, path, depth + 1, visit)
    else
      for (const [i, element] of (item as readonly Seen[]).entries())
        end = walk(field.layout, element, end, `${path}[${i}]`, depth + 1, visit)
    if (field.at === NEXT) at = end
  }
  return at
}

type Clean = (value: Seen) => boolean

/** Whether `key` of a structure gives nothing to find; undefined when it never does. */
function cleanField(key: string, field: AnyField): Clean | undefined {
  if (field.kind === 'nested' || field.kind === 'array') {
    const inner = cleanOf(field.layout)
    if (inner === undefined) return undefined
    return field.kind === 'nested'
      ? value => value[key] === undefined || inner(value[key] as Seen)
      : value => value[key] === undefined || (value[key] as readonly Seen[]).every(inner)
  }
  if (field.kind !== 'uint' || (!field.reserved && field.names === undefined)) return undefined
  const {names} = field
  return names === undefined
    ? value => value[key] === 0 || value[key] === undefined
    : value => value[key] === undefined || names[value[key] as number] !== undefined
}

const cleanByLayout = new WeakMap<AnyLayout, {readonly test: Clean | undefined}>()

/** Nothing to find, which is the rule: told without the places that only a finding needs. Made once for each layout. */
function cleanOf(layout: AnyLayout): Clean | undefined {
  const before = cleanByLayout.get(layout)
  if (before !== undefined) return before.test
  const tests = Object.entries(layout.fields).flatMap(([key, field]) => cleanField(key, field) ?? [])
  const test: Clean | undefined = tests.length === 0 ? undefined : value => tests.every(isClean => isClean(value))
  cleanByLayout.set(layout, {test})
  return test
}

/** Reserved bits that are set and values the specification does not define, each with its place. */
export function findings(layout: AnyLayout, value: Seen): Finding[] {
  const found: Finding[] = []
  if (cleanOf(layout)?.(value) ?? true) return found
  walk(layout, value, 0, '', 0, ({path, offset, field, value: item}) => {
    if (field.kind !== 'uint') return
    if (field.reserved && item !== 0)
      found.push({path, offset, message: `reserved bits set: ${hex(item as number)} in ${path}`})
    if (field.names && field.names[item as number] === undefined)
      found.push({path, offset, message: `undefined value ${hex(item as number)} in ${path}`})
  })
  return found
}

const bitRange = (field: AnyField): string => {
  if (field.kind !== 'uint' && field.kind !== 'flag') return ''
  if (field.lo === 0 && field.hi === field.width * 8 - 1) return ''
  return field.hi === field.lo ? `[${field.lo}]` : `[${field.hi}:${field.lo}]`
}

function shown(field: AnyField, value: unknown): string {
  switch (field.kind) {
    case 'uint':
      return field.names
        ? `${field.names[value as number] ?? 'undefined value'} (${hex(value as number)})`
        : `${value as number} (${hex(value as number)})`
    case 'flag':
      return (value as boolean) ? '1' : '0'
    case 'u64':
      return hex(value as bigint, 16)
    case 'bytes': {
      const bytes = value as Uint8Array
      return bytes.length === 0 ? '(empty)' : `${toHex(bytes)} (${bytes.length} bytes)`
    }
    case 'nested':
      return ''
    case 'array': {
      const {length} = value as readonly unknown[]
      return length === 1 ? '1 element' : `${length} elements`
    }
  }
}

/** One line per field: offset, bits, path, value. Reserved fields appear only when they are set. */
export function describe(layout: AnyLayout, value: Seen): string {
  const rows: string[][] = []
  walk(layout, value, 0, '', 0, ({path, depth, offset, field, value: item}) => {
    if (field.kind === 'uint' && field.reserved && item === 0) return
    rows.push([hex(offset, 4), bitRange(field), '  '.repeat(depth) + path, shown(field, item)])
  })
  const widthOf = (column: number): number => rows.reduce((most, row) => Math.max(most, row[column]!.length), 0)
  const [bitsWidth, pathWidth] = [widthOf(1), widthOf(2)]
  const lines = rows.map(([offset, range, path, text]) =>
    `  ${offset}  ${range!.padEnd(bitsWidth)}  ${path!.padEnd(pathWidth)}  ${text}`.trimEnd(),
  )
  return [`${layout.name} (${layout.spec})`, ...lines].join('\n') + '\n'
}

const extentText = (extent: Extent): string => {
  if (extent === REST) return 'rest of the input'
  if (typeof extent === 'function') return 'computed'
  return typeof extent === 'number' ? String(extent) : `\`${extent}\``
}

function typeText(field: AnyField): string {
  switch (field.kind) {
    case 'uint':
      return `u${field.width * 8}`
    case 'flag':
      return 'flag'
    case 'u64':
      return 'u64'
    case 'bytes':
      return `bytes[${extentText(field.extent)}]`
    case 'nested':
      return field.layout.name
    case 'array':
      return `${field.layout.name}[${extentText(field.count)}]`
  }
}

/** Markdown section documenting a layout, generated from its table. */
export function markdown(layout: AnyLayout): string {
  const size = layout.size === undefined ? `${layout.headSize} bytes and a variable tail` : `${layout.size} bytes`
  const rows = Object.entries(layout.fields).map(([key, field]) => {
    const at = field.at === NEXT ? 'next' : String(field.at)
    const values = field.names
      ? ` (${Object.entries(field.names)
          .map(([value, name]) => `${hex(Number(value))} ${name}`)
          .join(', ')})`
      : ''
    const only = typeof field.is === 'number' ? `, always ${hex(field.is)}` : ''
    const optional = field.when ? ', only in some forms' : ''
    return `| ${at} | ${bitRange(field)} | \`${key}\` | ${typeText(field)} | ${field.doc}${values}${only}${optional} |`
  })
  return [
    `### ${layout.name}`,
    '',
    `\`tsmctl decode ${layout.id}\`: ${layout.spec}, ${size}, little-endian.`,
    '',
    '| offset | bits | field | type | meaning |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}

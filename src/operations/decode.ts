/** `decode`: any structure we know, from bytes to facts, as JSON and as text. */
import {type AnyLayout, type Context, describe, type Finding, findings, fromHex, type Json} from '../bits/index.js'
import {quoted, TsmctlError} from '../errors.js'
import {COMPOSITES} from './composites.js'
import {ALL_LAYOUTS} from './layouts.js'
import {findingLines} from './view.js'

export interface DecodeKind {
  readonly kind: string
  readonly name: string
  readonly spec: string
  /** Names of the values this structure needs from outside its bytes, with the default. */
  readonly context: Context
}

export interface Decoded {
  readonly kind: string
  readonly name: string
  readonly spec: string
  readonly size: number
  readonly context: Context
  readonly fields: Json
  readonly findings: readonly Finding[]
}

const contextOf = (layout: AnyLayout): Context => layout.contexts?.[0] ?? {}

/** Every kind, in alphabetical order. */
export const decodeKinds = (): readonly DecodeKind[] =>
  [
    ...ALL_LAYOUTS.map(layout => ({kind: layout.id, name: layout.name, spec: layout.spec, context: contextOf(layout)})),
    ...COMPOSITES.map(({kind, name, spec, context}) => ({kind, name, spec, context})),
  ].sort((a, b) => (a.kind < b.kind ? -1 : 1))

/** The kinds that look most like `wanted`: sharing a word with it. */
function suggestions(wanted: string): string[] {
  const words = wanted
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(word => word.length > 2)
  return decodeKinds()
    .map(({kind}) => kind)
    .filter(kind => words.some(word => kind.includes(word)))
    .slice(0, 5)
}

/**
 * Decodes `bytes` as `kind`; `given` overrides the kind's default context. Throws TsmctlError `usage` for an unknown
 * kind or context name, DecodeError for bytes that are not this structure.
 */
export async function decode(
  kind: string,
  bytes: Uint8Array,
  given: Context = {},
): Promise<Decoded & {readonly text: string}> {
  const known = decodeKinds().find(entry => entry.kind === kind)
  if (known === undefined) {
    const near = suggestions(kind)
    throw new TsmctlError({
      kind: 'usage',
      attempted: `decode ${quoted(kind)}`,
      got: 'no such kind',
      hint: `${near.length > 0 ? `Did you mean ${near.join(', ')}? ` : ''}tsmctl decode --list names them all.`,
    })
  }
  for (const name of Object.keys(given))
    if (!Object.hasOwn(known.context, name))
      throw new TsmctlError({
        kind: 'usage',
        attempted: `decode ${kind}`,
        got: `it takes no context ${quoted(name)}`,
        hint: `It takes ${Object.keys(known.context).join(', ') || 'none'}.`,
      })
  const context = {...known.context, ...given}
  const head = {kind, name: known.name, spec: known.spec, size: bytes.length, context}
  const composite = COMPOSITES.find(entry => entry.kind === kind)
  if (composite !== undefined) {
    const {fields, found, text} = await composite.decode(bytes, context)
    return {...head, fields, findings: found, text: text + findingLines(found)}
  }
  const layout = ALL_LAYOUTS.find(({id}) => id === kind)!
  const value = layout.decode(bytes, context)
  const found = findings(layout, value)
  const fields = JSON.parse(JSON.stringify(value)) as Json
  return {...head, fields, findings: found, text: describe(layout, value) + findingLines(found)}
}

const HEX_TEXT = /^(?:\s*0x)?[0-9a-f\s:]+$/i

/** Bytes of an input that is either binary or hexadecimal text; `form` decides, or the content does. */
export function inputBytes(content: Uint8Array, form: 'auto' | 'binary' | 'hex'): Uint8Array {
  if (form === 'binary') return content
  const text = Buffer.from(content).toString('latin1').trim()
  const looksLikeHex = text.length > 0 && HEX_TEXT.test(text) && text.replaceAll(/[\s:]|^0x/gi, '').length % 2 === 0
  if (form === 'auto' && !looksLikeHex) return content
  try {
    return fromHex(text)
  } catch (error) {
    throw new TsmctlError({
      kind: 'malformed',
      attempted: 'read hexadecimal input',
      got: `not an even number of hexadecimal digits (starts with ${quoted(text, 24)})`,
      cause: error,
    })
  }
}

/** `name=value` pairs with decimal or `0x` values. */
export function parseContext(pairs: readonly string[]): Context {
  return Object.fromEntries(
    pairs.map(pair => {
      const [name = '', value = ''] = pair.split('=', 2)
      const number = Number(value)
      if (name === '' || value === '' || !Number.isSafeInteger(number))
        throw new TsmctlError({
          kind: 'usage',
          attempted: `use context ${quoted(pair)}`,
          got: 'not of the form name=number',
          hint: 'For example --context version=0x12',
        })
      return [name, number]
    }),
  )
}

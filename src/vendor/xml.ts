/**
 * A part of XML 1.0 that leaves nothing to interpretation: elements, attributes and text in ASCII. No document type, no
 * entities or character references, no comments, no processing instructions, no CDATA: each of them has been a way to
 * show one thing to whoever checks a signature and another to whoever reads the values.
 */
import {DecodeError} from '../bits/index.js'

export interface Element {
  /** As written, `ns0:Resource`. */
  readonly name: string
  /** Namespace declarations, by prefix; `''` is the default namespace. */
  readonly namespaces: ReadonlyMap<string, string>
  /** Other attributes, by name as written. */
  readonly attributes: ReadonlyMap<string, string>
  readonly children: readonly (Element | string)[]
  /** Byte at which it starts. */
  readonly offset: number
}

const STRUCTURE = 'XML document'
const MAX_DEPTH = 16
/** Every element inherits them all. */
const MAX_NAMESPACES = 32
/** Bytes: ten times what vendors publish. */
const XML_LIMIT = 256 * 1024

const NAME = /[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?/y
const SPACE = /[\x20\n\r\t]+/y
const TEXT = /[^<]+/y
const ATTRIBUTE_TEXT = /"[^"<\n\r\t]*"/y
/** Everything but printable ASCII, spaces and line feeds; `&` and carriage returns, which parsers replace, are not there. */
const FOREIGN = /[^\x20-\x25\x27-\x7e\n\t]/
const MARKUP = /<[!?]/

const wrong = (offset: number, expected: string, got: string): DecodeError =>
  new DecodeError({structure: STRUCTURE, path: '', offset, expected, got})

class Scanner {
  readonly text: string
  at = 0
  namespaces = 0

  constructor(text: string) {
    this.text = text
  }

  /** The next token of this kind, if there is one. */
  take(token: RegExp): string | undefined {
    token.lastIndex = this.at
    const [found] = token.exec(this.text) ?? []
    this.at += found?.length ?? 0
    return found
  }

  need(token: RegExp, what: string): string {
    const found = this.take(token)
    if (found === undefined) throw this.wrong(what)
    return found
  }

  takes(literal: string): boolean {
    if (!this.text.startsWith(literal, this.at)) return false
    this.at += literal.length
    return true
  }

  wrong(expected: string): DecodeError {
    return wrong(this.at, expected, this.at < this.text.length ? 'something else' : 'the end')
  }
}

function attributesOf(scanner: Scanner): Pick<Element, 'namespaces' | 'attributes'> {
  const namespaces = new Map<string, string>()
  const attributes = new Map<string, string>()
  while (scanner.take(SPACE) !== undefined) {
    const {at} = scanner
    const name = scanner.take(NAME)
    if (name === undefined) break
    if (!scanner.takes('=')) throw scanner.wrong('=')
    const value = scanner.need(ATTRIBUTE_TEXT, 'a value in double quotes').slice(1, -1)
    const [prefix, local] = name === 'xmlns' ? ['xmlns', ''] : name.split(':')
    const [into, key] = prefix === 'xmlns' ? [namespaces, local ?? ''] : [attributes, name]
    // inherited by parts of a document when they are canonicalised alone (Canonical XML 1.1 §2.4)
    if (prefix === 'xml' || key === 'xml') throw wrong(at, 'no attribute of the namespace xml', name)
    if (into.has(key)) throw wrong(at, 'every attribute once', `${name} twice`)
    if (into === namespaces && ++scanner.namespaces > MAX_NAMESPACES)
      throw wrong(at, `at most ${MAX_NAMESPACES} namespaces`, 'more')
    into.set(key, value)
  }
  return {namespaces, attributes}
}

function elementAt(scanner: Scanner, depth: number): Element {
  const offset = scanner.at
  if (depth > MAX_DEPTH) throw wrong(offset, `at most ${MAX_DEPTH} levels`, 'more')
  if (!scanner.takes('<')) throw scanner.wrong('an element')
  const name = scanner.need(NAME, 'a name')
  const head = {name, ...attributesOf(scanner), offset}
  if (scanner.takes('/>')) return {...head, children: []}
  if (!scanner.takes('>')) throw scanner.wrong('the end of the tag')
  const children: (Element | string)[] = []
  while (!scanner.takes('</')) children.push(scanner.take(TEXT) ?? elementAt(scanner, depth + 1))
  if (!scanner.takes(name)) throw scanner.wrong(`</${name}>`)
  scanner.take(SPACE)
  if (!scanner.takes('>')) throw scanner.wrong('the end of the tag')
  return {...head, children}
}

/** The root element of a document. Throws DecodeError for everything else that XML allows. */
export function readXml(bytes: Uint8Array): Element {
  if (bytes.length > XML_LIMIT) throw wrong(0, `at most ${XML_LIMIT} bytes`, `${bytes.length}`)
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  const foreign = FOREIGN.exec(text)
  if (foreign)
    throw wrong(foreign.index, 'ASCII text without references', `byte 0x${foreign[0].charCodeAt(0).toString(16)}`)
  const markup = MARKUP.exec(text)
  if (markup) throw wrong(markup.index, 'elements and text', 'a declaration, comment or processing instruction')
  const scanner = new Scanner(text)
  scanner.take(SPACE)
  const root = elementAt(scanner, 0)
  scanner.take(SPACE)
  if (scanner.at < text.length) throw scanner.wrong('the end')
  return root
}

const order = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : Number(a > b))

/** Namespaces in force inside an element that is inside `outer`. */
export const within = (outer: ReadonlyMap<string, string>, {namespaces}: Element): ReadonlyMap<string, string> =>
  new Map([...outer, ...namespaces])

/** Namespace of a name as written; undefined for a prefix that nobody declared. */
export function namespaceOf(name: string, inForce: ReadonlyMap<string, string>): string | undefined {
  const [prefix, local] = name.split(':')
  return local === undefined ? (inForce.get('') ?? '') : inForce.get(prefix!)
}

const localName = (name: string): string => name.slice(name.indexOf(':') + 1)

/**
 * Canonical XML 1.1 without comments (§2.3) of an element whose surroundings have declared `outer`: declarations that
 * are in force and not yet written come first, sorted by prefix, then the attributes by namespace and local name.
 * `omit` is left out: the signature, when it signs what it stands in.
 */
export function canonical(element: Element, outer: ReadonlyMap<string, string> = new Map(), omit?: Element): string {
  return written(element, new Map(), outer, omit)
}

function written(
  element: Element,
  rendered: ReadonlyMap<string, string>,
  outer: ReadonlyMap<string, string>,
  omit: Element | undefined,
): string {
  const inForce = within(outer, element)
  const needed = [...inForce].filter(([prefix, uri]) => (rendered.get(prefix) ?? '') !== uri).sort(order)
  const declarations = needed.map(([prefix, uri]) => ` ${prefix === '' ? 'xmlns' : `xmlns:${prefix}`}="${uri}"`)
  const attributes = [...element.attributes].map(([name, value]): [string, string] => {
    // an attribute without prefix is in no namespace
    const namespace = name.includes(':') ? namespaceOf(name, inForce) : ''
    if (namespace === undefined) throw wrong(element.offset, 'declared prefixes', name)
    return [`${namespace}\u0000${localName(name)}`, ` ${name}="${value}"`]
  })
  const keys = new Set(attributes.map(([key]) => key))
  if (keys.size !== attributes.length) throw wrong(element.offset, 'every attribute once', 'one under two prefixes')
  if (namespaceOf(element.name, inForce) === undefined) throw wrong(element.offset, 'declared prefixes', element.name)
  const here = new Map([...rendered, ...needed])
  const children = element.children.map(child =>
    typeof child === 'string'
      ? child.replaceAll('>', '&gt;')
      : child === omit
        ? ''
        : written(child, here, inForce, omit),
  )
  const head = attributes.sort(order).map(([, shown]) => shown)
  return `<${element.name}${declarations.join('')}${head.join('')}>${children.join('')}</${element.name}>`
}

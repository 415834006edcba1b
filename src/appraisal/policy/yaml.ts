/**
 * YAML as policies may be written: version 1.2 core schema, one document, plain maps, lists and scalars. Anchors,
 * aliases, merge keys, tags, directives, nulls and keys that are not strings are refused: each is a way to write
 * something that a reader understands differently than the parser.
 */
import {isAlias, isMap, isNode, isScalar, LineCounter, parseDocument, visit, type YAMLMap} from 'yaml'
import {printable} from '../../errors.js'

/** Bytes. */
const POLICY_LIMIT = 1024 * 1024

export interface YamlFinding {
  /** 1-based; undefined when the finding is about the file as a whole. */
  readonly line?: number | undefined
  readonly message: string
}

export type YamlResult =
  {readonly ok: true; readonly value: unknown} | {readonly ok: false; readonly findings: readonly YamlFinding[]}

/** Policies are read over and over by who watches: this many texts are not parsed again, none of them larger. */
const REMEMBERED = 8
const WORTH_REMEMBERING = 64 * 1024
const remembered = new Map<string, YamlResult>()

/** Value of a policy file, or everything about its form that is refused. Never throws. */
export function readYaml(text: string): YamlResult {
  const known = remembered.get(text)
  // nobody's change of what was read is to be anybody else's policy
  if (known !== undefined) return structuredClone(known)
  const result = parse(text)
  if (text.length <= WORTH_REMEMBERING) {
    if (remembered.size === REMEMBERED) remembered.delete(remembered.keys().next().value!)
    remembered.set(text, structuredClone(result))
  }
  return result
}

function parse(text: string): YamlResult {
  if (Buffer.byteLength(text) > POLICY_LIMIT)
    return {ok: false, findings: [{message: `larger than ${POLICY_LIMIT} bytes`}]}
  const lines = new LineCounter()
  const findings: YamlFinding[] = []
  const add = (at: number | undefined, message: string): void => {
    findings.push({line: at === undefined ? undefined : lines.linePos(at).line, message})
  }
  try {
    const document = parseDocument(text, {
      version: '1.2',
      schema: 'core',
      merge: false,
      strict: true,
      // looked for below: the parser takes time by the square of their number
      uniqueKeys: false,
      stringKeys: false,
      prettyErrors: false,
      lineCounter: lines,
    })
    for (const problem of [...document.errors, ...document.warnings])
      add(
        problem.pos[0],
        problem.code === 'MULTIPLE_DOCS' ? 'only one document is allowed' : printable(problem.message, 160),
      )
    if (/^%/m.test(text.slice(0, document.contents?.range?.[0] ?? text.length))) add(0, 'directives are not allowed')
    visit(document, {
      Node(_, node) {
        const at = node.range?.[0]
        if (isAlias(node)) add(at, 'aliases are not allowed')
        else {
          if (node.anchor !== undefined) add(at, 'anchors are not allowed')
          if (node.tag !== undefined && node.tag !== '') refuseTag(node.tag, at, add)
          if (isScalar(node)) refuseScalar(node.value, at, add)
          if (isMap(node)) refuseRepeated(node, add)
        }
      },
      Pair(_, {key}) {
        const at = isNode(key) ? key.range?.[0] : undefined
        if (!isScalar(key) || typeof key.value !== 'string') add(at, 'keys must be strings')
        else if (key.value === '<<') add(at, 'merge keys are not allowed')
      },
    })
    if (!isMap(document.contents)) add(undefined, 'not a map')
    if (findings.length > 0) return {ok: false, findings}
    return {ok: true, value: document.toJS({maxAliasCount: 0})}
  } catch (error) {
    // the parser recurses: nesting that exhausts the stack is no policy
    return {ok: false, findings: [{message: printable(error instanceof Error ? error.message : String(error), 160)}]}
  }
}

type Add = (at: number | undefined, message: string) => void

function refuseRepeated({items}: YAMLMap, add: Add): void {
  const seen = new Set<unknown>()
  for (const {key} of items) {
    const name = isScalar(key) ? key.value : key
    if (seen.has(name)) add(isNode(key) ? key.range?.[0] : undefined, 'Map keys must be unique')
    seen.add(name)
  }
}

/** Tags of the core schema are set by the parser only where they were written. */
const refuseTag = (tag: string, at: number | undefined, add: Add): void =>
  add(at, `tags are not allowed: ${printable(tag, 64)}`)

function refuseScalar(value: unknown, at: number | undefined, add: Add): void {
  if (value === null) add(at, 'nulls are not allowed: leave the key out')
  else if (typeof value === 'number' && !Number.isSafeInteger(value)) add(at, 'only whole numbers are allowed')
  else if (!['string', 'number', 'boolean'].includes(typeof value)) add(at, `a ${typeof value} is not allowed`)
}

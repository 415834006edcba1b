/** From the text of a capture (`format-capture.ts` describes it) to a `Capture`, refusing everything else by name. */
import {fromHex} from '../bits/index.js'
import {printable, quoted, TsmctlError} from '../errors.js'
import {isRecord} from '../records.js'
import {
  type Capture,
  CAPTURE_FORMATS,
  type CaptureNode,
  type Chunk,
  type Exchange,
  type FamilyAnswer,
  type IoctlExchange,
} from './capture.js'
import {isCanonical, parentOf} from './walk.js'

const malformed = (where: string, got: string): TsmctlError =>
  new TsmctlError({
    kind: 'malformed',
    attempted: 'read the capture',
    got: `${where}: ${got}`,
    details: {node: printable(where, 512)},
  })

/** Thrown inside; turned into an error that names the node. */
class Mismatch extends TsmctlError {
  constructor(expected: string) {
    super({kind: 'malformed', attempted: 'read a node of the capture', got: `expected ${expected}`})
  }
}

const ERRNO = /^(?:E[A-Z0-9]{1,20}|errno \d{1,5})$/

function text(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new Mismatch(`${what} to be a string`)
  return value
}

function count(value: unknown, what: string, largest = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > largest)
    throw new Mismatch(`${what} to be an integer from 0 to ${largest}`)
  return value
}

function permissions(value: unknown): number {
  if (typeof value !== 'string' || !/^[0-7]{1,4}$/.test(value)) throw new Mismatch('an octal mode such as "644"')
  return Number.parseInt(value, 8)
}

function errno(value: unknown): string {
  if (typeof value !== 'string' || !ERRNO.test(value)) throw new Mismatch('the name of an errno')
  return value
}

function base64(value: unknown): Uint8Array {
  const given = text(value, 'base64')
  const bytes = Buffer.from(given, 'base64')
  if (bytes.toString('base64') !== given) throw new Mismatch('canonical base64')
  return new Uint8Array(bytes)
}

function hexBytes(value: unknown, what: string): Uint8Array {
  const given = text(value, what)
  if (!/^(?:[0-9a-f]{2})*$/.test(given)) throw new Mismatch(`${what} to be lower-case hexadecimal`)
  return fromHex(given)
}

/** Text of an attribute: every character is one byte. */
function latin1(value: unknown): Uint8Array {
  const given = text(value, 'the content')
  // oxlint-disable-next-line no-control-regex
  if (!/^[\x00-\xff]*$/.test(given)) throw new Mismatch('characters up to U+00FF in the content')
  return new Uint8Array(Buffer.from(given, 'latin1'))
}

function list(value: unknown, what: string, length?: readonly number[]): readonly unknown[] {
  if (!Array.isArray(value) || (length !== undefined && !length.includes(value.length)))
    throw new Mismatch(length === undefined ? `${what} to be a list` : `${what} to have ${length.join(' or ')} items`)
  return value
}

function part(mode: number, size: number, given: readonly unknown[]): CaptureNode {
  const chunks: Chunk[] = []
  let behind = -1
  let end: number | undefined
  for (const item of given) {
    const [start, encoded] = list(item, 'a chunk', [2])
    const offset = count(start, 'an offset')
    const bytes = base64(encoded)
    const follows = bytes.length === 0 ? offset >= behind : offset > behind
    if (end !== undefined || !follows) throw new Mismatch('chunks in order, apart, and none behind the end')
    if (bytes.length === 0) end = offset
    else chunks.push({offset, bytes})
    behind = offset + bytes.length
  }
  return {type: 'part', mode, size, chunks, ...(end === undefined ? {} : {end})}
}

function node(value: unknown): CaptureNode {
  const [kind, ...rest] = list(value, 'a node')
  const counts: Readonly<Record<string, readonly number[]>> = {d: [2, 3], l: [2], f: [3], b: [3], p: [4], e: [3]}
  const expected = typeof kind === 'string' && Object.hasOwn(counts, kind) ? counts[kind] : undefined
  if (expected === undefined) throw new Mismatch('one of "d", "l", "f", "b", "p", "e" first')
  list(value, `a "${String(kind)}" node`, expected)
  if (kind === 'l') return {type: 'link', target: text(rest[0], 'the target')}
  const mode = permissions(rest[0])
  switch (kind) {
    case 'd': {
      if (rest.length === 1) return {type: 'directory', mode}
      return {type: 'directory', mode, listing: rest[1] === 'partial' ? 'partial' : errno(rest[1])}
    }
    case 'f':
      return {type: 'file', mode, content: rest[1] === null ? null : latin1(rest[1])}
    case 'b':
      return {type: 'file', mode, content: base64(rest[1])}
    case 'p':
      return part(mode, count(rest[1], 'the size'), list(rest[2], 'the chunks'))
    default:
      return {type: 'error', mode, errno: errno(rest[1])}
  }
}

function object(value: unknown, allowed: readonly string[]): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) throw new Mismatch('an object')
  const unknown = Object.keys(value).find(key => !allowed.includes(key))
  if (unknown !== undefined) throw new Mismatch(`no member ${quoted(unknown)}`)
  return value
}

/** An object that has, besides these members, either a response or an errno. */
function answered(value: unknown, members: readonly string[]): Readonly<Record<string, unknown>> {
  const it = object(value, [...members, 'response', 'errno'])
  if ((it['errno'] === undefined) === (it['response'] === undefined)) throw new Mismatch('either response or errno')
  return it
}

function exchange(value: unknown): Exchange {
  const it = answered(value, ['kind', 'family', 'version', 'command', 'request'])
  if (it['kind'] !== undefined && it['kind'] !== 'single') throw new Mismatch('kind "single", or none for a dump')
  return {
    ...(it['kind'] === 'single' && {kind: 'single'}),
    family: text(it['family'], 'family'),
    version: count(it['version'], 'version', 0xff),
    command: count(it['command'], 'command', 0xff),
    request: hexBytes(it['request'], 'request'),
    response:
      it['response'] === undefined
        ? errno(it['errno'])
        : list(it['response'], 'response').map(message => hexBytes(message, 'a message')),
  }
}

/** Largest number of 32 bits, and of 16. */
const [U32, U16] = [0xffff_ffff, 0xffff]

/** A member of the policy: attribute type, and bytes or null. */
function limit(value: unknown): readonly [number, number | null] {
  const [type, bytes] = list(value, 'a limit', [2])
  return [count(type, 'an attribute', U16), bytes === null ? null : count(bytes, 'a limit', U32 + 1)]
}

function family(value: unknown): FamilyAnswer {
  const it = object(value, ['family', 'version', 'maxAttribute', 'commands', 'policy', 'errno'])
  const name = text(it['family'], 'family')
  if (it['errno'] !== undefined) return {name, answer: errno(object(value, ['family', 'errno'])['errno'])}
  const {policy} = it
  return {
    name,
    answer: {
      version: count(it['version'], 'version', U32),
      maxAttribute: count(it['maxAttribute'], 'maxAttribute', U32),
      commands: new Set(list(it['commands'], 'commands').map(command => count(command, 'a command', U32))),
      ...(policy === undefined ? {} : {policy: new Map(list(policy, 'policy').map(limit))}),
    },
  }
}

function ioctl(value: unknown): IoctlExchange {
  const it = answered(value, ['path', 'request', 'argument'])
  const request = text(it['request'], 'request')
  if (!/^[0-9a-f]{1,8}$/.test(request)) throw new Mismatch('request to be a hexadecimal number of 32 bits')
  return {
    path: text(it['path'], 'path'),
    request: Number.parseInt(request, 16),
    argument: hexBytes(it['argument'], 'argument'),
    response: it['response'] === undefined ? errno(it['errno']) : hexBytes(it['response'], 'response'),
  }
}

const uevent = (value: unknown): Uint8Array | 'lost' => (value === null ? 'lost' : latin1(value))

/** `parse`, its mismatches reported at `where`. */
function at<T>(where: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw error instanceof Mismatch ? malformed(where, error.got!) : error
  }
}

function nodesOf(tree: unknown): Map<string, CaptureNode> {
  if (!isRecord(tree)) throw new Mismatch('an object')
  const nodes = new Map<string, CaptureNode>()
  for (const [path, value] of Object.entries(tree)) {
    if (!isCanonical(path)) throw malformed(`node ${quoted(path, 512)}`, 'not an absolute path without . and ..')
    nodes.set(
      path,
      at(`node ${quoted(path, 512)}`, () => node(value)),
    )
  }
  const directories = new Set<string>()
  for (const path of nodes.keys())
    for (let above = path; above !== '/';) {
      above = parentOf(above)
      if (directories.has(above)) break
      if ((nodes.get(above)?.type ?? 'directory') !== 'directory')
        throw malformed(`node ${quoted(path, 512)}`, `lies below ${quoted(above, 512)}, which is not a directory`)
      directories.add(above)
    }
  return nodes
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', {fatal: true}).decode(bytes)
  } catch {
    throw malformed('the file', 'not UTF-8')
  }
}

/** Reads a capture. Throws TsmctlError `malformed` naming the node that is wrong; nothing else. */
export function parseCapture(input: string | Uint8Array): Capture {
  const source = typeof input === 'string' ? input : decoded(input)
  let document: unknown
  try {
    document = JSON.parse(source)
  } catch (error) {
    throw malformed('the file', `not JSON: ${printable((error as Error).message, 200)}`)
  }
  return at('the capture', () => {
    const {format, label, kernel, recorded, tree, ...asked} = object(document, [
      'format',
      'label',
      'kernel',
      'recorded',
      'tree',
      'exchanges',
      'families',
      'ioctls',
      'uevents',
    ])
    const named = text(format, 'format')
    if (!CAPTURE_FORMATS.includes(named))
      throw new Mismatch(`format ${CAPTURE_FORMATS.join(' or ')}, got ${quoted(named)}`)
    const all = <T>(name: string, one: (value: unknown) => T): readonly T[] =>
      list(asked[name] ?? [], name).map((value, i) => at(`${name}[${i}]`, () => one(value)))
    const some = <T>(name: string, one: (value: unknown) => T): Readonly<Record<string, readonly T[]>> =>
      asked[name] === undefined ? {} : {[name]: all(name, one)}
    return {
      label: text(label, 'label'),
      kernel: text(kernel, 'kernel'),
      ...(recorded === undefined ? {} : {recorded: text(recorded, 'recorded')}),
      nodes: at('tree', () => nodesOf(tree)),
      exchanges: all('exchanges', exchange),
      ...some('families', family),
      ...some('ioctls', ioctl),
      ...some('uevents', uevent),
    }
  })
}

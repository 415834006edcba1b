/**
 * The text of a capture: one JSON object, one node per line, in the order of a directory tree, so that people can read,
 * compare and edit it. Nodes by path:
 *
 *     ["d", mode]                            directory; its listing is the set of nodes below it
 *     ["d", mode, "partial" | errno]         directory that was never listed, or whose listing failed
 *     ["l", target]                          symbolic link
 *     ["f", mode, text | null]               file; null: write-only
 *     ["b", mode, base64]                    file that is not plain text
 *     ["p", mode, size, [[offset, base64]…]] file of which only these bytes are known; an empty last one: the end
 *     ["e", mode, errno]                     file that answered with this errno
 *
 * Modes are octal. Then what was asked in other ways, one per line, in the order it happened; where nothing was, the
 * member may be missing:
 *
 *     "exchanges": {"family", "version", "command", "request", "response": [hex…] | "errno"}
 *                                            generic-netlink dump; with `"kind":"single"` a single request
 *     "families":  {"family", "version", "maxAttribute", "commands": […], "policy": [[type, bytes | null]…]}
 *                  {"family", "errno"}       family by name; no policy: the kernel did not tell
 *     "ioctls":    {"path", "request", "argument", "response" | "errno"}
 *     "uevents":   text | null               kernel event, its strings each ended by NUL; null: some were lost
 */
import {toHex} from '../bits/index.js'
import {
  type Capture,
  CAPTURE_FORMAT,
  type CaptureNode,
  type Exchange,
  type FamilyAnswer,
  type IoctlExchange,
  plainText,
} from './capture.js'

const octal = (mode: number): string => mode.toString(8)
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

function tuple(node: CaptureNode): readonly unknown[] {
  switch (node.type) {
    case 'directory':
      return node.listing === undefined ? ['d', octal(node.mode)] : ['d', octal(node.mode), node.listing]
    case 'link':
      return ['l', node.target]
    case 'file': {
      const text = node.content === null ? null : plainText(node.content)
      return text === undefined ? ['b', octal(node.mode), base64(node.content!)] : ['f', octal(node.mode), text]
    }
    case 'part': {
      const chunks = node.chunks.map(({offset, bytes}) => [offset, base64(bytes)])
      return ['p', octal(node.mode), node.size, node.end === undefined ? chunks : [...chunks, [node.end, '']]]
    }
    case 'error':
      return ['e', octal(node.mode), node.errno]
  }
}

/** JSON that shows whatever stands in a name: nothing invisible, and nothing that reorders a line for its reader. */
const json = (value: unknown): string =>
  JSON.stringify(value).replaceAll(/[^\x20-\x7e]/g, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)

const exchangeLine = ({kind, family, version, command, request, response}: Exchange): string =>
  json({
    kind,
    family,
    version,
    command,
    request: toHex(request),
    ...(typeof response === 'string' ? {errno: response} : {response: response.map(toHex)}),
  })

function familyLine({name: family, answer}: FamilyAnswer): string {
  if (typeof answer === 'string') return json({family, errno: answer})
  const {version, maxAttribute, commands, policy} = answer
  return json({family, version, maxAttribute, commands: [...commands], policy: policy && [...policy]})
}

const ioctlLine = ({path, request, argument, response}: IoctlExchange): string =>
  json({
    path,
    request: request.toString(16),
    argument: toHex(argument),
    ...(typeof response === 'string' ? {errno: response} : {response: toHex(response)}),
  })

const ueventLine = (event: Uint8Array | 'lost'): string =>
  json(event === 'lost' ? null : Buffer.from(event).toString('latin1'))

/** Order in which a parent is followed by all that is below it. */
function inTreeOrder(a: string, b: string): number {
  const [x, y] = [a.replaceAll('/', '\0'), b.replaceAll('/', '\0')]
  return x < y ? -1 : Number(x > y)
}

const onLines = (items: readonly string[]): string => (items.length === 0 ? '' : `\n${items.join(',\n')}\n`)

/** A member that is left out when there is nothing in it. */
const member = (name: string, lines: readonly string[]): string =>
  lines.length === 0 ? '' : `,"${name}":[${onLines(lines)}]`

/** Text of a capture; the same capture always gives the same text. */
export function formatCapture(capture: Capture): string {
  const {label, kernel, recorded, nodes, exchanges, families = [], ioctls = [], uevents = []} = capture
  const head = json({format: CAPTURE_FORMAT, label, kernel, recorded}).slice(0, -1)
  const lines = [...nodes]
    .sort(([a], [b]) => inTreeOrder(a, b))
    .map(([path, node]) => `${json(path)}:${json(tuple(node))}`)
  const more =
    member('families', families.map(familyLine)) +
    member('ioctls', ioctls.map(ioctlLine)) +
    member('uevents', uevents.map(ueventLine))
  return `${head},"tree":{${onLines(lines)}},"exchanges":[${onLines(exchanges.map(exchangeLine))}]${more}}\n`
}

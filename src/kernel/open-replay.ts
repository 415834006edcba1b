/** A replayed host from whatever the user has: a capture, `lspci -xxxx` text, or a sysfs tree on disk. */
import {join} from 'node:path'
import {quoted, TsmctlError} from '../errors.js'
import {statOf} from './attribute-io.js'
import {readUserFile} from './files.js'
import {looksLikeLspci, parseLspci} from './lspci.js'
import {parseCapture} from './parse-capture.js'
import type {Kernel} from './port.js'
import type {ReplayOptions} from './replay-host.js'
import {replayKernel} from './replay.js'
import {treeKernel} from './tree.js'

const HINT =
  'a replay is a capture made by "tsmctl record", the text of "lspci -xxxx", or a directory that holds sys/ or is a sysfs'

const unrecognised = (path: string, got: string): TsmctlError =>
  new TsmctlError({kind: 'malformed', attempted: `replay ${quoted(path, 512)}`, path, got, hint: HINT})

const isDirectory = (path: string): boolean => {
  const found = statOf(path)
  // a link may lead to a directory: asking for its own entry follows the link (join() would drop the dot)
  return found?.type === 'directory' || (found?.type === 'link' && statOf(`${path}/.`)?.type === 'directory')
}

function openTree(path: string, options: ReplayOptions): Kernel {
  if (isDirectory(join(path, 'sys'))) return treeKernel(path, options)
  if (isDirectory(join(path, 'bus')) || isDirectory(join(path, 'devices')))
    return treeKernel(path, {...options, mount: '/sys'})
  throw unrecognised(path, 'the directory holds neither sys/ nor bus/ nor devices/')
}

/**
 * Opens the replay at `path`. Throws TsmctlError: `malformed` naming the node or line, or the formats when it is none of
 * them; `not-found` and `not-permitted` for the file itself.
 */
export function openReplay(path: string, options: ReplayOptions = {}): Kernel {
  if (isDirectory(path)) return openTree(path, options)
  const bytes = readUserFile(path)
  const found = named(path, () => dumpKernel(bytes, path, options))
  if (found === undefined) throw unrecognised(path, 'the file is neither a capture nor an lspci dump')
  return found
}

/** Parsers name nodes and lines; which file they are of is known here. */
function named<T>(path: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof TsmctlError)) throw error
    const {kind, attempted, got, hint} = error
    throw new TsmctlError({kind, attempted, path, got, hint, cause: error})
  }
}

/**
 * The machine in a capture or an `lspci -xxxx` text called `label`; undefined when `bytes` are neither. Throws
 * TsmctlError `malformed` naming the node or line.
 */
export function dumpKernel(bytes: Uint8Array, label: string, options: ReplayOptions = {}): Kernel | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  if (/^\s*\{\s*"/.test(text)) return replayKernel(parseCapture(bytes), {...options, label})
  if (looksLikeLspci(text)) return replayKernel(parseLspci(text), {...options, label})
  return undefined
}

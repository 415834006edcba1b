/** `decode config-space` of a dump: `lspci -xxxx` text or a capture, with any number of functions. */
import type {Finding, Json} from '../bits/index.js'
import {printable, TsmctlError} from '../errors.js'
import {dumpKernel, type Kernel} from '../kernel/index.js'
import {mapKnown, thenKnown} from '../known.js'
import {deviceDirectory, listFunctions, parseBdf, readConfig} from '../pci/index.js'
import {CONFIG_SPACE} from './composites.js'
import {viewWholeSpace} from './config-space-view.js'
import {findingLines} from './view.js'

export interface DumpedSpace {
  readonly bdf: string
  /** Bytes of configuration space that the dump holds. */
  readonly size: number
  readonly fields: Json
  readonly findings: readonly Finding[]
  /** Why there is nothing to decode; null when there is. */
  readonly unreadable: string | null
}

export interface DumpedSpaces {
  readonly kind: string
  readonly name: string
  readonly spec: string
  readonly devices: readonly DumpedSpace[]
}

function decodeOne(kernel: Kernel, bdf: string): {readonly space: DumpedSpace; readonly text: string} {
  const facts = readConfig(kernel, deviceDirectory(bdf))
  const read = thenKnown(facts.configBytes, bytes => mapKnown(facts.config, config => ({config, bytes})))
  if (!read.known) {
    const space = {bdf, size: 0, fields: null, findings: [], unreadable: read.reason}
    return {space, text: `${bdf}\nunknown: ${read.reason}\n`}
  }
  const {config, bytes} = read.value
  const {fields, found, text} = viewWholeSpace(config, bytes)
  const space = {bdf, size: bytes.length, fields, findings: found, unreadable: null}
  return {space, text: `${bdf}\n${text}${findingLines(found)}`}
}

/**
 * Every function of the dump, or the one called `device`; undefined when `content` is no dump. Throws TsmctlError:
 * `malformed` naming line or node, `not-found` when the dump has no such function, `usage` for a bad BDF.
 */
export function decodeDump(
  content: Uint8Array,
  device?: string,
): {readonly data: DumpedSpaces; readonly text: string} | undefined {
  const kernel = dumpKernel(content, 'input')
  if (kernel === undefined) return undefined
  const all = listFunctions(kernel).functions.map(({bdf}) => bdf)
  const wanted = device === undefined ? undefined : parseBdf(device)
  if (wanted !== undefined && !all.includes(wanted))
    throw new TsmctlError({
      kind: 'not-found',
      attempted: `decode ${wanted}`,
      subject: wanted,
      got: `the dump has no such function among its ${all.length}`,
      hint: `It begins with ${printable(all.slice(0, 8).join(', '), 200)}.`,
    })
  const decoded = (wanted === undefined ? all : [wanted]).map(bdf => decodeOne(kernel, bdf))
  return {
    data: {...CONFIG_SPACE, devices: decoded.map(({space}) => space)},
    text: decoded.map(({text}) => text).join('\n'),
  }
}

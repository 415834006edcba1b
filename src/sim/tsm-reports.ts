/**
 * configfs-tsm of a simulated guest (Linux drivers/virt/coco/guest/report.c): reports of the platform about 64 bytes of the
 * caller's. An item lives as long as the kernel it was made by. The report has the layout of a TD quote and no signature:
 * it carries the bytes and proves nothing.
 */
import {ErrnoError} from '../errors.js'
import type {Kernel, Stat} from '../kernel/index.js'

export const REPORTS = '/sys/kernel/config/tsm/report'
const PROVIDER = 'tdx_guest'
const ITEM = /^\/sys\/kernel\/config\/tsm\/report\/([^/]+)(?:\/([^/]+))?$/

/** Bytes. */
const INPUT = 64
/** Quote of version 4: header, TD report, length of the signature. REPORTDATA ends the TD report. */
const HEADER = 48
const BODY = 584
const VERSION = 4
const ATTESTATION_KEY = {at: 2, ecdsaP256: 2} as const
const TEE = {at: 4, tdx: 0x81} as const

const MODES: Readonly<Record<string, number>> = {inblob: 0o200, outblob: 0o444, provider: 0o444, generation: 0o444}
const PAGE = 4096

interface Item {
  input: Uint8Array
  generation: bigint
}

function quoteOf(input: Uint8Array): Uint8Array {
  const quote = new Uint8Array(HEADER + BODY + 4)
  quote[0] = VERSION
  quote[ATTESTATION_KEY.at] = ATTESTATION_KEY.ecdsaP256
  quote[TEE.at] = TEE.tdx
  quote.set(input, HEADER + BODY - INPUT)
  return quote
}

const line = (text: string): Uint8Array => new Uint8Array(Buffer.from(`${text}\n`))

const interrupted = (signal: AbortSignal | undefined, verb: string, path: string): void => {
  if (signal?.aborted) throw new ErrnoError('EINTR', verb, path)
}

/** `kernel` with the place where reports are made; only who is privileged makes any. */
export function withTsmReports(kernel: Kernel, privileged: boolean): Kernel {
  const items = new Map<string, Item>()

  /** The item and attribute that `path` names; undefined when it is somewhere else. */
  function found(
    path: string,
    verb: string,
  ): {readonly name: string; readonly item: Item; readonly attribute?: string} | undefined {
    const [, name, attribute] = ITEM.exec(path) ?? []
    if (name === undefined) return undefined
    const item = items.get(name)
    if (item === undefined || (attribute !== undefined && MODES[attribute] === undefined))
      throw new ErrnoError('ENOENT', verb, path)
    return attribute === undefined ? {name, item} : {name, item, attribute}
  }

  function read(path: string): Uint8Array {
    const place = found(path, 'read')
    if (place === undefined) return kernel.read(path)
    const {item, attribute} = place
    switch (attribute) {
      case undefined:
        throw new ErrnoError('EISDIR', 'read', path)
      case 'provider':
        return line(PROVIDER)
      case 'generation':
        return line(String(item.generation))
      case 'outblob':
        if (item.input.length !== INPUT) throw new ErrnoError('EINVAL', 'read', path)
        return quoteOf(item.input)
      default:
        throw new ErrnoError('EACCES', 'read', path)
    }
  }

  function stat(path: string): Stat | undefined {
    const [, name, attribute] = ITEM.exec(path) ?? []
    if (name === undefined) return kernel.stat(path)
    if (!items.has(name)) return undefined
    if (attribute === undefined) return {type: 'directory', mode: 0o755, size: 0}
    const mode = MODES[attribute]
    return mode === undefined ? undefined : {type: 'file', mode, size: attribute.endsWith('blob') ? 0 : PAGE}
  }

  return {
    ...kernel,
    read,
    stat,
    async query(path, signal) {
      if (found(path, 'read') === undefined) return kernel.query(path, signal)
      interrupted(signal, 'read', path)
      return read(path)
    },
    list(path) {
      if (path === REPORTS && kernel.stat(path) !== undefined) return [...items.keys()].sort()
      const place = found(path, 'list')
      if (place === undefined) return kernel.list(path)
      if (place.attribute !== undefined) throw new ErrnoError('ENOTDIR', 'list', path)
      return Object.keys(MODES).sort()
    },
    async write(path, bytes, signal) {
      const place = found(path, 'write')
      if (place === undefined) return kernel.write(path, bytes, signal)
      interrupted(signal, 'write', path)
      if (place.attribute !== 'inblob' || !privileged) throw new ErrnoError('EACCES', 'write', path)
      if (bytes.length > INPUT) throw new ErrnoError('EFBIG', 'write', path)
      place.item.input = bytes.slice()
      place.item.generation++
    },
    async makeDirectory(path, signal) {
      const [, name, attribute] = ITEM.exec(path) ?? []
      if (name === undefined || kernel.stat(REPORTS) === undefined) return kernel.makeDirectory(path, signal)
      interrupted(signal, 'make', path)
      if (!privileged) throw new ErrnoError('EACCES', 'make', path)
      if (attribute !== undefined) throw new ErrnoError(items.has(name) ? 'EPERM' : 'ENOENT', 'make', path)
      if (items.has(name)) throw new ErrnoError('EEXIST', 'make', path)
      items.set(name, {input: new Uint8Array(), generation: 0n})
    },
    async removeDirectory(path, signal) {
      const place = found(path, 'remove')
      if (place === undefined) return kernel.removeDirectory(path, signal)
      interrupted(signal, 'remove', path)
      if (place.attribute !== undefined) throw new ErrnoError('ENOTDIR', 'remove', path)
      items.delete(place.name)
    },
  }
}
